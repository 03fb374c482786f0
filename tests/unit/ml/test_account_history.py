"""Account histories: the newest row at or before a moment says exactly what the features of a post of that moment say."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts.networks import ContentFormat
from contracts.tables import ACCOUNT_HISTORIES
from ml.account_history import account_histories
from ml.features import draft_features, post_features
from ml.posts import HOUR_BLOCK

LEVEL = [name for name in ACCOUNT_HISTORIES.schema if name.startswith("history_")]


def as_known(moments: pl.DataFrame, histories: pl.DataFrame) -> pl.DataFrame:
    """Rows of post features beside the newest history row that was known at each one's publication."""
    return moments.sort("published_at", "post_id").join_asof(
        histories.drop("client_id", "network").sort("known_at"),
        left_on="published_at",
        right_on="known_at",
        by="account_id",
        suffix="_then",
        check_sortedness=False,
    )


def assert_same_knowledge(features: pl.DataFrame, histories: pl.DataFrame) -> None:
    both = as_known(features, histories)
    assert both["matured_posts"].is_not_null().sum() > features.height / 2
    for name in (*LEVEL, "log_followers"):
        assert both[name].equals(both[f"{name}_then"].alias(name), null_equal=True), name
    assert both["history_count"].to_list() == both["matured_posts"].fill_null(0).to_list()
    for row in both.iter_rows(named=True):
        hour = row["local_hour"] // HOUR_BLOCK * HOUR_BLOCK
        assert row["history_format_effect"] == (row[f"format_effect_{row['content_format']}"] or 0.0)
        assert row["history_hour_effect"] == (row[f"hour_effect_{hour:02}"] or 0.0)
        assert row["history_weekday_effect"] == (row[f"weekday_effect_{row['local_weekday']}"] or 0.0)


def test_it_says_what_post_features_say(posts: pl.DataFrame) -> None:
    assert_same_knowledge(post_features(posts), account_histories(posts))


def test_also_where_outcomes_are_observed_late_and_out_of_order(posts: pl.DataFrame) -> None:
    delays = pl.Series(np.random.default_rng(2).exponential(5 * 24 * 3600, posts.height)).cast(pl.Int64)
    observed = posts.with_columns((pl.col("mature_at") + pl.duration(seconds=delays)).alias("matured_observed_at"))
    histories = account_histories(observed)
    assert_same_knowledge(post_features(observed), histories)
    assert (histories["changed_at"] < histories["known_at"]).any()


def test_a_draft_of_any_moment_is_told_the_same(posts: pl.DataFrame) -> None:
    newest = posts["published_at"].max()
    assert isinstance(newest, datetime)
    drafts = pl.concat(
        posts.group_by("account_id", maintain_order=True)
        .last()
        .with_columns(
            post_id=pl.format("draft:{}:{}", "account_id", pl.lit(hours)),
            published_at=pl.lit(newest + timedelta(hours=hours)),
        )
        for hours in (-200, 0, 50, 400)
    )
    assert_same_knowledge(draft_features(drafts, posts), account_histories(posts))


def test_rows_are_one_a_moment_in_order_and_change_never_runs_back(posts: pl.DataFrame) -> None:
    # Two accounts' posts that mature at the same moment, and two posts of one account that do.
    twice = posts.with_columns(pl.col("mature_at").dt.truncate("2d").dt.offset_by("6d"))
    histories = account_histories(twice)
    assert histories.schema == ACCOUNT_HISTORIES.schema
    assert not histories.select("account_id", "known_at").is_duplicated().any()
    assert_frame_equal(histories, histories.sort("account_id", "known_at"))
    assert (histories["changed_at"] <= histories["known_at"]).all()
    assert (
        histories.select((pl.col("changed_at").diff() >= timedelta(0)).over("account_id").drop_nulls())
        .to_series()
        .all()
    )
    assert_same_knowledge(post_features(twice), histories)
    assert_frame_equal(histories, account_histories(twice.sample(fraction=1.0, shuffle=True, seed=1)))


def test_every_format_and_hour_has_its_column() -> None:
    for content_format in ContentFormat:
        assert f"format_effect_{content_format.value}" in ACCOUNT_HISTORIES.schema
    hours = [name for name in ACCOUNT_HISTORIES.schema if name.startswith("hour_effect_")]
    assert hours == [f"hour_effect_{hour:02}" for hour in range(0, 24, HOUR_BLOCK)]


def test_by_hand() -> None:
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    posts = pl.DataFrame(
        {
            "post_id": ["p0", "p1", "p2"],
            "account_id": "a",
            "client_id": "c",
            "network": "bluesky",
            "published_at": [start, start + timedelta(days=4), start + timedelta(days=8)],
            "content_format": ["text", "image", "image"],
            "text": "words",
            "local_hour": [8, 13, 13],
            "local_weekday": [0, 4, 1],
            "mature_engagements": [10, 20, None],
            "mature_at": [start + timedelta(days=3), start + timedelta(days=7), None],
            "followers_at_post": [100, None, None],
        }
    )
    rows = account_histories(posts)
    assert rows["known_at"].to_list() == [start + timedelta(days=days) for days in (3, 7)]
    assert rows["matured_posts"].to_list() == [1, 2]
    assert rows["history_mean_10"].to_list() == pytest.approx([np.log1p(10), np.log1p([10, 20]).mean()])
    assert rows["log_followers"].to_list() == [None, pytest.approx(np.log1p(100))]
    # The first post had no level to be measured by; the second stood above it, and one post counts a sixth.
    above = (np.log1p(20) - np.log1p(10)) / 6
    assert rows["format_effect_image"].to_list() == [0.0, pytest.approx(above)]
    assert rows["hour_effect_12"].to_list() == [0.0, pytest.approx(above)]
    assert rows["weekday_effect_4"].to_list() == [0.0, pytest.approx(above)]
    assert rows["format_effect_text"].to_list() == [0.0, 0.0]


def test_no_posts_give_no_histories_in_the_same_schema(posts: pl.DataFrame) -> None:
    assert account_histories(posts.clear()).schema == ACCOUNT_HISTORIES.schema
