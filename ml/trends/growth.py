"""Has the rate of a stream of counts grown? A probability for every term and period, from what came before it.

Belongs here: what is expected of a period and how likely it is that the rate is a multiple of that. Does not belong here: frames, stages
and alerts (`stages`), forecasts over days (`forecast`).

Counts are negative binomial around level x season. The level forgets with a half-life and is told of a period only once the longest
window has passed, so that a burst does not raise what it is compared with; counts far above the expected teach as much as the cap.
For a negative binomial with known shape the chance p = shape / (shape + growth x expected) of a window's count has a beta posterior,
so the probability that growth exceeds a factor is one incomplete beta function: no sampling, whole matrices at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc

Floats = NDArray[np.float64]

PRIOR_PERIODS = 0.5
"""Weight of 'as usual' in the posterior, in windows."""
LEVEL_PRIOR_PERIODS = 12.0
"""Periods after which a term's own level counts as much as the level of all terms (their geometric mean)."""
SEASON_PRIOR_COUNTS = 10.0
"""Per slot: counts after which a term's own season counts as much as that of all terms."""
SHAPE_PRIOR = 30.0
"""Sum of squared expectations after which a term's own overdispersion counts as much as that of all terms."""
MIN_OVERDISPERSION = 0.02
CAP_DEVIATIONS = 4.0


@dataclass(frozen=True)
class GrowthSettings:
    """How streams are read. `windows` are the numbers of latest periods that are looked at, ascending.

    The defaults are for hours. `season_periods`: periods of a cycle (24 hours; 1 for none). `factor`: growth that matters.
    """

    windows: tuple[int, ...] = (1, 2, 3, 6, 12)
    season_periods: int = 24
    half_life_periods: float = 14 * 24.0
    factor: float = 2.0
    min_count: int = 3
    """Fewer in a window say nothing."""


@dataclass(frozen=True)
class Growth:
    """Arrays of terms x periods. Each is known at the end of its period."""

    probability: Floats
    """That the rate of the best window exceeds `factor` times the expected one; 0 where no window holds more than expected."""
    log_odds: Floats
    """Natural logarithm of the odds of that: it ranks where the probability has no digits left."""
    window: NDArray[np.int64]
    """Periods of the window with the highest probability."""
    count: Floats
    expected: Floats
    """Sums over that window."""
    expected_of_period: Floats


def growth(counts: NDArray[np.int64], settings: GrowthSettings, *, first_slot: int = 0) -> Growth:
    """Growth of each term in each period; `counts` is terms x periods without gaps, `first_slot` the first period's place in the cycle."""
    terms, periods = counts.shape
    expected, overdispersion, doubt = _expectations(counts.astype(np.float64), settings, first_slot)
    count_sums = np.concatenate([np.zeros((terms, 1)), np.cumsum(counts, axis=1)], axis=1)
    expected_sums = np.concatenate([np.zeros((terms, 1)), np.cumsum(expected, axis=1)], axis=1)
    best = np.full((terms, periods), -np.inf)
    window = np.full((terms, periods), settings.windows[0], dtype=np.int64)
    for width in settings.windows:
        if width > periods:
            break
        seen = count_sums[:, width:] - count_sums[:, :-width]
        usual = expected_sums[:, width:] - expected_sums[:, :-width]
        shape = 1.0 / (overdispersion[:, width - 1 :] / width + doubt[:, width - 1 :])
        odds = np.full(seen.shape, -np.inf)
        is_more = (seen >= settings.min_count) & (seen > usual)
        odds[is_more] = log_odds_of_growth(seen[is_more], usual[is_more], shape[is_more], settings.factor)
        is_better = odds > best[:, width - 1 :]
        best[:, width - 1 :][is_better] = odds[is_better]
        window[:, width - 1 :][is_better] = width
    ends = np.broadcast_to(np.arange(1, periods + 1), (terms, periods))
    starts = np.maximum(ends - window, 0)
    return Growth(
        probability=1.0 / (1.0 + np.exp(-np.clip(best, -700, 700))),
        log_odds=best,
        window=window,
        count=count_sums[:, 1:] - np.take_along_axis(count_sums, starts, axis=1),
        expected=expected_sums[:, 1:] - np.take_along_axis(expected_sums, starts, axis=1),
        expected_of_period=expected,
    )


