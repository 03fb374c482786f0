"""Methods without parameters to fit: the last value, the last season, a mean, a line.

Belongs here: what is a sum over the past and no more. Does not belong here: methods of a library (`smoothing`, `yearly`).

A method takes a series, origins and a horizon, and returns what it says at each origin of the steps after it: shape (origins, horizon). An
origin is the number of steps known there; what is said at it rests on `series.filled[:origin]` alone. Windows are counted in seasons.
"""

from collections.abc import Callable

import numpy as np

from ml.forecasts.series import Floats, Ints, Series

Method = Callable[[Series, Ints, int], Floats]

SHAPE_SEASONS = 8
"""The shape of a season is that of the last so many."""


def naive(series: Series, origins: Ints, horizon: int) -> Floats:
    """As at the last step."""
    return _flat(series.filled[origins - 1], horizon)


def seasonal_naive(series: Series, origins: Ints, horizon: int) -> Floats:
    """As in the last season."""
    return seasonal_mean(1)(series, origins, horizon)


def mean(seasons: int) -> Method:
    """The mean of the last seasons, at every step."""

    def said(series: Series, origins: Ints, horizon: int) -> Floats:
        first = np.maximum(origins - seasons * series.season, 0)
        return _flat((series.totals[origins] - series.totals[first]) / (origins - first), horizon)

    return said


def median(seasons: int) -> Method:
    """The median of the last seasons, at every step."""

    def said(series: Series, origins: Ints, horizon: int) -> Floats:
        return _flat(_medians(series.filled, origins, seasons * series.season), horizon)

    return said


def seasonal_mean(seasons: int) -> Method:
    """At each place of the season the mean of the last seasons there."""
    return lambda series, origins, horizon: _repeated(series, origins, horizon, seasons, np.mean)


def seasonal_median(seasons: int) -> Method:
    """At each place of the season the median of the last seasons there."""
    return lambda series, origins, horizon: _repeated(series, origins, horizon, seasons, np.median)


def shaped(seasons: int) -> Method:
    """The mean of the last few seasons, and around it the shape that a season usually has."""

    def said(series: Series, origins: Ints, horizon: int) -> Floats:
        level, usual = (mean(n)(series, origins, horizon) for n in (seasons, SHAPE_SEASONS))
        return level + seasonal_mean(SHAPE_SEASONS)(series, origins, horizon) - usual

    return said


def drift(steps: int) -> Method:
    """On from the last value along the line from the value so many steps before."""

    def said(series: Series, origins: Ints, horizon: int) -> Floats:
        back = np.minimum(steps, origins - 1)
        last = series.filled[origins - 1]
        slope = (last - series.filled[origins - 1 - back]) / np.maximum(back, 1)
        return last[:, None] + slope[:, None] * np.arange(1, horizon + 1)

    return said


def steady(steps: int) -> Method:
    """On from the last value by the median change of the last steps: a single jump is no trend."""

    def said(series: Series, origins: Ints, horizon: int) -> Floats:
        slope = _medians(np.diff(series.filled), origins - 1, steps)
        return series.filled[origins - 1][:, None] + slope[:, None] * np.arange(1, horizon + 1)

    return said


def _flat(values: Floats, horizon: int) -> Floats:
    return np.repeat(values[:, None], horizon, axis=1)


def _medians(values: Floats, ends: Ints, width: int) -> Floats:
    """Median of the last `width` values before each end, of fewer where there are fewer, and 0 of none."""
    found = np.array([np.median(values[:end]) if 0 < end < width else 0.0 for end in ends])
    whole = ends >= width
    if whole.any():
        found[whole] = np.median(values[ends[whole, None] + np.arange(-width, 0)], axis=1)
    return found


def _repeated(series: Series, origins: Ints, horizon: int, seasons: int, middle: Callable[..., Floats]) -> Floats:
    """One season before each origin, made of the last so many, and over again."""
    said = np.empty((len(origins), horizon))
    known = np.minimum(seasons, origins // series.season)
    for whole in np.unique(known).tolist():
        rows = known == whole
        if whole:
            past = series.filled[origins[rows, None] + np.arange(-whole * series.season, 0)]
            seasonal = middle(past.reshape(-1, whole, series.season), axis=1)
            said[rows] = seasonal[:, np.arange(horizon) % series.season]
        else:
            said[rows] = [[middle(series.filled[:at])] for at in origins[rows]]
    return said
