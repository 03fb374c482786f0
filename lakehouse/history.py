"""A table's past: which commits made it, and what differs between two of its versions.

Belongs here: what `pulso lake history` and `pulso lake diff` show, as frames. Does not belong here: printing, time travel
(DeltaLake.scan with `version` or `as_of`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
from deltalake import DeltaTable

from contracts.errors import NotReadyError, PulsoError
from contracts.scope import TenantScope
from contracts.tables import TableSpec
from lakehouse.comparison import compare
from lakehouse.files import stored_schema
from lakehouse.lake import DeltaLake
from lakehouse.tenancy import scoped

HISTORY = pl.Schema(
    {
        "version": pl.Int64(),
        "committed_at": pl.Datetime("us", "UTC"),
        "operation": pl.String(),
        "rows_inserted": pl.Int64(),
        "rows_updated": pl.Int64(),
        "files_added": pl.Int64(),
        "files_removed": pl.Int64(),
    }
)


@dataclass(frozen=True)
class TableDiff:
    """What changed in a table from `old_version` to `new_version`.

    `rows`: one row per key that differs: the keys, `change` (added, removed, changed), `changed_columns`.
    `columns`: one row per column that differs: `column`, `change` (added, removed, retyped), `old_type`, `new_type`.
    """

    table: str
    old_version: int
    new_version: int
    rows: pl.DataFrame
    columns: pl.DataFrame

    def count(self, change: str) -> int:
        """How many keys were `added`, `removed` or `changed`."""
        return self.rows.filter(pl.col("change") == change).height


def history(lake: DeltaLake, table: TableSpec | str, *, limit: int | None = None) -> pl.DataFrame:
    """The table's commits, newest first, in the schema HISTORY. Row counts are null where a commit does not tell them.

    Raises NotReadyError when the table does not exist.
    """
    delta = lake.open(table)
    if delta is None:
        raise NotReadyError(f"{table if isinstance(table, str) else table.key} is not in the lake (yet): {lake.root}")
    rows = []
    for commit in delta.history(limit):
        metrics = commit.get("operationMetrics") or {}
        inserted = commit.get("inserted", metrics.get("num_added_rows"))
        rows.append(
            {
                "version": commit["version"],
                "committed_at": datetime.fromtimestamp(commit["timestamp"] / 1000, UTC),
                "operation": commit.get("pulso", commit["operation"].lower()),
                "rows_inserted": None if inserted is None else int(inserted),
                "rows_updated": int(commit["updated"]) if "updated" in commit else None,
                "files_added": metrics.get("num_added_files", metrics.get("numFilesAdded")),
                "files_removed": metrics.get("num_removed_files", metrics.get("numFilesRemoved")),
            }
        )
    return pl.DataFrame(rows, schema=HISTORY)


def diff(
    lake: DeltaLake,
    table: TableSpec | str,
    *,
    old: int,
    new: int | None = None,
    scope: TenantScope,
    keys: Sequence[str] | None = None,
) -> TableDiff:
    """What changed in the rows that `scope` may see, from version `old` to `new` (default: the newest).

    Only files that are in one of the two versions alone are read. `keys` default to the declared ones; a table without
    declared keys (gold) is compared row by row, so that a changed row counts as one removed and one added.
    Raises NotReadyError for a table or version that is not there, PulsoError for keys that are no columns of both versions.
    """
    before, after = lake.open(table, version=old), lake.open(table, version=new)
    spec = lake.declaration(table)
    key = table if isinstance(table, str) else table.key
    if before is None or after is None:
        raise NotReadyError(f"{key} is not in the lake (yet): {lake.root}")
    schemas = stored_schema(before), stored_schema(after)
    shared = [name for name, dtype in schemas[1].items() if schemas[0].get(name) == dtype]
    keys = keys or (spec.keys if spec is not None else shared)
    if missing := sorted(set(keys) - set(shared)):
        raise PulsoError(f"{key}: {', '.join(missing)} can't be a key: not a column of both versions.")
    files = [set(lake.files(table, delta)) for delta in (before, after)]

    def rows_only_in(delta: DeltaTable, files: set[str]) -> pl.DataFrame:
        rows = (
            scoped(lake.rows(table, delta, files=sorted(files)), key=key, spec=spec, scope=scope)
            .select(shared)
            .collect()
        )
        return rows.unique() if keys == shared else rows

    rows = compare(rows_only_in(before, files[0] - files[1]), rows_only_in(after, files[1] - files[0]), keys=keys)
    return TableDiff(key, before.version(), after.version(), rows, _column_changes(*schemas))


def _column_changes(old: pl.Schema, new: pl.Schema) -> pl.DataFrame:
    rows = [
        (
            name,
            "added" if name not in old else "removed" if name not in new else "retyped",
            str(old[name]) if name in old else None,
            str(new[name]) if name in new else None,
        )
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    columns = pl.Schema({"column": pl.String, "change": pl.String, "old_type": pl.String, "new_type": pl.String})
    return pl.DataFrame(rows, schema=columns, orient="row")
