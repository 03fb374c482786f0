"""A small PULSO_HOME for tests of the app and the notebook: two clients, ninety days, written straight into gold and the store.

Gold's columns and types are read from dbt's own contracts, so that a mart that changes changes here too. Figures are drawn from a seed;
nothing here is a claim about any model.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import yaml
from PIL import Image, ImageDraw

from apps.demo import demo_clients
from contracts.clock import FixedClock
from contracts.freshness import DEADLINES
from contracts.networks import ContentFormat, Network
from contracts.records import Account, Client, ContentItem, Forecast, Media, Receipt, Token
from contracts.scope import TenantScope
from contracts.settings import Settings
from contracts.tables import (
    ACCOUNTS,
    CLIENTS,
    COMMENTS,
    COMPETITOR_POSTS,
    COMPETITORS,
    HOUR_EFFECTS,
    KPI_FORECASTS,
    MODEL_VERSIONS,
    MODEL_WATCH,
    POST_METRICS,
    POST_SNAPSHOTS,
    POSTING_TIME_LIFT,
    POSTS,
    POSTS_TAKING_OFF,
    READINGS,
)
from lakehouse import DeltaLake
from ml.forecasts.accounts import forecast_accounts
from operations import IntentState, ParkReason, open_store, set_up
from operations.content import locked_item
from operations.database import Database
from operations.intents import move, newest_intent
from tests.unit.app import demo_plans
from tests.unit.app.demo_alerts import write_alerts_and_trends

NOW = datetime(2026, 5, 27, 14, 0, tzinfo=UTC)
"""A Wednesday."""
CLIENT_IDS = ("harbor-coffee", "verde-cocina")
ROOT = Path(__file__).resolve().parents[3]
MATURITY = timedelta(hours=72)

_TYPES = {
    "varchar": pl.String,
    "bigint": pl.Int64,
    "integer": pl.Int32,
    "double": pl.Float64,
    "boolean": pl.Boolean,
    "timestamptz": pl.Datetime("us", "UTC"),
    "date": pl.Date,
    "varchar[]": pl.List(pl.String),
}


def gold_schema(table: str) -> pl.Schema:
    """A mart's columns as its dbt contract declares them."""
    document = yaml.safe_load((ROOT / "dbt_project" / "models" / "marts" / f"{table}.yml").read_text())
    return pl.Schema({column["name"]: _TYPES[column["data_type"]] for column in document["models"][0]["columns"]})


def write_demo_home(home: Path) -> Settings:
    """Fill `home`; returns its settings."""
    settings = Settings(home=home)
    home.mkdir(parents=True, exist_ok=True)
    set_up(settings)
    clients = [client for client in demo_clients() if client.client_id in CLIENT_IDS]
    items = _write_store(settings, clients)
    _write_lake(DeltaLake(settings.lake_path), settings, clients, items)
    return settings


def write_raw_rows(settings: Settings) -> None:
    """The raw counts and the rivals' public pages that the demo's gold says it was made of, for whoever goes down to them."""
    lake, everyone = DeltaLake(settings.lake_path), TenantScope.all_clients("a demo of two clients")
    _bronze_counts(lake, lake.scan("gold/fct_posts", scope=everyone).collect())
    _bronze_rivals(lake, lake.scan("gold/fct_competitor_posts", scope=everyone).collect())


@dataclass(frozen=True)
class ItemIds:
    """Content items of the demo's first client, by what a test wants to do with them."""

    to_approve: str = "harbor-draft-1"
    to_reject: str = "harbor-draft-2"
    blocked: str = "harbor-draft-blocked"
    slotless: str = "harbor-draft-slotless"
    reply: str = "harbor-reply"
    approved: str = "harbor-approved"
    published: str = "harbor-published"
    parked: str = "harbor-parked"


ITEMS = ItemIds()


def accounts_of(client_id: str) -> tuple[Account, Account]:
    handle = {"harbor-coffee": "harborandoak", "verde-cocina": "verdecocina"}[client_id]
    bluesky, instagram = f"did:plc:{handle}", str(17841400000000000 + len(handle) * 7919)
    common = {"client_id": client_id, "base_url": "http://127.0.0.1:9"}
    return (
        Account(
            account_id=f"bluesky:{bluesky}",
            network=Network.BLUESKY,
            native_id=bluesky,
            handle=f"{handle}.bsky.test",
            **common,
        ),
        Account(
            account_id=f"instagram:{instagram}", network=Network.INSTAGRAM, native_id=instagram, handle=handle, **common
        ),
    )


