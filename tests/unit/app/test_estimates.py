"""Intervals around averages, shares and correlations, against figures worked out independently."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import stats

from apps.streamlit.estimates import (
    against_median,
    against_usual,
    mean_correlation,
    median_multiple,
    rank_correlation,
    relative_engagement,
    rolling_coverage,
    wilson,
)

START = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_multiple_is_of_the_same_accounts_median_and_a_median_of_zero_has_none() -> None:
    posts = pl.DataFrame(
        {
            "account_id": ["a", "a", "a", "a", "b", "b"],
            "theme": ["x", "x", None, "y", "x", None],
            "mature_engagements": [10, 20, 60, None, 0, 0],
        }
    )
    posts = against_median(posts)
    assert posts["times_median"].to_list() == [0.5, 1.0, 3.0, None, None, None]
    by_theme = {theme: rest for theme, *rest in median_multiple(posts, "theme").iter_rows()}
    assert by_theme == {"x": [0.75, 2], None: [3.0, 1]}


def test_usual_is_the_geometric_mean_of_the_same_account_and_immature_posts_have_none() -> None:
    posts = pl.DataFrame({"account_id": ["a", "a", "a", "b"], "mature_engagements": [9, 99, None, 999]})
    logs = against_usual(posts)["log_against_usual"].to_list()
    middle = (np.log1p(9) + np.log1p(99)) / 2
    assert logs[:2] == pytest.approx([np.log1p(9) - middle, np.log1p(99) - middle])
    assert logs[2] is None
    assert logs[3] == pytest.approx(0)


def test_a_big_account_does_not_make_its_format_look_good() -> None:
    """Account `big` posts images only: raw averages would crown images."""
    posts = pl.DataFrame(
        {
            "account_id": ["big"] * 4 + ["small"] * 4,
            "content_format": ["image"] * 4 + ["text"] * 4,
            "mature_engagements": [900, 1000, 1000, 1100, 9, 10, 10, 11],
        }
    )
    groups = relative_engagement(against_usual(posts), "content_format")
    assert groups["ratio"].to_list() == pytest.approx([1, 1], abs=0.02)


def test_relative_engagement_is_a_t_interval_on_the_log_scale() -> None:
    logs = [-0.4, 0.1, 0.3, 0.9]
    posts = pl.DataFrame({"kind": ["x"] * 4 + ["y"] * 2, "log_against_usual": [*logs, 0.2, 0.4]})
    groups = relative_engagement(posts, "kind")
    low, high = stats.t.interval(0.95, 3, loc=np.mean(logs), scale=stats.sem(logs))
    row = groups.row(0, named=True)
    assert (row["ratio"], row["low"], row["high"]) == pytest.approx((np.exp(np.mean(logs)), np.exp(low), np.exp(high)))
    assert groups.row(1, named=True)["low"] is None, "two posts are too few for an interval"


@pytest.mark.parametrize(("hits", "trials"), [(0, 5), (8, 10), (77, 100), (10, 10)])
def test_wilson_agrees_with_scipy(hits: int, trials: int) -> None:
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    assert wilson(hits, trials) == pytest.approx((expected.low, expected.high))


def test_rolling_coverage_looks_at_the_last_window_in_order_of_maturity() -> None:
    hits = [True] * 10 + [False] * 5
    scores = pl.DataFrame({"mature_at": [START + timedelta(days=day) for day in range(15)], "is_covered": hits}).sample(
        fraction=1, shuffle=True, seed=1
    )
    coverage = rolling_coverage(scores, window=10, at_least=8)
    assert coverage["forecasts"].to_list() == [8, 9, 10, 10, 10, 10, 10, 10]
    assert coverage["coverage"].to_list() == pytest.approx([1, 1, 1, 0.9, 0.8, 0.7, 0.6, 0.5])
    assert rolling_coverage(scores.head(3), window=10).is_empty()


def _scores(account: str, n: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=n)
    return pl.DataFrame(
        {
            "account_id": [account] * n,
            "origin": ["shadow"] * n,
            "log_engagement": outcome,
            "expected_log_engagement": 0.6 * outcome + rng.normal(size=n),
        }
    )


def test_rank_correlation_is_spearmans_with_an_interval_that_covers() -> None:
    one = _scores("a", 40, 1)
    row = rank_correlation(one).row(0, named=True)
    assert row["correlation"] == pytest.approx(
        stats.spearmanr(one["expected_log_engagement"], one["log_engagement"]).statistic
    )
    assert -1 < row["low"] < row["correlation"] < row["high"] < 1
    # The true rank correlation of this normal pair is (6/pi) asin(r/2) with r = 0.6 / sqrt(1.36).
    truth = float(6 / np.pi * np.arcsin(0.6 / np.sqrt(1.36) / 2))
    intervals = pl.concat([rank_correlation(_scores("a", 40, seed)) for seed in range(300)])
    covered = intervals.select((pl.col("low") <= truth) & (truth <= pl.col("high"))).to_series().mean()
    assert 0.90 <= covered <= 0.99  # type: ignore[operator]


def test_few_or_constant_forecasts_have_no_correlation_or_no_interval() -> None:
    assert rank_correlation(_scores("a", 2, 1)).is_empty()
    assert rank_correlation(_scores("a", 5, 1).with_columns(pl.lit(1.0).alias("expected_log_engagement"))).is_empty()
    three = rank_correlation(_scores("a", 3, 1))
    assert three["low"].to_list() == [None]
    assert mean_correlation(three)["low"].to_list() == [None]


def test_mean_correlation_counts_each_account_once() -> None:
    accounts = rank_correlation(pl.concat([_scores("a", 100, 1), _scores("b", 10, 2)]))
    mean = mean_correlation(accounts).row(0, named=True)
    assert mean["correlation"] == pytest.approx(accounts["correlation"].mean())
    assert (mean["accounts"], mean["forecasts"]) == (2, 110)
    assert mean["low"] < mean["correlation"] < mean["high"]
