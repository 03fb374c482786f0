"""What an allocator would have won on tests that were run: replay on their logged, finite traffic.

Belongs here: serving the logged impressions of each arm without replacement, batch after batch. Does not belong here: the allocators,
the reading of logs.

A test of equal split logged n impressions and c clicks of each arm. Their order says nothing, so a batch of m of them holds a
hypergeometric number of clicks, and what is left is what later batches draw from: nothing is ever seen twice, and no outcome is
made up. A policy has as much traffic as the smallest arm logged, so that it could give all of it to any arm.
"""

from collections.abc import Sequence

import numpy as np

from ml.experiments.allocation import Allocator
from ml.experiments.arms import Floats, Ints


def traffic(impressions: Ints) -> Ints:
    """Impressions that a policy may spend on each test: those of its smallest arm."""
    return np.asarray(impressions.min(-1))


def replay(
    allocator: Allocator, impressions: Ints, clicks: Ints, stops: Sequence[float], random: np.random.Generator
) -> tuple[Ints, Ints]:
    """Impressions and clicks that `allocator` got of each arm: arrays (tests, arms), as are the logged counts given.

    `stops`: cumulative parts of the traffic at which it decides anew, ending with 1; (.5, 1) are two equal batches. Raises ValueError
    for stops that do not rise to 1.
    """
    if not stops or list(stops) != sorted(set(stops)) or stops[0] <= 0 or stops[-1] != 1:
        raise ValueError(f"The stops of a replay must rise from above 0 to 1, not {list(stops)}.")
    served, won = np.zeros_like(impressions), np.zeros_like(clicks)
    budget = traffic(impressions)
    done = 0.0
    for stop in stops:
        size = np.floor(budget * stop).astype(np.int64) - np.floor(budget * done).astype(np.int64)
        batch = whole(allocator.shares(served, won, done, random), size)
        clicks_left = clicks - won
        got = random.hypergeometric(clicks_left, impressions - served - clicks_left, batch)
        served, won, done = served + batch, won + got, stop
    return served, won


def whole(shares: Floats, size: Ints) -> Ints:
    """Split `size` impressions of each test by `shares` into whole ones, by largest remainders."""
    exact = shares * size[:, None]
    base = np.floor(exact).astype(np.int64)
    missing = size - base.sum(-1)
    rank = (base - exact).argsort(-1, kind="stable").argsort(-1, kind="stable")
    return np.asarray(base + (rank < missing[:, None]))
