"""Hour effects: found where content and hour were chosen together, silent without evidence, never read from the future."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts.tables import HOUR_EFFECTS, POSTING_TIME_LIFT
from ml.features import post_features
from ml.scheduling import SchedulingProblem, schedule
from ml.slots import local_grid
from ml.timing.contrasts import hour_contrasts
from ml.timing.effects import hour_effects
from ml.timing.gains import slot_gains
from ml.timing.realised import MIN_HOLDOUTS, posting_time_lift

NOW = datetime(2027, 1, 1, tzinfo=UTC)
MORNING, EVENING = 9, 18
HOURS = (MORNING, 13, EVENING)
BONUS = 0.4
CLIENTS = ("client-0", "client-1", "client-2")
ACCOUNTS = pl.DataFrame(
    {
        "client_id": [*CLIENTS, "newcomer", "elsewhere"],
        "account_id": [*(f"instagram:{n}" for n in range(3)), "instagram:new", "instagram:elsewhere"],
        "network": "instagram",
        "time_zone": [*["Europe/Madrid"] * 4, "Asia/Tokyo"],
    }
)


@pytest.fixture(scope="module")
def features(posts_factory: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    """Posts whose good content (the word `gold`, worth 1.0) goes out in the morning four times in five, the rest hardly ever."""
    posts = post_features(posts_factory(accounts=3, per_account=300, seed=6))
    rng = np.random.default_rng(2)
    is_good = posts["text"].str.contains("gold").to_numpy()
    chance = np.where(is_good[:, None], [[0.8, 0.1, 0.1]], [[0.1, 0.45, 0.45]])
    drawn = (rng.random(posts.height)[:, None] > chance.cumsum(axis=1)).sum(axis=1)
    return posts.with_columns(pl.Series("local_hour", np.array(HOURS)[drawn], dtype=pl.Int32))


@pytest.fixture(scope="module")
def planted(features: pl.DataFrame) -> pl.DataFrame:
    is_evening = pl.col("local_hour") == EVENING
    return features.with_columns(pl.col("log_engagement") + BONUS * is_evening.cast(pl.Float64))


@pytest.fixture(scope="module")
def effects(planted: pl.DataFrame) -> pl.DataFrame:
    return hour_effects(planted, ACCOUNTS, computed_at=NOW)


def at(effects: pl.DataFrame, hour: int, account: str = "instagram:0") -> dict[str, float]:
    return effects.row(by_predicate=(pl.col("local_hour") == hour) & (pl.col("account_id") == account), named=True)


def raw(features: pl.DataFrame) -> dict[int, float]:
    own = features.with_columns(y=pl.col("log_engagement") - pl.col("log_engagement").mean().over("account_id"))
    return dict(own.group_by("local_hour").agg(pl.col("y").mean()).iter_rows())


def test_a_planted_effect_is_found_where_raw_averages_name_the_wrong_hour(
    planted: pl.DataFrame, effects: pl.DataFrame
) -> None:
    shown = raw(planted)
    assert max(shown, key=shown.__getitem__) == MORNING  # what a table of averages would recommend
    assert effects.schema == HOUR_EFFECTS.schema
    share = (planted["local_hour"] == EVENING).mean()
    truth = BONUS * (1 - share)  # against the account's own usual mix
    for account in ACCOUNTS["account_id"].head(3):
        evening, morning = at(effects, EVENING, account), at(effects, MORNING, account)
        assert abs(evening["effect"] - truth) < 2.5 * evening["standard_error"]
        assert evening["cautious_effect"] > 0.1
        assert morning["effect"] < 0.1 < evening["effect"] < shown[MORNING]
    assert (effects["cautious_effect"].abs() <= effects["effect"].abs()).all()


def test_without_an_effect_the_estimate_covers_zero_and_promises_next_to_nothing(features: pl.DataFrame) -> None:
    effects = hour_effects(features, ACCOUNTS, computed_at=NOW)
    known = effects.filter(pl.col("posts") > 0)
    assert known.height == 9
    assert max(raw(features).values()) > 0.3
    assert (known["effect"].abs() < 2.5 * known["standard_error"]).all()
    assert known["cautious_effect"].max() < 0.12  # type: ignore[operator]


def test_a_new_account_has_what_its_network_and_zone_teach_and_one_without_peers_nothing(effects: pl.DataFrame) -> None:
    new, old = at(effects, EVENING, "instagram:new"), at(effects, EVENING)
    assert new["posts"] == 0
    assert 0.02 < new["effect"] < old["effect"]
    assert new["standard_error"] > old["standard_error"]
    alone = effects.filter(pl.col("account_id") == "instagram:elsewhere")
    assert alone["effect"].to_list() == pytest.approx([0.0] * 24)


def test_posts_whose_outcome_was_not_known_change_nothing(planted: pl.DataFrame) -> None:
    middle = planted["label_known_at"].sort()[planted.height // 2]
    later = pl.col("label_known_at") > middle
    changed = planted.with_columns(
        log_engagement=pl.when(later).then(99.0).otherwise("log_engagement"),
        local_hour=pl.when(later).then(3).otherwise("local_hour").cast(pl.Int32),
    )
    found = hour_effects(planted, ACCOUNTS, computed_at=middle)
    assert found["posts"].sum() > 100
    assert_frame_equal(found, hour_effects(changed, ACCOUNTS, computed_at=middle))
    assert_frame_equal(found, hour_effects(changed.filter(~later), ACCOUNTS, computed_at=middle))


def test_no_posts_and_no_accounts_are_no_error(features: pl.DataFrame) -> None:
    silent = hour_effects(features.clear(), ACCOUNTS, computed_at=NOW)
    assert silent.height == 24 * ACCOUNTS.height
    assert silent["effect"].to_list() == pytest.approx([0.0] * silent.height)
    assert silent["standard_error"].min() > 0.0  # type: ignore[operator]
    assert hour_effects(features, ACCOUNTS.clear(), computed_at=NOW).schema == HOUR_EFFECTS.schema


@pytest.mark.parametrize("right", ["outcome", "habits"])
def test_either_half_alone_removes_the_confounding(right: str) -> None:
    """Good content goes out at hour 1; the truth is no effect."""
    rng = np.random.default_rng(3)
    is_good = rng.random(4000) < 0.5
    chance = np.where(is_good, 0.8, 0.2)
    hour = (rng.random(4000) < chance).astype(np.int64)
    outcome = is_good + 0.3 * rng.standard_normal(4000)
    propensity = np.zeros((4000, 24))
    propensity[:, 1] = chance if right == "habits" else hour.mean()
    propensity[:, 0] = 1 - propensity[:, 1]
    residual = outcome - (is_good if right == "outcome" else outcome.mean())
    found = hour_contrasts(residual, propensity, hour, np.zeros(4000, dtype=np.int64), 1)
    assert outcome[hour == 1].mean() - outcome.mean() > 0.25
    assert abs(found.effect[0, 1]) < 3 * found.variance[0, 1] ** 0.5 < 0.05
    assert np.isinf(found.variance[0, 2])


def test_a_slot_is_worth_its_local_hour_on_both_sides_of_a_clock_change(effects: pl.DataFrame) -> None:
    start = datetime(2026, 3, 28, tzinfo=UTC)
    evenings = [s for s in local_grid(start, start + timedelta(days=2), "Europe/Madrid") if s.local.hour == EVENING]
    assert [slot.at.hour for slot in evenings] == [17, 16]
    gains = slot_gains(np.array([slot.local.hour for slot in evenings]), "instagram:0", effects)
    assert gains.tolist() == [at(effects, EVENING)["cautious_effect"]] * 2
    assert slot_gains(np.array([MORNING, EVENING]), "someone else", effects).tolist() == [0.0, 0.0]


DAYS = 400


@pytest.fixture(scope="module")
def slots() -> pl.DataFrame:
    """Decisions of the real scheduler, one post a day, with a promise of 0.3 at the best hour."""
    rows = []
    for day in range(DAYS):
        start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        grid = local_grid(start, start + timedelta(days=1), "UTC", step_minutes=120)
        gains = np.where([slot.local.hour == EVENING for slot in grid], 0.3, 0.0)
        problem = SchedulingProblem((f"item-{day}",), grid, gains[None, :], timedelta(hours=1), 3)
        (assigned,) = schedule(problem, seed=day)
        rows.append(
            {
                "client_id": "client",
                "content_item_id": assigned.item_id,
                "candidates": json.dumps([{"id": c.slot.at.isoformat(), "gain": c.gain} for c in assigned.candidates]),
                "propensity": assigned.propensity,
                "is_exploration": assigned.is_exploration,
                "decided_at": start - timedelta(hours=6),
                "published_at": assigned.chosen.slot.at,
                "gain": assigned.chosen.gain,
            }
        )
    return pl.DataFrame(rows)


def outcomes_of(slots: pl.DataFrame, *, kept: float) -> pl.DataFrame:
    """What the posts brought when `kept` of the promised gain comes true."""
    noise = pl.Series(0.5 * np.random.default_rng(4).standard_normal(slots.height))
    return slots.select(
        "content_item_id",
        "published_at",
        post_id="post of " + pl.col("content_item_id"),
        log_engagement=4.0 + kept * pl.col("gain") + noise,
        history_median_30=4.0,
        history_format_effect=pl.lit(None, pl.Float64),
        history_text_effect=0.0,
    )


def test_the_realised_lift_is_that_of_recommended_over_drawn_slots(slots: pl.DataFrame) -> None:
    lift = posting_time_lift(slots, outcomes_of(slots, kept=1.0), computed_at=NOW)
    assert lift.schema == POSTING_TIME_LIFT.schema
    row = lift.row(0, named=True)
    assert row["posts"] == DAYS
    assert 20 <= row["holdout_posts"] <= 60
    assert row["promised_lift"] == pytest.approx(np.expm1(0.3 * 11 / 12))
    assert row["realised_low"] < row["promised_lift"] < row["realised_high"]
    assert 0 < row["realised_low"] < row["realised_lift"] < row["realised_high"]


def test_a_promise_that_was_not_kept_is_seen(slots: pl.DataFrame) -> None:
    row = posting_time_lift(slots, outcomes_of(slots, kept=0.0), computed_at=NOW).row(0, named=True)
    assert row["realised_low"] < 0 < row["realised_high"] < row["promised_lift"]


def test_too_few_drawn_slots_say_nothing_yet_and_later_decisions_never_count(slots: pl.DataFrame) -> None:
    young, outcomes = slots.head(40), outcomes_of(slots, kept=1.0)
    row = posting_time_lift(young, outcomes, computed_at=NOW).row(0, named=True)
    assert 0 < row["holdout_posts"] < MIN_HOLDOUTS
    assert (row["realised_lift"], row["realised_low"], row["realised_high"]) == (None, None, None)
    assert row["promised_lift"] > 0.2
    hindsight = slots.with_columns(decided_at=pl.lit(NOW) + timedelta(days=999))
    assert posting_time_lift(hindsight, outcomes, computed_at=NOW).is_empty()
