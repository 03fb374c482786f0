"""From `warehouse.duckdb` to the lake: the publishing half of write, audit, publish.

Belongs here: copying tables that dbt built into Delta, each in one atomic commit. Does not belong here: which tables deserve
it (assets/warehouse.py reads dbt's verdict), what a column means (dbt_project/), tables that Pulso declares itself (lake.py).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable, write_deltalake

from contracts.errors import NotReadyError, PulsoError, SchemaMismatchError
from contracts.ports import WriteResult
from lakehouse.collapse import CollapseGuard
from lakehouse.conflicts import commit_properties
from lakehouse.places import Folder, Place

GOLD = "gold"

_BATCH_ROWS = 100_000
_FINGERPRINT = "content_fingerprint"
_COLUMNS = "columns_sha256"
_WAREHOUSE = "warehouse_id"
_BUILD = "built_through"

_REFUSED_TYPES = {
    "HUGEINT": "cast sums of integers to bigint",
    "UHUGEINT": "cast it to bigint",
    "TIMESTAMP": "use timestamptz: a time without a zone raises what a reader of the table must support",
}


class WarehousePublisher:
    """Implements the port `contracts.ports.Warehouse`. Opens the file read-only, and only while a method runs."""

    def __init__(self, warehouse_path: Path, lake: Path | Place, *, guard: CollapseGuard | None = None) -> None:
        self._warehouse_path = warehouse_path.absolute()
        self._place: Place = Folder(lake) if isinstance(lake, Path) else lake
        self._guard = guard or CollapseGuard()

    def publish(
        self, names: Sequence[str], *, invocation_id: str, allow_collapse: bool = False
    ) -> dict[str, WriteResult]:
        """Make each `gold.<name>` of the warehouse the newest version of the lake's `gold/<name>`.

        Each table changes in one commit: one that is built by weeks (or days) in those that were built since it was last published, any
        other as a whole. Readers see the last version or the new one. All tables are looked at before the first is written:
        SchemaMismatchError for a type that the lake should not hold, CollapseError for a table that would shrink far below its
        last version (unless `allow_collapse`), NotReadyError for one that dbt has not built. A table whose rows are the published
        ones already gets no new version (`inserted` is 0). The commits carry `invocation_id`: the dbt build that the rows come from.
        """
        if not names:
            return {}
        if not self._warehouse_path.exists():
            raise NotReadyError(f"{self._warehouse_path} does not exist: build the warehouse first.")
        with duckdb.connect(str(self._warehouse_path), read_only=True) as warehouse, self._place.reaching():
            warehouse.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
            builds = partial_builds(warehouse)
            relations = [_Relation(warehouse, name, self._place, builds=builds.get(name)) for name in names]
            for relation in relations:
                relation.check_types()
                if not allow_collapse:
                    self._guard.check(relation.key, before=relation.published_rows(), after=relation.rows)
            return {relation.name: relation.publish(invocation_id) for relation in relations}

    def columns(self) -> dict[str, dict[str, dict[str, str]]]:
        """DuckDB's types of the columns of all tables and views: by schema, by table, by column in its order."""
        with duckdb.connect(str(self._warehouse_path), read_only=True) as warehouse:
            found: dict[str, dict[str, dict[str, str]]] = {}
            for schema, table, column, kind in warehouse.execute(
                "select table_schema, table_name, column_name, data_type from information_schema.columns order by ordinal_position"
            ).fetchall():
                found.setdefault(schema, {}).setdefault(table, {})[column] = kind
            return found


def forget_builds(warehouse_path: Path) -> None:
    """What the warehouse remembers of its builds is dropped: the next one builds every table whole, and publishes it whole.

    Does nothing where there is no warehouse yet. Raises PulsoError while another process has it open.
    """
    if not warehouse_path.exists():
        return
    try:
        with duckdb.connect(str(warehouse_path)) as warehouse:
            warehouse.execute("drop schema if exists state cascade")
    except duckdb.IOException as error:
        raise PulsoError(f"{warehouse_path} is in use: wait for the end of the build that runs.") from error


@dataclass(frozen=True)
class PartialBuilds:
    """What a warehouse says of a table that it builds by weeks or days: in which of the table's builds each of them was replaced."""

    warehouse_id: str
    unit: str
    """The column that the table is built and stored by: `week` (Mondays) or `day`."""
    build_of: Mapping[date, int]

    @property
    def newest(self) -> int:
        return max(self.build_of.values(), default=0)


