"""Scored forecasts become one calibration row per client; the multiplier is what would have covered, shrunk to one."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from contracts.tables import CALIBRATION
from ml.scoring import MULTIPLIER_LIMITS, PRIOR_FORECASTS, calibration, interval_multiplier

NOW = datetime(2026, 6, 10, tzinfo=UTC)
COVERS_80_PERCENT = 1.2816  # normal quantile at 0.9


def scores(
    *, count: int = 200, spread: float = 1.0, origin: str = "shadow", client: str = "c", seed: int = 0
) -> pl.DataFrame:
    """Forecasts whose intervals are right for errors of standard deviation 1; the errors have `spread`."""
    rng = np.random.default_rng(seed)
    expected = rng.normal(4, 1, count)
    published = [NOW - timedelta(hours=6 * n) for n in range(count)]
    return pl.DataFrame(
        {
            "forecast_id": [f"{client}-{n}" for n in range(count)],
            "client_id": client,
            "account_id": [f"{client}:{n % 2}" for n in range(count)],
            "post_id": [f"{client}-p{n}" for n in range(count)],
            "origin": origin,
            "forecast_at": published,
            "published_at": published,
            "expected_log_engagement": expected,
            "lower_log_engagement": expected - COVERS_80_PERCENT,
            "upper_log_engagement": expected + COVERS_80_PERCENT,
            "interval_level": 0.8,
            "log_engagement": expected + spread * rng.standard_normal(count),
        }
    )


def test_honest_intervals_are_left_as_they_are() -> None:
    row = calibration(scores(), computed_at=NOW).row(0, named=True)
    assert row["interval_multiplier"] == pytest.approx(1.0, abs=0.12)
    assert row["coverage_low"] < row["coverage_ratio"] < row["coverage_high"]
    assert row["coverage_low"] < 0.8 < row["coverage_high"]
    assert row["rank_correlation_low"] < row["rank_correlation"] < row["rank_correlation_high"]
    assert row["bias"] == pytest.approx(0.0, abs=0.2)
    assert row["scored_forecasts"] == 200


@pytest.mark.parametrize("spread", [0.6, 1.7])
def test_with_the_multiplier_the_interval_covers_what_it_says(spread: float) -> None:
    past = scores(count=800, spread=spread, seed=1)
    multiplier = calibration(past, computed_at=NOW)["interval_multiplier"][0]
    fresh = scores(count=2000, spread=spread, seed=2)
    covered = (
        (fresh["log_engagement"] - fresh["expected_log_engagement"]).abs() <= multiplier * COVERS_80_PERCENT
    ).mean()
    assert covered == pytest.approx(0.8, abs=0.04)


def test_few_scores_move_little() -> None:
    label, expected = np.array([9.0]), np.array([4.0])
    found = interval_multiplier(label, expected, expected - 1, expected + 1, level=0.8)
    assert found == pytest.approx(np.exp(np.log(5.0) / (1 + PRIOR_FORECASTS)))
    assert interval_multiplier(*(np.empty(0) for _ in range(4)), level=0.8) == 1.0
    many = np.full(500, 4.0)
    assert interval_multiplier(many + 90, many, many - 1, many + 1, level=0.8) == MULTIPLIER_LIMITS[1]
    assert interval_multiplier(many, many, many - 1, many + 1, level=0.8) == MULTIPLIER_LIMITS[0]


def test_intervals_that_were_widened_before_do_not_teach_that_they_need_no_widening() -> None:
    wide = scores(count=400, spread=1.7)
    assert calibration(wide.with_columns(origin=pl.lit("decision")), computed_at=NOW)["interval_multiplier"][0] == 1.0
    widened = wide.with_columns(
        origin=pl.lit("decision"),
        interval_multiplier=pl.lit(1.7),
        lower_log_engagement=pl.col("expected_log_engagement") - 1.7 * COVERS_80_PERCENT,
        upper_log_engagement=pl.col("expected_log_engagement") + 1.7 * COVERS_80_PERCENT,
    )
    learned = calibration(wide, computed_at=NOW)["interval_multiplier"][0]
    assert calibration(widened, computed_at=NOW)["interval_multiplier"][0] == pytest.approx(learned)
    assert learned > 1.4


def test_clients_are_kept_apart_and_the_newest_forecast_of_a_post_counts() -> None:
    both = pl.concat([scores(client="a"), scores(client="b", spread=2.0, seed=4)])
    older = scores(client="a").with_columns(
        forecast_at=pl.col("forecast_at") - timedelta(days=1),
        forecast_id="old-" + pl.col("forecast_id"),
        log_engagement=pl.lit(99.0),
    )
    found = calibration(pl.concat([both, older]), computed_at=NOW)
    assert found["client_id"].to_list() == ["a", "b"]
    assert found["scored_forecasts"].to_list() == [200, 200]
    alone = calibration(scores(client="a"), computed_at=NOW)
    assert found[0].equals(alone)


def test_no_scores_give_no_rows_in_the_declared_schema() -> None:
    empty = calibration(scores().clear(), computed_at=NOW)
    assert empty.is_empty()
    assert empty.schema == CALIBRATION.schema
    one = calibration(scores(count=1), computed_at=NOW).row(0, named=True)
    assert one["rank_correlation"] is None
    assert one["rank_correlation_low"] is None
    assert calibration(scores(count=1), computed_at=NOW).schema == CALIBRATION.schema
