"""Rows of the demo home's marts about plans and growth, worked out of its posts: goals, themes, formats, counts at an age, activity.

Belongs here: what `demo_home.py` writes into these marts. Figures are drawn from its seed; nothing here is a claim.
"""

from datetime import date, timedelta

import polars as pl

AGES = (1, 24, 48, 168, 672)
VIEWS_SENT_UNTIL = date(2026, 5, 10)
"""After this day Instagram has sent nobody any views, says gold/metric_availability."""


def goals(posts: pl.DataFrame, daily: list[dict], *, today: date) -> list[dict]:
    """The first client's goals: one of each state, and a total that a network stopped sending a part of."""
    spring, past, summer = (
        (date(2026, 4, 1), date(2026, 6, 30)),
        (date(2026, 3, 1), date(2026, 4, 30)),
        (date(2026, 7, 1), date(2026, 9, 30)),
    )
    days = pl.DataFrame(daily).filter(pl.col("client_id") == "harbor-coffee")
    rows = []
    for metric, network, target, (first, last) in (
        ("engagements", None, 6000.0, spring),
        ("posts_published", None, 200.0, spring),
        ("followers", "instagram", 12000.0, spring),
        ("comments", "bluesky", 40.0, spring),
        ("reach", None, 60000.0, spring),
        ("views", None, 90000.0, spring),
        ("engagement_rate_by_reach", "instagram", 0.05, spring),
        ("engagements", None, 9000.0, past),
        ("reach", "instagram", 200000.0, summer),
    ):
        of_network = pl.col("network").is_in([network] if network else ["bluesky", "instagram"])
        own = posts.filter(
            of_network & (pl.col("client_id") == "harbor-coffee") & pl.col("published_day").is_between(first, last)
        )
        followers = days.filter(of_network & pl.col("day").is_between(first - timedelta(days=1), last))["followers"]
        elapsed = min(max((min(today, last) - first).days + 1, 0), (last - first).days + 1) / ((last - first).days + 1)
        baseline = float(followers[0]) if metric == "followers" else None
        actual = {
            "posts_published": float(own.height),
            "followers": float(followers[-1]) if len(followers) else None,
            "views": None,
            "engagement_rate_by_reach": own["engagements"].sum() / (own["reach"].sum() or 1),
        }.get(metric, float(own[metric].sum()) if metric in own.columns else None)
        rows.append(
            _goal(
                metric, network, target, first, last, baseline, actual if elapsed else None, elapsed, min(today, last)
            )
        )
    return rows


def _goal(
    metric: str,
    network: str | None,
    target: float,
    first: date,
    last: date,
    baseline: float | None,
    actual: float | None,
    elapsed: float,
    as_of: date,
) -> dict:
    is_rate, start = metric.startswith("engagement_rate_by_"), baseline or 0.0
    progress = None if actual is None else (actual - start) / (target - start)
    projection = None if actual is None else actual if is_rate else start + (actual - start) / elapsed
    if elapsed == 0:
        status = "not_started"
    elif actual is None:
        status = "no_data"
    elif actual >= target and (elapsed == 1 or not (is_rate or baseline)):
        status = "reached"
    elif elapsed == 1:
        status = "missed"
    else:
        status = "on_track" if projection is not None and projection >= target else "behind"
    return {
        "client_id": "harbor-coffee",
        "goal_id": f"harbor-coffee/{metric}/{network or 'all'}/{first}/{last}",
        "metric": metric,
        "network": network,
        "first_day": first,
        "last_day": last,
        "as_of_day": as_of,
        "target": target,
        "baseline": baseline,
        "actual": actual,
        "elapsed_ratio": elapsed,
        "progress_ratio": progress,
        "pace_ratio": progress if is_rate or progress is None else progress / elapsed,
        "projection": projection,
        "status": status,
    }


def availability(posts: pl.DataFrame) -> list[dict]:
    """Views stopped on Instagram; Bluesky never tells them, nor reach."""
    weeks = posts.group_by(
        "client_id", "account_id", "network", pl.col("published_day").dt.truncate("1w").alias("week")
    ).agg(pl.len().alias("posts"))
    rows = []
    for row in weeks.sort("account_id", "week").iter_rows(named=True):
        posts_of_week = row.pop("posts")
        is_instagram = row["network"] == "instagram"
        stopped = is_instagram and row["week"] + timedelta(days=6) > VIEWS_SENT_UNTIL
        told = row | {"grain": "post", "expected": posts_of_week, "received": posts_of_week, "state": "received"}
        told["is_network_wide"] = False
        silent = {"received": 0, "state": "stopped", "is_network_wide": True}
        silent |= {"since": VIEWS_SENT_UNTIL + timedelta(days=1), "reason": "It sends it to nobody any more."}
        never = {"expected": 0, "received": 0, "state": "not_offered", "reason": "The network does not tell it."}
        for metric, silence in (("views", silent if stopped else {}), ("reach", {})):
            rows.append(told | {"metric": metric} | (silence if is_instagram else never))
    return rows
