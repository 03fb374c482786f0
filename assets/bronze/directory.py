"""Clients and the rivals that they watch, exported from the operational store."""

import dagster as dg
import polars as pl

from assets.frames import to_frame
from assets.keys import asset_options
from assets.partitions import Narrowed
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, Store
from contracts.scope import TenantScope
from contracts.tables import CLIENTS, COMPETITORS

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