# --- the store ---------------------------------------------------------------------------------------------------------------


def _write_store(settings: Settings, clients: list[Client]) -> dict[str, ContentItem]:
    clock = FixedClock(NOW)
    with open_store(settings, clock=clock) as store:
        for client in clients:
            store.save_client(client, actor="test")
            for account in accounts_of(client.client_id):
                store.save_account(account, actor="test")
                if not (client.client_id == "verde-cocina" and account.network is Network.INSTAGRAM):
                    store.save_credential(account.account_id, Token(access_token="test"), actor="test")
        harbor = next(client for client in clients if client.client_id == "harbor-coffee")
        items = _harbor_items(harbor, settings)
        verde = next(client for client in clients if client.client_id == "verde-cocina")
        items["verde-draft"] = _item(
            verde,
            "verde-draft",
            0,
            "¿Ya probaste el arroz de temporada? Las alcachofas de esta semana vienen de Tudela.",
            NOW + timedelta(hours=29),
        )
        store.save_drafts(list(items.values()))
        for content_item_id in (ITEMS.approved, ITEMS.published, ITEMS.parked):
            store.approve(content_item_id, actor="Ana", revision=1)
    database = Database(settings.resolved_store_url)
    with database.write() as session:
        for content_item_id in (ITEMS.published, ITEMS.parked):
            locked_item(session, content_item_id)
            intent = newest_intent(session, content_item_id)
            assert intent is not None
            at = intent.scheduled_at + timedelta(minutes=2)
            intent.commit_calls = 1
            if content_item_id == ITEMS.published:
                intent.receipt = Receipt(
                    native_id="harborandoak.bsky.test-900",
                    permalink="https://example.test/harborandoak.bsky.test/900",
                    published_at=at,
                    how="answered",
                )
                intent.published_at = at
                move(session, intent, IntentState.PUBLISHED, at=at)
            else:
                reason = "The publishing call got no answer; 3 reads of the account showed no such post, and its state cannot prove it."
                move(session, intent, IntentState.PARKED, at=at, code=ParkReason.UNDECIDED, reason=reason)
    database.close()
    return items


def _harbor_items(client: Client, settings: Settings) -> dict[str, ContentItem]:
    card = _card(settings)
    texts = {
        ITEMS.to_approve: (
            0,
            "Start with 60 grams of coffee per litre of water, then change one thing at a time. Save this for your next brew. ☕",
            NOW + timedelta(days=1, hours=1),
        ),
        ITEMS.to_reject: (
            1,
            "Our Huila lot comes from 31 small farms in Colombia, all above 1,700 metres. Ask us at the bar and we will brew you a cup.",
            NOW + timedelta(days=2, hours=2),
        ),
        ITEMS.blocked: (
            0,
            "The world's best cold brew, guaranteed. Fourteen hours in the fridge and nothing else.",
            NOW + timedelta(days=2, hours=22),
        ),
        ITEMS.slotless: (
            0,
            "Rinse the paper filter with hot water first. It removes the paper taste and warms the cup.",
            None,
        ),
        ITEMS.approved: (
            1,
            "Let the grounds bloom for 40 seconds with twice their weight in water. #HomeBrewing",
            NOW + timedelta(hours=5),
        ),
        ITEMS.published: (
            0,
            "Washed coffees taste cleaner because the fruit is removed before the beans dry.",
            NOW - timedelta(days=1),
        ),
        ITEMS.parked: (
            0,
            "Saturday cupping at nine: six coffees, no snobbery. Tell a friend who brews at home.",
            NOW - timedelta(hours=20),
        ),
    }
    items = {name: _item(client, name, account, text, slot) for name, (account, text, slot) in texts.items()}
    for name in (ITEMS.to_reject, ITEMS.approved):
        items[name] = items[name].model_copy(update={"content_format": ContentFormat.IMAGE, "media": (card,)})
    items[ITEMS.reply] = _item(client, ITEMS.reply, 0, "Thank you! The Guji is back on Thursday.", None).model_copy(
        update={"reply_to_comment_id": "bluesky:at://x/1", "reply_to_post_id": "bluesky:at://x/0", "forecast": None}
    )
    return items


