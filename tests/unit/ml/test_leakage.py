"""Leaks: planted ones are found and named, by the one of the three ways that can see them; honest features pass all three."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from contracts.errors import LeakageError
from ml.features import post_features
from ml.leakage import columns_that_move, find_leaks, outcome_correlations, refuse_leaks
from ml.training import train

Features = Callable[[pl.DataFrame], pl.DataFrame]


# --- seen on the training set itself -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many_posts(posts_factory: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    return posts_factory(accounts=6, per_account=60)


def test_an_honest_training_set_passes(many_posts: pl.DataFrame) -> None:
    honest = post_features(many_posts)
    assert find_leaks(honest) == ()
    refuse_leaks(honest)
    assert outcome_correlations(honest)["accounts"].max() == 6


def test_a_feature_computed_from_the_posts_own_outcome_is_refused_by_name_before_anything_is_trained(
    many_posts: pl.DataFrame,
) -> None:
    own = many_posts.select("post_id", leaked=pl.col("mature_engagements") / pl.col("followers_at_post"))
    planted = post_features(many_posts).join(own, on="post_id").rename({"leaked": "engagement_rate_of_this_post"})
    with pytest.raises(
        LeakageError, match=r"`engagement_rate_of_this_post` alone has a rank correlation of 1\.00"
    ) as refused:
        train(planted, champion=None, resamples=2)
    assert "history_" not in str(refused.value)


def test_a_leak_under_noise_and_one_that_runs_the_other_way_are_refused(many_posts: pl.DataFrame) -> None:
    rng = np.random.default_rng(3)
    features = post_features(many_posts)
    noisy = features["log_engagement"] + pl.Series(rng.normal(0, 0.3, features.height))
    planted = features.with_columns(noisy=noisy, turned=-noisy, is_a_hit=noisy > noisy.median())
    assert {leak.column for leak in find_leaks(planted)} == {"noisy", "turned"}


def test_a_growing_account_is_no_leak(many_posts: pl.DataFrame) -> None:
    """Its age orders its outcomes almost perfectly, and knows nothing of any post."""
    age = (pl.col("published_at") - pl.col("published_at").min().over("account_id")).dt.total_hours()
    growing = many_posts.with_columns((age**2).alias("mature_engagements"))
    features = post_features(growing)
    labelled = features.filter(pl.col("account_id") == "instagram:0").drop_nulls("days_since_first_post")
    assert labelled.select(pl.corr("days_since_first_post", "log_engagement", method="spearman")).item() > 0.99
    assert "days_since_first_post" not in {leak.column for leak in find_leaks(features)}


def test_what_became_known_after_publication_is_refused_by_name(many_posts: pl.DataFrame) -> None:
    features = post_features(many_posts)
    moment = pl.col("published_at") + pl.duration(microseconds=pl.when(pl.int_range(pl.len()) < 2).then(1).otherwise(0))
    planted = features.with_columns(account_history_known_at=moment)
    with pytest.raises(LeakageError, match=r"`account_history_known_at` is after publication in 2 of 360 rows"):
        refuse_leaks(planted)


def test_an_outcome_that_was_known_at_publication_is_refused(many_posts: pl.DataFrame) -> None:
    features = post_features(many_posts).with_columns(label_known_at=pl.col("published_at"))
    assert [leak.column for leak in find_leaks(features)] == ["label_known_at"]


def test_too_few_posts_say_nothing(posts_factory: Callable[..., pl.DataFrame]) -> None:
    features = post_features(posts_factory(accounts=6, per_account=29)).with_columns(own=pl.col("log_engagement"))
    assert outcome_correlations(features).is_empty()
    assert find_leaks(features.clear()) == ()


def test_the_habit_of_few_pages_is_no_leak(many_posts: pl.DataFrame) -> None:
    """Long posts that do well, on every page: believed of four pages, not of six, where it is rather a mistake of ours."""
    habit = post_features(many_posts).with_columns(log_engagement=pl.col("text_length").cast(pl.Float64).log1p())
    few = habit.filter(pl.col("account_id").is_in([f"instagram:{n}" for n in range(4)]))
    assert outcome_correlations(few).filter(pl.col("column") == "text_length")["correlation"].item() > 0.99
    assert find_leaks(few) == ()
    assert "text_length" in {leak.column for leak in find_leaks(habit)}


# --- seen when the future changes --------------------------------------------------------------------------------------


def _immature_as_mature(posts: pl.DataFrame) -> pl.DataFrame:
    return post_features(posts.with_columns((pl.col("published_at") + pl.duration(seconds=1)).alias("mature_at")))


def _own_outcome(posts: pl.DataFrame) -> pl.DataFrame:
    own = pl.col("log_engagement")
    return post_features(posts).with_columns(pl.coalesce(own, "history_mean_10").alias("history_mean_10"))


def _account_mean_of_all_time(posts: pl.DataFrame) -> pl.DataFrame:
    mean = pl.col("log_engagement").mean().over("account_id")
    return post_features(posts).with_columns(mean.alias("history_mean_100"))


def _words_of_later_posts(posts: pl.DataFrame) -> pl.DataFrame:
    rarity = pl.col("text").len().over("account_id", "text").cast(pl.Float64)
    return post_features(posts).with_columns(rarity.alias("history_text_nearest"))


def _followers_of_today(posts: pl.DataFrame) -> pl.DataFrame:
    newest = posts.group_by("account_id").agg(
        pl.col("followers_at_post").last().cast(pl.Float64).alias("log_followers")
    )
    return post_features(posts).drop("log_followers").join(newest, on="account_id", maintain_order="left")


@pytest.mark.parametrize(
    ("planted", "column"),
    [
        (_immature_as_mature, "history_median_10"),
        (_own_outcome, "history_mean_10"),
        (_account_mean_of_all_time, "history_mean_100"),
        (_words_of_later_posts, "history_text_nearest"),
        (_followers_of_today, "log_followers"),
    ],
)
def test_a_feature_that_moves_with_the_future_is_named(posts: pl.DataFrame, planted: Features, column: str) -> None:
    moment = posts["published_at"].sort()[posts.height // 2]
    posts = posts.with_columns(
        text=pl.when(pl.int_range(pl.len()) % 7 == 0).then(pl.lit("same words")).otherwise("text")
    )
    moved = {leak.column: leak.reason for leak in columns_that_move(planted, posts, moment, seed=1)}
    assert column in moved
    assert "rows when only later outcomes and posts did" in moved[column]
    assert columns_that_move(post_features, posts, moment, seed=1) == ()


def test_an_outcome_that_was_observed_late_is_used_only_from_then_on() -> None:
    """Four posts mature after three days; the counts of the first were read only ten days later."""
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    days = [0, 1, 5, 14]
    posts = pl.DataFrame(
        {
            "post_id": [f"p{day}" for day in days],
            "account_id": "a",
            "client_id": "c",
            "network": "bluesky",
            "published_at": [start + timedelta(days=day) for day in days],
            "content_format": "text",
            "text": "words",
            "local_hour": 8,
            "local_weekday": 0,
            "mature_engagements": [10, 20, 40, 80],
            "mature_at": [start + timedelta(days=day + 3) for day in days],
            "matured_observed_at": [start + timedelta(days=day) for day in (13, 4.5, 8.5, 17.5)],
            "is_backfilled": False,
        }
    )
    features = post_features(posts)
    assert features["history_count"].to_list() == [0, 0, 1, 3]
    assert features["history_mean_10"][2] == pytest.approx(np.log1p(20))
    assert features["features_known_at"].to_list()[2:] == [start + timedelta(days=4.5), start + timedelta(days=13)]
    assert features["label_known_at"][0] == start + timedelta(days=13)
    # Of a backfilled post nothing earlier could ever be observed: its count stands in from its maturity on.
    backfilled = post_features(posts.with_columns(is_backfilled=pl.lit(value=True)))
    assert backfilled["history_count"].to_list() == [0, 0, 2, 3]


def test_real_observation_times_move_nothing_either(posts: pl.DataFrame) -> None:
    delays = pl.Series(np.random.default_rng(5).exponential(5 * 24 * 3600, posts.height)).cast(pl.Int64)
    observed = posts.with_columns(
        (pl.col("mature_at") + pl.duration(seconds=delays)).alias("matured_observed_at"),
        (pl.int_range(pl.len()) % 5 == 0).alias("is_backfilled"),
    )
    for share in (0.3, 0.6, 0.9):
        moment = posts["published_at"].sort()[int(share * posts.height)]
        assert columns_that_move(post_features, observed, moment, seed=2) == ()
    moment = posts["published_at"].sort()[posts.height // 2]
    as_if_on_time = columns_that_move(lambda rows: post_features(rows.drop("matured_observed_at")), observed, moment)
    assert "history_mean_10" in {leak.column for leak in as_if_on_time}
