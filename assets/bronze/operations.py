"""How Pulso itself runs: how often accounts were asked and answered, and what waits in the outbox. Counted by day.

Does not belong here: when each account was last asked (readings.py), what was done (ledger.py).
"""

from datetime import datetime

import dagster as dg
import polars as pl

from assets.bronze.directory import STAGE
from assets.frames import to_frame
from assets.keys import asset_options, key_of
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, Store
from contracts.scope import TenantScope
from contracts.tables import (
    ACCOUNT_METRICS,
    ACCOUNTS,
    ACTION_LEDGER,
    COMMENTS,
    COMPETITOR_POSTS,
    MESSAGES,
    POST_METRICS,
    POSTS,
    QUEUE_DEPTHS,
    READING_DAYS,
    READINGS,
)

ANSWERED = "answered"
READ = (ACCOUNTS, ACCOUNT_METRICS, POSTS, POST_METRICS, COMMENTS, MESSAGES, COMPETITOR_POSTS, ACTION_LEDGER)
"""The tables whose readings are counted."""


@dg.asset(
    **asset_options(READING_DAYS),
    deps=[key_of(table) for table in READ],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    pool="networks",  # like the readings that it counts, so that two runs don't count the same one
)
def reading_days(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: source x account x outcome x day. Counts what was asked since it was counted last; a past day stays as it was counted."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    frame = counted(lake, scope)
    return materialised(READING_DAYS, lake.merge(READING_DAYS, frame), frame=frame, as_of=days.now)


def counted(lake: Lake, scope: TenantScope) -> pl.DataFrame:
    """Rows of READING_DAYS that the newest readings change: each reading counts once, on the day on which it was made."""
    account = ["source", "client_id", "account_id"]
    asked = (
        lake.scan(READINGS, scope=scope)
        .filter(pl.col("asked_at").is_not_null())
        .select(
            *account,
            "network",
            outcome=pl.col("error_class").fill_null(ANSWERED),
            last_asked_at="asked_at",
            day=pl.col("asked_at").dt.date(),
        )
        .collect()
    )
    kept = lake.scan(READING_DAYS, scope=scope).filter(pl.col("day").is_in(asked["day"].unique().to_list())).collect()
    counted_to = kept.group_by(*account, "day").agg(counted_to=pl.col("last_asked_at").max())
    new = asked.join(counted_to, on=[*account, "day"], how="left").filter(
        pl.col("counted_to").is_null() | (pl.col("last_asked_at") > pl.col("counted_to"))
    )
    before = kept.select(*READING_DAYS.keys, "readings")
    return (
        new.join(before, on=READING_DAYS.keys, how="left")
        .with_columns(readings=pl.col("readings").fill_null(0) + 1)
        .select(READING_DAYS.schema.names())
    )


@dg.asset(**asset_options(QUEUE_DEPTHS, "sqlalchemy"), partitions_def=DAYS, backfill_policy=ONE_RUN)
def queue_depths(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: client x network x day, as last looked at. A past day is not looked at: the queue is known only as it is now."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    frame = pl.DataFrame(schema=QUEUE_DEPTHS.schema) if days.is_past else held(store, scope, now=days.now)
    return materialised(QUEUE_DEPTHS, lake.merge(QUEUE_DEPTHS, frame), frame=frame, as_of=days.now)


def held(store: Store, scope: TenantScope, *, now: datetime) -> pl.DataFrame:
    """Rows of QUEUE_DEPTHS: one for each client and network with an account, zeros where the outbox holds nothing."""
    depths = to_frame(store.queue(scope), QUEUE_DEPTHS).drop("observed_at", "day")
    served = pl.DataFrame(
        sorted({(a.client_id, a.network.value) for a in store.accounts(scope)}),
        schema=dict.fromkeys(("client_id", "network"), pl.String),
        orient="row",
    )
    rows = served.join(depths, on=["client_id", "network"], how="left").with_columns(
        pl.col("waiting", "overdue", "parked").fill_null(0), observed_at=pl.lit(now), day=pl.lit(now.date())
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in QUEUE_DEPTHS.schema.items())
