"""Features of a post that are known at its publication, from the account's matured past alone.

Belongs here: the one code path from posts (or drafts) to `contracts.tables.POST_FEATURES`.
Does not belong here: anything fitted on a training set (`ml/engagement.py`), labels' use, time splits.

"History at t" is the same account's posts whose outcome had matured by t (`mature_at <= t`). Texts, formats and times of
earlier posts are public at t, so cadence and word rarity may use every post published strictly before t. Nothing else of
another row is ever read, which is what makes a leak impossible rather than unlikely.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.errors import SchemaMismatchError
from contracts.tables import POST_FEATURES
from ml.history import Timeline
from ml.text import causal_vectors, similar_residuals, text_counts

REQUIRED_COLUMNS = (
    "post_id",
    "account_id",
    "client_id",
    "network",
    "published_at",
    "content_format",
    "text",
    "local_hour",
    "local_weekday",
    "mature_engagements",
    "mature_at",
)
OPTIONAL_COLUMNS: dict[str, pl.DataType] = {
    "media_count": pl.Int32(),
    "is_reply": pl.Boolean(),
    "followers_at_post": pl.Int64(),
}
OUTCOME_COLUMNS = ("mature_engagements", "mature_at")

LEVEL_WINDOW = 30
"""Matured posts whose median is the account's level: forecasts and residuals are relative to it."""
EFFECT_WINDOW = 50
EFFECT_PRIOR = 5.0
"""Matured posts at which a format's or an hour block's own mean residual and zero count the same."""
HOUR_BLOCK = 4
FOLLOWERS_KNOWN_AFTER_DAYS = 7
"""gold may fill `followers_at_post` from an observation up to this long after the post; only later posts may use it."""
_MICROSECONDS_PER_HOUR = 3_600_000_000
_MICROSECONDS_PER_DAY = 24 * _MICROSECONDS_PER_HOUR


def post_features(posts: pl.DataFrame) -> pl.DataFrame:
    """Features and label of each post, schema `contracts.tables.POST_FEATURES`, sorted by account and publication.

    Input: rows of `gold/fct_posts` (REQUIRED_COLUMNS; OPTIONAL_COLUMNS where known). Replies are left out: they are
    answered comments, not posts of a calendar. Raises SchemaMismatchError when a required column is missing.
    """
    posts = _prepared(posts)
    return _features(posts, wanted=np.ones(posts.height, dtype=bool), is_history=np.ones(posts.height, dtype=bool))


def draft_features(drafts: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """Features of drafts as if each were published at its own `published_at`, against the matured past in `posts`.

    `drafts` has the columns of `posts` without the outcomes (given ones are ignored), with a unique `post_id` per row, for
    instance one per draft and candidate slot. Drafts never see each other. Rows come back in the order of `drafts`.
    """
    order = drafts.select(pl.col("post_id").cast(pl.String))
    drafts = _prepared(drafts.drop(*OUTCOME_COLUMNS, "is_reply", strict=False), is_draft=True)
    posts = _prepared(posts.filter(pl.col("account_id").is_in(drafts["account_id"].unique().implode())))
    rows = pl.concat([posts, drafts])
    wanted = np.r_[np.zeros(posts.height, dtype=bool), np.ones(drafts.height, dtype=bool)]
    featured = _features(rows, wanted=wanted, is_history=~wanted)
    return order.join(featured, on="post_id", how="left", maintain_order="left").select(featured.columns)


def _prepared(posts: pl.DataFrame, *, is_draft: bool = False) -> pl.DataFrame:
    """The used columns in their types, without replies; impossible outcomes (negative counts) count as unknown."""
    required = [name for name in REQUIRED_COLUMNS if not (is_draft and name in OUTCOME_COLUMNS)]
    if missing := [name for name in required if name not in posts.columns]:
        raise SchemaMismatchError(f"post features need {', '.join(missing)}; pass rows of gold/fct_posts")
    defaults = {**OPTIONAL_COLUMNS, "mature_engagements": pl.Int64(), "mature_at": pl.Datetime("us", "UTC")}
    prepared = posts.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in defaults.items() if name not in posts.columns
    ).filter(~pl.col("is_reply").fill_null(value=False))
    is_known = (pl.col("mature_engagements") >= 0) & (pl.col("mature_at") > pl.col("published_at"))
    return prepared.select(
        pl.col("post_id", "account_id", "client_id", "network", "content_format", "text").cast(pl.String),
        pl.col("published_at", "mature_at").cast(pl.Datetime("us", "UTC")),
        pl.col("local_hour", "local_weekday", "media_count").cast(pl.Int32),
        pl.col("followers_at_post").cast(pl.Float64),
        pl.when(is_known).then(pl.col("mature_engagements").cast(pl.Float64)).log1p().alias("log_engagement"),
    ).sort("account_id", "published_at", "post_id", maintain_order=True)


