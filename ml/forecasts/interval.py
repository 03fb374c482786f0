"""How far what comes may be from what is said: from how far it was, step by step ahead.

Belongs here: the margins below and above, and how they widen. Does not belong here: what is said (`choice`).

Conformal: the margins are quantiles of past errors at about as many steps ahead, so that they make no claim about a distribution. Few
independent errors say little of a quantile: the margins are widened as Student's t is against the normal distribution, and are at least its
prediction interval around an error of zero, `t * sqrt(mean squared error * (1 + 1 / n))`, n the independent errors.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from ml.forecasts.backtest import Backtest
from ml.forecasts.series import Floats

LEVEL = 0.8
"""How often what comes is to lie inside."""
ENOUGH = 10.0
"""Independent errors from which on their quantiles speak for themselves: of fewer, one in ten and nine in ten lie beyond what was seen."""
KNOTS = (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 56, 70, 91, 119, 182, 364)
"""Steps ahead at which margins are taken; between them they are interpolated."""


@dataclass(frozen=True)
class Margins:
    """How far below and above, per step ahead, neither negative nor ever narrower than at a step before."""

    below: Floats
    above: Floats


def margins(said: Floats, past: Backtest, *, growth: float) -> Margins | None:
    """Margins around what a method `said` at the past's origins; None where no error is known.

    Past the farthest step ahead that was seen they grow as its power `growth` (1: in proportion, as a wrong trend does; 0.5: as chance adds up).
    """
    errors = past.actual - said
    horizon = errors.shape[1]
    knots, below, above = [], [], []
    for ahead in _knots(past.reach):
        near = errors[:, max(ahead - ahead // 3, 1) - 1 : min(ahead + ahead // 3, horizon)]
        known = near[~np.isnan(near)]
        seen = np.flatnonzero(~np.isnan(near).all(axis=1))
        if not len(known):
            continue
        low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        span = past.origins[seen[-1]] - past.origins[seen[0]]
        independent = min(float(len(seen)), 1.0 + span / ahead)
        deviations = float(t.ppf((1 + LEVEL) / 2, independent))
        wider = deviations / float(norm.ppf((1 + LEVEL) / 2))
        floor = 0.0
        if independent < ENOUGH:
            floor = deviations * float(np.sqrt(np.mean(known**2) * (1 + 1 / independent)))
        knots.append(ahead)
        below.append(max(wider * -low, floor))
        above.append(max(wider * high, floor))
    if not knots:
        return None
    steps = np.arange(1, horizon + 1)
    beyond = np.maximum(steps / knots[-1], 1.0) ** growth
    return Margins(*(np.interp(steps, knots, np.maximum.accumulate(side)) * beyond for side in (below, above)))


def _knots(reach: int) -> list[int]:
    return sorted({knot for knot in KNOTS if knot <= reach} | ({reach} if reach else set()))