def _item(client: Client, name: str, account: int, text: str, slot: datetime | None) -> ContentItem:
    own = accounts_of(client.client_id)[account]
    middle = 3.2 + 0.9 * account + (len(text) % 7) / 10
    return ContentItem(
        content_item_id=name,
        client_id=client.client_id,
        account_id=own.account_id,
        network=own.network,
        text=text,
        content_format=ContentFormat.TEXT,
        language=client.language,
        pillar_id=client.brand.pillars[1].pillar_id,
        fact_ids=(
            next(fact.fact_id for fact in client.brand.facts if fact.pillar_id == client.brand.pillars[1].pillar_id),
        ),
        scheduled_at=slot,
        forecast=Forecast(
            expected_log_engagement=middle,
            lower_log_engagement=middle - 1.2,
            upper_log_engagement=middle + 1.3,
            percentile=0.71,
            model_name="engagement",
            model_version="3",
            forecast_at=NOW - timedelta(days=3),
        ),
        created_at=NOW - timedelta(days=3),
    )


def _card(settings: Settings) -> Media:
    """A real picture in the media folder."""
    image = Image.new("RGB", (1080, 1080), "#14323f")
    draw = ImageDraw.Draw(image)
    draw.ellipse((240, 240, 840, 840), fill="#d98e4a")
    draw.ellipse((330, 330, 750, 750), fill="#3b2416")
    content = BytesIO()
    image.save(content, "JPEG")
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    path = settings.media_path / f"{digest}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())
    return Media(
        media_id=digest[:16],
        path=str(path.relative_to(settings.home)),
        mime_type="image/jpeg",
        alt_text="A cup of filter coffee from above",
        width=1080,
        height=1080,
        size_bytes=len(content.getvalue()),
        sha256=digest,
    )


# --- the lake ------------------------------------------------------------------------------------------------------------------


def _write_lake(lake: DeltaLake, settings: Settings, clients: list[Client], items: dict[str, ContentItem]) -> None:
    rng = np.random.default_rng(7)
    posts = [
        row
        for client in clients
        for account in accounts_of(client.client_id)
        for row in _posts(rng, client, account, items)
    ]
    fct_posts = _gold(lake, "fct_posts", posts)
    accounts = [
        {
            "client_id": account.client_id,
            "account_id": account.account_id,
            "network": account.network.value,
            "native_id": account.native_id,
            "handle": account.handle,
            "display_name": client.name,
            "followers": 4200 if account.network is Network.BLUESKY else 11800,
            "posts_count": 300,
            "followers_observed_at": NOW - timedelta(hours=2),
            "first_observed_at": NOW - timedelta(days=90),
            "time_zone": client.time_zone,
        }
        for client in clients
        for account in accounts_of(client.client_id)
    ]
    _gold(lake, "dim_accounts", accounts)
    _gold(lake, "dim_clients", [_dim_client(client) for client in clients])
    daily = _account_days(fct_posts, accounts)
    _kpi_forecasts(lake, _gold(lake, "kpi_account_daily", daily))
    _gold(lake, "kpi_client_weekly", _weeks(fct_posts, daily))
    _gold(lake, "kpi_goals", demo_plans.goals(fct_posts, daily, today=NOW.date()))
    _gold(lake, "metric_availability", demo_plans.availability(fct_posts))
    themed = _gold(lake, "fct_post_pillars", demo_plans.post_pillars(fct_posts, clients))
    _gold(lake, "kpi_pillars_weekly", demo_plans.pillar_weeks(fct_posts, themed, clients))
    _gold(lake, "kpi_content_mix_weekly", demo_plans.format_weeks(fct_posts))
    at_age = _gold(lake, "fct_post_counts_at_age", demo_plans.counts_at_age(fct_posts, now=NOW))
    _gold(lake, "kpi_post_cohorts", demo_plans.cohorts(fct_posts, at_age))
    _gold(lake, "kpi_audience_activity", demo_plans.activity(fct_posts))
    _gold(lake, "kpi_posting_times", demo_plans.posting_times(fct_posts))
    rival_posts = _gold(lake, "fct_competitor_posts", _rival_posts(rng))
    _gold(lake, "kpi_competitor_benchmark", _benchmark(fct_posts, rival_posts))
    scores = _scores(rng, fct_posts)
    _gold(lake, "fct_forecast_scores", scores)
    _gold(lake, "kpi_forecast_skill", _skill(scores))
    _gold(lake, "kpi_model_quality_weekly", _model_quality(scores))
    _models(lake)
    _growing(lake, fct_posts)
    _bronze(lake, clients, accounts, fct_posts)
    write_alerts_and_trends(lake, accounts, fct_posts, now=NOW)
    pl.DataFrame(demo_plans.hour_effects(accounts, NOW), schema=HOUR_EFFECTS.schema).write_delta(
        lake.path(HOUR_EFFECTS.key)
    )
    pl.DataFrame([demo_plans.posting_time_lift(NOW)], schema=POSTING_TIME_LIFT.schema).write_delta(
        lake.path(POSTING_TIME_LIFT.key)
    )


