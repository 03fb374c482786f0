"""YouTube's quota: what each call costs a Google project, counted here because no answer says what is left.

Belongs here: the price list, the size of each bucket, when they are full again. Does not belong here: who waits for what
(`platforms/_budget.py`), or which call is made (`client.py`).

A project shares its quota among all accounts connected through it, which makes it the binding limit long before any rate: at
one unit a list and fifty a write, ten thousand units are one listing of 5,000 accounts. Larger quotas are granted on request.
The count is this process's own: where several share a project the network's `quotaExceeded` is the last word.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

UNITS = "units"
UPLOADS = "uploads"

QUOTA_ZONE = ZoneInfo("America/Los_Angeles")
"""Quotas are full again at midnight here."""


@dataclass(frozen=True)
class Cost:
    """What one call takes out of which bucket."""

    bucket: str
    amount: int


LIST, WRITE = Cost(UNITS, 1), Cost(UNITS, 50)
COSTS = {
    "channels.list": LIST,
    "playlistItems.list": LIST,
    "videos.list": LIST,
    "commentThreads.list": LIST,
    "comments.list": LIST,
    "commentThreads.insert": WRITE,
    "comments.insert": WRITE,
    "comments.delete": WRITE,
    "videos.delete": WRITE,
    "videos.insert": Cost(UPLOADS, 1),
}
"""Price of each operation. What is not here costs nothing of this quota: the bytes of an upload, tokens, and Analytics, which
has a quota of its own [K]. `search.list`, with its bucket of 100 a day, is never called."""


@dataclass(frozen=True)
class Quota:
    """What one Google project may use between two Pacific midnights."""

    units: int = 10_000
    uploads: int = 100

    def of(self, bucket: str) -> int:
        return self.uploads if bucket == UPLOADS else self.units


def seconds_until_reset(now: datetime) -> float:
    """Seconds until quotas are full again: 23 to 25 hours after the last time, as clocks change in California."""
    tomorrow = now.astimezone(QUOTA_ZONE).date() + timedelta(days=1)
    return (datetime.combine(tomorrow, time(), QUOTA_ZONE).astimezone(UTC) - now).total_seconds()


class QuotaMeter:
    """Counts what calls cost, from one Pacific midnight to the next. Real time: the network's days do not follow a sandbox's."""

    def __init__(self, quota: Quota, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._quota, self._now = quota, now
        self._day: date | None = None
        self._used: dict[str, int] = {}

    def spend(self, cost: Cost) -> tuple[float, float]:
        """Count a call that was answered, also one that was refused. Returns which share of its bucket is used, and the
        seconds until it is full again."""
        now = self._now()
        day = now.astimezone(QUOTA_ZONE).date()
        if day != self._day:
            self._day, self._used = day, {}
        self._used[cost.bucket] = self._used.get(cost.bucket, 0) + cost.amount
        return self._used[cost.bucket] / self._quota.of(cost.bucket), seconds_until_reset(now)
