"""Every mart of the seeded build against figures that are worked out again here, from bronze, in plain Python."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import spearmanr

from contracts import tables
from contracts.metrics import MetricGrain, known_metrics
from lakehouse.warehouse import forget_builds

INTERACTIONS = ("likes", "comments", "shares", "saves", "quotes")
RATES = {"reach": "reach", "views": "views", "impressions": "impressions", "followers": "followers_at_post"}
KNOWN_FOR = timedelta(days=28)
Row = dict[str, Any]


def assert_same(actual: pl.DataFrame, expected: list[Row], *, key: list[str]) -> None:
    """The rows agree in all columns that `expected` names, and there is no other row."""
    columns = list(expected[0])
    frame = pl.DataFrame(expected, schema={name: actual.schema[name] for name in columns}, orient="row")
    assert_frame_equal(actual.select(columns).sort(key), frame.sort(key), abs_tol=1e-12)


def total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def rate(over: int | None, under: int | None) -> float | None:
    return None if over is None or not under else over / under


def pooled(posts: list[Row], under: str) -> float | None:
    pairs = [(p["engagements"], p[under]) for p in posts if p["engagements"] is not None and p[under]]
    return sum(over for over, _ in pairs) / sum(under for _, under in pairs) if pairs else None


@pytest.fixture(scope="module")
def bronze(built) -> dict[str, list[Row]]:
    return built.bronze


@pytest.fixture(scope="module")
def zones(bronze) -> dict[str, ZoneInfo]:
    return {row["client_id"]: ZoneInfo(row["time_zone"]) for row in bronze["clients"]}


@pytest.fixture(scope="module")
def posts(bronze, zones) -> list[Row]:
    """What gold/fct_posts should say."""
    latest: dict[str, Row] = {}
    for row in sorted(bronze["posts"], key=lambda row: row["observed_at"]):
        latest[row["post_id"]] = row
    counts: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(bronze["post_metrics"], key=lambda row: row["observed_at"]):
        counts[row["post_id"]].append(row)
    followers: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(bronze["accounts"], key=lambda row: row["observed_at"]):
        if row["followers"] is not None:
            followers[row["account_id"]].append(row)
    items = {row["post_id"]: row["content_item_id"] for row in bronze["action_ledger"] if row["post_id"]}
    return [
        _post(row, counts[post_id], followers[row["account_id"]], items.get(post_id), zones[row["client_id"]])
        for post_id, row in latest.items()
    ]


def _post(row: Row, counts: list[Row], followers: list[Row], item: str | None, zone: ZoneInfo) -> Row:
    at: datetime = row["published_at"]
    local = at.astimezone(zone)
    last = {count["metric"]: count["value"] for count in counts}
    is_backfilled = any(c["is_backfilled"] for c in counts if c["observed_at"] == counts[0]["observed_at"])
    mature_at = at + timedelta(hours=168 if is_backfilled else 72)
    mature = [c for c in counts if c["observed_at"] >= mature_at and c["metric"] in INTERACTIONS]
    first_round: dict[str, int] = {}
    for count in mature:
        if count["observed_at"] <= mature[0]["observed_at"] + timedelta(hours=6):
            first_round.setdefault(count["metric"], count["value"])
    before = [f["followers"] for f in followers if at - KNOWN_FOR <= f["observed_at"] <= at]
    after = [f["followers"] for f in followers if at < f["observed_at"] <= at + timedelta(days=7)]
    post = {
        **{
            name: row[name]
            for name in (
                "client_id",
                "account_id",
                "network",
                "post_id",
                "text",
                "link_url",
                "link_title",
                "content_format",
                "is_reply",
                "published_at",
            )
        },
        "published_day": local.date(),
        "local_hour": local.hour,
        "local_weekday": local.weekday(),
        "time_zone": zone.key,
        "content_item_id": item,
        "is_published_by_pulso": item is not None,
        **{name: last.get(name) for name in known_metrics(MetricGrain.POST)},
        "engagements": total(last.get(name) for name in INTERACTIONS),
        "metrics_observed_at": counts[-1]["observed_at"] if counts else None,
        "age_hours": (counts[-1]["observed_at"] - at).total_seconds() / 3600 if counts else None,
        "is_backfilled": is_backfilled,
        "mature_engagements": total(first_round.values()),
        "mature_at": mature_at if mature else None,
        "matured_observed_at": mature[0]["observed_at"] if mature else None,
        "followers_at_post": before[-1] if before else after[0] if after else None,
    }
    return post | {
        f"engagement_rate_by_{name}": rate(post["engagements"], post[column]) for name, column in RATES.items()
    }


@pytest.fixture(scope="module")
def followers_by_day(bronze, zones) -> dict[str, dict[date, int]]:
    """Last known followers of each observed local day, by account."""
    days: dict[str, dict[date, int]] = defaultdict(dict)
    for row in sorted(bronze["accounts"], key=lambda row: row["observed_at"]):
        if row["followers"] is not None:
            days[row["account_id"]][row["observed_at"].astimezone(zones[row["client_id"]]).date()] = row["followers"]
    return days


@pytest.fixture(scope="module")
def account_days(posts, followers_by_day) -> list[Row]:
    """What gold/kpi_account_daily should say."""
    clients = {post["account_id"]: post["client_id"] for post in posts} | {
        account: account.split(":")[1] for account in followers_by_day
    }
    own_of = {account: [p for p in posts if p["account_id"] == account and not p["is_reply"]] for account in clients}
    seen_of = {
        account: {*followers_by_day.get(account, {}), *(p["published_day"] for p in own)}
        for account, own in own_of.items()
    }
    newest = max(day for seen in seen_of.values() for day in seen)
    rows = []
    for account, client in clients.items():
        own, seen, observed = own_of[account], seen_of[account], followers_by_day.get(account, {})
        steps = [(before, day) for before, day in pairwise(sorted(observed)) if day - before <= KNOWN_FOR]
        deltas = {day: observed[day] - observed[before] for before, day in steps}
        for offset in range((newest - min(seen)).days + 1):
            day = min(seen) + timedelta(days=offset)
            if not any(day - KNOWN_FOR <= one <= day for one in seen):
                continue
            recent = [one for one in sorted(observed) if day - KNOWN_FOR <= one <= day]
            followers = observed[recent[-1]] if recent else None
            of_day = [post for post in own if post["published_day"] == day]
            rows.append(
                {
                    "client_id": client,
                    "account_id": account,
                    "day": day,
                    "posts_published": len(of_day),
                    **{
                        n: total(p[n] for p in of_day)
                        for n in ("engagements", "likes", "comments", "shares", "saves", "reach", "views")
                    },
                    "followers": followers,
                    "followers_delta": deltas.get(day),
                    **{f"engagement_rate_by_{name}": pooled(of_day, column) for name, column in RATES.items()},
                }
            )
    return rows


def test_yml_and_sql_have_the_same_columns(built, manifest) -> None:
    models = [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]
    with duckdb.connect(str(built.settings.warehouse_path), read_only=True) as warehouse:
        for model in models:
            relation = f"{model['config']['schema']}.{model['name']}"
            columns = [row[0] for row in warehouse.execute(f"describe {relation}").fetchall()]
            assert list(model["columns"]) == columns, relation


def test_the_seed_holds_what_the_marts_must_get_right(bronze, posts) -> None:
    assert {post["mature_engagements"] is None for post in posts} == {True, False}
    assert {post["is_backfilled"] for post in posts} == {True, False}
    assert any(post["is_backfilled"] and post["mature_engagements"] is not None for post in posts)
    assert any(post["followers_at_post"] is None for post in posts)
    assert len(bronze["posts"]) > len(posts)
    assert any(post["engagements"] is None for post in posts)


def test_fct_posts(built, posts) -> None:
    assert_same(built.mart("fct_posts"), posts, key=["post_id"])


def test_dim_clients(built, bronze) -> None:
    expected = [
        {"client_id": row["client_id"], "client_name": row["name"], "time_zone": row["time_zone"]}
        for row in bronze["clients"]
    ]
    assert_same(built.mart("dim_clients"), expected, key=["client_id"])


def test_dim_accounts(built, bronze, posts, zones) -> None:
    accounts = {post["account_id"]: {"handle": None, "followers": None, "posts_count": None} for post in posts}
    for row in sorted(bronze["accounts"], key=lambda row: row["observed_at"]):
        known = accounts.setdefault(row["account_id"], {"handle": None, "followers": None, "posts_count": None})
        known |= {"handle": row["handle"], "posts_count": row["posts_count"]}
        known["followers"] = row["followers"] if row["followers"] is not None else known["followers"]
    expected = [
        {"account_id": account, "client_id": client, "native_id": client, "time_zone": zones[client].key, **known}
        for account, known in accounts.items()
        for client in [account.split(":")[1]]
    ]
    assert any(row["handle"] is None for row in expected)
    assert_same(built.mart("dim_accounts"), expected, key=["account_id"])


def test_fct_post_metrics_daily(built, bronze, posts, zones) -> None:
    last: dict[tuple[str, str, date], Row] = {}
    client = {post["post_id"]: post["client_id"] for post in posts}
    for row in sorted(bronze["post_metrics"], key=lambda row: row["observed_at"]):
        day = row["observed_at"].astimezone(zones[client[row["post_id"]]]).date()
        last[row["post_id"], row["metric"], day] = row
    expected: list[Row] = []
    previous: dict[tuple[str, str], tuple[date, int]] = {}
    for (post_id, metric, day), row in sorted(last.items(), key=lambda item: item[0]):
        day_before, before = previous.get((post_id, metric), (date.min, None))
        before = before if day - day_before <= timedelta(days=7) else None
        expected.append(
            {
                "client_id": client[post_id],
                "post_id": post_id,
                "metric": metric,
                "day": day,
                "value": row["value"],
                "delta": None if before is None else row["value"] - before,
                "observed_at": row["observed_at"],
                "is_backfilled": row["is_backfilled"],
            }
        )
        previous[post_id, metric] = day, row["value"]
    assert any(row["delta"] is not None and row["delta"] < 0 for row in expected)
    assert_same(built.mart("fct_post_metrics_daily"), expected, key=["post_id", "metric", "day"])


def test_fct_account_metrics_daily(built, bronze, followers_by_day) -> None:
    expected = [
        {
            "account_id": row["account_id"],
            "metric": row["metric"],
            "day": row["day"],
            "value": row["value"],
            "kind": "reported",
        }
        for row in bronze["account_metrics"]
    ]
    expected += [
        {"account_id": account, "metric": "followers", "day": day, "value": followers, "kind": "observed"}
        for account, days in followers_by_day.items()
        for day, followers in days.items()
    ]
    assert_same(built.mart("fct_account_metrics_daily"), expected, key=["account_id", "metric", "day"])


def test_kpi_account_daily(built, account_days) -> None:
    assert_same(built.mart("kpi_account_daily"), account_days, key=["account_id", "day"])


def test_kpi_client_weekly(built, posts, account_days) -> None:
    expected = []
    for client in {row["client_id"] for row in account_days}:
        days = [row for row in account_days if row["client_id"] == client]
        for week in {monday(row["day"]) for row in days}:
            of_week = [
                p
                for p in posts
                if p["client_id"] == client and not p["is_reply"] and monday(p["published_day"]) == week
            ]
            known: dict[str, int] = {}
            for row in sorted(days, key=lambda row: row["day"]):
                if row["followers"] is not None and monday(row["day"]) == week:
                    known[row["account_id"]] = row["followers"]
            engagements = [p["engagements"] for p in of_week if p["engagements"] is not None]
            expected.append(
                {
                    "client_id": client,
                    "week": week,
                    "posts_published": len(of_week),
                    "engagements": total(engagements),
                    "reach": total(p["reach"] for p in of_week),
                    "views": total(p["views"] for p in of_week),
                    "followers": total(known.values()),
                    "followers_delta": total(row["followers_delta"] for row in days if monday(row["day"]) == week),
                    "mean_engagements_per_post": fmean(engagements) if engagements else None,
                    **{f"engagement_rate_by_{name}": pooled(of_week, column) for name, column in RATES.items()},
                }
            )
    assert_same(built.mart("kpi_client_weekly"), expected, key=["client_id", "week"])


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def test_fct_publications(built, bronze) -> None:
    last: dict[str, Row] = {}
    for row in sorted(bronze["action_ledger"], key=lambda row: row["recorded_at"]):
        last[row["ledger_id"]] = row
    expected = [
        {
            **{
                name: row[name]
                for name in ("ledger_id", "client_id", "state", "post_id", "decision_ids", "recorded_at")
            },
            "lateness_seconds": (row["published_at"] - row["scheduled_at"]).total_seconds()
            if row["published_at"]
            else None,
        }
        for row in last.values()
    ]
    assert len(bronze["action_ledger"]) > len(expected)
    assert_same(built.mart("fct_publications"), expected, key=["ledger_id"])


def performance(posts: list[Row]) -> Row:
    engagements = [p["engagements"] for p in posts if p["engagements"] is not None]
    return {
        "posts_published": len(posts),
        "engagements": total(engagements),
        "mean_engagements_per_post": fmean(engagements) if engagements else None,
        "median_engagements_per_post": float(median(engagements)) if engagements else None,
        **{f"engagement_rate_by_{name}": pooled(posts, column) for name, column in RATES.items()},
    }


def grouped(posts: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups = defaultdict(list)
    for post in posts:
        if not post["is_reply"]:
            groups[key(post)].append(post)
    return groups


def test_kpi_content_mix_weekly(built, posts) -> None:
    weeks = grouped(posts, lambda p: (p["client_id"], p["network"], monday(p["published_day"])))
    expected = [
        {
            "client_id": client,
            "network": network,
            "week": week,
            "content_format": form,
            "share_of_posts": len(of_form) / len(of_week),
            **performance(of_form),
        }
        for (client, network, week), of_week in weeks.items()
        for form, of_form in grouped(of_week, lambda p: p["content_format"]).items()
    ]
    assert_same(built.mart("kpi_content_mix_weekly"), expected, key=["client_id", "network", "week", "content_format"])


def test_kpi_hashtags_weekly(built, posts) -> None:
    expected = []
    weeks = grouped(posts, lambda p: (p["client_id"], p["network"], monday(p["published_day"])))
    for (client, network, week), own in weeks.items():
        for hashtag in ("all", "sea", "café"):
            of_tag = [p for p in own if f"#{hashtag}" in p["text"].lower().split()]
            if of_tag:
                names = {"client_id": client, "network": network, "week": week, "hashtag": hashtag}
                expected.append(names | performance(of_tag))
    assert_same(built.mart("kpi_hashtags_weekly"), expected, key=["client_id", "network", "week", "hashtag"])


def test_kpi_posting_times(built, posts) -> None:
    expected = []
    for account, own in grouped(posts, lambda p: p["account_id"]).items():
        usual = median_of_known(own)
        for (weekday, hour), of_hour in grouped(own, lambda p: (p["local_weekday"], p["local_hour"])).items():
            known = median_of_known(of_hour)
            expected.append(
                {
                    "account_id": account,
                    "local_weekday": weekday,
                    "local_hour": hour,
                    "posts_published": len(of_hour),
                    "posts_matured": sum(p["mature_engagements"] is not None for p in of_hour),
                    "median_mature_engagements": known,
                    "median_relative_engagement": None if known is None or not usual else known / usual,
                }
            )
    assert_same(built.mart("kpi_posting_times"), expected, key=["account_id", "local_weekday", "local_hour"])


def test_kpi_account_weekly(built, posts, account_days) -> None:
    expected = []
    for account in {row["account_id"] for row in account_days}:
        days = [row for row in account_days if row["account_id"] == account]
        own = grouped((p for p in posts if p["account_id"] == account), lambda p: monday(p["published_day"]))
        for week in sorted({monday(row["day"]) for row in days}):
            of_week = own.get(week, [])
            in_week = [row for row in days if monday(row["day"]) == week]
            known = [r["followers"] for r in sorted(in_week, key=lambda r: r["day"]) if r["followers"] is not None]
            delta = total(row["followers_delta"] for row in in_week)
            followers = known[-1] if known else None
            row = {
                "account_id": account,
                "week": week,
                "posts_published": len(of_week),
                "followers": followers,
                "followers_delta": delta,
                "follower_growth_rate": None if followers is None else rate(delta, followers - (delta or 0)),
            }
            kinds = {"applause": ("likes",), "conversation": ("comments",), "amplification": ("shares", "quotes")}
            for kind, counts in kinds.items():
                row[f"{kind}_per_post"] = mean_of(of_week, counts)
                row[f"{kind}_per_follower"] = ratio(of_week, counts, "followers_at_post")
            row["virality_by_views"] = ratio(of_week, kinds["amplification"], "views")
            row["virality_by_impressions"] = ratio(of_week, kinds["amplification"], "impressions")
            expected.append(row)
    assert_same(built.mart("kpi_account_weekly"), expected, key=["account_id", "week"])


def test_kpi_competitor_benchmark(built, bronze, posts, zones) -> None:
    seen: dict[str, Row] = {}
    for row in sorted(bronze["competitor_posts"], key=lambda row: row["observed_at"]):
        seen[row["competitor_post_id"]] = row
    figures: dict[Any, dict[str, float | None]] = defaultdict(dict)
    for watcher in bronze["competitors"]:
        client, rival = watcher["client_id"], watcher["competitor_id"]
        weeks = defaultdict(list)
        for row in seen.values():
            if row["competitor_id"] == rival:
                weeks[monday(row["published_at"].astimezone(zones[client]).date())].append(row)
        for week, rows in weeks.items():
            figures[client, watcher["network"], week][rival] = ratio(rows, ("likes", "comments"), "followers")
    expected = []
    by_week = grouped(posts, lambda p: (p["client_id"], p["account_id"], p["network"], monday(p["published_day"])))
    for (client, account, network, week), own in by_week.items():
        figure = ratio(own, ("likes", "comments"), "followers_at_post")
        if figure is None:
            continue
        known = [value for value in figures[client, network, week].values() if value is not None]
        average, with_account = (fmean(known), fmean([*known, figure])) if known else (None, None)
        below = sum((value < figure) + (value == figure) / 2 for value in known)
        expected.append(
            {
                "account_id": account,
                "week": week,
                "interactions_per_follower": figure,
                "rivals": len(known),
                "rivals_average": average,
                "average_with_account": with_account,
                "gap_to_rivals": None if average is None else figure - average,
                "gap_to_average": None if with_account is None else figure - with_account,
                "percentile_among_rivals": below / len(known) if known else None,
            }
        )
    assert any(row["rivals"] for row in expected)
    assert_same(built.mart("kpi_competitor_benchmark"), expected, key=["account_id", "week"])


def mean_of(posts: list[Row], counts: Iterable[str]) -> float | None:
    known = [count for post in posts if (count := total(post[name] for name in counts)) is not None]
    return fmean(known) if known else None


def ratio(posts: list[Row], counts: Iterable[str], under: str) -> float | None:
    pairs = [(total(post[name] for name in counts), post[under]) for post in posts]
    known = [(over, below) for over, below in pairs if over is not None and below]
    return sum(over for over, _ in known) / sum(below for _, below in known) if known else None


def median_of_known(posts: list[Row]) -> float | None:
    known = [p["mature_engagements"] for p in posts if p["mature_engagements"] is not None]
    return float(median(known)) if known else None


def test_fct_comments(built, bronze, zones) -> None:
    expected = [
        {
            "client_id": row["client_id"],
            "comment_id": row["comment_id"],
            "post_id": row["post_id"],
            "commented_day": row["commented_at"].astimezone(zones[row["client_id"]]).date(),
            "parent_comment_id": row["parent_comment_id"],
            "is_own": row["is_own"],
            "likes": row["likes"],
        }
        for row in bronze["comments"]
    ]
    assert_same(built.mart("fct_comments"), expected, key=["comment_id"])


def test_no_words_and_no_people_leave_bronze(built) -> None:
    assert not set(built.mart("fct_comments").columns) & set(tables.COMMENTS.personal)


def test_rollup_report(built, bronze, posts) -> None:
    names: dict[str, str] = {}
    for row in sorted(bronze["accounts"], key=lambda row: row["observed_at"]):
        names[row["account_id"]] = row["display_name"] or row["handle"]
    expected = [
        {
            "client_id": post["client_id"],
            "source_relation": post["client_id"],
            "created_timestamp": post["published_at"],
            "post_id": post["post_id"].partition(":")[2],
            "post_message": post["text"],
            "page_id": post["account_id"].partition(":")[2],
            "page_name": names.get(post["account_id"]),
            "platform": "twitter" if post["network"] == "x" else post["network"],
            "clicks": post["clicks"],
            "impressions": post["views"] if post["impressions"] is None else post["impressions"],
            "likes": post["likes"],
            "shares": post["shares"],
            "comments": post["comments"],
        }
        for post in posts
        if not post["is_reply"]
    ]
    actual = built.mart("social_media_reporting__rollup_report")
    assert_same(actual, expected, key=["platform", "post_id"])
    assert (actual.columns[0], actual.columns[-1]) == ("client_id", "week")  # the tenant, and how it is stored
    assert actual.columns[1:-1] == [
        "source_relation", "created_timestamp", "post_id", "post_message", "page_id", "page_name", "post_url", "platform", "clicks",
        "impressions", "likes", "shares", "comments",
    ]  # fmt: skip


def test_fct_competitor_posts(built, bronze) -> None:
    last: dict[str, Row] = {}
    for row in sorted(bronze["competitor_posts"], key=lambda row: row["observed_at"]):
        last[row["competitor_post_id"]] = row
    expected = [
        {
            "client_id": watcher["client_id"],
            "competitor_post_id": row["competitor_post_id"],
            "likes": row["likes"],
            "comments": row["comments"],
            "engagements": total((row["likes"], row["comments"])),
        }
        for watcher in bronze["competitors"]
        for row in last.values()
        if row["competitor_id"] == watcher["competitor_id"]
    ]
    assert_same(built.mart("fct_competitor_posts"), expected, key=["client_id", "competitor_post_id"])


@pytest.fixture(scope="module")
def scores(bronze, posts) -> list[Row]:
    """What gold/fct_forecast_scores should say."""
    by_post = {post["post_id"]: post for post in posts}
    by_item = {post["content_item_id"]: post for post in posts if post["content_item_id"]}
    rows = []
    for forecast in bronze["forecasts"]:
        post = by_post[forecast["post_id"]] if forecast["post_id"] else by_item.get(forecast["content_item_id"])
        if post is None or post["mature_engagements"] is None:
            continue
        if forecast["origin"] == "decision" and forecast["forecast_at"] >= post["published_at"]:
            continue
        outcome = math.log1p(post["mature_engagements"])
        error = forecast["expected_log_engagement"] - outcome
        rows.append(
            {
                **{
                    name: forecast[name]
                    for name in ("forecast_id", "client_id", "account_id", "origin", "model_version")
                },
                "post_id": post["post_id"],
                "expected_log_engagement": forecast["expected_log_engagement"],
                "log_engagement": outcome,
                "is_covered": forecast["lower_log_engagement"] <= outcome <= forecast["upper_log_engagement"],
                "error": error,
                "absolute_error": abs(error),
                "mature_at": post["mature_at"],
                "interval_multiplier": forecast["interval_multiplier"] or 1.0,
            }
        )
    return rows


def test_fct_forecast_scores(built, bronze, scores) -> None:
    assert {row["origin"] for row in scores} == {"decision", "shadow"}
    assert 0 < len(scores) < len(bronze["forecasts"])
    assert_same(built.mart("fct_forecast_scores"), scores, key=["forecast_id"])


def test_kpi_forecast_skill(built, scores) -> None:
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in scores:
        groups[row["client_id"], row["origin"], row["model_version"]].append(row)
    expected = []
    for (client, origin, version), rows in groups.items():
        correlations = []
        for account in {row["account_id"] for row in rows}:
            own = [
                (row["expected_log_engagement"], row["log_engagement"]) for row in rows if row["account_id"] == account
            ]
            if len(own) >= 3 and all(len(set(side)) > 1 for side in zip(*own, strict=True)):
                correlations.append(float(spearmanr(*zip(*own, strict=True)).statistic))
        expected.append(
            {
                "client_id": client,
                "origin": origin,
                "model_version": version,
                "scored_forecasts": len(rows),
                "rank_correlation": fmean(correlations) if correlations else None,
                "coverage_ratio": fmean(row["is_covered"] for row in rows),
                "interval_level": 0.8,
                "mean_absolute_error": fmean(row["absolute_error"] for row in rows),
                "bias": fmean(row["error"] for row in rows),
                "first_scored_at": min(row["mature_at"] for row in rows),
                "last_scored_at": max(row["mature_at"] for row in rows),
            }
        )
    assert any(row["rank_correlation"] is not None for row in expected)
    assert_same(built.mart("kpi_forecast_skill"), expected, key=["client_id", "origin", "model_version"])


def account_median(posts: list[Row], account: str, at: datetime) -> float | None:
    """What is usual for an account, of what had matured by then."""
    past = sorted(
        (p["mature_at"], p["post_id"], math.log1p(p["mature_engagements"]))
        for p in posts
        if p["account_id"] == account and p["mature_at"] is not None and p["mature_at"] <= at
    )
    return median(outcome for *_, outcome in past[-30:]) if past else None


def pinball(outcome: float, quantile: float, level: float) -> float:
    return max(level * (outcome - quantile), (level - 1) * (outcome - quantile))


def spearman_of(rows: list[Row]) -> float | None:
    """Mean of the accounts' own correlations."""
    found = []
    for account in {row["account_id"] for row in rows}:
        own = [(row["expected_log_engagement"], row["log_engagement"]) for row in rows if row["account_id"] == account]
        if len(own) >= 3 and all(len(set(side)) > 1 for side in zip(*own, strict=True)):
            found.append(float(spearmanr(*zip(*own, strict=True)).statistic))
    return fmean(found) if found else None


