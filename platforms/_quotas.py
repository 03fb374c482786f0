"""Limits that a network does not tell in its headers: counted here, and across processes in the store.

Belongs here: windows in which a limit is counted, and counting. Does not belong here: any network's numbers (its `client.py`), limits that
networks report (`_budget.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from contracts.ports import Quotas

RESERVED_AT_ONCE = 100
"""A process reserves up to one in so many of a limit's units ahead: a write per hundred calls instead of one per call. What it does not use is
lost, which only makes us more careful than we need to be."""
RESERVED_AT_ONCE_OF_A_MINUTE = 10
"""The same for limits of a minute, which are small, and in which what is lost is lost for a minute."""


class Window(StrEnum):
    """When a count starts anew."""

    MINUTE = "minute"
    QUARTER_HOUR = "quarter_hour"
    HOUR = "hour"
    UTC_DAY = "utc_day"
    PACIFIC_DAY = "pacific_day"
    MONTH = "month"

    def bounds(self, moment: datetime) -> tuple[datetime, datetime]:
        """Start and end of the window that the moment lies in."""
        moment = moment.astimezone(ZoneInfo("America/Los_Angeles") if self is Window.PACIFIC_DAY else UTC)
        if self in (Window.MINUTE, Window.QUARTER_HOUR, Window.HOUR):
            minutes = {Window.MINUTE: 1, Window.QUARTER_HOUR: 15, Window.HOUR: 60}[self]
            start = moment.replace(minute=moment.minute - moment.minute % minutes, second=0, microsecond=0)
            return start, start + timedelta(minutes=minutes)
        start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        if self is not Window.MONTH:
            return start, (start + timedelta(days=1)).replace(hour=0)
        start = start.replace(day=1)
        return start, (start + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True)
class LocalLimit:
    """What one call takes from a limit that we count ourselves. `key` names who shares it: an account, an app, a client's money."""

    key: str
    limit: int
    window: Window
    units: int = 1


class QuotaCounter:
    """Takes units from limits, in machine time. One per network; the store behind it is shared by all processes."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._reserved: dict[str, tuple[datetime, int]] = {}
        """Units in hand by limit, and the window that they are of."""

    async def take(self, limit: LocalLimit, *, now: datetime) -> datetime | None:
        """None: the units are taken. Otherwise nothing is, and this is when the window ends."""
        start, end = limit.window.bounds(now)
        if self._in_hand(limit, start) < limit.units:
            share = RESERVED_AT_ONCE_OF_A_MINUTE if limit.window is Window.MINUTE else RESERVED_AT_ONCE
            ahead = max(limit.units, limit.limit // share)
            for wanted in dict.fromkeys((ahead, limit.units)):
                if await self._quotas.reserve(limit.key, window_start=start, units=wanted, limit=limit.limit):
                    self._reserved[limit.key] = (start, self._in_hand(limit, start) + wanted)
                    break
            else:
                return end.astimezone(UTC)
        self._reserved[limit.key] = (start, self._in_hand(limit, start) - limit.units)
        return None

    def _in_hand(self, limit: LocalLimit, start: datetime) -> int:
        window, units = self._reserved.get(limit.key, (start, 0))
        return units if window == start else 0


class MemoryQuotas:
    """`contracts.ports.Quotas` of one process: for tools that talk to networks without a store."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, datetime], int] = {}

    async def reserve(self, key: str, *, window_start: datetime, units: int, limit: int) -> bool:
        used = self._used.get((key, window_start), 0)
        if used + units > limit:
            return False
        self._used[key, window_start] = used + units
        return True