def _growing(lake: DeltaLake, posts: pl.DataFrame) -> None:
    """How posts grew while they were looked at, and what was said of the young ones; the likeliest of each client takes off."""
    snapshots = demo_plans.snapshots(posts, now=NOW)
    lake.append(POST_SNAPSHOTS, pl.DataFrame(snapshots, schema=POST_SNAPSHOTS.schema))
    growing = demo_plans.growing(posts, now=NOW)
    lake.append(POSTS_TAKING_OFF, pl.DataFrame(growing, schema=POSTS_TAKING_OFF.schema))


def _gold(lake: DeltaLake, table: str, rows: list[dict]) -> pl.DataFrame:
    schema = gold_schema(table)
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    frame.write_delta(lake.path(f"gold/{table}"))
    return frame


def _dim_client(client: Client) -> dict:
    return {
        "client_id": client.client_id,
        "client_name": client.name,
        "time_zone": client.time_zone,
        "language": client.language,
        "autonomy": client.autonomy.value,
        "is_active": True,
    }


def _posts(rng: np.random.Generator, client: Client, account: Account, items: dict[str, ContentItem]) -> list[dict]:
    is_instagram = account.network is Network.INSTAGRAM
    facts = client.brand.facts
    zone = ZoneInfo(client.time_zone)
    rows = []
    for days_ago in range(90, -1, -1):
        if rng.random() > 0.72:
            continue
        at = NOW - timedelta(days=days_ago, hours=float(rng.choice([2, 4, 5, 6, 9])), minutes=float(rng.integers(60)))
        kind = str(rng.choice(["image", "carousel", "video"] if is_instagram else ["text", "image", "link"]))
        effect = {"video": 0.25, "carousel": 0.1, "link": -0.3}.get(kind, 0.0)
        engagements = int(
            np.expm1(max(0, rng.normal((4.6 if is_instagram else 3.3) + effect + (90 - days_ago) / 300, 0.8)))
        )
        words = facts[int(rng.integers(len(facts)))].text
        post = _post(client, account, zone, at, kind, words, engagements, len(rows), rng)
        rows.append(post | {"text": "", "link_title": words} if kind == "link" else post)
    if client.client_id == "harbor-coffee" and not is_instagram:
        slot = items[ITEMS.published].scheduled_at
        assert slot is not None
        ours = _post(
            client, account, zone, slot + timedelta(minutes=2), "text", items[ITEMS.published].text, 18, 900, rng
        )
        rows.append(ours | {"content_item_id": ITEMS.published, "is_published_by_pulso": True})
        lost = _post(client, account, zone, NOW - timedelta(hours=20), "text", items[ITEMS.parked].text, 7, 901, rng)
        rows.append(lost)
    return rows


def _post(
    client: Client,
    account: Account,
    zone: ZoneInfo,
    at: datetime,
    kind: str,
    text: str,
    engagements: int,
    number: int,
    rng: np.random.Generator,
) -> dict:
    local, age = at.astimezone(zone), NOW - at
    likes = int(engagements * 0.86)
    comments = int(engagements * 0.06)
    reach = int(engagements * rng.uniform(14, 40)) + 20 if account.network is Network.INSTAGRAM else None
    followers = 11000 if account.network is Network.INSTAGRAM else 4000
    is_mature = age >= MATURITY
    return {
        "client_id": client.client_id,
        "account_id": account.account_id,
        "network": account.network.value,
        "post_id": f"{account.network.value}:{account.handle}-{number}",
        "native_id": f"{account.handle}-{number}",
        "permalink": f"https://example.test/{account.handle}/{number}",
        "text": text,
        "content_format": kind,
        "media_count": 1,
        "is_reply": False,
        "published_at": at,
        "published_day": local.date(),
        "local_hour": local.hour,
        "local_weekday": local.weekday(),
        "time_zone": client.time_zone,
        "language": client.language,
        "content_item_id": None,
        "is_published_by_pulso": False,
        "likes": likes,
        "comments": comments,
        "shares": engagements - likes - comments,
        "saves": None,
        "quotes": None,
        "reach": reach,
        "views": reach * 2 if reach else None,
        "impressions": None,
        "engagements": engagements,
        "metrics_observed_at": NOW - timedelta(hours=2),
        "age_hours": age.total_seconds() / 3600,
        "is_backfilled": False,
        "mature_engagements": engagements if is_mature else None,
        "mature_at": at + MATURITY if is_mature else None,
        "matured_observed_at": at + MATURITY if is_mature else None,
        "followers_at_post": followers,
        "engagement_rate_by_reach": engagements / reach if reach else None,
        "engagement_rate_by_views": engagements / (reach * 2) if reach else None,
        "engagement_rate_by_impressions": None,
        "engagement_rate_by_followers": engagements / followers,
    }