@dataclass(frozen=True)
class _Matured:
    """The matured history in timeline order, and for each wanted row the last matured row that it may see."""

    timeline: Timeline
    frame: pl.DataFrame
    rows: NDArray[np.int64]
    accounts: NDArray[np.int64]
    last: NDArray[np.int64]

    def known(self, values: pl.Series) -> NDArray[np.float64]:
        """A column of the matured frame as last known at each wanted row's publication."""
        return self.timeline.take(values.cast(pl.Float64).fill_null(np.nan).to_numpy(), self.last, self.accounts)


def _features(rows: pl.DataFrame, *, wanted: NDArray[np.bool_], is_history: NDArray[np.bool_]) -> pl.DataFrame:
    """The code path of posts and drafts alike: features of the wanted rows, from those history rows that t allows."""
    accounts = rows["account_id"].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    times = rows["published_at"].to_physical().to_numpy()
    queries = rows.filter(wanted)
    query_accounts, query_times = accounts[wanted], times[wanted]
    columns: dict[str, NDArray[np.float64]] = {}
    columns |= _cadence(query_accounts, query_times, accounts[is_history], times[is_history])
    columns |= _followers(query_accounts, query_times, accounts[is_history], times[is_history], rows.filter(is_history))
    columns |= _history(rows, accounts, times, wanted, is_history)
    return (
        queries.with_columns(text_counts(pl.col("text")))
        .with_columns(pl.Series(name, values).fill_nan(None) for name, values in columns.items())
        .with_columns(
            pl.col("mature_at").alias("label_known_at"), pl.col("log_engagement").is_not_null().alias("is_label_mature")
        )
        .select(pl.col(name).cast(dtype) for name, dtype in POST_FEATURES.schema.items())
    )