def test_kpi_model_quality_weekly(built, bronze, posts, scores, zones) -> None:
    scored = {row["forecast_id"]: row for row in scores}
    groups: dict[Any, list[Row]] = defaultdict(list)
    for forecast in bronze["forecasts"]:
        week = monday(forecast["forecast_at"].astimezone(zones[forecast["client_id"]]).date())
        groups[forecast["client_id"], forecast["origin"], forecast["model_version"], week].append(forecast)
    expected = []
    for (client, origin, version, week), forecasts in groups.items():
        rows = [{**f, **scored[f["forecast_id"]]} for f in forecasts if f["forecast_id"] in scored]
        usual = [account_median(posts, row["account_id"], row["forecast_at"]) for row in rows]
        missed = [abs(u - row["log_engagement"]) for u, row in zip(usual, rows, strict=True) if u is not None]
        own = [row["absolute_error"] for u, row in zip(usual, rows, strict=True) if u is not None]
        losses = [
            pinball(row["log_engagement"], row[f"{end}_log_engagement"], level)
            for row in rows
            for end, level in (("lower", 0.1), ("expected", 0.5), ("upper", 0.9))
        ]
        expected.append(
            {
                "client_id": client,
                "origin": origin,
                "model_version": version,
                "week": week,
                "forecasts": len(forecasts),
                "scored_forecasts": len(rows),
                "mean_absolute_error": fmean(row["absolute_error"] for row in rows) if rows else None,
                "mean_pinball_loss": fmean(losses) if losses else None,
                "coverage_ratio": fmean(row["is_covered"] for row in rows) if rows else None,
                "rank_correlation": spearman_of(rows),
                "baseline_mean_absolute_error": fmean(missed) if missed else None,
                "skill_over_baseline": 1 - sum(own) / sum(missed) if missed else None,
            }
        )
    assert any(row["rank_correlation"] is not None for row in expected)
    assert any(row["skill_over_baseline"] is not None for row in expected)
    key = ["client_id", "origin", "model_version", "week"]
    assert_same(built.mart("kpi_model_quality_weekly"), expected, key=key)


