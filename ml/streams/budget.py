"""How many alerts a client wants at most, and where telling begins so that it stays at that.

Belongs here: the threshold that follows from a budget and a stream's own past, and keeping to the budget over all streams of a client.
Does not belong here: what is surprising about a bin.

The highest surprise of each past day is kept. Above their median these maxima fall off about exponentially; so the median and the day that
one in ten exceeds say how often any height is reached, and a crisis in the past moves neither. Before a stream has days of its own,
it has those of a plain stream.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from scipy import stats

from ml.streams.alerts import Alert, Kind
from ml.streams.stream import Floats

KEPT_IN = 0.95
"""Share of weeks without anything special in which the budget is kept."""
WEEK = timedelta(days=7)
BORROWING_WEEKS = 4
"""A week in which much happens may use what the budgets of the three before it have left."""
PRIOR_DAYS = 14
PRIOR_MEDIAN, PRIOR_EXCESS = 2.0, 0.6
"""Daily maxima of a plain stream, in standard deviations; they weigh as much as PRIOR_DAYS days."""
MEMORY_DAYS = 28


@dataclass(frozen=True)
class Budget:
    """At most so many alerts a week for one client, over all of its `streams`, kept in KEPT_IN of the weeks in which nothing happens."""

    alerts_per_week: int
    streams: int = 1

    def __post_init__(self) -> None:
        if self.alerts_per_week < 1 or self.streams < 1:
            raise ValueError("A budget needs at least one alert a week and one stream; to be told nothing, watch none.")

    @property
    def rate_per_week(self) -> float:
        """Alerts a week to aim at in one stream: the mean at which Poisson counts over all streams stay within the budget."""
        return affordable_rate(self.alerts_per_week) / self.streams


def affordable_rate(alerts_per_week: int) -> float:
    """The largest mean of a Poisson count that is at most `alerts_per_week` with probability KEPT_IN. 1: 0.36, 2: 0.82, 3: 1.37."""
    return float(stats.chi2.ppf(1 - KEPT_IN, 2 * (alerts_per_week + 1)) / 2)


@dataclass(frozen=True)
class Tail:
    """How high the surprise of a day gets: the median of daily maxima, and the mean excess above it."""

    median: float
    excess: float

    def per_week(self, surprise: float) -> float:
        """Days a week on which the surprise reaches this height, at most 3.5 (the median is reached every other day)."""
        return 3.5 * math.exp(-max(surprise - self.median, 0.0) / self.excess)

    def height(self, per_week: float) -> float:
        """The surprise that so many days a week reach."""
        return self.median + self.excess * max(math.log(3.5 / per_week), 0.0)


def tails(surprise: Floats, bins_per_day: int, *, silent_days: int) -> list[Tail]:
    """One tail a day of the stream, each from the MEMORY_DAYS complete days before it; the last is for the day that is not complete.

    The first `silent_days` are never counted: nothing was judged in them.
    """
    days = len(surprise) // bins_per_day
    maxima = surprise[: days * bins_per_day].reshape(days, bins_per_day).max(axis=1)
    return [_tail(maxima[max(day - MEMORY_DAYS, silent_days) : day]) for day in range(days + 1)]


def _tail(maxima: Floats) -> Tail:
    """Own days and PRIOR_DAYS of a plain stream, each day with the same weight."""
    if not len(maxima):
        return Tail(PRIOR_MEDIAN, PRIOR_EXCESS)
    weight = len(maxima) / (len(maxima) + PRIOR_DAYS)
    median, high = (float(value) for value in np.quantile(maxima, [0.5, 0.9]))
    excess = (high - median) / math.log(5)  # an exponential tail from the median on is exceeded by one in ten there
    return Tail((1 - weight) * PRIOR_MEDIAN + weight * median, (1 - weight) * PRIOR_EXCESS + weight * excess)


def within(alerts: Iterable[Alert], budget: Budget, *, told: Iterable[Alert] = ()) -> list[Alert]:
    """The alerts of one client that are told, in order of time; those that say nothing new are left out.

    `told` are those that were told before, and are not told again: comments come late, so the same spike may be found an hour to either side.

    The threshold keeps calm weeks within the budget. Where much happens, four weeks' budget is the most that is told in four weeks; once
    it is spent, only what is rarer than all that was told in them still is: a crisis is never silenced by a busy month.
    """
    known, new = list(told), list[Alert]()
    for alert in sorted(alerts, key=lambda alert: (alert.raised_at, alert.kind is Kind.VOLUME, alert.alert_id)):
        if any(alert.client_id != earlier.client_id for earlier in known[:1]):
            raise ValueError("A budget is one client's: give the alerts of one client.")
        recent = [earlier for earlier in known if abs(alert.raised_at - earlier.raised_at) < BORROWING_WEEKS * WEEK]
        if any(earlier.covers(alert) for earlier in recent):
            continue
        if len(recent) < BORROWING_WEEKS * budget.alerts_per_week or all(
            alert.evidence.weeks_between > earlier.evidence.weeks_between for earlier in recent
        ):
            known.append(alert)
            new.append(alert)
    return new