def partial_builds(warehouse: duckdb.DuckDBPyConnection) -> dict[str, PartialBuilds]:
    """Such tables of a warehouse by name, as dbt_project/macros/weeks.sql keeps count of them; empty where it does not."""
    kept = warehouse.execute("select 1 from information_schema.tables where table_schema = 'state'").fetchall()
    if not kept:
        return {}
    ((warehouse_id,),) = warehouse.execute("select warehouse_id from state.warehouse").fetchall()
    found = warehouse.execute(
        "select relation, if(bool_and(first_day = last_day), 'day', 'week'), list((first_day, version)) "
        "from state.versions where first_day is not null group by relation"
    )
    return {name: PartialBuilds(warehouse_id, unit, dict(builds)) for name, unit, builds in found.fetchall()}


class _Relation:
    """One table of the open warehouse, and the Delta table that it becomes."""

    def __init__(
        self, warehouse: duckdb.DuckDBPyConnection, name: str, place: Place, *, builds: PartialBuilds | None
    ) -> None:
        self.name = name
        self.key = f"{GOLD}/{name}"
        self._warehouse = warehouse
        self._path = f"{place.root}/{self.key}"
        self._options = place.delta_options
        self._builds = builds
        self._delta = self._open() if DeltaTable.is_deltatable(self._path, self._options) else None
        self._said = {} if self._delta is None else self._delta.history(1)[0]
        """What the last commit said of itself."""
        try:
            self.columns: dict[str, str] = dict(
                self._all(f"select column_name, column_type from (describe {self._sql})")
            )
        except duckdb.CatalogException as error:
            raise NotReadyError(f"{self.key} is not in the warehouse: build the dbt model `{name}` first.") from error
        self.rows: int = self._all(f"select count(*) from {self._sql}")[0][0]

    @property
    def _sql(self) -> str:
        return f'"{GOLD}"."{self.name}"'

    def _open(self) -> DeltaTable:
        return DeltaTable(self._path, storage_options=self._options)

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
        """Replace in the Delta table what its last commit does not say that it holds."""
        content = self._content()
        days = self._to_publish(content)
        if self._delta is not None and (days == [] or content.items() <= self._said.items()):
            return WriteResult(self.key, self._path, self._delta.version(), self.rows, inserted=0)
        unit = None if self._builds is None else self._builds.unit
        listed = None if days is None else f"{unit} in ({', '.join(repr(str(day)) for day in days)})"
        where = "" if listed is None else f"where {listed}"
        # Sorted by tenant, so that a read for one client opens few row groups. A stream: no second copy in memory.
        order = "client_id" if unit is None else f"{unit}, client_id"
        rows = self._warehouse.execute(f"select * from {self._sql} {where} order by {order}")
        notes = {"pulso": "publish", "dbt_invocation_id": invocation_id, **content}
        write_deltalake(
            self._path,
            rows.to_arrow_reader(_BATCH_ROWS),
            mode="overwrite",
            schema_mode="overwrite" if listed is None else None,
            predicate=listed,
            name=self.name,
            partition_by=unit,
            storage_options=self._options,
            commit_properties=commit_properties(notes, is_keyed=True),
        )
        inserted = self.rows if listed is None else self._all(f"select count(*) from {self._sql} {where}")[0][0]
        return WriteResult(self.key, self._path, self._open().version(), self.rows, inserted=inserted)

    def _content(self) -> dict[str, str]:
        """What a commit says of the rows that the table holds after it."""
        columns = hashlib.sha256(str(self.columns).encode()).hexdigest()
        if self._builds is not None:
            return {_WAREHOUSE: self._builds.warehouse_id, _BUILD: str(self._builds.newest), _COLUMNS: columns}
        # A sum does not depend on the order of rows, and unlike xor it sees a row that comes twice.
        ((checksum,),) = self._all(f"select coalesce(sum(hash(rows)::hugeint), 0) from {self._sql} as rows")
        return {_FINGERPRINT: hashlib.sha256(f"{self.rows} {checksum}".encode()).hexdigest(), _COLUMNS: columns}

    def _to_publish(self, content: Mapping[str, str]) -> list[date] | None:
        """Weeks (or days) that were built since the last commit; None for all: another table, other columns, another warehouse."""
        if (
            self._builds is None
            or self._delta is None
            or self._delta.metadata().partition_columns != [self._builds.unit]
        ):
            return None
        if any(self._said.get(what) != content[what] for what in (_WAREHOUSE, _COLUMNS)):
            return None
        published = int(self._said[_BUILD])
        days = sorted(day for day, build in self._builds.build_of.items() if build > published)
        return None if len(days) == len(self._builds.build_of) else days
