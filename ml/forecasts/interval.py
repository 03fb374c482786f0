"""How far what comes may be from what is said: from how far it was, step by step ahead.

Belongs here: the margins below and above, and how they widen. Does not belong here: what is said (`choice`).

Conformal: the margins are quantiles of past errors at about as many steps ahead, so that they make no claim about a distribution. Few
independent errors say little of a quantile: the margins are widened as Student's t is against the normal distribution, and are at least its
prediction interval around an error of zero, `t * sqrt(mean squared error * (1 + 1 / n))`, n the independent errors.

Origins nearer than what they look ahead tell the same twice. So do totals beyond that, since a level that was missed is missed again:
of n of them with a correlation r from one origin to the next, n * (1 - r) / (1 + r) are independent (Bayley and Hammersley, "The effective
number of independent observations in an autocorrelated time series", 1946, for errors of first order). Errors of steps are mostly the
steps' own, and each origin has many of them: there the correlation of origins is left out.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

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


def margins(said: Floats, past: Backtest, *, growth: float, of_totals: bool) -> Margins | None:
    """Margins around what a method `said` at the past's origins; None where no error is known.

    `of_totals`: what was said is of all steps since the origin.
    Past the farthest step ahead that was seen they grow as its power `growth` (1: in proportion, as a wrong trend does; 0.5: as chance adds up).
    """
    errors = past.actual - said
    horizon = errors.shape[1]
    knots, below, above = [], [], []
    ahead_of_all = _knots(past.reach)
    repeated = _independent(errors[:, np.array(ahead_of_all, dtype=np.int64) - 1]) if of_totals else None
    for number, ahead in enumerate(ahead_of_all):
        near = errors[:, max(ahead - ahead // 3, 1) - 1 : min(ahead + ahead // 3, horizon)]
        is_known = ~np.isnan(near)
        known = np.sort(near[is_known])
        if not len(known):
            continue
        seen = np.flatnonzero(is_known.any(axis=1))
        span = past.origins[seen[-1]] - past.origins[seen[0]]
        independent = min(float(len(seen)), 1.0 + span / ahead)
        if repeated is not None:
            independent = min(independent, float(repeated[number]))
        deviations = float(stdtrit(independent, (1 + LEVEL) / 2))
        wider = deviations / float(ndtri((1 + LEVEL) / 2))
        floor = 0.0
        if independent < ENOUGH:
            floor = deviations * float(np.sqrt(known @ known / len(known) * (1 + 1 / independent)))
        below.append(max(wider * -_at(known, (1 - LEVEL) / 2), floor))
        above.append(max(wider * _at(known, (1 + LEVEL) / 2), floor))
        knots.append(ahead)
    if not knots:
        return None
    steps = np.arange(1, horizon + 1)
    beyond = np.maximum(steps / knots[-1], 1.0) ** growth
    return Margins(*(np.interp(steps, knots, np.maximum.accumulate(side)) * beyond for side in (below, above)))


def _knots(reach: int) -> list[int]:
    return sorted({knot for knot in KNOTS if knot <= reach} | ({reach} if reach else set()))


def _independent(errors: Floats) -> Floats:
    """Of each column how many independent errors say as much as these of origins in their order; no bound where they say nothing of it."""
    is_known = ~np.isnan(errors)
    count = is_known.sum(axis=0)
    # A column is known up to some origin (younger ones have not seen so far ahead yet), but for gaps: those are left out.
    mean = np.where(is_known, errors, 0.0).sum(axis=0) / np.maximum(count, 1)
    moved = np.where(is_known, errors - mean, 0.0)
    power = (moved**2).sum(axis=0)
    together = (moved[1:] * moved[:-1]).sum(axis=0) / np.where(power > 0, power, 1.0)
    together = np.clip(together, 0.0, 1.0)
    return np.where((count > 2) & (power > 0), np.maximum(count * (1 - together) / (1 + together), 1.0), np.inf)


def _at(ordered: Floats, share: float) -> float:
    """The quantile of values in ascending order, interpolated."""
    place = share * (len(ordered) - 1)
    under = int(place)
    over = min(under + 1, len(ordered) - 1)
    return float(ordered[under] + (place - under) * (ordered[over] - ordered[under]))
