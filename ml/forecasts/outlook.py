"""The forecast of a series: what is said of each step ahead, of the total up to it, and how far both may be off.

Belongs here: backtest, choice and interval in their order. Does not belong here: each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.forecasts.backtest import DEAR, Backtest, backtest, pool, shortest_past
from ml.forecasts.choice import Choice, choose
from ml.forecasts.fitted import Weights
from ml.forecasts.interval import margins
from ml.forecasts.series import Floats, Kind, Series

JUDGED_STEPS = 28
"""Methods are chosen by how they do up to so many steps ahead."""


@dataclass(frozen=True, eq=False)
class Path:
    """Per step ahead the middle and the interval (`interval.LEVEL`), in the series' unit; `lower` <= `median` <= `upper`, none below zero."""

    median: Floats
    lower: Floats
    upper: Floats
    choice: Choice
    backtest_origins: int

    @property
    def error(self) -> float:
        """Mean absolute error of the chosen methods in the backtest, averaged; NaN where nothing could be chosen."""
        return float(np.mean([self.choice.errors[name] for name in self.choice.methods]))


@dataclass(frozen=True, eq=False)
class Outlook:
    """What comes after a series: each step, and (of a flow) the total of all steps up to it.

    The total has a choice and an interval of its own: medians of days do not add up to the median of their sum.
    """

    steps: Path
    totals: Path | None
    ahead: Mapping[str, Floats]
    """What each method that was asked says by itself, for comparison."""
    weights: Mapping[str, Weights]
    """What each dear method that was asked has learned."""

    @property
    def chosen(self) -> frozenset[str]:
        """The methods of steps and totals."""
        return frozenset({*self.steps.choice.methods, *(self.totals.choice.methods if self.totals else ())})


def too_short(series: Series) -> bool:
    """Nothing is said of a series with fewer known steps than the first origin of a backtest needs, and one season after it."""
    return series.known < shortest_past(series) + series.season


def outlook(
    series: Series, horizon: int, *, with_years: bool = True, kept: Mapping[str, Weights] | None = None
) -> Outlook | None:
    """The forecast of `horizon` steps; None where the series is `too_short`. `with_years`: with Prophet, where there are years.

    `kept`: the dear methods (`backtest.DEAR`) that are asked beside the others, with weights learned earlier; None: all of them, learned anew.
    """
    if too_short(series):
        return None
    methods = pool(series, with_years=with_years)
    if kept is not None:
        methods = {name: method for name, method in methods.items() if name not in DEAR or name in kept}
    past = backtest(series, horizon, methods, kept)
    steps = _path(past, series.kind, growth=1.0 if series.kind is Kind.LEVEL else 0.5, of_totals=False)
    totals = _path(past.totals(), series.kind, growth=1.0, of_totals=True) if series.kind is Kind.FLOW else None
    return Outlook(steps, totals, past.ahead, past.weights)


def _path(past: Backtest, kind: Kind, *, growth: float, of_totals: bool) -> Path:
    choice = choose(past, kind, horizon=JUDGED_STEPS)
    median, around = choice.of(past.ahead), margins(choice.of(past.said), past, growth=growth, of_totals=of_totals)
    if around is None:
        raise AssertionError("a series that is long enough has an origin with a known step after it")
    return Path(median, np.maximum(median - around.below, 0.0), median + around.above, choice, len(past.origins))
