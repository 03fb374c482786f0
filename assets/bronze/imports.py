"""Imports: a client's own export of past posts enters bronze like any observation, through the same boundary."""

import hashlib
from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from assets.bronze.directory import STAGE
from assets.bronze.observations import only_changed, with_backfill_mark, with_fingerprint
from assets.bronze.split import split_observation
from assets.frames import to_frame
from assets.keys import asset_options
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import ExportReader, Lake, Store
from contracts.scope import TenantScope
from contracts.tables import ACCOUNTS, IMPORTS, POST_METRICS, POSTS, QUARANTINED_IMPORTS


class Import(dg.Config):
    """Which file, and whose it is. Without a path nothing is imported and the list of imports is shown."""

    path: str = Field(default="", description="CSV or parquet with one post a row.")
    client_id: str = ""


@dg.asset(**asset_options(IMPORTS))
def imports(
    config: Import,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    export_reader: dg.ResourceParam[ExportReader],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: import. Every row of the file ends in bronze/posts, quarantined_posts or quarantined_imports; twice is once."""
    now = clock.now()
    if not config.path:
        known = lake.scan(IMPORTS, scope=TenantScope.all_clients(STAGE)).collect()
        return materialised(IMPORTS, None, frame=known, as_of=now)
    scope = TenantScope.of(config.client_id)
    if not store.clients(scope):
        raise dg.Failure(f"There is no client {config.client_id}. `pulso client list` shows them.", allow_retries=False)
    path = Path(config.path)
    table = export_reader.read(path, client_id=config.client_id, accounts=store.accounts(scope), now=now)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    day = {"day": pl.col("observed_at").dt.date()}
    posts = with_fingerprint(to_frame(table.posts, POSTS, **day))
    metrics = with_backfill_mark(to_frame(table.metrics, POST_METRICS, **day), posts, lake, scope)
    of_posts, of_metrics = split_observation(posts, metrics, now=now)
    lake.append(POSTS.quarantine(), of_posts.quarantined)
    lake.append(POST_METRICS.quarantine(), of_metrics.quarantined)
    rejected = table.rejected.with_columns(
        file_sha256=pl.lit(digest), file_name=pl.lit(path.name), quarantined_at=pl.lit(now)
    ).select(pl.col(name).cast(kind) for name, kind in QUARANTINED_IMPORTS.schema.items())
    lake.append(QUARANTINED_IMPORTS, rejected)
    lake.append(ACCOUNTS, to_frame(table.accounts, ACCOUNTS, day=now.date()))
    lake.append(POSTS, only_changed(of_posts.good, lake, scope))
    lake.append(POST_METRICS, of_metrics.good)

    row = {
        "import_id": f"{config.client_id}:{digest[:16]}",
        "client_id": config.client_id,
        "file_name": path.name,
        "file_sha256": digest,
        "rows": table.rows,
        "used_rows": of_posts.good.height,
        "rejected_rows": rejected.height + of_posts.quarantined["post_id"].n_unique(),
        "report": table.report,
        "imported_at": now,
    }
    frame = pl.DataFrame([row], schema=IMPORTS.schema)
    return materialised(
        IMPORTS,
        lake.merge(IMPORTS, frame),
        frame=frame,
        as_of=now,
        metadata={"report": dg.MetadataValue.text(table.report)},
    )
