"""Schedules: when the outside world is asked or told something. What follows from data alone is in `automation.py`.

All of them look at the business clock, so that they also fit a sandbox whose time is moved by hand: a run key names the
business hour, day or week, and Dagster starts one run for each key.
"""

import dagster as dg

from contracts.clock import Clock
from contracts.ports import Publisher
from orchestration.jobs import daily_loop, observe, publish_due, train_engagement, train_popularity, watch_sources

RUNNING = dg.DefaultScheduleStatus.RUNNING


@dg.schedule(job=daily_loop, cron_schedule="*/15 * * * *", default_status=RUNNING)
def every_business_day(clock: dg.ResourceParam[Clock]) -> dg.RunRequest:
    """The whole loop once for each business day (UTC), soon after it begins."""
    day = clock.now().date().isoformat()
    return dg.RunRequest(run_key=f"loop-{day}", partition_key=day)


@dg.schedule(job=observe, cron_schedule="*/15 * * * *", default_status=RUNNING)
def every_quarter_of_an_hour(clock: dg.ResourceParam[Clock]) -> dg.RunRequest:
    """Counts of young posts move fast: half of the engagement of many posts comes within hours."""
    now = clock.now()
    return dg.RunRequest(run_key=f"observe-{now:%Y-%m-%dT%H}-{now.minute // 15}", partition_key=now.date().isoformat())


@dg.schedule(job=watch_sources, cron_schedule="7,37 * * * *", default_status=RUNNING)
def every_business_hour(clock: dg.ResourceParam[Clock]) -> dg.RunRequest:
    """Deadlines are hours long, so an hour more is none. Not at the minutes at which readings begin."""
    now = clock.now()
    return dg.RunRequest(run_key=f"watch-{now:%Y-%m-%dT%H}")


@dg.schedule(job=train_engagement, cron_schedule="0 * * * *", default_status=RUNNING)
def every_business_week(clock: dg.ResourceParam[Clock]) -> dg.RunRequest:
    """A challenger a week: accounts drift over weeks, not hours."""
    return dg.RunRequest(run_key=f"train-{_week(clock)}")


@dg.schedule(job=train_popularity, cron_schedule="30 * * * *", default_status=RUNNING)
def every_business_week_from_growth(clock: dg.ResourceParam[Clock]) -> dg.RunRequest:
    """Networks change how fast posts grow over weeks, too; until enough posts were followed, a round costs nothing."""
    return dg.RunRequest(run_key=f"train-popularity-{_week(clock)}")


def _week(clock: Clock) -> str:
    year, week, _ = clock.now().isocalendar()
    return f"{year}-{week:02d}"


@dg.schedule(job=publish_due, cron_schedule="* * * * *", default_status=RUNNING)
def when_something_is_due(
    clock: dg.ResourceParam[Clock], publisher: dg.ResourceParam[Publisher]
) -> dg.RunRequest | dg.SkipReason:
    """Every minute, but only if the outbox has work: a run launch costs seconds."""
    due = publisher.due()
    if not due:
        return dg.SkipReason("Nothing is due.")
    now = clock.now()
    return dg.RunRequest(run_key=None, partition_key=now.date().isoformat(), tags={"pulso/due": str(due)})


ALL_SCHEDULES = [
    every_business_day,
    every_quarter_of_an_hour,
    every_business_hour,
    every_business_week,
    every_business_week_from_growth,
    when_something_is_due,
]
