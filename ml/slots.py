"""Candidate slots: when a client could publish, in its own time zone.

Belongs here: the grid of local times, daylight-saving switches, quiet hours, distance from what is taken.
Does not belong here: which slot is best (`ml/timing.py`), who gets which (`ml/scheduling.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.records import PostingRules, QuietHours


@dataclass(frozen=True)
class Slot:
    """A moment at which a post may be published: `at` in UTC, and the same moment in the client's zone."""

    at: datetime
    local: datetime

    @property
    def day(self) -> date:
        """The local day, which daily limits count."""
        return self.local.date()


def is_quiet(hour: int, quiet: QuietHours) -> bool:
    """Whether a local hour lies in [start, end), which may wrap midnight; equal ends mean no quiet hours."""
    if quiet.start_hour <= quiet.end_hour:
        return quiet.start_hour <= hour < quiet.end_hour
    return hour >= quiet.start_hour or hour < quiet.end_hour


def local_grid(start: datetime, end: datetime, time_zone: str, *, step_minutes: int = 60) -> tuple[Slot, ...]:
    """Every wall-clock time on the grid of `step_minutes` from local midnight, with start <= moment < end, in order.

    A wall-clock time that a switch to summer time skips does not exist and is left out; one that the switch back repeats
    counts once, at its first occurrence. Raises ValueError unless the step divides a day.
    """
    if not 0 < step_minutes <= 24 * 60 or 24 * 60 % step_minutes:
        raise ValueError("step_minutes must divide a day, for example 30 or 60")
    zone = ZoneInfo(time_zone)
    slots = []
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        for minute in range(0, 24 * 60, step_minutes):
            wall = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone)  # fold=0: the first occurrence
            at = wall.astimezone(UTC)
            exists = at.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None)
            if exists and start <= at < end:
                slots.append(Slot(at, wall))
        day += timedelta(days=1)
    return tuple(slots)


def candidate_slots(
    start: datetime,
    end: datetime,
    time_zone: str,
    rules: PostingRules,
    *,
    taken: Sequence[datetime] = (),
    step_minutes: int = 60,
) -> tuple[Slot, ...]:
    """Slots outside quiet hours, at least the minimum gap from every taken time, on days with room for one more post."""
    gap = timedelta(hours=rules.min_gap_hours)
    room = room_per_day(taken, time_zone, rules)
    return tuple(
        slot
        for slot in local_grid(start, end, time_zone, step_minutes=step_minutes)
        if not is_quiet(slot.local.hour, rules.quiet_hours)
        and room.get(slot.day, rules.max_posts_per_day) > 0
        and all(abs(slot.at - other) >= gap and slot.at != other for other in taken)
    )


def room_per_day(taken: Iterable[datetime], time_zone: str, rules: PostingRules) -> dict[date, int]:
    """Posts that still fit on each local day that has taken times; other days have `rules.max_posts_per_day`."""
    zone = ZoneInfo(time_zone)
    room: dict[date, int] = {}
    for moment in taken:
        day = moment.astimezone(zone).date()
        room[day] = max(room.get(day, rules.max_posts_per_day) - 1, 0)
    return room
