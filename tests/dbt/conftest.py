"""Small bronze tables, written by the real lake, and dbt builds over them in a home of their own."""

import json
import pickle
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import duckdb
import polars as pl
import pytest
from filelock import FileLock

from contracts import tables
from contracts.errors import ErrorClass
from contracts.records import GoalMetric
from contracts.settings import Settings
from contracts.tables import TableSpec
from lakehouse import DeltaLake, open_lake
from orchestration.dbt_cli import current_manifest
from tests import forked
from tests.dbt import parsed

NOW = datetime(2026, 4, 20, 6, tzinfo=UTC)
QUIETLY = ("--quiet", "--log-level-file", "none")
CLIENTS = {"york": "America/New_York", "madrid": "Europe/Madrid", "paulo": "America/Sao_Paulo"}
METRICS = {
    "bluesky": ("likes", "comments", "shares", "quotes", "saves"),
    "instagram": ("likes", "comments", "shares", "saves", "reach", "views", "watch_minutes", "average_view_seconds"),
    "x": ("likes", "comments", "shares", "impressions", "clicks", "link_clicks", "profile_visits"),
}
WORDS = ("The farmers, again.", "A flat white at the farm", "Flat White!", "pharmacies", "", "CAFÉS and a farm, a farm")
"""Beside the hashtags: what the pillars' keywords find, and what they must not."""


@dataclass
class Home:
    """A PULSO_HOME with bronze in it."""

    path: Path
    bronze: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.path)

    @property
    def lake(self) -> DeltaLake:
        return open_lake(self.settings)

    def write(self, table: TableSpec, rows: list[dict[str, Any]]) -> None:
        """Append rows; columns that a row does not name are null, `day` is the day of its first moment."""
        self.bronze.setdefault(table.name, []).extend(rows)
        full = [{name: row.get(name) for name in table.schema} for row in rows]
        self.lake.append(table, pl.DataFrame(full, schema=table.schema))

    def build(self, *arguments: str) -> CompletedProcess[str]:
        """`dbt build` over this home, in a process of its own; fails the test only if the caller checks the return code."""
        return self.dbt("build", *arguments)

    def dbt(self, command: str, *arguments: str) -> CompletedProcess[str]:
        """Any other command of dbt, in the same way."""
        return forked.call("tests.dbt.parsed:main", self.path, command, *arguments)

    def run(self, *arguments: str) -> None:
        """dbt's models and seeds alone, in this process."""
        kinds = ["--resource-type", "model", "--resource-type", "seed"]
        outcome = parsed.run("build", *QUIETLY, *kinds, *arguments, settings=self.settings)
        assert outcome.success, outcome.exception or [r.message for r in outcome.result if r.status == "error"]

    def results(self) -> dict[str, dict[str, Any]]:
        """What dbt says of every node of its last run, by its unique id."""
        results = json.loads((self.path / "dbt" / "run_results.json").read_text())["results"]
        return {result["unique_id"]: result for result in results}

    def mart(self, name: str) -> pl.DataFrame:
        """A gold table as dbt built it."""
        with duckdb.connect(str(self.settings.warehouse_path), read_only=True) as warehouse:
            warehouse.execute("set TimeZone = 'UTC'")
            return warehouse.execute(f"select * from gold.{name} order by all").pl()


@pytest.fixture(scope="session", autouse=True)
def manifest() -> dict[str, Any]:
    """The compiled project."""
    return json.loads(current_manifest(Settings()).read_text())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path)


