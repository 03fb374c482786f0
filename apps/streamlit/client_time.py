"""A client's wall clock: from what a person picked to a moment, with the two nights a year when that is not one to one."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


class NoSuchLocalTimeError(ValueError):
    """The clocks skip this wall time."""


def moment_of(day: date, clock: time, zone: str) -> datetime:
    """The moment (UTC) at which the clocks of `zone` show `clock` on `day`.

    A wall time that occurs twice means its first occurrence. Raises NoSuchLocalTimeError for one that the clocks skip.
    """
    local = datetime.combine(day, clock, tzinfo=ZoneInfo(zone))
    moment = local.astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise NoSuchLocalTimeError(f"{day} {clock:%H:%M} does not exist in {zone}")
    return moment


def week_of(day: date, zone: str) -> tuple[date, datetime, datetime]:
    """The week around `day`: its Monday, and the moments in [start, end) that it spans on the wall clock of `zone`."""
    monday = day - timedelta(days=day.weekday())
    return monday, _start_of(monday, zone), _start_of(monday + timedelta(days=7), zone)


def _start_of(day: date, zone: str) -> datetime:
    # Where midnight itself is skipped (as in São Paulo until 2019), fold=0 gives the moment of the switch.
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
