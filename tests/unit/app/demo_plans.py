"""Rows of the demo home's marts about plans and growth, worked out of its posts: goals, themes, formats, counts at an age, activity.

Belongs here: what `demo_home.py` writes into these marts. Figures are drawn from its seed; nothing here is a claim.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from contracts.records import Client

AGES = (1, 24, 48, 168, 672)
_COUNTED = ("engagements", "reach")
_GROWTH = ((1, 0.3), (2, 0.42), (4, 0.55), (8, 0.64), (12, 0.68), (24, 0.76), (48, 0.92), (72, 1.0))
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


def post_pillars(posts: pl.DataFrame, clients: Sequence[Client]) -> list[dict]:
    """The theme of the fact that a post's text or headline is; of what Pulso published, by its draft; of one that is no fact, none."""
    themes = {fact.text: fact.pillar_id for client in clients for fact in client.brand.facts}
    rows = []
    for post in posts.iter_rows(named=True):
        pillar, is_draft = themes.get(post["text"] or post["link_title"]), post["is_published_by_pulso"]
        row = {name: post[name] for name in ("client_id", "account_id", "network", "post_id")}
        row |= {"pillar_id": pillar, "known_by": ("draft" if is_draft else "words") if pillar else None}
        rows.append(row | {"week": _monday(post["published_day"])})
    return rows


def pillar_weeks(posts: pl.DataFrame, themed: pl.DataFrame, clients: Sequence[Client]) -> list[dict]:
    """Every theme in every week in which its client published, and what was about none."""
    rows = []
    both = posts.drop("week").join(themed.select("post_id", "pillar_id", "week"), on="post_id")
    for (client_id, week), published in both.group_by("client_id", "week", maintain_order=True):
        (client,) = (client for client in clients if client.client_id == client_id)
        for pillar in (*client.brand.pillars, None):
            of_pillar = published.filter(pl.col("pillar_id").eq_missing(pl.lit(pillar.pillar_id if pillar else None)))
            if pillar is None and of_pillar.is_empty():
                continue
            row = {"client_id": client_id, "week": week, "pillar_id": pillar.pillar_id if pillar else None}
            row |= {"pillar_name": pillar.name if pillar else None}
            row |= {"share_of_posts": of_pillar.height / published.height} | _performance(of_pillar)
            if pillar and pillar.intended_share is not None:
                row |= {"intended_share": pillar.intended_share}
                row |= {"share_gap": row["share_of_posts"] - pillar.intended_share}
            rows.append(row)
    return rows


def format_weeks(posts: pl.DataFrame) -> list[dict]:
    rows = []
    weeks = posts.with_columns(pl.col("published_day").dt.truncate("1w").alias("week"))
    for (client_id, network, week), published in weeks.group_by("client_id", "network", "week", maintain_order=True):
        for (content_format,), of_format in published.group_by("content_format", maintain_order=True):
            row = {"client_id": client_id, "network": network, "week": week, "content_format": content_format}
            rows.append(row | {"share_of_posts": of_format.height / published.height} | _performance(of_format))
    return rows


def counts_at_age(posts: pl.DataFrame, *, now: datetime) -> list[dict]:
    """What each post of the last forty days had at each age that it has reached by now; older ones were not looked at while young."""
    rows = []
    for post in posts.filter(pl.col("published_at") > now - timedelta(days=40)).iter_rows(named=True):
        for age, share in zip(AGES, (0.3, 0.72, 0.86, 0.97, 1.0), strict=True):
            if post["age_hours"] >= age:
                row = {name: post[name] for name in ("client_id", "account_id", "network", "post_id", "content_format")}
                row |= {"is_reply": False, "published_at": post["published_at"], "age_hours": age}
                row |= {
                    "week": _monday(post["published_day"]),
                    "observed_at": post["published_at"] + timedelta(hours=age),
                }
                told = {name: post[name] for name in ("engagements", "reach")}
                rows.append(row | {name: None if count is None else int(count * share) for name, count in told.items()})
    return rows


def snapshots(posts: pl.DataFrame, *, now: datetime) -> list[dict]:
    """Looks at each post of the last forty days, at the ages that it has reached."""
    rows = []
    for post in posts.filter(pl.col("published_at") > now - timedelta(days=40)).iter_rows(named=True):
        own = {name: post[name] for name in ("post_id", "account_id", "client_id", "network", "published_at")}
        looked = [(age, share) for age, share in _GROWTH if age <= post["age_hours"]]
        for age, share in looked:
            at = post["published_at"] + timedelta(hours=age)
            value = float(int(post["engagements"] * share / (1 if post["mature_at"] else looked[-1][1])))
            rows.append(own | {"observed_at": at, "age_hours": float(age), "value": value, "day": at.date()})
    return rows


