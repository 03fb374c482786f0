"""Prophet, for series that have lived through the same season of the year more than once.

Belongs here: Prophet as the backtest wants it. Does not belong here: when it is worth its seconds (`backtest`).

A fit takes a tenth of a second and more, and is a few dozen numbers: they are kept, so that a refresh makes one a week and not five a day.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.forecasts.fitted import Fitted, Weights
from ml.forecasts.series import Floats, Ints, Series

REFIT_ORIGINS = 5
"""It is fitted at every fifth origin; at those between, the last fit says what comes."""
REFIT_AFTER = timedelta(days=7)
"""A kept fit that is so old makes place for one of now."""
LONGEST_FIT = 4 * 365
DIGITS = 9
"""Of each number that is kept."""


def _learn(series: Series, origins: Ints, known: Weights | None) -> Weights:
    """Fits in the order of their days, each before the origins that it serves (`fits`: see `_fit`).

    Raises ValueError where the days of the steps are not known.
    """
    first, last = _day(series, int(origins[0])), _day(series, int(origins[-1]))
    fits = list(known["fits"]) if known else []
    serving = int(np.searchsorted(_days_of(fits), np.datetime64(first), side="right")) - 1
    if serving < 0:
        # Counted from the end, so that what is said there comes from a fit of its own.
        rows = sorted({0, *range(len(origins) - 1, -1, -REFIT_ORIGINS)})
        return {"fits": [_fit(series, int(origins[row])) for row in rows]}
    if last - date.fromisoformat(fits[-1]["day"]) >= REFIT_AFTER:
        fits.append(_fit(series, int(origins[-1])))
    return {"fits": fits[serving:]}


def _carry(series: Series, weights: Weights, origins: Ints, horizon: int) -> Floats:
    """By Prophet's own formula (Taylor and Letham, "Forecasting at scale", 2018, sections 3.1.2 and 3.2)."""
    import pandas as pd
    from prophet import Prophet

    fits, begin = weights["fits"], int(origins[0])
    days = pd.Series(pd.date_range(_day(series, begin), periods=int(origins[-1]) - begin + horizon))
    dates = days.to_numpy().astype("datetime64[D]")
    terms = {
        (season["period"], season["order"]): Prophet.fourier_series(days, season["period"], season["order"])
        for fit in fits
        for season in fit["seasons"]
    }
    newest = np.searchsorted(_days_of(fits), dates[origins - begin], side="right") - 1
    said = np.empty((len(origins), horizon))
    for at in np.unique(newest).tolist():
        fit, own = fits[at], np.flatnonzero(newest == at)
        span = slice(int(origins[own[0]]) - begin, int(origins[own[-1]]) - begin + horizon)
        time = (dates[span] - np.datetime64(fit["start"])) / np.timedelta64(1, "D") / fit["span"]
        trend = Prophet.piecewise_linear(
            time, np.array(fit["changes"]), fit["slope"], fit["offset"], np.array(fit["changed"])
        )
        seasons = [terms[season["period"], season["order"]][span] @ season["weights"] for season in fit["seasons"]]
        path = (trend + np.sum(seasons, axis=0)) * fit["scale"]
        said[own] = path[(origins[own] - origins[own[0]])[:, None] + np.arange(horizon)]
    return said


def _days_of(fits: Sequence[Mapping[str, Any]]) -> NDArray[np.datetime64]:
    return np.array([fit["day"] for fit in fits], dtype="datetime64[D]")


prophet = Fitted(_learn, _carry)
"""Trend, week and year of a daily series."""


def _day(series: Series, step: int) -> date:
    if series.first_day is None:
        raise ValueError("Prophet asks for the day of each step: give the series its first_day.")
    return series.first_day + timedelta(days=step)


def _fit(series: Series, at: int) -> Mapping[str, Any]:
    """What Prophet learns of the steps before an origin: `day` of the origin, its trend (in units of `scale` and of `span` days from `start`),
    and of each season its period, its order and the weights of its Fourier terms.
    """
    import pandas as pd
    from prophet import Prophet

    for name in ("prophet", "cmdstanpy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    first = max(at - LONGEST_FIT, 0)
    model = Prophet(yearly_seasonality=True, weekly_seasonality=True, uncertainty_samples=0)
    days = pd.date_range(_day(series, first), periods=at - first)
    model.fit(pd.DataFrame({"ds": days, "y": series.values[first:at]}), seed=1)
    weights, seasons = _numbers(model.params["beta"]), []
    for season in model.seasonalities.values():
        order = season["fourier_order"]
        seasons.append({"period": season["period"], "order": order, "weights": weights[: 2 * order]})
        weights = weights[2 * order :]
    return {
        "day": _day(series, at).isoformat(),
        "start": model.start.date().isoformat(),
        "span": model.t_scale / pd.Timedelta(days=1),
        "scale": _numbers(model.y_scale)[0],
        "slope": _numbers(model.params["k"])[0],
        "offset": _numbers(model.params["m"])[0],
        "changes": _numbers(model.params["delta"]),
        "changed": _numbers(model.changepoints_t),
        "seasons": seasons,
    }


def _numbers(values: Any) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in np.ravel(values).tolist()]


def has_years(series: Series) -> bool:
    """Two whole years of days: below that a yearly season is a guess."""
    return series.first_day is not None and series.known >= timedelta(days=730).days
