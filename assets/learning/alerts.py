"""What somebody should be told about an account: a crowd, a crowd that is angry, a day's figure far off. Once each, within a budget."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets.keys import gold, key_of, spec_options
from assets.results import materialised
from contracts.alerts import SEVERE, is_open
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import ALERT_BINS, ALERTS, COMMENT_MOODS, COMMENTS, READINGS, WATCHED_STREAMS
from ml.streams.budget import BORROWING_WEEKS, WEEK
from ml.streams.figures import figures
from ml.streams.watch import FRESH, HISTORY, HISTORY_OF_FIGURES, watch

STAGE = "the streams of all clients are judged in one run, client by client; each row keeps its tenant"
BEFORE_FIRST_READING = timedelta(days=14)
"""Comments are read below posts of a fortnight (`bronze/comments`), so the first reading brings as much of the past."""
NOTHING_SEVERE = dg.AssetCheckKey(key_of(ALERTS), "nothing_severe")
LINES = 50
"""More is not read; all of them are in the lake and in the app."""


class Budgeted(dg.Config):
    """How much a client is told."""

    alerts_per_week: int = Field(default=2, ge=1, le=50, description="Alerts for each client and week, at most.")


@dg.multi_asset(
    name="alerts",
    specs=[
        dg.AssetSpec(**spec_options(table), deps=[key_of(COMMENT_MOODS), gold("fct_account_metrics_daily")])
        for table in (WATCHED_STREAMS, ALERTS, ALERT_BINS)
    ],
    check_specs=[
        dg.AssetCheckSpec(
            NOTHING_SEVERE.name,
            asset=key_of(ALERTS),
            description="No open alert comes as seldom as once in eight weeks. It holds nothing back.",
        )
    ],
)
def alerts(
    config: Budgeted, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
) -> Iterator[dg.MaterializeResult]:
    """Grains: client x account x measure; alert; alert x bin. Read by the app and by whoever is on call. A rerun tells nothing again."""
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    since = now - BORROWING_WEEKS * WEEK - FRESH
    told = lake.scan(ALERTS, scope=everyone).filter((pl.col("raised_at") > since) | pl.col("ended_at").is_null())
    found = watch(
        _comments(lake, everyone, now),
        _read(lake, everyone, now),
        _figures(lake, everyone, now),
        told.collect(),
        now=now,
        alerts_per_week=config.alerts_per_week,
    )
    yield materialised(WATCHED_STREAMS, lake.merge(WATCHED_STREAMS, found.streams), frame=found.streams, as_of=now)
    written = lake.merge(ALERTS, found.alerts)
    check = _judged(lake.scan(ALERTS, scope=everyone).filter(is_open(now)).collect())
    yield materialised(ALERTS, written, frame=found.alerts, as_of=now, checks=[check])
    yield materialised(ALERT_BINS, lake.merge(ALERT_BINS, found.bins), frame=found.bins, as_of=now)


def _comments(lake: Lake, scope: TenantScope, now: datetime) -> pl.DataFrame:
    moods = lake.scan(COMMENT_MOODS, scope=scope).filter(
        pl.col("day") >= (now - HISTORY).date(), pl.col("commented_at").is_between(now - HISTORY, now)
    )
    return moods.select(
        "client_id", "account_id", "comment_id", "commented_at", is_negative=pl.col("mood") == "negative"
    ).collect()


def _read(lake: Lake, scope: TenantScope, now: datetime) -> pl.DataFrame:
    """Between which moments all comments of an account are known."""
    has_answered = (pl.col("source") == COMMENTS.name) & pl.col("answered_at").is_not_null()
    readings = lake.scan(READINGS, scope=scope).filter(has_answered)
    return readings.select(
        "client_id",
        "account_id",
        "network",
        known_from=pl.col("first_asked_at") - BEFORE_FIRST_READING,
        known_until=pl.min_horizontal(pl.col("answered_at"), pl.lit(now)),
    ).collect()


def _figures(lake: Lake, scope: TenantScope, now: datetime) -> pl.DataFrame:
    metrics = lake.scan("gold/fct_account_metrics_daily", scope=scope)
    return figures(metrics.filter(pl.col("day") > (now - HISTORY_OF_FIGURES).date()).collect())


def _judged(open_alerts: pl.DataFrame) -> dg.AssetCheckResult:
    severe = open_alerts.filter(pl.col("severity").is_in(SEVERE)).sort("told_at", "alert_id", descending=[True, False])
    lines = [_line(row) for row in severe.head(LINES).iter_rows(named=True)]
    more = severe.height - len(lines)
    return dg.AssetCheckResult(
        check_name=NOTHING_SEVERE.name,
        asset_key=NOTHING_SEVERE.asset_key,
        passed=severe.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join([*lines, *([f"and {more} more"] if more else [])]) or "No severe alert is open.",
        metadata={"open": open_alerts.height, "severe": severe.height},
    )


def _line(row: dict[str, Any]) -> str:
    seen = f"{row['seen']:,}" + (f" of {row['seen_of']:,}" if row["seen_of"] else "")
    return (
        f"{row['severity']} since {row['started_at']:%Y-%m-%d %H:%M} UTC: {row['kind']} of {row['account_id']} ({row['client_id']}), "
        f"{row['measure']} {seen} where {row['expected']:,.1f} were expected"
    )