def log_odds_of_growth(count: Floats, expected: Floats, shape: Floats, factor: float) -> Floats:
    """Log odds that the rate behind `count` exceeds `factor` x `expected`, for a negative binomial of this shape."""
    alpha, beta = shape * (1 + PRIOR_PERIODS), count + PRIOR_PERIODS * expected
    at = shape / (shape + factor * expected)
    tiny = np.finfo(np.float64).tiny
    return np.asarray(np.log(betainc(alpha, beta, at) + tiny) - np.log(betaincc(alpha, beta, at) + tiny))


def _expectations(counts: Floats, settings: GrowthSettings, first_slot: int) -> tuple[Floats, Floats, Floats]:
    """Expected count, overdispersion (1 / shape of one period) and doubt about the level (its relative variance), terms x periods."""
    terms, periods = counts.shape
    keep = 0.5 ** (1.0 / settings.half_life_periods)
    cycle, gap = settings.season_periods, settings.windows[-1]
    expected, overdispersion, doubt = (np.empty((terms, periods)) for _ in range(3))
    mass, exposure = np.zeros(terms), np.zeros(terms)
    excess, squares = np.zeros(terms), np.zeros(terms)
    slots, season = np.zeros((terms, cycle)), np.ones((terms, cycle))
    for now in range(periods):
        past = now - gap
        if past >= 0:
            slot = (first_slot + past) % cycle
            usual = expected[:, past]
            deviation = np.sqrt(usual + usual**2 * overdispersion[:, past])
            is_taught = exposure > gap
            cap = np.where(is_taught, usual + CAP_DEVIATIONS * np.maximum(deviation, 1.0), np.inf)
            learned = np.minimum(counts[:, past], cap)
            mass, exposure = mass * keep + learned, exposure * keep + season[:, slot]
            excess = excess * keep + np.where(is_taught, (learned - usual) ** 2 - usual, 0.0)
            squares = squares * keep + np.where(is_taught, usual**2, 0.0)
            slots[:, slot] = slots[:, slot] * keep**cycle + learned
            if cycle > 1 and slot == cycle - 1:
                season = _season(slots)
        rates = (mass + 0.5) / np.maximum(exposure, 1.0)
        common = float(np.exp(np.log(rates).mean())) if terms else 0.0
        level = (mass + LEVEL_PRIOR_PERIODS * common) / (exposure + LEVEL_PRIOR_PERIODS)
        pooled = max(float(excess.sum()) / max(float(squares.sum()), 1.0), MIN_OVERDISPERSION)
        own = (excess + SHAPE_PRIOR * pooled) / (squares + SHAPE_PRIOR)
        overdispersion[:, now] = np.maximum(own, MIN_OVERDISPERSION)
        expected[:, now] = level * season[:, (first_slot + now) % cycle]
        doubt[:, now] = 1.0 / (mass + LEVEL_PRIOR_PERIODS * common) + overdispersion[:, now] / (
            exposure + LEVEL_PRIOR_PERIODS
        )
    return expected, overdispersion, doubt


def _season(slots: Floats) -> Floats:
    """Factor of each slot around 1: the term's own counts, drawn to the shares that all terms have in common."""
    cycle = slots.shape[1]
    totals = np.maximum(slots.sum(axis=1, keepdims=True), 1.0)
    common = (slots / np.sqrt(totals)).sum(axis=0) + 1.0
    common = common / common.sum()
    own = slots + SEASON_PRIOR_COUNTS * cycle * common
    return np.asarray(own / own.sum(axis=1, keepdims=True) * cycle)
