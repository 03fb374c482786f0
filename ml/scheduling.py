"""Which item gets which slot: the greatest predicted gain that an account's posting rules allow.

Belongs here: the exact assignment, and exploration with its propensity.
Does not belong here: which slots exist (`ml/slots.py`), what a slot is worth (`ml/timing.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from ml.slots import Slot

EXPLORATION_RATE = 0.1


@dataclass(frozen=True)
class SchedulingProblem:
    """One account's items and slots.

    `gains[i, s]` is the predicted gain of item i at slot s (log units); nan where the item must not take the slot.
    `room` is how many more posts a local day takes, `default_room` that of days that it does not name.
    """

    item_ids: tuple[str, ...]
    slots: tuple[Slot, ...]
    gains: NDArray[np.float64]
    min_gap: timedelta
    default_room: int
    room: Mapping[date, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.gains.shape != (len(self.item_ids), len(self.slots)):
            raise ValueError("gains must have one row per item and one column per slot")
        if any(first.at >= second.at for first, second in zip(self.slots, self.slots[1:], strict=False)):
            raise ValueError("slots must be in ascending order, without repeats")

    def room_on(self, day: date) -> int:
        return self.room.get(day, self.default_room)


@dataclass(frozen=True)
class Candidate:
    """A slot that an item could have had, and what it was expected to bring there."""

    slot: Slot
    gain: float


@dataclass(frozen=True)
class Assignment:
    """The slot of one item with the evidence of the choice.

    `candidates` are the slots that were feasible beside the other items' slots, the best one included. `propensity` is the
    probability of the chosen slot given those: epsilon / n, plus 1 - epsilon for the best one.
    """

    item_id: str
    chosen: Candidate
    candidates: tuple[Candidate, ...]
    propensity: float
    is_exploration: bool


def solve(problem: SchedulingProblem) -> dict[str, int]:
    """Slot index per placed item: as many items as fit, and among those plans one of greatest total gain. Exact.

    Binary programme: x[i, s] = item i at slot s; one slot per item; at most one item within any window shorter than the
    minimum gap; at most the day's room. Windows are cliques of the conflict graph, so they say all of it.
    """
    items, slots = problem.gains.shape
    pairs = np.argwhere(np.isfinite(problem.gains))
    if not len(pairs):
        return {}
    gains = problem.gains[pairs[:, 0], pairs[:, 1]]
    # An item more is always worth more than any gain: the bonus exceeds what choosing other slots could ever bring.
    bonus = 1.0 + min(items, slots) * float(np.ptp(gains)) + float(np.abs(gains).max())
    rows, limits = [pairs[:, 0] == item for item in range(items)], [1.0] * items
    at = [slot.at for slot in problem.slots]
    for first in range(slots):
        last = first
        while last + 1 < slots and at[last + 1] - at[first] < problem.min_gap:
            last += 1
        rows.append((pairs[:, 1] >= first) & (pairs[:, 1] <= last))
        limits.append(1.0)
    days = np.array([slot.day.toordinal() for slot in problem.slots])
    for day in np.unique(days):
        rows.append(days[pairs[:, 1]] == day)
        limits.append(float(problem.room_on(date.fromordinal(int(day)))))
    result = milp(
        -(gains + bonus),
        constraints=LinearConstraint(sp.csr_matrix(np.array(rows, dtype=float)), ub=np.array(limits)),
        integrality=np.ones(len(pairs)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    if not result.success:
        raise RuntimeError(f"the scheduling programme was not solved: {result.message}")
    return {problem.item_ids[i]: int(s) for (i, s), is_chosen in zip(pairs, result.x > 0.5, strict=True) if is_chosen}


def schedule(problem: SchedulingProblem, *, epsilon: float = EXPLORATION_RATE, seed: int = 0) -> tuple[Assignment, ...]:
    """The best plan, in which each item may move, with probability `epsilon`, to a uniformly drawn feasible slot.

    Items are drawn one after another in the order of their slots, each given where the others stand at that moment, so
    every rule still holds and each propensity is exact given those. Items that fit nowhere are left out.
    """
    random = Random(seed)
    placed = solve(problem)
    rows = {item_id: row for row, item_id in enumerate(problem.item_ids)}
    assignments = []
    for item_id, best in sorted(placed.items(), key=lambda pair: pair[1]):
        others = [slot for other, slot in placed.items() if other != item_id]
        feasible = feasible_slots(problem, rows[item_id], others)
        chosen = random.choice(feasible) if random.random() < epsilon else best
        placed[item_id] = chosen
        gains = problem.gains[rows[item_id]]
        assignments.append(
            Assignment(
                item_id=item_id,
                chosen=Candidate(problem.slots[chosen], float(gains[chosen])),
                candidates=tuple(Candidate(problem.slots[slot], float(gains[slot])) for slot in feasible),
                propensity=epsilon / len(feasible) + (1 - epsilon) * (chosen == best),
                is_exploration=chosen != best,
            )
        )
    return tuple(assignments)


def feasible_slots(problem: SchedulingProblem, item: int, others: Sequence[int]) -> list[int]:
    """Slots that the item could take beside the others' slots."""
    used = [problem.slots[slot] for slot in others]
    return [
        index
        for index, slot in enumerate(problem.slots)
        if np.isfinite(problem.gains[item, index])
        and index not in others
        and all(abs(slot.at - other.at) >= problem.min_gap for other in used)
        and sum(other.day == slot.day for other in used) < problem.room_on(slot.day)
    ]
