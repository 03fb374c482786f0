"""The lake on Delta: `DeltaLake` implements the port `contracts.ports.Lake`.

Belongs here: opening a table as of a version, reading it for a tenant scope, and the four ways of writing it.
Does not belong here: upkeep (maintenance.py), a table's past (history.py), SQL sessions (duckdb_session.py), business rules.

Every write is one Delta commit, made on the version that it read: readers see the last version or the new one, never half,
and a writer that meets another one starts over on the newer version (conflicts.py).
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, Schema, write_deltalake
from deltalake.exceptions import DeltaError

from contracts.errors import NotReadyError, PulsoError, SchemaMismatchError
from contracts.ports import WriteResult
from contracts.scope import TenantScope
from contracts.settings import Settings
from contracts.tables import ALL_TABLES, TableSpec
from lakehouse.collapse import CollapseGuard
from lakehouse.comparison import compare
from lakehouse.conflicts import commit_properties, redo_on_conflict
from lakehouse.duckdb_views import view_sql
from lakehouse.files import current_files, partition_columns, scan_files, stored_schema
from lakehouse.fitting import fit
from lakehouse.places import Folder, Place, place_of
from lakehouse.tenancy import scoped


class DeltaLake:
    """All tables in one place, at `root/<stage>/<table>`. Safe to share between threads: it holds no open table."""

    def __init__(
        self, place: Path | Place, *, declared: Iterable[TableSpec] = ALL_TABLES, guard: CollapseGuard | None = None
    ) -> None:
        """`place` is a folder or a bucket. `declared` are the tables whose keys (`stage/table`) mean their declaration, with their
        quarantines."""
        self.place: Place = Folder(place) if isinstance(place, Path) else place
        self.declared = {table.key: table for table in declared}
        self._quarantines = {spec.key: spec for table in self.declared.values() for spec in (table.quarantine(),)}
        self._guard = guard or CollapseGuard()

    # --- finding tables -------------------------------------------------------------------------------------------------

    @property
    def root(self) -> str:
        """The folder, or the bucket's URL, below which all tables are."""
        return self.place.root

    def path(self, table: TableSpec | str) -> str:
        """Where the table is or would be: a folder, or a URL."""
        return f"{self.root}/{_key(table)}"

    def tables(self) -> tuple[str, ...]:
        """Keys of the tables that exist, sorted."""
        return tuple(self.place.tables())

    def declaration(self, table: TableSpec | str) -> TableSpec | None:
        """The table's declaration; None for tables that dbt declares (gold)."""
        if isinstance(table, TableSpec):
            return table
        return self.declared.get(table) or self._quarantines.get(table)

    def open(
        self, table: TableSpec | str, *, version: int | None = None, as_of: datetime | None = None
    ) -> DeltaTable | None:
        """The table at its newest version, at `version`, or as it stood at `as_of` (the machine's time, not business time).

        None when it does not exist, or did not at `as_of`. Raises NotReadyError for a version that is not there.
        """
        if version is not None and as_of is not None:
            raise ValueError("Ask for a version or for a time, not for both.")
        with self.place.reaching():
            return self._open(table, version=version, as_of=as_of)

    def _open(self, table: TableSpec | str, *, version: int | None, as_of: datetime | None) -> DeltaTable | None:
        path, options = self.path(table), self.place.delta_options
        if not DeltaTable.is_deltatable(path, options):
            return None
        delta = DeltaTable(path, storage_options=options)
        if as_of is not None:
            version = _version_at(delta, as_of)
            if version is None:
                return None
        if version is not None and version != delta.version():
            if not 0 <= version < delta.version():
                raise NotReadyError(f"{_key(table)} has no version {version}; the newest is {delta.version()}.")
            try:
                delta.load_as_version(version)
            except DeltaError as error:
                raise NotReadyError(f"{_key(table)} version {version} is no longer in the log.") from error
        return delta

    def version(self, table: TableSpec | str) -> int | None:
        """Newest version, or None when the table does not exist."""
        delta = self.open(table)
        return None if delta is None else delta.version()

    # --- reading --------------------------------------------------------------------------------------------------------

    def scan(
        self, table: TableSpec | str, *, scope: TenantScope, version: int | None = None, as_of: datetime | None = None
    ) -> pl.LazyFrame:
        """Lazy rows that `scope` may see. A declared table has exactly its declared columns, whatever its files hold.

        A declared table that was never written is empty; an undeclared one (gold) raises NotReadyError. The version is fixed
        when this is called: later writes do not change what the frame yields.
        """
        spec = self.declaration(table)
        delta = self.open(table, version=version, as_of=as_of)
        if delta is not None:
            rows = self.rows(table, delta)
            rows = rows if spec is None else _as_declared(rows, spec)
        elif spec is not None:
            rows = pl.LazyFrame(schema=spec.schema)
        else:
            raise NotReadyError(f"{_key(table)} is not in the lake (yet): materialise it first. Lake: {self.root}")
        return scoped(rows, key=_key(table), spec=spec, scope=scope)

    def rows(
        self,
        table: TableSpec | str,
        delta: DeltaTable,
        *,
        files: Iterable[str] | None = None,
        path_column: str | None = None,
    ) -> pl.LazyFrame:
        """Every client's rows of an open version (of these files alone), with the stored columns: see `files.scan_files`."""
        listed = self.files(table, delta) if files is None else files
        return scan_files(delta, listed, path_column=path_column, options=self.place.polars_options)

    def files(self, table: TableSpec | str, delta: DeltaTable) -> list[str]:
        """Addresses, sorted, of the files of an open version: see `files.current_files`."""
        return current_files(delta, self.path(table))

    def view_sql(self, name: str, table: TableSpec | str) -> str:
        """SQL that makes `name` a DuckDB view over the newest version's files, for a pipeline that sees every client.

        People and apps open a session instead (duckdb_session.py), which is narrowed to their tenant scope.
        """
        spec = self.declaration(table)
        delta = self.open(table)
        if delta is None and spec is None:
            raise NotReadyError(f"{_key(table)} is not in the lake (yet): materialise it first. Lake: {self.root}")
        stored = stored_schema(delta) if delta is not None else pl.Schema()
        return view_sql(
            name,
            schema=spec.schema if spec is not None else stored,
            files=self.place.on_disk(_key(table), self.files(table, delta)) if delta is not None else [],
            partitions=partition_columns(delta) if delta is not None else (),
        )

    def files_by_day(self, table: TableSpec) -> pl.DataFrame:
        """The files of the newest version of a table that is stored by day, as (`day`, `path`); empty without one."""
        delta = self.open(table) if table.partition_by == "day" else None
        if delta is None:
            return pl.DataFrame(schema={"day": pl.Date, "path": pl.String})
        actions = pl.DataFrame(delta.get_add_actions(flatten=True))
        return actions.select(day=pl.col("partition.day").cast(pl.Date), path="path")

    # --- writing --------------------------------------------------------------------------------------------------------

    def append(self, table: TableSpec, frame: pl.DataFrame) -> WriteResult:
        """Add rows; rows whose key is there already, or came earlier in the frame, are left as they are.

        When nothing is new, no version is made.
        """
        rows = fit(frame, table, unique=False).unique(subset=table.keys, keep="first", maintain_order=True)

        def attempt(delta: DeltaTable) -> WriteResult:
            stored = self.rows(table, delta)
            if _keys_fix_partition(table):
                stored = stored.filter(_in_partitions(table, rows))
            known = stored.select(table.keys).join(
                rows.lazy().select(table.keys), on=table.keys, how="semi", nulls_equal=True
            )
            new = rows.join(known.collect(), on=table.keys, how="anti", nulls_equal=True)
            if not new.is_empty():
                notes = {"pulso": "append", "inserted": new.height, "updated": 0}
                write_deltalake(
                    delta,
                    _as_stored(new, delta),
                    mode="append",
                    commit_properties=commit_properties(notes, is_keyed=True),
                )
            return self._result(table, delta, rows=frame.height, inserted=new.height)

        return self._write(table, attempt)

    def merge(self, table: TableSpec, frame: pl.DataFrame) -> WriteResult:
        """Insert new keys and update known ones, wherever they are; `updated` counts rows that really changed.

        Only partitions with a change are rewritten. When nothing changed, no version is made.
        """
        rows = fit(frame, table, unique=True)

        def attempt(delta: DeltaTable) -> WriteResult:
            stored = self.rows(table, delta)
            if _keys_fix_partition(table):
                stored = stored.filter(_in_partitions(table, rows))
            matching = stored.join(
                rows.lazy().select(table.keys), on=table.keys, how="semi", nulls_equal=True
            ).collect()
            changes = compare(matching, rows, keys=table.keys)
            written = rows.join(changes, on=table.keys, how="semi", nulls_equal=True)
            inserted = changes.filter(pl.col("change") == "added").height
            if not written.is_empty():
                replaced = matching.join(written, on=table.keys, how="semi", nulls_equal=True)
                touched = pl.concat([_as_stored(written, delta), replaced])
                kept = self.rows(table, delta).filter(_in_partitions(table, touched)).collect()
                kept = kept.join(written, on=table.keys, how="anti", nulls_equal=True)
                notes = {"pulso": "merge", "inserted": inserted, "updated": written.height - inserted}
                write_deltalake(
                    delta,
                    pl.concat([kept, _as_stored(written, delta)]),
                    mode="overwrite",
                    predicate=_partition_predicate(table, touched),
                    commit_properties=commit_properties(notes, is_keyed=True),
                )
            return self._result(table, delta, rows=frame.height, inserted=inserted, updated=written.height - inserted)

        return self._write(table, attempt)

    def replace_partition(
        self, table: TableSpec, frame: pl.DataFrame, *, day: date, allow_collapse: bool = False
    ) -> WriteResult:
        """Replace one day atomically. Every row must be of that day.

        Raises CollapseError when the day would shrink far below its last version, unless `allow_collapse`.
        """
        rows = fit(frame, table, unique=True)
        column = table.partition_by
        if column is None:
            raise PulsoError(f"{table.key} has no partitions: use replace().")
        if strays := rows.filter(pl.col(column) != day).height:
            raise SchemaMismatchError(
                f"{table.key}: {strays} of {rows.height} rows are of another {column} than {day}."
            )

        def attempt(delta: DeltaTable) -> WriteResult:
            before = self.rows(table, delta).filter(pl.col(column) == day).select(pl.len()).collect().item()
            if not allow_collapse:
                self._guard.check(f"{table.key} {column}={day}", before=before, after=rows.height)
            if before or rows.height:
                notes = {"pulso": f"replace {column}={day}", "inserted": rows.height, "updated": 0}
                write_deltalake(
                    delta,
                    _as_stored(rows, delta),
                    mode="overwrite",
                    predicate=f"{column} = '{day}'",
                    commit_properties=commit_properties(notes, is_keyed=False),
                )
            return self._result(table, delta, rows=frame.height, inserted=rows.height)

        return self._write(table, attempt)

    def replace(self, table: TableSpec, frame: pl.DataFrame, *, allow_collapse: bool = False) -> WriteResult:
        """Replace the whole table atomically; its stored columns become the declared ones.

        Raises CollapseError when the table would shrink far below its last version, unless `allow_collapse`.
        """
        rows = fit(frame, table, unique=True)

        def attempt(delta: DeltaTable) -> WriteResult:
            before = self.rows(table, delta).select(pl.len()).collect().item()
            if not allow_collapse:
                self._guard.check(table.key, before=before, after=rows.height)
            notes = {"pulso": "replace", "inserted": rows.height, "updated": 0}
            write_deltalake(
                delta,
                rows,
                mode="overwrite",
                schema_mode="overwrite",
                commit_properties=commit_properties(notes, is_keyed=True),
            )
            return self._result(table, delta, rows=frame.height, inserted=rows.height)

        return self._write(table, attempt, evolve=False)

    # --- the parts of a write -------------------------------------------------------------------------------------------

    def _write(
        self, table: TableSpec, attempt: Callable[[DeltaTable], WriteResult], *, evolve: bool = True
    ) -> WriteResult:
        def once() -> WriteResult:
            delta = self._open_or_create(table)
            if evolve:
                _add_new_columns(delta, table)
            return attempt(delta)

        with self.place.reaching():
            return redo_on_conflict(table.key, once)

    def _open_or_create(self, table: TableSpec) -> DeltaTable:
        path, options = self.path(table), self.place.delta_options
        if not DeltaTable.is_deltatable(path, options):
            DeltaTable.create(
                path,
                schema=Schema.from_arrow(table.schema),
                mode="ignore",  # another process may be creating it too
                partition_by=table.partition_by,
                description=table.description,
                storage_options=options,
                commit_properties=commit_properties({"pulso": "create"}, is_keyed=False),
            )
        delta = DeltaTable(path, storage_options=options)
        expected = () if table.partition_by is None else (table.partition_by,)
        if partition_columns(delta) != expected:
            raise SchemaMismatchError(
                f"{table.key} is stored by {partition_columns(delta)}, declared by {expected}: partitions can't change in "
                f"place. Move {path} away and build the table again."
            )
        return delta

    def _result(
        self, table: TableSpec, delta: DeltaTable, *, rows: int, inserted: int, updated: int = 0
    ) -> WriteResult:
        return WriteResult(table.key, self.path(table), delta.version(), rows, inserted, updated)