def _cadence(
    query_accounts: NDArray[np.int64],
    query_times: NDArray[np.int64],
    accounts: NDArray[np.int64],
    times: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """How long and how often the account had been posting, from the times of posts published strictly before."""
    published = Timeline(accounts, times)
    at = times[published.order].astype(np.float64)
    previous = published.last_before(query_accounts, query_times)
    first = np.minimum(published.first(query_accounts), previous)  # a group without rows has no first
    week_ago = published.count_before(query_accounts, query_times - 7 * _MICROSECONDS_PER_DAY)
    return {
        "days_since_first_post": (query_times - published.take(at, first, query_accounts)) / _MICROSECONDS_PER_DAY,
        "hours_since_previous_post": (query_times - published.take(at, previous, query_accounts))
        / _MICROSECONDS_PER_HOUR,
        "posts_last_7d": (published.count_before(query_accounts, query_times) - week_ago).astype(np.float64),
    }


def _followers(
    query_accounts: NDArray[np.int64],
    query_times: NDArray[np.int64],
    accounts: NDArray[np.int64],
    times: NDArray[np.int64],
    history: pl.DataFrame,
) -> dict[str, NDArray[np.float64]]:
    """Log followers as the newest post old enough to be surely observed before publication carries them."""
    is_known = history["followers_at_post"].is_not_null().to_numpy()
    known_at = times[is_known] + FOLLOWERS_KNOWN_AFTER_DAYS * _MICROSECONDS_PER_DAY
    observed = Timeline(accounts[is_known], known_at)
    values = history["followers_at_post"].drop_nulls().log1p().to_numpy()[observed.order]
    return {"log_followers": observed.take(values, observed.last_at(query_accounts, query_times), query_accounts)}


def _history(
    rows: pl.DataFrame,
    accounts: NDArray[np.int64],
    times: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    is_history: NDArray[np.bool_],
) -> dict[str, NDArray[np.float64]]:
    """Level, spread and effects of format, hour and text in the account's matured posts."""
    is_matured = is_history & rows["log_engagement"].is_not_null().to_numpy()
    source = np.flatnonzero(is_matured)
    matured_at = rows["mature_at"].to_physical().fill_null(0).to_numpy()[source]
    timeline = Timeline(accounts[source], matured_at)
    source = source[timeline.order]
    frame = _levels(rows[source].with_columns(pl.Series("account", accounts[source])))
    own_last = timeline.last_at(accounts[source], times[source])
    level = timeline.take(frame["median_30"].to_numpy(), own_last, accounts[source])
    frame = frame.with_columns((pl.col("log_engagement") - pl.Series(level)).fill_nan(None).alias("residual"))

    matured = _Matured(
        timeline, frame, np.flatnonzero(wanted), accounts[wanted], timeline.last_at(accounts[wanted], times[wanted])
    )
    queries = rows.filter(wanted).with_columns(_hour_block())
    columns = {
        f"history_{name}": matured.known(frame[name])
        for name in ("median_10", "median_30", "median_100", "mean_10", "mean_100", "std_30")
    }
    columns["history_count"] = (matured.last - timeline.first(matured.accounts) + 1).astype(np.float64)
    columns["history_trend"] = columns["history_mean_10"] - columns["history_mean_100"]
    scale = frame.select(
        pl.col("residual").abs().rolling_mean(100, min_samples=5).over("account").alias("residual_scale")
    )
    columns["history_residual_scale"] = matured.known(scale["residual_scale"])
    for name, by in (("format", "content_format"), ("hour", "hour_block"), ("weekday", "local_weekday")):
        columns[f"history_{name}_effect"] = _group_effect(matured, queries, times[wanted], by)
    columns |= _text(rows, accounts, times, is_history, matured, source)
    return columns


def _hour_block() -> pl.Expr:
    return (pl.col("local_hour") // HOUR_BLOCK).alias("hour_block")


def _levels(matured: pl.DataFrame) -> pl.DataFrame:
    """Trailing statistics of the label after each matured post, per account, in the order of maturing."""
    label = pl.col("log_engagement")
    return matured.with_columns(
        label.rolling_median(10, min_samples=1).over("account").alias("median_10"),
        label.rolling_median(LEVEL_WINDOW, min_samples=1).over("account").alias("median_30"),
        label.rolling_median(100, min_samples=1).over("account").alias("median_100"),
        label.rolling_mean(10, min_samples=1).over("account").alias("mean_10"),
        label.rolling_mean(100, min_samples=1).over("account").alias("mean_100"),
        label.rolling_std(30, min_samples=3).over("account").alias("std_30"),
        _hour_block(),
    )


def _group_effect(
    matured: _Matured, queries: pl.DataFrame, query_times: NDArray[np.int64], by: str
) -> NDArray[np.float64]:
    """Shrunken mean residual of the account's last EFFECT_WINDOW matured posts in the query's own group; 0 without any.

    Formula: sum(residuals) / (count + EFFECT_PRIOR), partial pooling towards the account's level.
    """
    coded = pl.concat([matured.frame[by].cast(pl.String), queries[by].cast(pl.String)]).rank("dense").fill_null(0)
    codes = coded.cast(pl.Int64).to_numpy()
    span = int(codes.max(initial=0)) + 1
    groups = matured.frame["account"].to_numpy() * span + codes[: matured.frame.height]
    has_residual = matured.frame["residual"].is_not_null().to_numpy()
    matured_at = matured.frame["mature_at"].to_physical().to_numpy()
    timeline = Timeline(groups[has_residual], matured_at[has_residual])
    ordered = matured.frame.filter(has_residual)[timeline.order].select(
        pl.col("residual"), pl.Series("group", groups[has_residual][timeline.order])
    )
    effect = ordered.select(
        (
            pl.col("residual").rolling_sum(EFFECT_WINDOW, min_samples=1).over("group")
            / (pl.int_range(1, pl.len() + 1).clip(upper_bound=EFFECT_WINDOW).over("group") + EFFECT_PRIOR)
        ).alias("effect")
    )["effect"]
    query_groups = matured.accounts * span + codes[matured.frame.height :]
    found = timeline.take(effect.to_numpy(), timeline.last_at(query_groups, query_times), query_groups)
    return np.nan_to_num(found, nan=0.0)


def _text(
    rows: pl.DataFrame,
    accounts: NDArray[np.int64],
    times: NDArray[np.int64],
    is_history: NDArray[np.bool_],
    matured: _Matured,
    source: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """What the account's similar matured texts did, relative to its level."""
    vectors = causal_vectors(rows["text"], accounts, times, is_history)
    effect, nearest = similar_residuals(
        vectors[matured.rows],
        times[matured.rows],
        matured.last,
        matured.timeline.first(matured.accounts),
        vectors[source],
        times[source],
        matured.frame["residual"].fill_null(np.nan).to_numpy(),
    )
    return {"history_text_effect": effect, "history_text_nearest": nearest}
