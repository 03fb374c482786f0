"""How often all methods are asked: a review, and until the next one only the cheap methods and the dear ones that were chosen.

Belongs here: what is kept of a review, when the next is due, the forecast of a refresh. Does not belong here: how a method is chosen (`choice`).

The choice itself is made anew at every refresh, among those that are asked: a dear method that has come to be worse than a cheap one
is left at once. What waits for the next review is a dear method that has come to be better.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from zlib import crc32

from ml.forecasts.backtest import MOST_ORIGINS, pool
from ml.forecasts.fitted import Weights
from ml.forecasts.outlook import Outlook, outlook
from ml.forecasts.series import Series

POOL_VERSION = 1
"""To be raised when a method comes to say something else: then every series is reviewed."""
SHORTEST_DAYS, LONGEST_DAYS = 21, 34
"""Days between reviews; each series has a number of its own, so that those that began together do not stay together."""
WORSE = 1.25
"""A choice whose backtest error has become so many times that of its review is drift: the next review is now."""


@dataclass(frozen=True)
class Review:
    """What was found when all methods were asked."""

    day: date
    version: int
    errors: Mapping[str, float]
    """Of each method of the pool, over the origins of then."""
    error: float
    """Of the chosen ones (`Path.error`)."""
    kept: Mapping[str, Weights]
    """The dear methods that were chosen then, and what they have learned, as of the newest refresh."""

    def as_text(self) -> str:
        """As `of_text` reads it."""
        return json.dumps({**asdict(self), "day": self.day.isoformat()})

    @classmethod
    def of_text(cls, text: str) -> "Review":
        """Raises ValueError, KeyError or TypeError for what `as_text` did not write."""
        content = json.loads(text)
        return cls(**{**content, "day": date.fromisoformat(content["day"])})


@dataclass(frozen=True)
class Refreshed:
    """A forecast, and the review it rests on; None where every refresh asks all."""

    outlook: Outlook
    review: Review | None
    is_reviewed: bool
    """Whether all methods were asked now."""


def refresh(
    series: Series, horizon: int, *, name: str, today: date, review: Review | None, with_years: bool = True
) -> Refreshed | None:
    """The forecast of a refresh; None where the series is too short. `name` tells a series from the others."""
    if review is not None and not _is_due(series, name, today, review, with_years=with_years):
        found = outlook(series, horizon, with_years=with_years, kept=review.kept)
        if found is None or found.steps.error <= WORSE * review.error:
            return None if found is None else Refreshed(found, replace(review, kept=found.weights), is_reviewed=False)
    found = outlook(series, horizon, with_years=with_years)
    return None if found is None else Refreshed(found, reviewed(found, today), is_reviewed=True)


def reviewed(found: Outlook, day: date) -> Review | None:
    """What is kept of a forecast for which all methods were asked.

    None while the series has not all its origins: its oldest origin stays where it is, and weights that are kept would come to know what is
    after it.
    """
    if found.steps.backtest_origins < MOST_ORIGINS:
        return None
    kept = {name: weights for name, weights in found.weights.items() if name in found.chosen}
    return Review(day, POOL_VERSION, found.steps.choice.errors, found.steps.error, kept)


def _is_due(series: Series, name: str, today: date, review: Review, *, with_years: bool) -> bool:
    days = SHORTEST_DAYS + crc32(name.encode()) % (LONGEST_DAYS - SHORTEST_DAYS + 1)
    return (
        review.version != POOL_VERSION
        or not 0 <= (today - review.day).days < days
        or set(review.errors) != set(pool(series, with_years=with_years))
    )