def open_lake(settings: Settings) -> DeltaLake:
    """The lake that these settings name: the folder under their home, or the bucket. Nothing is asked or made yet."""
    return DeltaLake(place_of(settings))


def _key(table: TableSpec | str) -> str:
    return table.key if isinstance(table, TableSpec) else table


def _version_at(delta: DeltaTable, moment: datetime) -> int | None:
    """The version that was newest at `moment`, by the time written in each commit: a copied lake keeps its past.

    None when the table did not exist then. Raises NotReadyError when the log does not reach back that far any more.
    """
    if moment.tzinfo is None:
        raise ValueError("as_of needs a time zone: datetime(..., tzinfo=UTC).")
    commits = {commit["version"]: datetime.fromtimestamp(commit["timestamp"] / 1000, UTC) for commit in delta.history()}
    newest = max((version for version, at in commits.items() if at <= moment), default=None)
    if newest is None and min(commits) > 0:
        raise NotReadyError(
            f"The log of {delta.table_uri} starts at {commits[min(commits)]}: nothing is known of {moment}."
        )
    return newest


def _keys_fix_partition(table: TableSpec) -> bool:
    """Whether a key can only ever lie in one partition, because it holds the day, or the moment that the day is taken from.

    Then only the partitions of the written rows are searched for known keys; otherwise the whole table is.
    """
    return any(key == table.partition_by or table.schema[key].is_temporal() for key in table.keys)


