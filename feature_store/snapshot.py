"""The lake's table as the one Parquet file that Feast reads: one version of it, whole.

Belongs here: when that file is written anew, and how it replaces the last one.
Does not belong here: what is read from it (`as_of.py`).

Why a copy: a Delta table is a list of files that changes with every commit. Feast's source names one path and keeps it in its registry, a
glob over the folder would read removed files, and a list of today's files breaks under a reader as soon as they are vacuumed. The copy
is one file of one version, replaced by a rename; it costs what the table weighs (1.3 MB for 16,000 rows).
"""

from pathlib import Path

import polars as pl

from contracts.errors import NotReadyError
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import TableSpec

_VERSION = "pulso_lake_version"
_ALL = TenantScope.all_clients("the store holds every client's features; each answer is narrowed to the asking scope")


def refresh(lake: Lake, table: TableSpec, folder: Path) -> int:
    """Make `folder/<table>.parquet` the newest version of the table; returns that version. Nothing is written when it is already.

    Raises NotReadyError when the table is not in the lake yet. Callers exclude each other.
    """
    version = lake.version(table)
    if version is None:
        raise NotReadyError(f"{table.key} is not in the lake (yet): run `make run`, or materialise it in Dagster.")
    file = folder / f"{table.name}.parquet"
    if not file.exists() or pl.read_parquet_metadata(file).get(_VERSION) != str(version):
        part = file.with_suffix(".part")
        rows = lake.scan(table, scope=_ALL, version=version)
        rows.sink_parquet(part, metadata={_VERSION: str(version)})
        part.replace(file)
    return version
