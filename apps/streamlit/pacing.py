"""Where a running goal ends: what has come so far, and the forecast from there to its last day. Pure: frames in, frames out.

Belongs here: a goal put together with the forecast of its scope, and the chance of reaching it. Does not belong here: how a forecast is made
(`models/kpi_forecasts`), what counts as progress (gold/kpi_goals).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

import polars as pl

FORECAST = frozenset({"followers", "engagements", "reach"})
"""What goals can be about that is forecast."""
SCOPES = (("account", "account_id"), ("network", "network"), ("client", "client_id"))
"""Whose forecast a goal is compared with: the first of these that it names."""


@dataclass(frozen=True)
class Pacing:
    """`known`: `day`, `value` (a count: summed since the goal's first day); `ahead`: `day`, `median`, `lower`, `upper` on to its last day."""

    known: pl.DataFrame
    ahead: pl.DataFrame
    level: float
    chance: float
    """That the target is reached on the last day, from 0 to 1."""

    @property
    def end(self) -> Mapping[str, Any]:
        """`median`, `lower` and `upper` on the last day."""
        return self.ahead.row(-1, named=True)


def newest_forecast(forecasts: pl.DataFrame, metric: str, *, scope: str, name: str) -> pl.DataFrame:
    """What was said last of a metric of an account, a network's accounts or a client, by day; empty where there is nothing."""
    if forecasts.is_empty():
        return forecasts
    own = forecasts.filter(pl.col("scope") == scope, pl.col("scope_id") == name, pl.col("metric") == metric)
    return own.filter(pl.col("day") == pl.col("day").max()).sort("target_day")


def pacing(goal: Mapping[str, Any], forecasts: pl.DataFrame, days: pl.DataFrame) -> Pacing | None:
    """Of a row of gold/kpi_goals; None where its metric is not forecast, or not as far as its last day, or the goal began too lately.

    `forecasts`: rows of models/kpi_forecasts; `days`: rows of gold/kpi_account_daily, both of one client.
    """
    scope, column = next((scope, column) for scope, column in SCOPES if goal[column] is not None)
    said = newest_forecast(forecasts, goal["metric"], scope=scope, name=goal[column])
    if said.is_empty() or said["target_day"][-1] < goal["last_day"]:
        return None
    as_of: date = said["as_of_day"][0]
    is_level = goal["metric"] == "followers"
    known = _known(goal, days, is_level=is_level)
    # A total is forecast from the last day that is final; a goal that begins after it is too young to be told from its first days.
    if not is_level and as_of < goal["first_day"] - timedelta(days=1):
        return None
    before, least, prefix = 0.0, 0.0, ""
    if not is_level:
        before = float(known.filter(pl.col("day") <= as_of)["value"].tail(1).sum())
        # Posts of the last days still gather. What they have by now is counted, and no forecast is below it.
        least, prefix = float(known["value"].tail(1).sum()), "total_"
    newest = max([as_of, *known["day"].tail(1)])
    ahead = said.filter(pl.col("target_day") > newest, pl.col("target_day") <= goal["last_day"]).select(
        pl.col("target_day").alias("day"),
        *((pl.col(prefix + name) + before).clip(least).alias(name) for name in ("median", "lower", "upper")),
    )
    if ahead.is_empty():
        return None
    end, level = ahead.row(-1, named=True), float(said["interval_level"][0])
    is_there = not is_level and least >= goal["target"]  # a sum does not fall again
    return Pacing(known, ahead, level, 1.0 if is_there else chance(goal["target"], end, level=level))


def chance(target: float, end: Mapping[str, Any], *, level: float) -> float:
    """That what has this `median` and interval reaches the target: a normal distribution on either side of the median, each as wide as its side."""
    side = end["upper"] - end["median"] if target >= end["median"] else end["median"] - end["lower"]
    if side <= 0:
        return float(end["median"] >= target)
    normal = NormalDist()
    return 1 - normal.cdf((target - end["median"]) / side * normal.inv_cdf((1 + level) / 2))


def _known(goal: Mapping[str, Any], days: pl.DataFrame, *, is_level: bool) -> pl.DataFrame:
    in_scope = [pl.col(name) == goal[name] for name in ("network", "account_id") if goal[name] is not None]
    own = days.filter(pl.col("day").is_between(goal["first_day"], goal["last_day"]), *in_scope)
    sums = own.group_by("day").agg(
        pl.col(goal["metric"]).sum().alias("value"), pl.col(goal["metric"]).count().alias("read")
    )
    if is_level:
        return sums.filter(pl.col("read") == pl.col("read").max()).sort("day").select("day", "value")
    return sums.sort("day").select("day", pl.col("value").cum_sum())
