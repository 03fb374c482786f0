"""The plan equals brute force, keeps every rule, and explores with the probability that it states."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ml.scheduling import Assignment, SchedulingProblem, feasible_slots, schedule, solve
from ml.slots import Slot

ZONE = ZoneInfo("Europe/Madrid")


def slot(at: datetime) -> Slot:
    return Slot(at, at.astimezone(ZONE))


def random_problem(seed: int) -> SchedulingProblem:
    rng = np.random.default_rng(seed)
    items, count = int(rng.integers(1, 5)), int(rng.integers(1, 8))
    start = datetime(2026, 3, 28, 6, tzinfo=UTC)
    hours = np.sort(rng.choice(72, size=count, replace=False))
    slots = tuple(slot(start + timedelta(hours=int(hour))) for hour in hours)
    gains = np.round(rng.normal(0, 1, (items, count)), int(rng.integers(0, 3)))  # coarse gains make ties
    gains[rng.random((items, count)) < 0.15] = np.nan
    room = {found.day: int(rng.integers(0, 3)) for found in slots if rng.random() < 0.3}
    return SchedulingProblem(
        tuple(f"item-{n}" for n in range(items)),
        slots,
        gains,
        min_gap=timedelta(hours=int(rng.choice([0, 2, 5, 13]))),
        default_room=int(rng.integers(1, 3)),
        room=room,
    )


def keeps_rules(problem: SchedulingProblem, chosen: list[int]) -> bool:
    if len(set(chosen)) != len(chosen):
        return False
    slots = sorted((problem.slots[index] for index in chosen), key=lambda found: found.at)
    if any(b.at - a.at < problem.min_gap for a, b in pairwise(slots)):
        return False
    return all(count <= problem.room_on(day) for day, count in Counter(found.day for found in slots).items())


def brute_force(problem: SchedulingProblem) -> tuple[int, float]:
    best = (0, 0.0)
    for plan in product([None, *range(len(problem.slots))], repeat=len(problem.item_ids)):
        chosen = [index for index in plan if index is not None]
        gain = sum(problem.gains[item, index] for item, index in enumerate(plan) if index is not None)
        if np.isfinite(gain) and keeps_rules(problem, chosen) and (len(chosen), gain) > best:
            best = (len(chosen), float(gain))
    return best


def value(problem: SchedulingProblem, plan: dict[str, int]) -> tuple[int, float]:
    rows = {item_id: row for row, item_id in enumerate(problem.item_ids)}
    return len(plan), float(sum(problem.gains[rows[item_id], index] for item_id, index in plan.items()))


@pytest.mark.parametrize("seed", range(200))
def test_the_plan_equals_brute_force(seed: int) -> None:
    problem = random_problem(seed)
    plan = solve(problem)
    assert keeps_rules(problem, list(plan.values()))
    found, best = value(problem, plan), brute_force(problem)
    assert found[0] == best[0]
    if best[0]:
        assert found[1] == pytest.approx(best[1], abs=1e-6)


def test_brute_force_would_notice_a_worse_plan() -> None:
    """The comparison above is sharp: dropping one item, or taking its worst slot, is seen."""
    problem = random_problem(next(seed for seed in range(200) if len(solve(random_problem(seed))) >= 2))
    plan = solve(problem)
    best = brute_force(problem)
    assert value(problem, dict(list(plan.items())[1:])) < best
    first = next(iter(plan))
    others = [index for item_id, index in plan.items() if item_id != first]
    row = problem.item_ids.index(first)
    worst = min(feasible_slots(problem, row, others), key=lambda index: problem.gains[row, index])
    assert value(problem, {**plan, first: worst}) <= best


def plans(problem: SchedulingProblem, epsilon: float, seeds: range) -> list[tuple[Assignment, ...]]:
    return [schedule(problem, epsilon=epsilon, seed=seed) for seed in seeds]


def test_every_explored_plan_keeps_every_rule_and_its_evidence() -> None:
    explored = 0
    for seed in range(60):
        problem = random_problem(seed)
        at = {found.at: index for index, found in enumerate(problem.slots)}
        plan = schedule(problem, epsilon=0.5, seed=seed)
        assert keeps_rules(problem, [at[row.chosen.slot.at] for row in plan])
        assert {row.item_id for row in plan} == set(solve(problem))
        for row in plan:
            assert row.chosen in row.candidates
            assert 0 < row.propensity <= 1
            explored += row.is_exploration
    assert explored > 10


def test_propensity_is_the_frequency_of_the_choice() -> None:
    start = datetime(2026, 6, 1, 8, tzinfo=UTC)
    problem = SchedulingProblem(
        ("only",),
        tuple(slot(start + timedelta(hours=2 * n)) for n in range(4)),
        np.array([[0.0, 0.3, 0.1, -0.2]]),
        min_gap=timedelta(hours=4),
        default_room=2,
    )
    drawn = [plan[0] for plan in plans(problem, 0.4, range(4000))]
    for hour, expected in ((10, 0.7), (8, 0.1), (12, 0.1), (14, 0.1)):
        rows = [row for row in drawn if row.chosen.slot.at.hour == hour]
        assert {round(row.propensity, 9) for row in rows} == {expected}
        assert len(rows) / len(drawn) == pytest.approx(expected, abs=0.025)
        assert all(row.is_exploration == (hour != 10) for row in rows)
    assert all(len(row.candidates) == 4 for row in drawn)


def test_without_exploration_the_best_plan_stands_and_the_same_seed_repeats() -> None:
    problem = random_problem(11)
    best = solve(problem)
    at = {found.at: index for index, found in enumerate(problem.slots)}
    plan = schedule(problem, epsilon=0.0, seed=1)
    assert {row.item_id: at[row.chosen.slot.at] for row in plan} == best
    assert all(row.propensity == 1.0 and not row.is_exploration for row in plan)
    assert schedule(problem, epsilon=0.7, seed=5) == schedule(problem, epsilon=0.7, seed=5)


def test_nothing_to_place_gives_an_empty_plan() -> None:
    empty = SchedulingProblem((), (), np.empty((0, 0)), min_gap=timedelta(hours=1), default_room=1)
    assert solve(empty) == {}
    one = slot(datetime(2026, 6, 1, 8, tzinfo=UTC))
    full = SchedulingProblem(("a",), (one,), np.zeros((1, 1)), min_gap=timedelta(0), default_room=2, room={one.day: 0})
    assert schedule(full) == ()
    assert feasible_slots(full, 0, []) == []
    assert full.room_on(date(2030, 1, 1)) == 2


def test_a_problem_of_the_wrong_shape_is_refused() -> None:
    one = slot(datetime(2026, 6, 1, 8, tzinfo=UTC))
    with pytest.raises(ValueError, match="one row per item"):
        SchedulingProblem(("a",), (one,), np.zeros((2, 1)), min_gap=timedelta(0), default_room=1)
    with pytest.raises(ValueError, match="ascending"):
        SchedulingProblem(("a",), (one, one), np.zeros((1, 2)), min_gap=timedelta(0), default_room=1)
