"""What every materialisation says about itself: rows, table, version, `as_of`, and a preview without anyone's words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from contracts.ports import WriteResult
from contracts.tables import TableSpec

NOT_READY = "not_ready"
"""Metadata of an asset that did nothing because there was too little to do it with: why, and what to do."""
PREVIEW_ROWS = 5
LONG_COLUMNS = frozenset({"raw", "candidates", "feature_row", "review"})


def preview(frame: pl.DataFrame, table: TableSpec) -> dg.MetadataValue:
    """The first rows as a Markdown table, without personal columns and without payloads."""
    hidden = {*table.personal, *LONG_COLUMNS}
    rows = frame.select(c for c in frame.columns if c not in hidden).head(PREVIEW_ROWS)
    if rows.is_empty():
        return dg.MetadataValue.md("_no rows_")
    head = "| " + " | ".join(rows.columns) + " |\n|" + "---|" * len(rows.columns)
    body = "\n".join("| " + " | ".join(_cell(v) for v in row) + " |" for row in rows.iter_rows())
    return dg.MetadataValue.md(f"{head}\n{body}")


def _cell(value: Any) -> str:
    text = str(value).replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= 60 else text[:59] + "…"


def materialised(
    table: TableSpec,
    written: WriteResult | None,
    *,
    frame: pl.DataFrame,
    as_of: datetime,
    metadata: Mapping[str, Any] | None = None,
    checks: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult:
    """A MaterializeResult with the metadata that every asset of Pulso carries.

    `written` is None when there was nothing to write; the table is then unchanged.
    """
    base: dict[str, Any] = {
        "dagster/row_count": frame.height,
        "as_of": as_of.isoformat(),
        "preview": preview(frame, table),
    }
    if written is not None:
        base |= {
            "table_path": dg.MetadataValue.path(written.path),
            "table_version": written.version,
            "rows_inserted": written.inserted,
            "rows_updated": written.updated,
        }
    return dg.MaterializeResult(
        asset_key=[table.stage, table.name], metadata=base | dict(metadata or {}), check_results=list(checks)
    )
