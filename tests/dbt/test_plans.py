"""Pillars and goals: what clients mean to do, against what they did, worked out again from the posts in Polars."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.dbt.conftest import CLIENTS, Home

RATES = {"reach": "reach", "views": "views", "impressions": "impressions", "followers": "followers_at_post"}


@pytest.fixture(scope="module")
def posts(built: Home) -> pl.DataFrame:
    return built.mart("fct_posts").filter(~pl.col("is_reply"))


@pytest.fixture(scope="module")
def pillars(built: Home) -> dict[str, list[dict[str, Any]]]:
    """Those that the brand kits still have, in their order, by client."""
    rows = sorted(built.bronze["pillars"], key=lambda row: row["position"])
    return {client: [row for row in rows if row["client_id"] == client and row["is_active"]] for client in CLIENTS}


@pytest.fixture(scope="module")
def themed(built: Home, posts: pl.DataFrame, pillars: dict[str, list[dict[str, Any]]]) -> pl.DataFrame:
    """The posts with the pillar that each is about."""
    drafted = {row["content_item_id"]: row["pillar_id"] for row in built.bronze["action_ledger"] if row["pillar_id"]}
    parts = []
    for (client,), own in posts.group_by("client_id"):
        found = [
            drafted.get(item) or named_in(text, pillars[str(client)])
            for text, item in own.select("text", "content_item_id").iter_rows()
        ]
        parts.append(own.with_columns(pl.Series("pillar_id", found, dtype=pl.String)))
    return pl.concat(parts)


def named_in(text: str, pillars: Sequence[dict[str, Any]]) -> str | None:
    """The pillar with most of its keywords in the text: whole words, with up to two letters more; the first wins a tie."""
    hits = {
        pillar["pillar_id"]: sum(
            bool(re.search(rf"\b{re.escape(word)}\w{{0,2}}\b", text, re.IGNORECASE)) for word in pillar["keywords"]
        )
        for pillar in pillars
    }
    best = max(hits, key=lambda pillar_id: hits[pillar_id])
    return best if hits[best] else None


def test_what_posts_are_about(built: Home, themed: pl.DataFrame) -> None:
    mart = built.mart("fct_post_pillars")
    names = ["client_id", "post_id", "pillar_id"]
    assert_frame_equal(mart.select(names).sort("post_id"), themed.select(names).sort("post_id"))
    assert set(mart["known_by"]) == {"draft", "words", None}
    assert set(mart["pillar_id"]) == {"places", "drinks", "seasons", None}


def test_the_mix_against_the_plan(built: Home, themed: pl.DataFrame, pillars: dict[str, list[dict[str, Any]]]) -> None:
    expected = []
    for (client, week), own in themed.group_by("client_id", "week"):
        kit = {row["pillar_id"]: row for row in pillars[str(client)]}
        for pillar in {*kit, *own["pillar_id"]}:
            about = own.filter(pl.col("pillar_id").eq_missing(pillar))
            plan = kit.get(pillar, {"intended_share": None, "name": None})
            share, intended = about.height / own.height, plan["intended_share"]
            expected.append(
                {
                    "client_id": client,
                    "week": week,
                    "pillar_id": pillar,
                    "pillar_name": plan["name"],
                    "posts_published": about.height,
                    "share_of_posts": share,
                    "intended_share": intended,
                    "share_gap": None if intended is None else share - intended,
                    "engagements": about["engagements"].sum() if about["engagements"].count() else None,
                    "mean_engagements_per_post": about["engagements"].mean(),
                    "median_engagements_per_post": about["engagements"].median(),
                    **{f"engagement_rate_by_{by}": _rate(about, under) for by, under in RATES.items()},
                }
            )
    mart = built.mart("kpi_pillars_weekly")
    frame = pl.DataFrame(expected, schema=mart.schema, orient="row")
    key = ["client_id", "week", "pillar_id"]
    assert_frame_equal(mart.sort(key), frame.sort(key))
    assert mart.filter(pl.col("posts_published") == 0).height > 0
    assert mart.group_by("client_id", "week").agg(pl.col("share_of_posts").sum())["share_of_posts"].round(
        9
    ).unique().to_list() == [1.0]


def test_how_far_goals_have_come(built: Home, posts: pl.DataFrame) -> None:
    days = built.mart("kpi_account_daily")
    goals = {row["goal_id"]: row for row in built.bronze["goals"] if row["is_active"]}
    mart = built.mart("kpi_goals")
    assert set(mart["goal_id"]) == set(goals)
    expected = [_progress(goal, days, posts) for goal in goals.values()]
    frame = pl.DataFrame(expected, schema={n: mart.schema[n] for n in expected[0]}, orient="row")
    assert_frame_equal(mart.select(frame.columns).sort("goal_id"), frame.sort("goal_id"))
    assert set(mart["status"]) == {"not_started", "no_data", "reached", "missed", "on_track", "behind"}


def _progress(goal: dict[str, Any], days: pl.DataFrame, posts: pl.DataFrame) -> dict[str, Any]:
    of_goal = [pl.col(n) == goal[n] for n in ("client_id", "network", "account_id") if goal[n] is not None]
    first, last = goal["first_day"], goal["last_day"]
    newest: date = days.filter(client_id=goal["client_id"])["day"].max()  # type: ignore[assignment]
    as_of = min(newest, last)
    elapsed = max((as_of - first).days + 1, 0) / ((last - first).days + 1)
    metric, target = goal["metric"], goal["target"]
    baseline: float | None = None
    actual: float | None
    if metric.startswith("engagement_rate_by_"):
        own = posts.filter(*of_goal, pl.col("published_day").is_between(first, last))
        actual = _rate(own, RATES[metric.removeprefix("engagement_rate_by_")])
        progress = None if actual is None else actual / target
        pace, projection = progress, actual
    elif metric == "followers":
        known = days.filter(*of_goal, pl.col("day").is_between(first - timedelta(days=1), last)).drop_nulls("followers")
        of_accounts = (
            known.sort("day")
            .group_by("account_id")
            .agg(pl.col("followers").first().alias("was"), pl.col("followers").last().alias("is"))
        )
        has_any = of_accounts.height > 0
        baseline = float(of_accounts["was"].sum()) if has_any else None
        actual = float(of_accounts["is"].sum()) if has_any else None
        progress = pace = projection = None
        if baseline is not None and actual is not None:
            is_ahead = target > baseline
            progress = (actual - baseline) / (target - baseline) if is_ahead else actual / target
            if elapsed:
                pace, projection = progress / elapsed, baseline + (actual - baseline) / elapsed
    else:
        known = days.filter(*of_goal, pl.col("day").is_between(first, last))
        actual = float(known[metric].sum()) if known[metric].count() else None
        progress = None if actual is None else actual / target
        pace = projection = None
        if actual is not None and elapsed:
            pace, projection = actual / target / elapsed, actual / elapsed
    return {
        "goal_id": goal["goal_id"],
        "as_of_day": as_of,
        "baseline": baseline,
        "actual": actual,
        "elapsed_ratio": elapsed,
        "progress_ratio": progress,
        "pace_ratio": pace,
        "projection": projection,
        "status": _status(metric, target, actual, projection, elapsed),
    }


def _status(metric: str, target: float, actual: float | None, projection: float | None, elapsed: float) -> str:
    if elapsed == 0:
        return "not_started"
    if actual is None:
        return "no_data"
    adds_up = metric != "followers" and "rate" not in metric
    if actual >= target and (elapsed == 1 or adds_up):
        return "reached"
    if elapsed == 1:
        return "missed"
    return "on_track" if projection is not None and projection >= target else "behind"


def _rate(posts: pl.DataFrame, under: str) -> float | None:
    known = posts.filter(pl.col("engagements").is_not_null(), pl.col(under) > 0)
    return known["engagements"].sum() / known[under].sum() if known.height else None
