"""From `warehouse.duckdb` to the lake: the publishing half of write, audit, publish.

Belongs here: copying tables that dbt built into Delta, each in one atomic commit. Does not belong here: which tables deserve
it (assets/warehouse.py reads dbt's verdict), what a column means (dbt_project/), tables that Pulso declares itself (lake.py).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable, write_deltalake

from contracts.errors import NotReadyError, SchemaMismatchError
from contracts.ports import WriteResult
from lakehouse.collapse import CollapseGuard
from lakehouse.conflicts import commit_properties

GOLD = "gold"

_BATCH_ROWS = 100_000
_FINGERPRINT = "content_fingerprint"

_REFUSED_TYPES = {
    "HUGEINT": "cast sums of integers to bigint",
    "UHUGEINT": "cast it to bigint",
    "TIMESTAMP": "use timestamptz: a time without a zone raises what a reader of the table must support",
}


class WarehousePublisher:
    """Implements the port `contracts.ports.Warehouse`. Opens the file read-only, and only while `publish` runs."""

    def __init__(self, warehouse_path: Path, lake_root: Path, *, guard: CollapseGuard | None = None) -> None:
        self._warehouse_path = warehouse_path.absolute()
        self._lake_root = lake_root.absolute()
        self._guard = guard or CollapseGuard()

    def publish(
        self, names: Sequence[str], *, invocation_id: str, allow_collapse: bool = False
    ) -> dict[str, WriteResult]:
        """Make each `gold.<name>` of the warehouse the newest version of the lake's `gold/<name>`.

        Each table is replaced in one commit, with the columns that it has now; readers see the last version or the new one.
        All tables are looked at before the first is written: SchemaMismatchError for a type that the lake should not hold,
        CollapseError for a table that would shrink far below its last version (unless `allow_collapse`), NotReadyError
        for one that dbt has not built. A table whose rows are the published ones already gets no new version (`inserted`
        is 0). The commits carry `invocation_id`: the dbt build that the rows come from.
        """
        if not names:
            return {}
        if not self._warehouse_path.exists():
            raise NotReadyError(f"{self._warehouse_path} does not exist: build the warehouse first.")
        with duckdb.connect(str(self._warehouse_path), read_only=True) as warehouse:
            warehouse.execute("set TimeZone = 'UTC'")
            relations = [_Relation(warehouse, name, self._lake_root / GOLD / name) for name in names]
            for relation in relations:
                relation.check_types()
                if not allow_collapse:
                    self._guard.check(relation.key, before=relation.published_rows(), after=relation.rows)
            return {relation.name: relation.publish(invocation_id) for relation in relations}


class _Relation:
    """One table of the open warehouse, and the Delta table that it becomes."""

    def __init__(self, warehouse: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
        self.name = name
        self.key = f"{GOLD}/{name}"
        self._warehouse = warehouse
        self._path = path
        self._delta = DeltaTable(path) if DeltaTable.is_deltatable(str(path)) else None
        try:
            self.columns: dict[str, str] = dict(
                self._all(f"select column_name, column_type from (describe {self._sql})")
            )
        except duckdb.CatalogException as error:
            raise NotReadyError(f"{self.key} is not in the warehouse: build the dbt model `{name}` first.") from error
        # A sum does not depend on the order of rows, and unlike xor it sees a row that comes twice.
        (self.rows, checksum) = self._all(
            f"select count(*), coalesce(sum(hash(rows)::hugeint), 0) from {self._sql} as rows"
        )[0]
        self.fingerprint = hashlib.sha256(f"{self.rows} {checksum} {self.columns}".encode()).hexdigest()

    @property
    def _sql(self) -> str:
        return f'"{GOLD}"."{self.name}"'

    def _all(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._warehouse.execute(sql).fetchall()
        return rows

    def check_types(self) -> None:
        """Raises SchemaMismatchError for types that Delta's common readers do not have."""
        faults = [
            f"`{column}` is {kind}: {mend}"
            for column, kind in self.columns.items()
            for refused, mend in _REFUSED_TYPES.items()
            if kind.removesuffix("[]") == refused
        ]
        if faults:
            raise SchemaMismatchError(
                f"{self.key}: {'; '.join(faults)}. Nothing was written. Declared in dbt_project/models."
            )

    def published_rows(self) -> int:
        """Rows of the version that would be replaced."""
        return 0 if self._delta is None else self._delta.count()

    def publish(self, invocation_id: str) -> WriteResult:
        """Replace the Delta table, unless its last commit says that it holds these rows."""
        if self._delta is not None and self._delta.history(1)[0].get(_FINGERPRINT) == self.fingerprint:
            return WriteResult(self.key, str(self._path), self._delta.version(), self.rows, inserted=0)
        notes = {"pulso": "publish", "dbt_invocation_id": invocation_id, _FINGERPRINT: self.fingerprint}
        # Sorted by tenant, so that a read for one client opens few row groups. A stream: no second copy in memory.
        rows = self._warehouse.execute(f"select * from {self._sql} order by client_id").to_arrow_reader(_BATCH_ROWS)
        write_deltalake(
            self._path,
            rows,
            mode="overwrite",
            schema_mode="overwrite",
            name=self.name,
            commit_properties=commit_properties(notes, is_keyed=True),
        )
        return WriteResult(self.key, str(self._path), DeltaTable(self._path).version(), self.rows, inserted=self.rows)
