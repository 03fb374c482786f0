"""Upkeep of the lake: fewer, larger files, and no files that nobody can read any more.

Does not belong here: when upkeep happens (orchestration/).
"""

import time
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from contracts.errors import NotReadyError, PulsoError
from contracts.tables import TableSpec
from lakehouse.conflicts import commit_properties, redo_on_conflict
from lakehouse.lake import DeltaLake
from lakehouse.places import Folder

LONGEST_READER = timedelta(hours=24)
"""No query, export or training run holds a version open for longer."""

RETENTION = timedelta(days=30)
"""How far back a version can be read by default. Delta keeps the log for 30 days too."""


def compact(lake: DeltaLake, tables: Iterable[TableSpec | str] | None = None) -> pl.DataFrame:
    """Join small files within each partition of these tables (default: all). Rows do not change, nor what readers see.

    Returns a row per table: `table`, `version`, `files_removed`, `files_added`. Tables that are only replaced by the day have
    one file a day already and make no new version.
    """
    rows = []
    for table in lake.tables() if tables is None else tables:
        key = table if isinstance(table, str) else table.key

        def attempt(key: str = key) -> dict[str, object]:
            delta = lake.open(key)
            if delta is None:
                raise NotReadyError(f"{key} is not in the lake (yet): {lake.root}")
            done = delta.optimize.compact(commit_properties=commit_properties({"pulso": "compact"}, is_keyed=False))
            return {
                "table": key,
                "version": delta.version(),
                "files_removed": done["numFilesRemoved"],
                "files_added": done["numFilesAdded"],
            }

        with lake.place.reaching():
            rows.append(redo_on_conflict(key, attempt))
    schema = {"table": pl.String, "version": pl.Int64, "files_removed": pl.Int64, "files_added": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def vacuum(
    lake: DeltaLake,
    tables: Iterable[TableSpec | str] | None = None,
    *,
    retention: timedelta = RETENTION,
    dry_run: bool = False,
) -> pl.DataFrame:
    """Delete files that left these tables (default: all) longer ago than `retention`, and what killed writers left behind.

    Returns a row per file: `table`, `file` (relative to the table), `size_bytes`. Versions older than `retention` can't be
    read afterwards. Raises PulsoError for a retention shorter than the longest reader, whose files it would take away.
    """
    if retention < LONGEST_READER:
        raise PulsoError(
            f"Keep at least {LONGEST_READER}: a reader may still hold a version that old. Nothing was deleted."
        )
    rows = []
    for table in lake.tables() if tables is None else tables:
        key = table if isinstance(table, str) else table.key
        delta = lake.open(key)
        if delta is None:
            raise NotReadyError(f"{key} is not in the lake (yet): {lake.root}")
        hours = int(retention / timedelta(hours=1))
        remove = partial(delta.vacuum, retention_hours=hours, enforce_retention_duration=False, full=True)
        with lake.place.reaching():
            doomed = [unquote(file) for file in remove(dry_run=True)]
            staged = _half_written(lake, key, retention)
            rows += [(key, file, lake.place.size(f"{lake.path(key)}/{file}")) for file in (*doomed, *staged)]
            if not dry_run:
                remove(dry_run=False)
                for file in staged:
                    Path(lake.path(key), file).unlink(missing_ok=True)
    return pl.DataFrame(rows, schema={"table": pl.String, "file": pl.String, "size_bytes": pl.Int64}, orient="row")


def _half_written(lake: DeltaLake, key: str, retention: timedelta) -> list[str]:
    """Staging files (`x.parquet#1`) of writers killed within a file: Delta renames them when whole, and vacuums none.

    In a bucket there are none: an object is there whole or not at all.
    """
    if not isinstance(lake.place, Folder):
        return []
    folder, oldest_kept = Path(lake.path(key)), time.time() - retention.total_seconds()
    staged = (file for file in folder.rglob("*.parquet#*") if file.stat().st_mtime < oldest_kept)
    return sorted(str(file.relative_to(folder)) for file in staged)
