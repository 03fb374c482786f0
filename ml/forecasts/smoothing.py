"""Exponential smoothing and Theta: statsmodels fits, and the fit is carried forward.

Belongs here: the two methods as the backtest wants them. Does not belong here: what needs no fit (`simple`) or years of it (`yearly`).

A fit costs as much as hundreds of forecasts, so each is made once, on what was known at the first origin. At later origins the parameters
stay, and what they weigh goes on: level, trend and season as of each of them.
"""

import warnings
from typing import Any

import numpy as np
from scipy.signal import lfilter

from ml.forecasts.series import Floats, Ints, Kind, Series
from ml.forecasts.simple import SHAPE_SEASONS, naive

LONGEST_FIT = 200
"""Steps before the first origin that a fit looks at: enough for three to four parameters, and short enough to be fast."""


def exponential_smoothing(series: Series, origins: Ints, horizon: int) -> Floats:
    """ETS: of a level with a damped trend, of a flow with a season (where it has one)."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    start, first = max(int(origins[0]) - LONGEST_FIT, 0), int(origins[0])
    if np.ptp(series.filled[start:first]) == 0:
        return naive(series, origins, horizon)
    is_seasonal = series.kind is Kind.FLOW and series.season > 1
    shape: dict[str, Any] = (
        {"seasonal": "add", "seasonal_periods": series.season}
        if is_seasonal
        else {"trend": "add", "damped_trend": True}
    )
    scale = float(np.abs(series.filled[start:first]).mean())
    past = series.filled[start:] / scale
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that did not quite converge is judged by its errors, like any other
        fit = ExponentialSmoothing(past[: first - start], initialization_method="heuristic", **shape).fit(
            use_brute=False
        )
        names = ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
        known = {name: float(fit.params[name]) for name in names if np.isfinite(fit.params[name])}
        begin = {
            "initial_level": fit.params["initial_level"],
            **(
                {"initial_seasonal": fit.params["initial_seasons"]}
                if is_seasonal
                else {"initial_trend": fit.params["initial_trend"]}
            ),
        }
        states = ExponentialSmoothing(past, initialization_method="known", **begin, **shape).fit(
            optimized=False, **known
        )
    at, ahead = origins - 1 - start, np.arange(1, horizon + 1)
    said = np.repeat(states.level[at][:, None], horizon, axis=1)
    if is_seasonal:
        place = at[:, None] + 1 - series.season + (ahead - 1) % series.season
        said = said + states.season[place]
    else:
        said = said + states.trend[at][:, None] * np.cumsum(known["damping_trend"] ** ahead)
    return np.asarray(said * scale, dtype=np.float64)


def theta(series: Series, origins: Ints, horizon: int) -> Floats:
    """Theta (Assimakopoulos and Nikolopoulos 2000), as exponential smoothing with half the slope (Hyndman and Billah 2003).

    The shape of the season is taken out before and put back after.
    """
    from statsmodels.tsa.forecasting.theta import ThetaModel

    start, first = max(int(origins[0]) - LONGEST_FIT, 0), int(origins[0])
    if np.ptp(series.filled[start:first]) == 0:
        return naive(series, origins, horizon)
    shape = _shape(series, first)
    past = series.filled - shape[np.arange(len(series)) % series.season]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ThetaModel(past[start:first], period=series.season, deseasonalize=False).fit()
    weight = float(np.clip(fit.params["alpha"], 0.01, 1.0))
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