def _account_days(posts: pl.DataFrame, accounts: list[dict]) -> list[dict]:
    rows = []
    for account in accounts:
        first = date(2026, 2, 26)
        own = posts.filter(pl.col("account_id") == account["account_id"])
        for index in range((NOW.date() - first).days + 1):
            day = first + timedelta(days=index)
            of_day = own.filter(pl.col("published_day") == day)
            rows.append(
                {
                    "client_id": account["client_id"],
                    "account_id": account["account_id"],
                    "network": account["network"],
                    "day": day,
                    "posts_published": of_day.height,
                    "engagements": of_day["engagements"].sum(),
                    "reach": of_day["reach"].sum() if of_day["reach"].drop_nulls().len() else None,
                    "followers": int(account["followers"] * (0.93 + 0.07 * index / 90 + 0.004 * np.sin(index / 5))),
                    "followers_delta": 5,
                }
            )
    return rows


def _kpi_forecasts(lake: DeltaLake, daily: pl.DataFrame) -> None:
    """What the models say today, and what they would have said five weeks ago."""
    for made in (NOW, NOW - timedelta(days=35)):
        rows = forecast_accounts(daily.filter(pl.col("day") < made.date()), today=made.date()).rows
        rows = rows.with_columns(forecast_at=pl.lit(made), day=pl.lit(made.date()))
        lake.replace_partition(KPI_FORECASTS, rows.select(KPI_FORECASTS.schema.names()), day=made.date())


def _weeks(posts: pl.DataFrame, daily: list[dict]) -> list[dict]:
    followers: dict[tuple[str, date], int] = {}
    for row in daily:
        week = row["day"] - timedelta(days=row["day"].weekday())
        if row["day"].weekday() == 6 or row["day"] == NOW.date():
            followers[row["client_id"], week] = followers.get((row["client_id"], week), 0) + row["followers"]
    weeks = (
        posts.with_columns(pl.col("published_day").dt.truncate("1w").alias("week"))
        .group_by("client_id", "week")
        .agg(
            pl.len().alias("posts_published"),
            pl.col("engagements", "reach", "views").sum(),
            pl.col("engagements").mean().alias("mean_engagements_per_post"),
            (pl.col("engagements").filter(pl.col("reach").is_not_null()).sum() / pl.col("reach").sum()).alias(
                "engagement_rate_by_reach"
            ),
        )
    )
    return [
        row | {"followers": followers.get((row["client_id"], row["week"]))}
        for row in weeks.sort("client_id", "week").to_dicts()
    ]


def _rival_posts(rng: np.random.Generator) -> list[dict]:
    rows = []
    for handle, network, level, followers in (
        ("roastery-row", "instagram", 4.9, 15000),
        ("slowbean", "instagram", 4.1, 6200),
        ("brewdistrict", "bluesky", 3.0, 3100),
    ):
        for days_ago in range(1, 60, 2):
            likes = int(np.expm1(rng.normal(level, 0.7)))
            rows.append(
                {
                    "client_id": "harbor-coffee",
                    "competitor_id": f"{network}:{handle}",
                    "network": network,
                    "handle": handle,
                    "competitor_post_id": f"{handle}-{days_ago}",
                    "permalink": None,
                    "text": "A rival's post",
                    "likes": likes,
                    "published_at": NOW - timedelta(days=days_ago),
                    "comments": likes // 15,
                    "engagements": likes + likes // 15,
                    "followers": followers,
                    "observed_at": NOW - timedelta(hours=3),
                }
            )
    return rows