def growing(posts: pl.DataFrame, *, now: datetime) -> list[dict]:
    """What was said of each young post at its newest look."""
    rows: list[dict] = []
    young = posts.filter(pl.col("mature_at").is_null()).sort("client_id", "engagements", "post_id", descending=True)
    for post in young.iter_rows(named=True):
        age, share = max(look for look in _GROWTH if look[0] <= post["age_hours"])
        engagements = float(post["engagements"])
        is_taking_off = all(row["client_id"] != post["client_id"] for row in rows)
        at = post["published_at"] + timedelta(hours=age)
        own = {name: post[name] for name in ("post_id", "account_id", "client_id", "network", "published_at")}
        rows.append(
            own
            | {"compared_at_hours": float(age), "age_hours": float(age), "observed_at": at, "engagements": engagements}
            | {"expected_engagements": engagements / share, "interval_level": 0.8, "usual_engagements": 30.0}
            | {"lower_engagements": engagements / share * 0.7, "upper_engagements": engagements / share * 1.6}
            | {"threshold_engagements": 200.0, "probability_top": 0.83 if is_taking_off else 0.04}
            | {"forecast_engagements": 40.0, "forecast_lower_engagements": 15.0, "forecast_upper_engagements": 120.0}
            | {"is_taking_off": is_taking_off, "told_at": at if is_taking_off else None, "told_probability": None}
            | {"reason": "", "model_kind": "boosted", "model_name": "popularity", "model_version": "1"}
            | {"forecast_at": at, "day": post["published_at"].date()}
        )
    return rows


def cohorts(posts: pl.DataFrame, at_age: pl.DataFrame) -> list[dict]:
    finals = posts.select(
        "post_id", *(pl.when(pl.col("mature_at").is_not_null()).then(name).alias(f"final_{name}") for name in _COUNTED)
    )
    known = at_age.join(finals, on="post_id")
    keys = ("client_id", "network", "week", "content_format")
    weeks = posts.with_columns(pl.col("published_day").dt.truncate("1w").alias("week"))
    rows = []
    for values, published in weeks.group_by(keys, maintain_order=True):
        cohort = dict(zip(keys, values, strict=True))
        for age in AGES:
            looked = known.filter(pl.col("age_hours") == age, **cohort)
            row = cohort | {"age_hours": age, "posts_published": published.height, "posts_counted": looked.height}
            for name in _COUNTED:
                both = looked.drop_nulls([name, f"final_{name}"])
                final = both[f"final_{name}"].sum()
                row |= {name: looked[name].sum() if looked[name].drop_nulls().len() else None}
                row |= {f"mean_{name}_per_post": looked[name].mean()}
                row |= {f"share_of_final_{name}": both[name].sum() / final if final else None}
            rows.append(row)
    return rows


def activity(posts: pl.DataFrame) -> list[dict]:
    """A comment two hours after each post, and a message after every third."""
    rows: dict[tuple, int] = {}
    for number, post in enumerate(posts.iter_rows(named=True)):
        account = tuple(post[name] for name in ("client_id", "account_id", "network"))
        hour = post["local_hour"] + 2
        at = ((post["local_weekday"] + hour // 24) % 7, hour % 24)
        for source in ("comments", *(["messages"] if number % 3 == 0 else [])):
            rows[(*account, source, *at)] = rows.get((*account, source, *at), 0) + 1
    names = ("client_id", "account_id", "network", "source", "local_weekday", "local_hour")
    return [dict(zip(names, key, strict=True)) | {"activities": count} for key, count in rows.items()]


def posting_times(posts: pl.DataFrame) -> list[dict]:
    names = ("client_id", "account_id", "network", "local_weekday", "local_hour")
    return posts.group_by(names).agg(pl.len().alias("posts_published")).sort(names).to_dicts()


def _performance(posts: pl.DataFrame) -> dict:
    known = posts["engagements"].drop_nulls()
    return {
        "posts_published": posts.height,
        "engagements": int(known.sum()) if known.len() else None,
        "mean_engagements_per_post": known.mean(),
        "median_engagements_per_post": known.median(),
    }


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def hour_effects(accounts: list[dict], now: datetime) -> list[dict]:
    """Evenings are a little better for the first client; of the second nothing has matured."""
    rows = []
    for account in accounts:
        for hour in range(24):
            posts = 12 if account["client_id"] == "harbor-coffee" and 8 <= hour <= 20 else 0
            effect = 0.06 if hour == 18 else 0.02 * np.sin(hour / 4)
            rows.append(
                {
                    "client_id": account["client_id"],
                    "account_id": account["account_id"],
                    "network": account["network"],
                    "time_zone": account["time_zone"],
                    "local_hour": hour,
                    "posts": posts,
                    "overlap": 0.8 if posts else 0.0,
                    "effect": effect,
                    "standard_error": 0.05,
                    "cautious_effect": np.sign(effect) * max(abs(effect) - 0.0075, 0.0),
                    "computed_at": now,
                }
            )
    return rows


def posting_time_lift(now: datetime) -> dict:
    """The first client's: enough drawn posts to say something."""
    return {
        "client_id": "harbor-coffee",
        "posts": 140,
        "holdout_posts": 15,
        "promised_lift": 0.04,
        "realised_lift": 0.05,
        "realised_low": -0.08,
        "realised_high": 0.2,
        "computed_at": now,
    }
