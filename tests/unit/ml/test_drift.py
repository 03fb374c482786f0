"""Evidence against a model: it stays quiet while nothing is wrong, and says so when something is."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from ml.drift import ALARM, SCORES, WATCH_SCHEMA, martingale, places, watch

START = datetime(2026, 1, 1, tzinfo=UTC)
CHANGED = 40


def scored(
    seed: int, *, days: int = 80, level: float = 0.0, spread: float = 1.0, median_error: float = 1.0
) -> pl.DataFrame:
    """Ten accounts with two outcomes a day; from the day CHANGED on errors move by `level` and grow by `spread`."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), 20)
    shared = rng.normal(scale=0.1, size=days)[day]  # what happens on a day happens to all
    is_later = day >= CHANGED
    error = (0.9 * rng.normal(size=len(day)) + shared) * np.where(is_later, spread, 1.0) + np.where(
        is_later, level, 0.0
    )
    return pl.DataFrame(
        {
            "account_id": [f"instagram:{n % 10}" for n in range(len(day))],
            "known_at": [START + timedelta(days=int(d), minutes=n % 20) for n, d in enumerate(day)],
            "log_engagement": np.full(len(day), 5.0),
            "expected_log_engagement": 5.0 + error,
            "rule_log_engagement": 5.0 + median_error * rng.choice([-1.0, 1.0], size=len(day)),
        }
    )


def test_while_nothing_is_wrong_alarms_are_rare() -> None:
    alarms = [watch(scored(seed), seed=seed) for seed in range(60)]
    assert sum(found.first_alarm("drift") is not None for found in alarms) <= 6, "one in twenty, and room for luck"
    assert not any(found.first_alarm("decay") for found in alarms)


@pytest.mark.parametrize("changed", [{"level": 0.5}, {"level": -0.5}, {"spread": 1.7}])
def test_errors_that_change_are_noticed_afterwards(changed: dict[str, float]) -> None:
    first = watch(scored(3, **changed)).first_alarm("drift")
    assert first is not None
    assert first >= START.date() + timedelta(days=CHANGED)
    assert watch(scored(3)).first_alarm("drift") is None


def test_a_model_that_errs_more_than_the_median_decays() -> None:
    found = watch(scored(3, median_error=0.2))
    assert found.first_alarm("decay") is not None
    unknown = scored(3, median_error=0.2).with_columns(rule_log_engagement=pl.lit(None, dtype=pl.Float64))
    assert watch(unknown).first_alarm("decay") is None
    assert watch(unknown).days["decay_evidence"].to_list() == [1.0] * 80


def test_a_row_a_day_and_what_is_known_by_its_end() -> None:
    rows = scored(1, days=30)
    found = watch(rows).days
    assert found.schema == WATCH_SCHEMA
    assert found["day"].to_list() == [START.date() + timedelta(days=d) for d in range(30)]
    assert found["scored_forecasts"].to_list() == [20 * (d + 1) for d in range(30)]
    assert watch(rows.sample(fraction=1, shuffle=True, seed=4).sort("known_at", "account_id")).days.equals(found)
    earlier = watch(rows.filter(pl.col("known_at") < START + timedelta(days=20))).days
    assert earlier.equals(found.head(20)), "later outcomes change nothing of what was said before"


def test_nothing_scored_says_nothing() -> None:
    empty = pl.DataFrame(schema={name: scored(0, days=1).schema[name] for name in SCORES})
    assert watch(empty).days.is_empty()
    assert watch(empty).first_alarm("drift") is None
    unscored = scored(0, days=2).with_columns(log_engagement=pl.lit(None, dtype=pl.Float64))
    assert watch(unscored).days.is_empty()


def test_places_are_among_those_so_far() -> None:
    rng = np.random.default_rng(0)
    found = places(np.array([1.0, 2.0, 0.0, 3.0]), rng)
    assert (found[1] <= 1 / 2, found[2] >= 2 / 3, found[3] <= 1 / 4) == (True, True, True)
    ties = places(np.zeros(4000), rng)
    assert abs(ties.mean() - 0.5) < 0.02
    assert abs(ties.std() - 12**-0.5) < 0.02


def test_a_stake_does_not_grow_on_chance_and_grows_on_what_repeats() -> None:
    rng = np.random.default_rng(1)
    ends = [martingale(rng.random(50))[-1] for _ in range(4000)]
    assert np.mean(ends) < 1.2
    assert martingale(np.full(20, 0.05))[-1] > ALARM