def _benchmark(posts: pl.DataFrame, rival_posts: pl.DataFrame) -> list[dict]:
    """Accounts against the rivals of their network, by the week of the client's clock."""
    zone = posts.filter(pl.col("client_id") == "harbor-coffee")["time_zone"][0]
    day = pl.col("published_at").dt.convert_time_zone(zone).dt.date()
    rivals = (
        rival_posts.group_by("client_id", "network", "competitor_id", day.dt.truncate("1w").alias("week"))
        .agg((pl.col("engagements").sum() / pl.col("followers").sum()).alias("rival"))
        .group_by("client_id", "network", "week")
        .agg("rival")
    )
    own = (
        posts.filter(~pl.col("is_reply"))
        .group_by("client_id", "account_id", "network", pl.col("published_day").dt.truncate("1w").alias("week"))
        .agg(((pl.col("likes") + pl.col("comments")).sum() / pl.col("followers_at_post").sum()).alias("own"))
    )
    rows = []
    for row in own.join(rivals, on=["client_id", "network", "week"], how="left").sort("account_id", "week").to_dicts():
        own_rate, seen = row.pop("own"), row.pop("rival") or []
        average = sum(seen) / len(seen) if seen else None
        with_account = (sum(seen) + own_rate) / (len(seen) + 1) if seen else None
        rows.append(
            row
            | {
                "interactions_per_follower": own_rate,
                "rivals": len(seen),
                "rivals_average": average,
                "average_with_account": with_account,
                "gap_to_rivals": own_rate - average if seen else None,
                "gap_to_average": own_rate - with_account if seen else None,
                "percentile_among_rivals": sum((rate < own_rate) + (rate == own_rate) / 2 for rate in seen) / len(seen)
                if seen
                else None,
            }
        )
    return rows


def _scores(rng: np.random.Generator, posts: pl.DataFrame) -> list[dict]:
    rows = []
    for post in posts.filter(pl.col("mature_engagements").is_not_null()).sort("published_at").iter_rows(named=True):
        outcome = float(np.log1p(post["mature_engagements"]))
        expected = (4.6 if post["network"] == "instagram" else 3.3) + 0.5 * (outcome - 4.0) + float(rng.normal(0, 0.6))
        lower, upper = expected - 1.1, expected + 1.1
        rows.append(
            {
                "client_id": post["client_id"],
                "forecast_id": f"f-{post['post_id']}",
                "account_id": post["account_id"],
                "post_id": post["post_id"],
                "content_item_id": None,
                "origin": "decision" if len(rows) % 3 == 0 else "shadow",
                "model_name": "engagement",
                "model_version": "3",
                "forecast_at": post["published_at"] - timedelta(hours=20),
                "published_at": post["published_at"],
                "expected_log_engagement": expected,
                "lower_log_engagement": lower,
                "upper_log_engagement": upper,
                "interval_level": 0.8,
                "mature_engagements": post["mature_engagements"],
                "log_engagement": outcome,
                "is_covered": lower <= outcome <= upper,
                "absolute_error": abs(expected - outcome),
                "error": expected - outcome,
                "mature_at": post["mature_at"],
            }
        )
    return rows


def _skill(scores: list[dict]) -> list[dict]:
    frame = pl.DataFrame(scores)
    return (
        frame.group_by("client_id", "origin", "model_version")
        .agg(
            pl.len().alias("scored_forecasts"),
            pl.col("is_covered").mean().alias("coverage_ratio"),
            pl.col("interval_level").first(),
            pl.col("absolute_error").mean().alias("mean_absolute_error"),
            pl.col("error").mean().alias("bias"),
            pl.corr("expected_log_engagement", "log_engagement", method="spearman").alias("rank_correlation"),
            pl.col("mature_at").min().alias("first_scored_at"),
            pl.col("mature_at").max().alias("last_scored_at"),
        )
        .to_dicts()
    )


def _model_quality(scores: list[dict]) -> list[dict]:
    """A week of each client, origin and version, as if the median had erred a third more."""
    weeks: dict[tuple, list[dict]] = {}
    for score in scores:
        made = score["forecast_at"].date()
        week = made - timedelta(days=made.weekday())
        weeks.setdefault((score["client_id"], score["origin"], score["model_version"], week), []).append(score)
    rows = []
    for (client_id, origin, version, week), of_week in sorted(weeks.items()):
        error = float(np.mean([score["absolute_error"] for score in of_week]))
        rows.append(
            {
                "client_id": client_id,
                "origin": origin,
                "model_name": "engagement",
                "model_version": version,
                "week": week,
                "forecasts": len(of_week),
                "scored_forecasts": len(of_week),
                "mean_absolute_error": error,
                "bias": float(np.mean([score["error"] for score in of_week])),
                "mean_pinball_loss": error / 3,
                "coverage_ratio": float(np.mean([score["is_covered"] for score in of_week])),
                "interval_level": 0.8,
                "rank_correlation": None,
                "baseline_mean_absolute_error": error * 4 / 3,
                "skill_over_baseline": 0.25,
            }
        )
    return rows


