"""Exponential smoothing and Theta: statsmodels fits, and the fit is carried forward.

Belongs here: the two methods as the backtest wants them. Does not belong here: what needs no fit (`simple`) or years of it (`yearly`).

A fit costs as much as hundreds of forecasts, so each is made once, on what was known at the first origin. At later origins the weights
stay, and what they weigh goes on: level, trend and season as of each of them. Weights that were learned at an earlier origin may be given
instead: that is most of the price saved.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.signal import lfilter

from ml.forecasts.fitted import Fitted, Weights
from ml.forecasts.series import Floats, Ints, Kind, Series
from ml.forecasts.simple import SHAPE_SEASONS, naive

LONGEST_FIT = 200
"""Steps before the first origin that a fit looks at: enough for three to four parameters, and short enough to be fast."""


def _before_the_first(fit: Callable[[Series, int], Weights]) -> Callable[[Series, Ints, Weights | None], Weights]:
    """Weights by statsmodels' names, learned once, before the first origin; none of a series that did not move."""
    return lambda series, origins, known: fit(series, int(origins[0])) if known is None else known


def _learned(series: Series, first: int) -> tuple[int, Floats]:
    """What a fit at an origin looks at, and the step at which that begins."""
    start = max(first - LONGEST_FIT, 0)
    return start, series.filled[start:first]


def _ets_shape(series: Series) -> dict[str, Any]:
    if series.kind is Kind.FLOW and series.season > 1:
        return {"seasonal": "add", "seasonal_periods": series.season}
    return {"trend": "add", "damped_trend": True}


def _fit_ets(series: Series, first: int) -> Weights:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    _, window = _learned(series, first)
    if np.ptp(window) == 0:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that did not quite converge is judged by its errors, like any other
        fit = ExponentialSmoothing(
            window / np.abs(window).mean(), initialization_method="heuristic", **_ets_shape(series)
        ).fit(use_brute=False)
    names = ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
    return {name: float(fit.params[name]) for name in names if np.isfinite(fit.params[name])}


def _carry_ets(series: Series, weights: Weights, origins: Ints, horizon: int) -> Floats:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    start, window = _learned(series, int(origins[0]))
    if not weights or np.ptp(window) == 0:
        return naive(series, origins, horizon)
    shape, scale = _ets_shape(series), float(np.abs(window).mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level, trend, seasonal = ExponentialSmoothing(
            window / scale, initialization_method="heuristic", **shape
        ).initial_values()
        begin = {"initial_level": level, "initial_trend": trend, "initial_seasonal": seasonal}
        states = ExponentialSmoothing(
            series.filled[start:] / scale, initialization_method="known", **begin, **shape
        ).fit(optimized=False, **weights)
    at, ahead = origins - 1 - start, np.arange(1, horizon + 1)
    said = np.repeat(states.level[at][:, None], horizon, axis=1)
    if "seasonal" in shape:
        place = at[:, None] + 1 - series.season + (ahead - 1) % series.season
        said = said + states.season[place]
    else:
        said = said + states.trend[at][:, None] * np.cumsum(weights["damping_trend"] ** ahead)
    return np.asarray(said * scale, dtype=np.float64)


exponential_smoothing = Fitted(_before_the_first(_fit_ets), _carry_ets)
"""ETS: of a level with a damped trend, of a flow with a season (where it has one)."""


def _fit_theta(series: Series, first: int) -> Weights:
    from statsmodels.tsa.forecasting.theta import ThetaModel

    start, window = _learned(series, first)
    if np.ptp(window) == 0:
        return {}
    past = window - _shape(series, first)[np.arange(start, first) % series.season]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ThetaModel(past, period=series.season, deseasonalize=False).fit()
    return {"alpha": float(np.clip(fit.params["alpha"], 0.01, 1.0))}


def _carry_theta(series: Series, weights: Weights, origins: Ints, horizon: int) -> Floats:
    first = int(origins[0])
    start, window = _learned(series, first)
    if not weights or np.ptp(window) == 0:
        return naive(series, origins, horizon)
    weight, shape = weights["alpha"], _shape(series, first)
    past = series.filled - shape[np.arange(len(series)) % series.season]
    levels, _ = lfilter([weight], [1.0, weight - 1.0], past[start:], zi=[(1.0 - weight) * past[start]])
    said = np.empty((len(origins), horizon))
    ahead = np.arange(1, horizon + 1)
    for row, at in enumerate(origins):
        begin = max(int(at) - LONGEST_FIT, start)
        steps = np.arange(at - begin) - (at - begin - 1) / 2
        slope = float(steps @ past[begin:at] / (steps @ steps))
        told = ahead - 1 + (1 - (1 - weight) ** (at - start)) / weight
        said[row] = levels[at - 1 - start] + slope / 2 * told + shape[(at + ahead - 1) % series.season]
    return said


theta = Fitted(_before_the_first(_fit_theta), _carry_theta)
"""Theta (Assimakopoulos and Nikolopoulos 2000), as exponential smoothing with half the slope (Hyndman and Billah 2003).

The shape of the season is taken out before and put back after.
"""


def _shape(series: Series, origin: int) -> Floats:
    """What each place of the season is usually above the mean, by the last seasons before an origin; none where there is no season."""
    whole = min(SHAPE_SEASONS, origin // series.season)
    if series.kind is Kind.LEVEL or series.season == 1 or whole < 2:
        return np.zeros(series.season)
    first = origin - whole * series.season
    means = series.filled[first:origin].reshape(whole, series.season).mean(axis=0)
    shape = np.empty(series.season)
    shape[(first + np.arange(series.season)) % series.season] = means - means.mean()
    return shape
