"""Features of a post that are known at its publication, from the account's matured past alone.

Belongs here: the one code path from posts (or drafts) to `contracts.tables.POST_FEATURES`.
Does not belong here: what the account's past says (`ml/account_history.py`), anything fitted on a training set (`ml/engagement.py`),
labels' use, time splits, checks for leaks (`ml/leakage.py`).

"History at t" is the same account's posts whose outcome was known at t (`outcome_known_at <= t`). Texts, formats and times of
earlier posts are public at t, so cadence and word rarity may use every post published strictly before t. Nothing else of
another row is ever read, which is what makes a leak impossible rather than unlikely.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.tables import POST_FEATURES
from ml.account_history import AccountPast, PastSeen
from ml.history import Timeline
from ml.posts import OUTCOME_COLUMNS, account_codes, as_declared, floats, prepared
from ml.text import causal_vectors, link_words, similar_residuals, text_counts

_MICROSECONDS_PER_HOUR = 3_600_000_000
_MICROSECONDS_PER_DAY = 24 * _MICROSECONDS_PER_HOUR


def post_features(posts: pl.DataFrame) -> pl.DataFrame:
    """Features and label of each post, schema `contracts.tables.POST_FEATURES`, sorted by account and publication.

    Input: rows of `gold/fct_posts` (REQUIRED_COLUMNS; OPTIONAL_COLUMNS where known). Replies are left out: they are
    answered comments, not posts of a calendar. Raises SchemaMismatchError when a required column is missing.
    """
    posts = prepared(posts)
    return _features(posts, wanted=np.ones(posts.height, dtype=bool), is_history=np.ones(posts.height, dtype=bool))


def draft_features(drafts: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """Features of drafts as if each were published at its own `published_at`, against the matured past in `posts`.

    `drafts` has the columns of `posts` without the outcomes (given ones are ignored), with a unique `post_id` per row, for
    instance one per draft and candidate slot. Drafts never see each other. Rows come back in the order of `drafts`.
    """
    order = drafts.select(pl.col("post_id").cast(pl.String))
    drafts = prepared(drafts.drop(*OUTCOME_COLUMNS, "is_reply", strict=False), is_draft=True)
    posts = prepared(posts.filter(pl.col("account_id").is_in(drafts["account_id"].unique().implode())))
    rows = pl.concat([posts, drafts])
    wanted = np.r_[np.zeros(posts.height, dtype=bool), np.ones(drafts.height, dtype=bool)]
    featured = _features(rows, wanted=wanted, is_history=~wanted)
    return order.join(featured, on="post_id", how="left", maintain_order="left").select(featured.columns)


def _features(rows: pl.DataFrame, *, wanted: NDArray[np.bool_], is_history: NDArray[np.bool_]) -> pl.DataFrame:
    """The code path of posts and drafts alike: features of the wanted rows, from those history rows that t allows."""
    accounts, times = account_codes(rows), rows["published_at"].to_physical().to_numpy()
    queries = rows.filter(wanted)
    past = AccountPast.of(rows, accounts, is_history)
    seen = past.at(accounts[wanted], times[wanted])
    columns = _cadence(seen.accounts, seen.times, accounts[is_history], times[is_history])
    columns |= {"history_count": seen.count(), **seen.level(), **seen.followers()}
    for name, by in (("format", "content_format"), ("hour", "hour_block"), ("weekday", "local_weekday")):
        columns[f"history_{name}_effect"] = seen.effect(by, queries[by])
    columns |= _text(rows, accounts, times, is_history, seen, np.flatnonzero(wanted))
    known_at = (seen.take("outcome_known_at"), columns.pop("followers_known_at"), columns.pop("previous_post_at"))
    columns["features_known_at"] = np.fmax.reduce(known_at)
    return (
        queries.with_columns(*text_counts(pl.col("text")), link_words(pl.col("link_url")).alias("link_words"))
        .with_columns(floats(columns))
        .with_columns(
            pl.col("outcome_known_at").alias("label_known_at"),
            pl.col("log_engagement").is_not_null().alias("is_label_mature"),
        )
        .select(as_declared(POST_FEATURES.schema))
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
    previous_at = published.take(at, previous, query_accounts)
    return {
        "previous_post_at": previous_at,
        "days_since_first_post": (query_times - published.take(at, first, query_accounts)) / _MICROSECONDS_PER_DAY,
        "hours_since_previous_post": (query_times - previous_at) / _MICROSECONDS_PER_HOUR,
        "posts_last_7d": (published.count_before(query_accounts, query_times) - week_ago).astype(np.float64),
    }


def _text(
    rows: pl.DataFrame,
    accounts: NDArray[np.int64],
    times: NDArray[np.int64],
    is_history: NDArray[np.bool_],
    seen: PastSeen,
    wanted: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """What the account's similar matured texts did, relative to its level."""
    vectors = causal_vectors(rows["text"], accounts, times, is_history)
    effect, nearest = similar_residuals(
        vectors[wanted],
        times[wanted],
        seen.last,
        seen.first(),
        vectors[seen.past.source],
        times[seen.past.source],
        seen.past.rows["residual"].fill_null(np.nan).to_numpy(),
    )
    return {"history_text_effect": effect, "history_text_nearest": nearest}