def _models(lake: DeltaLake) -> None:
    """Three rounds of training: two champions, and a challenger that was refused. The watch has looked for ten days."""
    common = {
        "kind": "boosted",
        "held_out_posts": 400,
        "computed_at": NOW,
    }
    rounds = [
        ("engagement", "3", "champion", "better than every baseline", 0.61, "# Engagement model\n\nTrained on a demo."),
        ("engagement", "4", "refused", "MAE +0.012 (-0.004 to +0.031) against the champion: worse", 0.63, None),
        (
            "popularity",
            "2",
            "champion",
            "better than the median curve",
            0.37,
            "# Popularity model\n\nTrained on a demo.",
        ),
    ]
    rows = [
        {
            **common,
            "model_name": name,
            "baseline": "account_median" if name == "engagement" else "median_curve",
            "model_version": version,
            "run_id": f"run-{version}",
            "trained_at": NOW - timedelta(days=60 - 10 * int(version)),
            "state": state,
            "reasons": reasons,
            "mean_absolute_error": error,
            "rank_correlation": 0.42,
            "baseline_mean_absolute_error": 0.81,
            "baseline_rank_correlation": 0.11,
            "coverage_ratio": 0.79,
            "model_card": card,
        }
        for name, version, state, reasons, error, card in rounds
    ]
    lake.merge(MODEL_VERSIONS, pl.DataFrame(rows, schema=MODEL_VERSIONS.schema))
    days = [
        {
            "client_id": client_id,
            "model_name": name,
            "model_version": version,
            "day": NOW.date() - timedelta(days=age),
            "scored_forecasts": 4 * (11 - age),
            "drift_evidence": 0.9**age,
            "decay_evidence": 30.0 if client_id == "verde-cocina" and age < 3 else 0.4,
            "computed_at": NOW,
        }
        for client_id in CLIENT_IDS
        for name, version in (("engagement", "3"), ("popularity", "2"))
        for age in range(1, 11)
    ]
    lake.merge(MODEL_WATCH, pl.DataFrame(days, schema=MODEL_WATCH.schema))


def _bronze(lake: DeltaLake, clients: list[Client], accounts: list[dict], posts: pl.DataFrame) -> None:
    """Enough of bronze for freshness and quarantine: one account that its network refuses, and two kinds of rows kept out."""
    lake.merge(READINGS, _readings(accounts))
    lake.replace(
        CLIENTS,
        pl.DataFrame(
            [
                {
                    "client_id": client.client_id,
                    "name": client.name,
                    "time_zone": client.time_zone,
                    "language": client.language,
                    "autonomy": client.autonomy.value,
                    "is_active": True,
                    "exported_at": NOW - timedelta(hours=2),
                }
                for client in clients
            ],
            schema=CLIENTS.schema,
        ),
    )
    observed = NOW - timedelta(hours=2)
    lake.append(
        ACCOUNTS,
        pl.DataFrame(
            [
                {name: account.get(name) for name in ACCOUNTS.schema}
                | {"following": 100, "observed_at": observed, "raw": "{}", "day": observed.date()}
                for account in accounts
            ],
            schema=ACCOUNTS.schema,
        ),
    )
    seen = posts.with_columns(
        pl.lit(NOW - timedelta(days=3)).cast(pl.Datetime("us", "UTC")).alias("observed_at"),
        pl.lit("{}").alias("raw"),
        pl.lit("").alias("content_sha256"),
        pl.lit((NOW - timedelta(days=3)).date()).alias("day"),
    )
    lake.append(POSTS, seen.select(POSTS.schema.names()))
    comment = {
        "comment_id": "bluesky:at://x/1",
        "post_id": "bluesky:at://x/0",
        "account_id": accounts[0]["account_id"],
        "client_id": "harbor-coffee",
        "network": "bluesky",
        "native_id": "at://x/1",
        "text": "Is the *Guji* back?",
        "is_own": False,
        "commented_at": observed,
        "observed_at": observed,
        "raw": "{}",
        "day": observed.date(),
    }
    lake.append(COMMENTS, pl.DataFrame([{name: comment.get(name) for name in COMMENTS.schema}], schema=COMMENTS.schema))
    quarantine = POST_METRICS.quarantine()
    rows = [
        {
            "post_id": f"instagram:harborandoak-{number}",
            "account_id": accounts[1]["account_id"],
            "client_id": "harbor-coffee",
            "network": "instagram",
            "metric": "comments",
            "value": -1 if rule == "value_not_negative" else 4,
            "observed_at": observed,
            "is_backfilled": False,
            "source": "media",
            "raw": json.dumps({"comments_count": -1}),
            "day": observed.date(),
            "rule": rule,
            "reason": reason,
            "quarantined_at": observed,
        }
        for rule, reason, count in (
            ("value_not_negative", "a count below zero", 4),
            ("observed_after_published", "counted before it was published", 1),
        )
        for number in range(count)
    ]
    lake.append(quarantine, pl.DataFrame(rows, schema=quarantine.schema))


