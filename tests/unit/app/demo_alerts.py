"""Alerts and trends of the demo home, as `ml` makes them of made-up comments, figures and rivals' posts.

The first client's Instagram audience turned angry this morning and its reach fell ten days ago for a day; two rivals take up a hashtag.
"""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from contracts.scope import TenantScope
from contracts.tables import ALERT_BINS, ALERTS, COMMENT_MOODS, TRENDS, WATCHED_STREAMS
from lakehouse import DeltaLake
from ml.streams.watch import COMMENTS_SCHEMA, FIGURES_SCHEMA, READ_SCHEMA, watch
from ml.trends.hashtags import POSTS_SCHEMA, hashtag_trends
from ml.trends.relevance import OWN_TEXTS_SCHEMA

DAYS = 30
CRISIS_HOURS_AGO = 7
TAKEN_UP = "coldbrewseason"
EVERYONE = TenantScope.all_clients("a demo of two clients")


def write_alerts_and_trends(lake: DeltaLake, accounts: list[dict], posts: pl.DataFrame, *, now: datetime) -> None:
    """WATCHED_STREAMS, ALERTS, ALERT_BINS, COMMENT_MOODS and TRENDS of all accounts, told as they would have been day by day."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    angry = accounts[1]["account_id"]
    moods = _moods(np.random.default_rng(11), accounts, posts, hour, angry)
    comments = moods.with_columns((pl.col("mood") == "negative").alias("is_negative"))
    read = pl.DataFrame(
        [{**account, "known_from": hour - timedelta(days=DAYS), "known_until": hour} for account in accounts],
        schema=READ_SCHEMA,
    )
    figures = _figures(np.random.default_rng(12), accounts, now, falls=angry)
    lake.append(COMMENT_MOODS, moods)
    for at in (now - timedelta(days=6), now):
        until = read.with_columns(pl.lit(at).cast(read.schema["known_until"]).alias("known_until"))
        seen = comments.filter(pl.col("commented_at") < at).select(COMMENTS_SCHEMA.names())
        told = lake.scan(ALERTS, scope=EVERYONE).collect()
        found = watch(seen, until, figures, told, now=at, alerts_per_week=2)
        lake.merge(WATCHED_STREAMS, found.streams)
        lake.merge(ALERTS, found.alerts)
        lake.merge(ALERT_BINS, found.bins)
    wishes = OWN_TEXTS_SCHEMA.to_frame()
    lake.append(TRENDS, hashtag_trends(_seen_posts(posts, now), wishes, at=now))


def _moods(
    rng: np.random.Generator, accounts: list[dict], posts: pl.DataFrame, hour: datetime, angry: str
) -> pl.DataFrame:
    rows = []
    for account in accounts:
        newest = posts.filter(pl.col("account_id") == account["account_id"]).sort("published_at").tail(2)["post_id"]
        for back in range(DAYS * 24, 0, -1):
            is_crisis = account["account_id"] == angry and CRISIS_HOURS_AGO - 4 < back <= CRISIS_HOURS_AGO
            for minute in np.sort(rng.uniform(0, 60, rng.poisson(60 if is_crisis else 4))):
                at = hour - timedelta(hours=back) + timedelta(minutes=float(minute))
                rows.append(
                    {
                        "comment_id": f"{account['account_id']}-c{len(rows)}",
                        "client_id": account["client_id"],
                        "account_id": account["account_id"],
                        "network": account["network"],
                        "post_id": newest[int(rng.random() < 0.8)],
                        "mood": "negative" if rng.random() < (0.7 if is_crisis else 0.1) else "neutral",
                        "commented_at": at,
                        "day": at.date(),
                    }
                )
    return pl.DataFrame(rows, schema=COMMENT_MOODS.schema)


def _figures(rng: np.random.Generator, accounts: list[dict], now: datetime, *, falls: str) -> pl.DataFrame:
    rows = []
    for account in accounts:
        for back in range(90, 0, -1):
            reach = 3000 * rng.lognormal(0, 0.15) * (0.2 if account["account_id"] == falls and back == 10 else 1)
            values = {"reach": int(reach), "followers": account["followers"] - 4 * back}
            rows += [
                {**account, "measure": measure, "day": (now - timedelta(days=back)).date(), "value": value}
                for measure, value in values.items()
                if measure == "followers" or account["network"] == "instagram"
            ]
    return pl.DataFrame([{name: row[name] for name in FIGURES_SCHEMA} for row in rows], schema=FIGURES_SCHEMA)


def _seen_posts(posts: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The own posts, and rivals' who take up a hashtag about coffee from the fridge."""
    own = posts.with_columns(pl.col("account_id").alias("source_id"), pl.lit(True).alias("is_own"))
    rivals = [
        {
            "client_id": "harbor-coffee",
            "source_id": rival,
            "is_own": False,
            "post_id": f"{rival}-{back}",
            "published_at": now - timedelta(days=back),
            "text": f"Cold brew coffee, slow in the fridge #{TAKEN_UP}" if back <= 3 else "Beans of the week #coffee",
        }
        for rival in ("instagram:roastery-row", "instagram:slowbean", "bluesky:brewdistrict")
        for back in range(1, 60)
    ]
    return pl.concat([own.select(POSTS_SCHEMA.names()), pl.DataFrame(rivals, schema=POSTS_SCHEMA)])
