"""When a client's posts may go out: quiet hours, gap, daily quota, and how late a slot may fire.

Belongs here: rules over moments. Hours and days are the client's own, so a day has 23 or 25 hours when the clocks change;
durations are elapsed time, so no gap shrinks or grows that night.
Does not belong here: choosing a good moment (ml).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.records import PostingRules, QuietHours, Violation


def local_day(moment: datetime, time_zone: str) -> date:
    """The client's calendar day of an aware moment."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def is_quiet(moment: datetime, quiet_hours: QuietHours, time_zone: str) -> bool:
    """True from `start_hour` up to, not including, `end_hour`, on the client's wall clock. Equal hours mean: never quiet."""
    hour = moment.astimezone(ZoneInfo(time_zone)).hour
    start, end = quiet_hours.start_hour, quiet_hours.end_hour
    if start <= end:
        return start <= hour < end
    return hour >= start or hour < end


def check_quiet_hours(moment: datetime, rules: PostingRules, time_zone: str) -> Iterator[Violation]:
    quiet = rules.quiet_hours
    if is_quiet(moment, quiet, time_zone):
        local = moment.astimezone(ZoneInfo(time_zone))
        yield Violation(
            rule="quiet_hours",
            message=f"{local:%H:%M} ({time_zone}) is within the quiet hours {quiet.start_hour:02}:00-{quiet.end_hour:02}:00.",
            remedy=f"Move it between {quiet.end_hour:02}:00 and {quiet.start_hour:02}:00.",
        )


def check_min_gap(moment: datetime, rules: PostingRules, published_times: Sequence[datetime]) -> Iterator[Violation]:
    """Elapsed time to every other post of the account, before and after."""
    gap = timedelta(hours=rules.min_gap_hours)
    # In UTC: two moments of one zone would be subtracted by their wall clocks, an hour wrong when the clocks change.
    moment = moment.astimezone(UTC)
    nearest = min((other.astimezone(UTC) for other in published_times), key=lambda t: abs(moment - t), default=None)
    if nearest is not None and abs(moment - nearest) < gap:
        minutes = abs(moment - nearest).total_seconds() / 60
        yield Violation(
            rule="min_gap",
            message=f"Only {minutes:.0f} minutes lie between this and the post of {nearest:%Y-%m-%d %H:%M} UTC.",
            remedy=f"Keep {rules.min_gap_hours:g} hours between posts of one account.",
        )


def check_daily_quota(
    moment: datetime, rules: PostingRules, time_zone: str, published_times: Sequence[datetime]
) -> Iterator[Violation]:
    """Posts of the account on the client's calendar day."""
    day = local_day(moment, time_zone)
    already = sum(local_day(other, time_zone) == day for other in published_times)
    if already >= rules.max_posts_per_day:
        yield Violation(
            rule="daily_quota",
            message=f"{already} of {rules.max_posts_per_day} posts of {day} ({time_zone}) are taken.",
            remedy="Move it to another day, or raise the client's daily quota.",
        )


def check_late_window(slot: datetime, rules: PostingRules, *, now: datetime) -> Iterator[Violation]:
    """A slot missed by more than its window does not fire late."""
    lateness = now.astimezone(UTC) - slot.astimezone(UTC)
    if lateness > timedelta(minutes=rules.late_window_minutes):
        yield Violation(
            rule="late_window",
            message=f"The slot of {slot.astimezone(UTC):%Y-%m-%d %H:%M} UTC was missed by {lateness.total_seconds() / 60:.0f} minutes.",
            remedy=f"Choose a new slot: a post fires at most {rules.late_window_minutes} minutes late.",
        )
