"""Prophet, for series that have lived through the same season of the year more than once.

Belongs here: Prophet as the backtest wants it. Does not belong here: when it is worth its seconds (`backtest`).
"""

import logging
from datetime import timedelta

import numpy as np

from ml.forecasts.series import Floats, Ints, Series

REFIT_ORIGINS = 5
"""It is fitted at every fifth origin; at those between, the last fit says what comes. A fit takes about a second."""
LONGEST_FIT = 4 * 365


def prophet(series: Series, origins: Ints, horizon: int) -> Floats:
    """Trend, week and year of a daily series. Raises ValueError where the days of the steps are not known."""
    import pandas as pd
    from prophet import Prophet

    if series.first_day is None:
        raise ValueError("Prophet asks for the day of each step: give the series its first_day.")
    for name in ("prophet", "cmdstanpy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    days = pd.date_range(series.first_day, periods=len(series) + horizon)
    said = np.empty((len(origins), horizon))
    model, last = None, len(origins) - 1
    for row, at in enumerate(origins):
        # Counted from the end, so that what is said there comes from a fit of its own.
        if model is None or (last - row) % REFIT_ORIGINS == 0:
            first = max(int(at) - LONGEST_FIT, 0)
            model = Prophet(yearly_seasonality=True, weekly_seasonality=True, uncertainty_samples=0)
            model.fit(pd.DataFrame({"ds": days[first:at], "y": series.values[first:at]}), seed=1)
        said[row] = model.predict(pd.DataFrame({"ds": days[at : at + horizon]}))["yhat"].to_numpy()
    return said


def has_years(series: Series) -> bool:
    """Two whole years of days: below that a yearly season is a guess."""
    return series.first_day is not None and series.known >= timedelta(days=730).days