def _bronze_counts(lake: DeltaLake, posts: pl.DataFrame) -> None:
    """The counts behind each post's figures: a first round two days after it, where it is that old, and the newest one."""
    rows = []
    for post in posts.iter_rows(named=True):
        rounds = {post["metrics_observed_at"]: 1.0}
        if post["age_hours"] > 72:
            rounds[post["published_at"] + timedelta(days=2)] = 0.8
        for at, share in rounds.items():
            for metric in ("likes", "comments", "shares", "reach", "views"):
                if post[metric] is not None:
                    value = int(post[metric] * share)
                    rows.append(
                        {
                            "post_id": post["post_id"],
                            "account_id": post["account_id"],
                            "client_id": post["client_id"],
                            "network": post["network"],
                            "metric": metric,
                            "value": value,
                            "observed_at": at,
                            "is_backfilled": False,
                            "source": "media",
                            "raw": json.dumps({"id": post["native_id"], metric: value}),
                            "day": at.date(),
                        }
                    )
    lake.append(POST_METRICS, pl.DataFrame(rows, schema=POST_METRICS.schema))


def _bronze_rivals(lake: DeltaLake, rival_posts: pl.DataFrame) -> None:
    """Who is watched, and what their public pages showed."""
    watched = rival_posts.select("client_id", "competitor_id", "network", "handle").unique(maintain_order=True)
    exported = pl.lit(NOW - timedelta(hours=2)).cast(pl.Datetime("us", "UTC"))
    profile = pl.format("https://example.test/{}", "handle")
    lake.replace(
        COMPETITORS,
        watched.with_columns(profile.alias("profile_url"), exported.alias("exported_at")).select(
            COMPETITORS.schema.names()
        ),
    )
    payload = pl.struct("likes", "comments", "followers").struct.json_encode().alias("raw")
    seen = rival_posts.with_columns(payload, pl.col("observed_at").dt.date().alias("day"))
    lake.append(COMPETITOR_POSTS, seen.select(COMPETITOR_POSTS.schema.names()))


def _readings(accounts: list[dict]) -> pl.DataFrame:
    """All accounts were read two hours ago, but for one that is not connected: refused for three days."""
    rows = []
    for deadline in DEADLINES:
        for account in accounts:
            is_refused = account["client_id"] == "verde-cocina" and account["network"] == "instagram"
            asked = NOW - timedelta(hours=2)
            answered = NOW - timedelta(days=3) if is_refused else asked
            row = {name: account[name] for name in ("client_id", "network", "account_id")}
            row |= {"source": deadline.table.name, "first_asked_at": NOW - timedelta(days=90), "asked_at": asked}
            row |= {"answered_at": answered, "brought_at": answered, "newest_day": answered.date()}
            row |= {"error_class": "auth" if is_refused else None}
            if deadline.table is not COMPETITOR_POSTS:
                rows.append(row)
    return pl.DataFrame(rows, schema=READINGS.schema)


# --- the demo's clock ------------------------------------------------------------------------------------------------------------


class DemoClock:
    """A server that answers as the sandbox's clock does: the address to set as PULSO_NETWORK_BASE_URL. Close it."""

    def __init__(self, at: datetime = NOW) -> None:
        body = json.dumps({"now": at.isoformat()}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
