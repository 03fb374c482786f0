"""What each method would have said in the past, beside what came: a rolling origin.

Belongs here: the pool, the origins, errors. Does not belong here: which method to believe (`choice`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ml.forecasts import simple, smoothing, yearly
from ml.forecasts.fitted import Fitted, Weights
from ml.forecasts.series import Floats, Ints, Kind, Series
from ml.forecasts.simple import Method

MOST_ORIGINS = 20
"""Older ones say how a method did on another account than today's."""
SHORTEST_PAST = 14
"""Known steps before anything is said; also two seasons, where a season is not longer than that."""
SHORTEST_FIT = 18
"""Known steps before a fit, in the same way: statsmodels starts a season of seven steps from 16, one of eight or nine from 18."""
FITTED_FROM = 126
"""Known steps from which on it pays to fit: parameters learned from less are no better than none, at a hundred times the price."""

LEVEL_METHODS: Mapping[str, Method] = {
    "naive": simple.naive,
    "drift_7": simple.drift(7),
    "drift_30": simple.drift(30),
    "drift_90": simple.drift(90),
    "steady_28": simple.steady(28),
}
FLOW_METHODS: Mapping[str, Method] = {
    "naive": simple.naive,
    "mean_1": simple.mean(1),
    "mean_4": simple.mean(4),
    "mean_8": simple.mean(8),
    "median_8": simple.median(8),
}
SEASONAL_METHODS: Mapping[str, Method] = {
    "seasonal_naive": simple.seasonal_naive,
    "seasonal_mean_4": simple.seasonal_mean(4),
    "seasonal_mean_8": simple.seasonal_mean(8),
    "seasonal_median_8": simple.seasonal_median(8),
    "shaped_1": simple.shaped(1),
    "shaped_4": simple.shaped(4),
}
"""Of flows with a season. A number is what the method looks back on: seasons of a flow, steps of a level."""
FITTED_METHODS: Mapping[str, Fitted] = {"ets": smoothing.exponential_smoothing, "theta": smoothing.theta}
YEARLY_METHODS: Mapping[str, Fitted] = {"prophet": yearly.prophet}
DEAR = frozenset({*FITTED_METHODS, *YEARLY_METHODS})
"""Methods that cost more than all the others together."""


@dataclass(frozen=True, eq=False)
class Backtest:
    """What methods said and what came. Rows are origins in ascending order, of `actual` and of every method's `said`: (origins, horizon).

    `ahead` is what each method says now, at the end of the series: (horizon,). `actual` is NaN where the step is not known, or not yet.
    """

    origins: Ints
    said: Mapping[str, Floats]
    actual: Floats
    ahead: Mapping[str, Floats]
    weights: Mapping[str, Weights] = field(default_factory=dict)
    """What the fitted methods have learned."""

    def totals(self) -> "Backtest":
        """The same of everything that came since the origin, up to each step: a sum is known where all its steps are."""
        return Backtest(
            self.origins,
            {name: np.cumsum(said, axis=1) for name, said in self.said.items()},
            np.cumsum(self.actual, axis=1),
            {name: np.cumsum(said) for name, said in self.ahead.items()},
        )

    @cached_property
    def reach(self) -> int:
        """The farthest step ahead that is known from any origin; 0 without origins."""
        known = np.flatnonzero(~np.isnan(self.actual).all(axis=0)) if len(self.origins) else np.array([], dtype=int)
        return int(known[-1]) + 1 if len(known) else 0


def pool(series: Series, *, with_years: bool = True) -> dict[str, Method]:
    """The methods that may say something of a series, by its kind and its length. `with_years`: Prophet too, where there are years."""
    methods = dict(LEVEL_METHODS if series.kind is Kind.LEVEL else FLOW_METHODS)
    if series.kind is Kind.FLOW and series.season > 1:
        methods |= SEASONAL_METHODS
    if series.known >= FITTED_FROM:
        methods |= FITTED_METHODS
    if with_years and yearly.has_years(series):
        methods |= YEARLY_METHODS
    return methods


def origins_of(series: Series) -> Ints:
    """Where to look back from: seasons apart while there are enough of them, closer in a short series; the newest one season before the end."""
    first = shortest_past(series)
    last = len(series) - series.season
    if last < first:
        return np.array([], dtype=np.int64)
    stride = int(np.clip((last - first) // 8, 1, series.season))
    return np.arange(last, first - 1, -stride, dtype=np.int64)[:MOST_ORIGINS][::-1]


def shortest_past(series: Series) -> int:
    """Steps before the first origin."""
    if series.known >= FITTED_FROM:
        return max(2 * series.season, SHORTEST_FIT)
    return max(2 * series.season, SHORTEST_PAST if series.season > 1 else SHORTEST_PAST // 2)


def backtest(
    series: Series, horizon: int, methods: Mapping[str, Method], weights: Mapping[str, Weights] | None = None
) -> Backtest:
    """Let every method speak at every origin and at the end. Nothing said is below zero.

    `weights` that fitted methods learned earlier are used as far as they serve; the others are learned anew.
    """
    origins, end = origins_of(series), len(series)
    everywhere = np.append(origins, end)
    learned: dict[str, Weights] = {}
    spoken = {}
    for name, method in methods.items():
        if isinstance(method, Fitted):
            learned[name] = method.learn(series, everywhere, (weights or {}).get(name))
            said = method.carry(series, learned[name], everywhere, horizon)
        else:
            said = method(series, everywhere, horizon)
        spoken[name] = np.maximum(said, 0.0)
    steps = origins[:, None] + np.arange(horizon)
    actual = np.where(steps < end, series.values[np.minimum(steps, end - 1)], np.nan)
    return Backtest(
        origins,
        {name: said[:-1] for name, said in spoken.items()},
        actual,
        {name: said[-1] for name, said in spoken.items()},
        learned,
    )
