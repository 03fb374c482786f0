"""Metrics agree with other people's code or with hand counting; the bootstrap says "better" only where it is."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from contracts.errors import NotReadyError
from ml.evaluation import (
    BASELINES,
    RECENT,
    Difference,
    baseline_forecasts,
    evaluate,
    interval_metrics,
    metrics,
    paired_differences,
    spearman,
    time_split,
)
from ml.features import post_features


@pytest.fixture(scope="module")
def features(posts_factory: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    return post_features(posts_factory(accounts=3, per_account=80, seed=5))


def test_the_split_trains_on_nothing_that_was_unknown_at_the_cutoff(features: pl.DataFrame) -> None:
    split = time_split(features, test_share=0.25)
    assert split.test.height == pytest.approx(0.25 * features.height, abs=1)
    assert split.train.filter(pl.col("label_known_at") > split.cutoff).is_empty()
    assert split.test.filter(pl.col("published_at") < split.cutoff).is_empty()
    assert split.train.height < 0.75 * features.height  # those that had not matured by then are on neither side


def test_of_a_long_history_only_the_last_weeks_are_held_out_where_they_are_enough(
    features: pl.DataFrame,
) -> None:
    fifth = time_split(features)
    newest = features.filter("is_label_mature")["published_at"].max()
    recent = features.filter(pl.col("is_label_mature") & (pl.col("published_at") > newest - RECENT)).height
    assert recent > fifth.test.height, "these posts span too little for the weeks to be fewer than a fifth"
    assert time_split(features, enough=10).cutoff == fifth.cutoff

    longer = pl.concat(
        [
            features,
            *(
                features.with_columns(pl.col("published_at", "label_known_at") - timedelta(days=90 * n))
                for n in range(1, 9)
            ),
        ]
    )
    assert time_split(longer).test.height == pytest.approx(0.2 * longer.height, abs=1)
    capped = time_split(longer, enough=recent)
    assert capped.test.height == recent
    assert capped.test["published_at"].min() > newest - RECENT
    assert time_split(longer, enough=recent + 1).test.height == time_split(longer).test.height


def test_a_split_without_two_sides_is_refused(features: pl.DataFrame) -> None:
    for rows in (features.clear(), features.head(1), features.with_columns(is_label_mature=pl.lit(value=False))):
        with pytest.raises(NotReadyError):
            time_split(rows)


def test_baselines_agree_with_looking_row_by_row(features: pl.DataFrame) -> None:
    split = time_split(features)
    found = baseline_forecasts(split.train, split.test, features)
    for row, forecast in zip(split.test.iter_rows(named=True), found.iter_rows(named=True), strict=True):
        past = features.filter(
            (pl.col("account_id") == row["account_id"]) & (pl.col("label_known_at") <= row["published_at"])
        ).sort("label_known_at", "published_at")
        level = past["log_engagement"].tail(30).median()
        assert forecast["account_median"] == pytest.approx(level)
        same = past.filter(pl.col("content_format") == row["content_format"])["log_engagement"].tail(30)
        assert forecast["account_format_median"] == pytest.approx(same.median() if len(same) else level)
        slot = past.filter(
            (pl.col("local_hour") == row["local_hour"]) & (pl.col("local_weekday") == row["local_weekday"])
        )["log_engagement"]
        mean = past["log_engagement"].mean()
        assert isinstance(mean, float)
        assert forecast["account_hour_of_week_mean"] == pytest.approx((slot.sum() + 5 * mean) / (len(slot) + 5))


def test_spearman_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.integers(0, 8, 40).astype(float), rng.standard_normal(40)
        assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert np.isnan(spearman(np.ones(5), np.arange(5.0)))
    assert np.isnan(spearman(np.ones(1), np.ones(1)))


def test_metrics_rank_within_accounts_only() -> None:
    accounts = np.repeat(["a", "b", "few"], [40, 40, 5])
    label = np.r_[np.arange(40.0), 100 + np.arange(40.0), np.zeros(5)]
    level_only = np.r_[np.full(40, 20.0), np.full(40, 120.0), np.zeros(5)]
    flat, perfect = metrics(accounts, label, level_only), metrics(accounts, label, label)
    assert flat.pooled_rank_correlation > 0.7
    assert (flat.rank_correlation, flat.auc_top_quartile, flat.ranked_accounts) == (0.0, 0.5, 2)
    assert (perfect.rank_correlation, perfect.auc_top_quartile, perfect.mean_absolute_error) == (
        pytest.approx(1.0),
        pytest.approx(1.0),
        0.0,
    )
    assert np.isnan(metrics(accounts, label, label, min_posts=50).rank_correlation)


def test_interval_metrics_by_hand() -> None:
    accounts = np.array(["a", "a", "b", "b"])
    found = interval_metrics(
        accounts,
        np.array([1.0, 5.0, 2.0, 0.0]),
        np.zeros(4) + 0.5,
        np.array([2.0, 2.0, 2.0, 2.5]),
        level=0.8,
        min_posts=2,
    )
    assert found.coverage_ratio == 0.5
    assert found.by_account == {"a": 0.5, "b": 0.5}
    assert found.mean_width == pytest.approx(1.625)
    assert found.interval_score == pytest.approx(1.625 + 10 * (3.0 + 0.5) / 4)


def differences(gap: float, seed: int) -> tuple[Difference, ...]:
    rng = np.random.default_rng(seed)
    accounts = np.repeat([f"a{n}" for n in range(8)], 60)
    start = pl.select(pl.datetime(2026, 1, 1, time_zone="UTC")).item()
    published = pl.Series([start + timedelta(hours=12 * (n % 60)) for n in range(480)], dtype=pl.Datetime("us", "UTC"))
    label = rng.standard_normal(480)
    guess, other = (label + noise * rng.standard_normal(480) for noise in (1.0 - gap, 1.0))
    return paired_differences(accounts, published, label, guess, {"other": other}, resamples=80, seed=1)


def test_the_bootstrap_sees_a_real_difference_and_not_an_absent_one() -> None:
    correlation, error = differences(0.5, seed=3)
    assert correlation.low < correlation.difference < correlation.high
    assert correlation.is_better
    assert error.is_better
    assert error.difference < 0
    false_alarms = sum(item.is_better for seed in range(8) for item in differences(0.0, seed))
    assert false_alarms <= 2


def test_an_evaluation_of_the_label_itself_beats_everything_and_of_a_baseline_nothing(features: pl.DataFrame) -> None:
    split = time_split(features)

    def as_forecast(expected: pl.Series) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "expected_log_engagement": expected,
                "lower_log_engagement": expected - 1,
                "upper_log_engagement": expected + 1,
            }
        ).with_columns(interval_level=pl.lit(0.8))

    perfect = evaluate(split, as_forecast(split.test["log_engagement"]), features, resamples=50, min_posts=8)
    assert perfect.beats_every_baseline
    assert perfect.interval.coverage_ratio == 1.0
    assert set(perfect.baselines) == set(BASELINES)
    plain = evaluate(split, as_forecast(split.test["history_median_30"]), features, resamples=50, min_posts=8)
    assert not plain.beats_every_baseline