def test_kpi_audience_activity(built, bronze, posts, zones) -> None:
    newest: dict[str, date] = {}
    for post in posts:
        newest[post["client_id"]] = max(monday(post["published_day"]), newest.get(post["client_id"], date.min))
    counted: dict[Any, int] = defaultdict(int)
    for source, moment in (("comments", "commented_at"), ("messages", "sent_at")):
        for row in bronze[source]:
            local = row[moment].astimezone(zones[row["client_id"]])
            if not row["is_own"] and monday(local.date()) > newest[row["client_id"]] - timedelta(weeks=13):
                counted[row["account_id"], source, local.weekday(), local.hour] += 1
    totals: dict[Any, int] = defaultdict(int)
    for (account, source, *_), activities in counted.items():
        totals[account, source] += activities
    expected = [
        {
            "account_id": account,
            "source": source,
            "local_weekday": weekday,
            "local_hour": hour,
            "activities": activities,
            "share_of_activities": activities / totals[account, source],
        }
        for (account, source, weekday, hour), activities in counted.items()
    ]
    key = ["account_id", "source", "local_weekday", "local_hour"]
    assert_same(built.mart("kpi_audience_activity"), expected, key=key)


def test_dim_accounts_history(built, bronze) -> None:
    expected: list[Row] = []
    for row in sorted(bronze["accounts"], key=lambda row: (row["account_id"], row["observed_at"])):
        names = {name: row[name] for name in ("account_id", "handle", "display_name")}
        last = expected[-1] if expected else None
        if last is not None and last["account_id"] == row["account_id"]:
            if {name: last[name] for name in names} == names:
                continue
            last |= {"dbt_valid_to": row["observed_at"], "is_current": False}
        expected.append({**names, "dbt_valid_from": row["observed_at"], "dbt_valid_to": None, "is_current": True})
    accounts = {row["account_id"] for row in expected}
    assert len(accounts) < len(expected) < len(bronze["accounts"])
    assert_same(built.mart("dim_accounts_history"), expected, key=["account_id", "dbt_valid_from"])


def test_a_second_build_that_has_forgotten_the_first_gives_the_same_tables(built) -> None:
    names = ("fct_posts", "kpi_account_daily", "kpi_client_weekly", "kpi_forecast_skill")
    before = {name: built.mart(name) for name in names}
    forget_builds(built.settings.warehouse_path)
    assert built.build("--exclude-resource-type", "unit_test", "test").returncode == 0
    for name in names:
        assert_frame_equal(built.mart(name), before[name])


def test_every_bronze_table_that_the_build_reads_was_seeded(built, manifest) -> None:
    sources = {source["name"] for source in manifest["sources"].values()}
    assert sources == set(built.bronze)
    assert {f"bronze/{name}" for name in sources} <= {table.key for table in tables.ALL_TABLES}
