"""Pulso's own past as input: what it did (from the outbox) and what it forecast (from yesterday's decisions).

The loop closes here, through the store and the lake and never through the graph: an edge from actions would be a cycle.
"""

import hashlib

import dagster as dg
import polars as pl

from assets.bronze.directory import STAGE
from assets.bronze.readings import note_reading, own
from assets.frames import to_frame
from assets.keys import asset_options
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, Store
from contracts.records import LedgerEntry
from contracts.scope import TenantScope
from contracts.tables import ACTION_LEDGER, FORECASTS, SHADOW_FORECASTS


@dg.asset(**asset_options(ACTION_LEDGER, "sqlalchemy"), partitions_def=DAYS, backfill_policy=ONE_RUN)
def action_ledger(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: action, in the state that it has now; silver keeps the newest state of each.

    Exported are the run's days and all that changed since the newest export: what was done after yesterday's run came too
    late for it.
    """
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    newest = lake.scan(ACTION_LEDGER, scope=scope).select(pl.col("recorded_at").max()).collect().item()
    entries = [
        e
        for e in store.ledger(scope)
        if days.start <= e.recorded_at.date() <= days.end or newest is None or e.recorded_at >= newest
    ]
    frame = to_frame(entries, ACTION_LEDGER, day=pl.col("recorded_at").dt.date())
    written = lake.merge(ACTION_LEDGER, frame)
    note_reading(lake, ACTION_LEDGER, own(store.accounts(scope)), rows=frame, failures=(), now=days.now)
    return materialised(ACTION_LEDGER, written, frame=frame, as_of=days.now)


@dg.asset(**asset_options(FORECASTS), partitions_def=DAYS, backfill_policy=ONE_RUN)
def forecasts(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: forecast of one post. Collects the forecasts of published content and the shadow forecasts of all others."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    frame = pl.concat([decided_forecasts(store.ledger(scope)), shadow_forecasts(lake, scope)])
    return materialised(FORECASTS, lake.merge(FORECASTS, frame), frame=frame, as_of=days.now)


def decided_forecasts(entries: tuple[LedgerEntry, ...]) -> pl.DataFrame:
    """The forecast that stood on each published post when it was approved."""
    rows = [
        {
            **e.forecast.model_dump(exclude={"feature_row"}),
            "forecast_id": _forecast_id(e.post_id, e.forecast.model_version, "decision"),
            "client_id": e.client_id,
            "account_id": e.account_id,
            "post_id": e.post_id,
            "content_item_id": e.content_item_id,
            "origin": "decision",
            "day": e.forecast.forecast_at.date(),
        }
        for e in entries
        if e.action == "publish" and e.post_id is not None and e.forecast is not None
    ]
    return pl.DataFrame(rows, schema=FORECASTS.schema)


def shadow_forecasts(lake: Lake, scope: TenantScope) -> pl.DataFrame:
    """Shadow forecasts as the lake holds them."""
    frame = lake.scan(SHADOW_FORECASTS, scope=scope).collect()
    ids = [
        _forecast_id(post, version, "shadow") for post, version in frame.select("post_id", "model_version").iter_rows()
    ]
    return frame.with_columns(
        forecast_id=pl.Series(ids, dtype=pl.String),
        content_item_id=pl.lit(None, dtype=pl.String),
        interval_multiplier=pl.lit(1.0),
        origin=pl.lit("shadow"),
        day=pl.col("forecast_at").dt.date(),
    ).select(list(FORECASTS.schema))


def _forecast_id(post_id: str, model_version: str, origin: str) -> str:
    return hashlib.sha256(f"{origin}|{post_id}|{model_version}".encode()).hexdigest()[:24]