@pytest.fixture(scope="session")
def first_build(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> tuple[Home, dict[str, str]]:
    """A home with three clients' seeded bronze, built and tested by dbt, unit tests included; and the status of every node of that build.

    Built once for all of pytest's workers; each has a copy.
    """
    root = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    original, bronze = Home(root / "first_build"), root / "first_build.pickle"
    with FileLock(root / "first_build.lock"):
        if not bronze.exists():
            shutil.rmtree(original.path, ignore_errors=True)
            seed_bronze(original)
            outcome = original.build()
            assert outcome.returncode == 0, outcome.stdout
            bronze.write_bytes(pickle.dumps(original.bronze))
    home = Home(tmp_path_factory.mktemp("seeded") / "home", pickle.loads(bronze.read_bytes()))
    shutil.copytree(original.path, home.path)
    return home, {name: result["status"] for name, result in home.results().items()}


@pytest.fixture(scope="session")
def built(first_build: tuple[Home, dict[str, str]]) -> Home:
    """The home of the first build. Tests may build it again: what its last run said is then another one's."""
    return first_build[0]


@pytest.fixture
def seed() -> Callable[[Home], None]:
    """Writes the seeded bronze into a home."""
    return seed_bronze


def seed_bronze(home: Home) -> None:
    """Two accounts of three clients over seven weeks that hold both spring switches of summer time.

    Posts are observed daily for a while, some are edited, some are replies, some were first seen late; counts can fall; one
    account is never observed, one not for five weeks, one has no post; forecasts, actions and rivals beside them.
    """
    chance = random.Random(7)
    home.write(
        tables.CLIENTS,
        [
            {
                "client_id": c,
                "name": c.title(),
                "time_zone": zone,
                "language": "en",
                "autonomy": "manual",
                "is_active": True,
                "exported_at": NOW,
            }
            for c, zone in CLIENTS.items()
        ],
    )
    start = datetime(2026, 3, 1, tzinfo=UTC)
    posts, counts, profiles = [], [], []
    for client in CLIENTS:
        for network, metrics in METRICS.items():
            account = {
                "client_id": client,
                "network": network,
                "account_id": f"{network}:{client}",
                "native_id": client,
            }
            is_observed = (client, network) != ("paulo", "instagram")
            for day in range(0, 50, 3):
                at = start + timedelta(days=day, hours=chance.uniform(0, 24))
                followers = None if chance.random() < 0.2 else 1000 + chance.randint(-50, 50)
                is_silent = (client, network) == ("madrid", "x") and 12 < day < 45
                if is_observed and day > 6 and not is_silent:
                    profiles.append(
                        {
                            **account,
                            "handle": f"{client}.{day // 12}",
                            "display_name": client.title(),
                            "followers": followers,
                            "posts_count": day,
                            "observed_at": at,
                            "raw": "{}",
                            "day": at.date(),
                        }
                    )
            for number in range(0 if (client, network) == ("paulo", "bluesky") else 30):
                published = start + timedelta(seconds=chance.randint(0, 48 * 86400))
                native = f"{client}{number}"
                post = {
                    **account,
                    "native_id": native,
                    "post_id": f"{network}:{native}",
                    "permalink": f"https://example/{native}",
                    "text": f"Post {number} #all #{('Sea', 'sea', 'café', '7')[number % 4]} {WORDS[number % len(WORDS)]}",
                    "link_url": f"https://example.com/{number}" if number % 4 == 0 else None,
                    "link_title": f"Headline {number}" if number % 8 == 0 else None,
                    "content_format": ("image", "text", "video")[number % 3],
                    "media_count": 1,
                    "published_at": published,
                    "is_reply": chance.random() < 0.1,
                    "raw": "{}",
                }
                is_late = chance.random() < 0.25
                seen = published + (timedelta(days=chance.randint(2, 12)) if is_late else timedelta(hours=1))
                versions = [seen, seen + timedelta(days=1)] if chance.random() < 0.2 else [seen]
                for version, at in enumerate(versions):
                    text = post["text"] + " (edited)" * version
                    posts.append(
                        {**post, "text": text, "observed_at": at, "content_sha256": str(version), "day": at.date()}
                    )
                if chance.random() < 0.1:
                    continue  # the network sent no counts
                values = {metric: chance.randint(0, 40) for metric in metrics if chance.random() < 0.8}
                for step in range(chance.randint(1, 12)):
                    at = seen + timedelta(days=step, seconds=chance.randint(0, 3600))
                    for metric in values:
                        values[metric] = max(0, values[metric] + chance.randint(-3, 9))
                        moment = at + timedelta(seconds=0 if metric in ("likes", "comments") else 30)
                        counts.append(
                            {
                                **account,
                                "post_id": post["post_id"],
                                "metric": metric,
                                "value": values[metric],
                                "observed_at": moment,
                                "is_backfilled": is_late and step == 0,
                                "source": "media",
                                "raw": "{}",
                                "day": moment.date(),
                            }
                        )
    home.write(tables.ACCOUNTS, profiles)
    home.write(tables.POSTS, posts)
    home.write(tables.POST_METRICS, counts)
    _seed_young_counts(home)
    home.write(
        tables.ACCOUNT_METRICS,
        [
            {
                "client_id": "york",
                "account_id": "instagram:york",
                "network": "instagram",
                "metric": metric,
                "value": day - 5,
                "fetched_at": NOW,
                "raw": "{}",
                "day": (start + timedelta(days=day)).date(),
            }
            for day in range(10)
            for metric in ("reach", "follower_count")
        ],
    )
    _seed_comments(home, chance)
    _seed_actions(home, chance)
    _seed_plans(home)
    _seed_operations(home)


def _seed_young_counts(home: Home) -> None:
    """Of posts that were seen in time, some are looked at several times around their first hour, first day and second day."""
    chance = random.Random(3)
    counted = {row["post_id"] for row in home.bronze["post_metrics"]}
    seen_late = {row["post_id"] for row in home.bronze["post_metrics"] if row["is_backfilled"]}
    young = [
        {
            **{name: post[name] for name in ("client_id", "account_id", "network", "post_id")},
            "metric": metric,
            "value": chance.randint(0, 30),
            "observed_at": post["published_at"] + timedelta(minutes=minutes),
            "is_backfilled": False,
            "source": "media",
            "raw": "{}",
            "day": (post["published_at"] + timedelta(minutes=minutes)).date(),
        }
        for post in home.bronze["posts"]
        if post["content_sha256"] == "0" and post["post_id"] in counted - seen_late
        for minutes in (44, 45, 50, 60, 61, 17 * 60, 18 * 60, 24 * 60, 36 * 60 - 1, 40 * 60, 48 * 60)
        if chance.random() < 0.4
        for metric in METRICS[post["network"]]
        if chance.random() < 0.6
    ]
    home.write(tables.POST_METRICS, young)


def _seed_comments(home: Home, chance: random.Random) -> None:
    """Below some posts: questions, own answers to some of them, one post that nobody has read."""
    comments: list[dict[str, Any]] = []

    def comment(post: dict[str, Any], name: str, at: datetime, *, is_own: bool, parent: str | None = None) -> None:
        names = ("client_id", "network", "account_id")
        comments.append(
            {name_: post[name_] for name_ in names}
            | {
                "comment_id": name,
                "native_id": name,
                "post_id": post["post_id"],
                "parent_comment_id": parent,
                "author_native_id": "a",
                "author_handle": "a",
                "text": "words",
                "likes": chance.choice([None, 0, 3]),
                "commented_at": at,
                "observed_at": at + timedelta(hours=1),
                "is_own": is_own,
                "raw": "{}",
                "day": at.date(),
            }
        )

    posts = {row["post_id"]: row for row in home.bronze["posts"]}
    for post in [*posts.values(), {**next(iter(posts.values())), "post_id": "bluesky:never read"}]:
        for number in range(chance.randint(0, 3)):
            at = post["published_at"] + timedelta(seconds=chance.randint(60, 200_000))
            name = f"{post['post_id']}/{number}"
            comment(post, name, at, is_own=chance.random() < 0.1)
            for answer in range(chance.randint(0, 2)):
                later = at + timedelta(seconds=chance.randint(60, 9_000))
                comment(post, f"{name}/{answer}", later, is_own=chance.random() < 0.7, parent=name)
    home.write(tables.COMMENTS, comments)


def _seed_plans(home: Home) -> None:
    """Pillars, one of them gone; goals on each kind of metric, past, running and to come, one of them dropped."""
    pillars = (
        ("places", ["farm", "sea"], 0.5, True),
        ("drinks", ["flat white", "Café"], 0.25, True),
        ("seasons", ["spring"], None, True),
        ("gone", ["post"], 0.1, False),
    )
    home.write(
        tables.PILLARS,
        [
            {
                "client_id": client,
                "pillar_id": pillar,
                "name": pillar.title(),
                "position": position,
                "keywords": keywords,
                "intended_share": share,
                "is_active": is_active,
                "exported_at": NOW,
            }
            for client in CLIENTS
            for position, (pillar, keywords, share, is_active) in enumerate(pillars)
            if (client, pillar) != ("york", "drinks")
        ],
    )
    periods = (
        (date(2026, 3, 9), date(2026, 3, 29)),
        (date(2026, 4, 6), date(2026, 4, 26)),
        (date(2026, 6, 1), date(2026, 6, 30)),
    )
    goals = [
        (metric, network, account, period)
        for metric in GoalMetric
        for period in periods
        for network, account in ((None, None), ("x", None), (None, "instagram:{client}"))
    ]
    home.write(
        tables.GOALS,
        [
            {
                "goal_id": f"{client}/{number}",
                "client_id": client,
                "metric": metric.value,
                "target": 0.05
                if "rate" in metric
                else 2050.0
                if metric == GoalMetric.FOLLOWERS
                else 30.0 + 25 * (number % 4),
                "first_day": period[0],
                "last_day": period[1],
                "network": network,
                "account_id": account and account.format(client=client),
                "is_active": number % 10 != 0,
                "exported_at": NOW,
            }
            for client in CLIENTS
            for number, (metric, network, account, period) in enumerate(goals)
        ],
    )


def _seed_operations(home: Home) -> None:
    """Readings of every source on most days, with errors of all classes; the queue on every other day; direct messages."""
    chance = random.Random(5)
    readings, queues, messages = [], [], []
    for client in CLIENTS:
        for network in METRICS:
            names = {"client_id": client, "network": network}
            for number in range(50):
                day = date(2026, 3, 1) + timedelta(days=number)
                at = datetime(day.year, day.month, day.day, chance.randint(0, 23), tzinfo=UTC)
                for source in ("posts", "comments"):
                    for outcome in ("answered", *(error.value for error in ErrorClass)):
                        if chance.random() < (0.9 if outcome == "answered" else 0.2):
                            told = {"source": source, "outcome": outcome, "readings": chance.randint(1, 96)}
                            readings.append(
                                {**names, **told, "account_id": f"{network}:{client}", "last_asked_at": at, "day": day}
                            )
                if number % 2:
                    waiting = chance.randint(0, 9)
                    held = {"waiting": waiting, "overdue": waiting // 3, "parked": chance.randint(0, 2)}
                    queues.append({**names, **held, "observed_at": at, "day": day})
                messages.append(
                    {
                        **names,
                        "account_id": f"{network}:{client}",
                        "message_id": f"{network}:{client}-{number}",
                        "conversation_id": "c",
                        "native_id": f"{client}-{number}",
                        "is_own": chance.random() < 0.3,
                        "sent_at": at,
                        "observed_at": at,
                        "day": day,
                    }
                )
    home.write(tables.READING_DAYS, readings)
    home.write(tables.QUEUE_DEPTHS, queues)
    home.write(tables.MESSAGES, messages)


def _seed_actions(home: Home, chance: random.Random) -> None:
    published = {row["post_id"]: row for row in home.bronze["posts"] if not row["is_reply"]}
    actions, forecasts = [], []
    for number, (post_id, post) in enumerate(sorted(published.items())):
        item = f"item-{number}"
        at = post["published_at"]
        if number % 3 == 0:
            for state, proof, recorded in (("approved", None, at - timedelta(hours=1)), ("published", post_id, at)):
                actions.append(
                    {
                        "ledger_id": f"ledger-{number}",
                        "client_id": post["client_id"],
                        "account_id": post["account_id"],
                        "network": post["network"],
                        "action": "publish",
                        "content_item_id": item,
                        "revision": 1,
                        "occurrence": 1,
                        "state": state,
                        "post_id": proof,
                        "scheduled_at": at - timedelta(seconds=chance.randint(0, 90)),
                        "published_at": at if proof else None,
                        "commit_calls": int(proof is not None),
                        "decision_ids": ["d"],
                        "pillar_id": "seasons" if number % 9 == 0 else None,
                        "recorded_at": recorded,
                        "day": recorded.date(),
                    }
                )
        expected = chance.uniform(2, 5)
        is_decision = number % 3 == 0
        forecasts.append(
            {
                "forecast_id": f"forecast-{number}",
                "client_id": post["client_id"],
                "account_id": post["account_id"],
                "post_id": None if is_decision else post_id,
                "content_item_id": item if is_decision else None,
                "origin": "decision" if is_decision else "shadow",
                "expected_log_engagement": round(expected, 1),
                "lower_log_engagement": expected - 0.5,
                "upper_log_engagement": expected + 0.5,
                "interval_level": 0.8,
                "interval_multiplier": 1.2 if is_decision else None,
                "model_name": "engagement",
                "model_version": str(1 + number % 2),
                "forecast_at": at + timedelta(hours=1 if number % 12 == 0 else -1),
                "day": at.date(),
            }
        )
    # The ledger is exported by the day of the last change: an action that changed on two days stands on both.
    by_day = {(row["ledger_id"], row["day"]): row for row in actions}
    for day in sorted({row["day"] for row in by_day.values()}):
        rows = [row for (_, at), row in by_day.items() if at == day]
        home.bronze.setdefault("action_ledger", []).extend(rows)
        full = [{name: row.get(name) for name in tables.ACTION_LEDGER.schema} for row in rows]
        home.lake.replace_partition(
            tables.ACTION_LEDGER, pl.DataFrame(full, schema=tables.ACTION_LEDGER.schema), day=day
        )
    home.write(tables.FORECASTS, forecasts)
    home.write(
        tables.COMPETITORS,
        [
            {
                "client_id": client,
                "competitor_id": rival,
                "network": "bluesky",
                "handle": rival,
                "profile_url": "u",
                "exported_at": NOW,
            }
            for client, rival in (("york", "r1"), ("madrid", "r1"), ("madrid", "r2"))
        ],
    )
    home.write(
        tables.COMPETITOR_POSTS,
        [
            {
                "competitor_post_id": f"{rival}-{number}",
                "competitor_id": rival,
                "network": "bluesky",
                "handle": rival,
                "permalink": "u",
                "text": "x",
                "published_at": NOW - timedelta(days=9),
                "likes": None if number == 2 else number + step,
                "comments": step if number else None,
                "followers": 10,
                "observed_at": NOW - timedelta(days=2 - step),
                "raw": "{}",
                "day": (NOW - timedelta(days=2 - step)).date(),
            }
            for rival in ("r1", "r2", "unwatched")
            for number in range(3)
            for step in range(2)
        ],
    )