def _in_partitions(table: TableSpec, rows: pl.DataFrame) -> pl.Expr:
    """The stored rows that lie in a partition of `rows`; all of them where the table has no partitions."""
    if table.partition_by is None:
        return pl.lit(True)
    return pl.col(table.partition_by).is_in(rows[table.partition_by].unique().to_list())


def _partition_predicate(table: TableSpec, rows: pl.DataFrame) -> str:
    """The partitions of `rows` as literals: only literals let Delta see that writers on different days don't meet."""
    if table.partition_by is None:
        return "true"
    days = ", ".join(f"'{day}'" for day in sorted(rows[table.partition_by].unique()))
    return f"{table.partition_by} in ({days})"


def _as_declared(rows: pl.LazyFrame, table: TableSpec) -> pl.LazyFrame:
    """Exactly the declared columns: null where the version is older than a column, without columns no longer declared."""
    stored = rows.collect_schema()
    return rows.select(
        pl.lit(None, dtype).alias(name) if name not in stored else pl.col(name).cast(dtype)
        for name, dtype in table.schema.items()
    )


def _as_stored(rows: pl.DataFrame, delta: DeltaTable) -> pl.DataFrame:
    """The rows with exactly the stored columns: null in those that are declared no more."""
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in stored_schema(delta).items()
    )


def _add_new_columns(delta: DeltaTable, table: TableSpec) -> None:
    """Add columns that were declared since the table was written; rows written before have null there."""
    stored = stored_schema(delta)
    changed = [
        f"`{name}` is stored as {stored[name]}, declared {dtype}"
        for name, dtype in table.schema.items()
        if name in stored and stored[name] != dtype
    ]
    if changed:
        raise SchemaMismatchError(
            f"{table.key}: {'; '.join(changed)}. A stored column keeps its type: declare the new one under a new name, or "
            "write the whole table with replace(). Nothing was written."
        )
    added = pl.Schema({name: dtype for name, dtype in table.schema.items() if name not in stored})
    if added:
        delta.alter.add_columns(
            Schema.from_arrow(added).fields,
            commit_properties=commit_properties({"pulso": f"add columns {', '.join(added)}"}, is_keyed=False),
        )
