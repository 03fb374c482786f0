"""Whether a training set knows what it must not: the check that every one goes through before anything is fitted.

Belongs here: what can be seen on a training set itself (`find_leaks`), and what only shows when features are computed again in a
world with other outcomes (`columns_that_move`). Does not belong here: what features are (`ml/features.py`), time splits
(`ml/evaluation.py`).

A training set has one row a post: `account_id`, `published_at`, the outcome (`log_engagement`, `label_known_at`,
`is_label_mature`), features, and for features of the past the moment since when they are known (`<anything>_known_at`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from contracts.errors import LeakageError
from ml.posts import OPTIONAL_COLUMNS, outcome_known_at, with_columns_of

OUTCOME_COLUMNS = frozenset({"log_engagement", "label_known_at", "is_label_mature"})
MIN_POSTS_PER_ACCOUNT = 30
"""Labelled posts that an account needs for a correlation within it to say anything."""
IMPLAUSIBLE_CORRELATION = 0.7
"""Mean over accounts from which on a single feature is not believed. On the reference data honest ones reach 0.39 (24 accounts) and 0.30
(103 pages), the outcome itself under normal noise of one log unit 0.71, of half a unit 0.89."""
MIN_ACCOUNTS = 5
"""Accounts that a correlation has to be the mean of before a feature is refused for it. The habit of a page or two can tell its outcomes
almost perfectly and honestly: long posts that do well, a weekly hit. Times are judged however few accounts there are."""
_KNOWN_AT = "_known_at"


@dataclass(frozen=True)
class Leak:
    """A column that a model must not see, and how it gave itself away."""

    column: str
    reason: str


def refuse_leaks(training_set: pl.DataFrame) -> None:
    """Raises LeakageError, which names every column that `find_leaks` finds."""
    if found := find_leaks(training_set):
        told = "; ".join(f"`{leak.column}` {leak.reason}" for leak in found)
        raise LeakageError(
            f"The training set knows what was not known at publication, so nothing was trained on it: {told}. "
            "Compute these columns from what was known before each post, or leave them out."
        )


def find_leaks(training_set: pl.DataFrame) -> tuple[Leak, ...]:
    """Columns that hold what became known after publication, by their times and by how well they tell the outcome."""
    return (*_late(training_set), *_implausible(training_set))


def _late(training_set: pl.DataFrame) -> list[Leak]:
    """Moments of knowledge after publication, and outcomes known before it."""
    known_at = [c for c in training_set.columns if c.endswith(_KNOWN_AT) and c not in OUTCOME_COLUMNS]
    found = []
    for column in known_at:
        late = training_set.filter(pl.col(column) > pl.col("published_at")).height
        if late:
            found.append(Leak(column, f"is after publication in {late} of {training_set.height} rows"))
    labelled = training_set.filter(pl.col("is_label_mature"))
    early = labelled.filter(~(pl.col("label_known_at") > pl.col("published_at")).fill_null(value=False)).height
    if early:
        found.append(Leak("label_known_at", f"is not after publication in {early} of {labelled.height} labelled rows"))
    return found


def _implausible(training_set: pl.DataFrame) -> list[Leak]:
    """Features that alone order the outcomes within accounts almost perfectly."""
    return [
        Leak(
            column,
            f"alone has a rank correlation of {correlation:.2f} with the outcome within accounts (mean of {accounts})",
        )
        for column, correlation, accounts in outcome_correlations(training_set).iter_rows()
        if accounts >= MIN_ACCOUNTS and abs(correlation) >= IMPLAUSIBLE_CORRELATION
    ]


def outcome_correlations(training_set: pl.DataFrame) -> pl.DataFrame:
    """How well each number or flag alone orders outcomes: `column`, `correlation` (mean over accounts), `accounts`.

    The correlation is Spearman's within an account, given the order of publication: a feature that follows an account's growth
    knows nothing of a post. Formula: with the ranks x of the feature, y of the outcome and t of publication,
    (r_xy - r_xt * r_yt) / sqrt((1 - r_xt^2) * (1 - r_yt^2)). Accounts with fewer than MIN_POSTS_PER_ACCOUNT labelled posts, and those where
    a feature is constant or in step with time, say nothing about it; a feature of which no account says anything is left out.
    """
    labelled = training_set.filter(pl.col("is_label_mature")).drop_nulls("log_engagement")
    rows = [
        (name, *found)
        for name, dtype in labelled.schema.items()
        if (dtype.is_numeric() or dtype == pl.Boolean) and name not in OUTCOME_COLUMNS
        if (found := _given_order(labelled, name)) is not None
    ]
    return pl.DataFrame(
        rows, schema={"column": pl.String, "correlation": pl.Float64, "accounts": pl.Int64}, orient="row"
    )


def _given_order(labelled: pl.DataFrame, feature: str) -> tuple[float, int] | None:
    """Mean partial rank correlation of a feature with the outcome, and how many accounts it is the mean of."""
    ranks = (
        labelled.select(
            "account_id", x=pl.col(feature).cast(pl.Float64).fill_nan(None), y="log_engagement", t="published_at"
        )
        .drop_nulls()
        .filter(pl.len().over("account_id") >= MIN_POSTS_PER_ACCOUNT)
        .with_columns(pl.col("x", "y", "t").rank().over("account_id"))
    )
    xy, xt, yt = pl.corr("x", "y"), pl.corr("x", "t"), pl.corr("y", "t")
    left = (1 - xt**2) * (1 - yt**2)
    by_account = (
        ranks.group_by("account_id")
        .agg(pl.when(left > 1e-6).then((xy - xt * yt) / left.sqrt()).fill_nan(None).alias("correlation"))["correlation"]
        .drop_nulls()
    )
    return (float(np.mean(by_account.to_numpy())), by_account.len()) if by_account.len() else None


def columns_that_move(
    features: Callable[[pl.DataFrame], pl.DataFrame], posts: pl.DataFrame, moment: datetime, *, seed: int = 0
) -> tuple[Leak, ...]:
    """Features of posts published by `moment` that change when only what became known later does.

    `features` turns rows of gold/fct_posts into one row a `post_id`. It is run twice: on `posts`, and on the same past with another
    future (`with_another_future`). An honest feature is the same in both, to the last bits of a float. Outcomes are not compared.
    """
    was, became = (
        features(rows).filter(pl.col("published_at") <= moment).sort("post_id").drop(OUTCOME_COLUMNS, strict=False)
        for rows in (posts, with_another_future(posts, moment, seed=seed))
    )
    moved = ((name, was.height - int(_is_same(was[name], became[name]).sum())) for name in was.columns)
    return tuple(
        Leak(name, f"changed in {rows} of {was.height} rows when only later outcomes and posts did")
        for name, rows in moved
        if rows
    )


def with_another_future(posts: pl.DataFrame, moment: datetime, *, seed: int = 0) -> pl.DataFrame:
    """The same posts as far as they were known at `moment`, and another world from then on.

    Outcomes that were not known are changed or taken away, those of the posts before `moment` themselves included; of later
    posts text, form and followers are changed too, and some are missing.
    """
    rng = np.random.default_rng(seed)
    noise = pl.Series(rng.integers(0, 100_000, size=posts.height))
    is_later = pl.col("published_at") > moment
    is_unknown = (outcome_known_at() > moment).fill_null(value=False)
    columns = {
        "mature_engagements": pl.when(is_unknown).then(noise).otherwise("mature_engagements"),
        "mature_at": pl.when(is_unknown & (noise % 3 == 0)).then(None).otherwise("mature_at"),
        "text": pl.when(is_later).then(pl.lit("gold rewritten altogether mar ola")).otherwise("text"),
        "link_url": pl.when(is_later).then(pl.lit("https://elsewhere.example/rewritten")).otherwise("link_url"),
        "link_title": pl.when(is_later).then(pl.lit("another headline")).otherwise("link_title"),
        "content_format": pl.when(is_later).then(pl.lit("text")).otherwise("content_format"),
        "followers_at_post": pl.when(is_later).then(noise).otherwise("followers_at_post"),
    }
    changed = with_columns_of(posts, OPTIONAL_COLUMNS).with_columns(
        value.alias(name) for name, value in columns.items()
    )
    return changed.select(posts.columns).filter(~is_later | pl.Series(rng.random(posts.height) < 0.7))


def _is_same(first: pl.Series, second: pl.Series) -> pl.Series:
    """Where two columns agree: floats but for their last bits, since sums over other shapes are rounded otherwise."""
    if not first.dtype.is_float():
        return first.eq_missing(second)
    both = pl.DataFrame({"first": first.fill_nan(None), "second": second.fill_nan(None)})
    near = (pl.col("first") - pl.col("second")).abs() <= 1e-5
    return both.select(near.fill_null(pl.col("first").is_null() & pl.col("second").is_null())).to_series()
