"""Clients, their pillars and goals, and the rivals that they watch, exported from the operational store."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.frames import to_frame
from assets.keys import asset_options
from assets.partitions import Narrowed
from assets.results import materialised
from contracts.clock import Clock
from contracts.networks import Network
from contracts.ports import Lake, Store
from contracts.scope import TenantScope
from contracts.tables import CLIENTS, COMPETITORS, GOALS, PILLARS, TableSpec

STAGE = "the pipeline serves all clients together"


@dg.asset(**asset_options(CLIENTS, "sqlalchemy"))
def clients(
    lake: dg.ResourceParam[Lake], store: dg.ResourceParam[Store], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: client. Read by silver."""
    now = clock.now()
    frame = to_frame(store.clients(TenantScope.all_clients(STAGE)), CLIENTS, exported_at=pl.lit(now))
    return materialised(CLIENTS, lake.merge(CLIENTS, frame), frame=frame, as_of=now)


@dg.asset(**asset_options(COMPETITORS, "sqlalchemy"))
def competitors(
    config: Narrowed, lake: dg.ResourceParam[Lake], store: dg.ResourceParam[Store], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: client x competitor. Read by silver."""
    now = clock.now()
    records = store.competitors(config.scope(STAGE))
    pairs = [{**c.model_dump(mode="json"), "client_id": client} for c in records for client in c.client_ids]
    frame = pl.DataFrame(pairs, schema=pl.Schema({n: k for n, k in COMPETITORS.schema.items() if n != "exported_at"}))
    frame = frame.with_columns(exported_at=pl.lit(now).cast(COMPETITORS.schema["exported_at"]))
    return materialised(COMPETITORS, lake.merge(COMPETITORS, frame), frame=frame, as_of=now)


@dg.asset(**asset_options(PILLARS, "sqlalchemy"))
def pillars(
    lake: dg.ResourceParam[Lake], store: dg.ResourceParam[Store], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: pillar, in the order of its brand kit. Read by silver."""
    now = clock.now()
    rows = [
        {"client_id": c.client_id, "position": position, **p.model_dump()}
        for c in store.clients(TenantScope.all_clients(STAGE))
        for position, p in enumerate(c.brand.pillars)
    ]
    frame = _with_those_gone(rows, PILLARS, lake, now=now)
    return materialised(PILLARS, lake.merge(PILLARS, frame), frame=frame, as_of=now)


@dg.asset(**asset_options(GOALS, "sqlalchemy"))
def goals(
    lake: dg.ResourceParam[Lake], store: dg.ResourceParam[Store], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: goal. Read by silver."""
    now = clock.now()
    rows = [
        {"goal_id": g.goal_id, **g.model_dump(mode="python") | {"metric": g.metric.value, "network": _name(g.network)}}
        for g in store.goals(TenantScope.all_clients(STAGE))
    ]
    frame = _with_those_gone(rows, GOALS, lake, now=now)
    return materialised(GOALS, lake.merge(GOALS, frame), frame=frame, as_of=now)


def _name(network: Network | None) -> str | None:
    return None if network is None else network.value


def _with_those_gone(rows: Sequence[Mapping[str, Any]], table: TableSpec, lake: Lake, *, now: datetime) -> pl.DataFrame:
    """What the store has, and as inactive what it no longer has: a merge removes no row."""
    given = [{**{name: row.get(name) for name in table.schema}, "is_active": True, "exported_at": now} for row in rows]
    there = pl.DataFrame(given, schema=table.schema)
    known = lake.scan(table, scope=TenantScope.all_clients(STAGE)).collect()
    gone = known.join(there, on=table.keys, how="anti").with_columns(is_active=pl.lit(value=False))
    return pl.concat([there, gone])
