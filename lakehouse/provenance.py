"""Provenance of rows: from a row of a mart down to the raw rows that it was made of, by what each mart declares.

Belongs here: following declarations, counting, and recomputing what is a plain aggregate of the rows below.
Does not belong here: which rows a mart is made of (`meta.made_of` in dbt_project/models/marts), printing (apps/).

Read through an SQL session (duckdb_session.py), so a trace sees exactly what its tenant scope may see.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import polars as pl

from contracts.errors import NotReadyError, PulsoError
from contracts.scope import TenantScope
from contracts.tables import TableSpec
from lakehouse.duckdb_session import open_session
from lakehouse.duckdb_views import quoted_name, quoted_text
from lakehouse.files import stored_schema
from lakehouse.history import history
from lakehouse.lake import DeltaLake
from lakehouse.tenancy import scoped

RAW = "raw"
"""The column in which bronze keeps a row's payload as it came."""
FILE = "file"
"""Column of shown bronze rows: the file of the row, below the lake's folder."""

_DEEPEST = 12
_BATCH = 2048
"""Rows for which DuckDB reserves room in a frame that it hands over: a million by default, which a frame of five rows would keep."""
_NAMED_VALUES = 5


@dataclass(frozen=True)
class Origin:
    """Rows of one table that a mart's row is made of."""

    table: str
    """Key in the lake: another mart's, the mart's own (earlier rows, or other columns of the same one), or bronze."""
    where: str
    """SQL over `child`, the mart's row, and `parent`, a row of `table`."""
    columns: Mapping[str, str | tuple[str, ...]] | None = None
    """The mart's columns that these rows give: the SQL aggregate over them that yields the column again, or, where it is more
    than an aggregate, the columns of `table` that go into it. None when the rows are what the row is about, whatever the column."""


@dataclass(frozen=True)
class Mart:
    """What a gold table declares about its rows."""

    key: str
    row_key: tuple[str, ...]
    """Columns that identify a row."""
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class Recount:
    """A column of some rows, computed again from the rows below them."""

    column: str
    how: str
    rows: int
    agreeing: int
    differing: pl.DataFrame
    """The first rows that do not add up: their key, `here`, `below`. Empty where all do."""
    values: tuple[Any, Any] | None
    """`here` and `below` where it is one row."""


@dataclass(frozen=True)
class Step:
    """Rows of one table, and those below that they were made of."""

    table: str
    version: int | None
    written_at: datetime | None
    """When that version was committed (the machine's time)."""
    rows: int
    days: tuple[date, ...]
    """The partitions that the rows lie in; none where the table has no `day`."""
    columns: tuple[str, ...]
    """The columns that matter to what was asked; their values are those that are recomputed."""
    key: tuple[str, ...]
    shown: pl.DataFrame
    """The first rows in the order of the key, all columns but personal ones; bronze rows with the `file` that they lie in."""
    personal: tuple[str, ...] = ()
    """Columns with people's words and names: in `shown` only where they were asked for."""
    recounts: tuple[Recount, ...] = ()
    beyond: tuple[str, ...] = ()
    """Columns that are more than an aggregate of the rows below: not computed again."""
    origins: tuple["Step", ...] = field(default=())

    def walk(self) -> Iterator["Step"]:
        """This step and all below."""
        yield self
        for origin in self.origins:
            yield from origin.walk()


class Provenance:
    """Traces over one version of the lake, for one tenant scope. Close it, or use it as a context manager."""

    def __init__(
        self, lake: DeltaLake, marts: Mapping[str, Mart], scope: TenantScope, *, shown: int = 5, personal: bool = False
    ) -> None:
        """`shown` is how many rows of each table come along; `personal` lets people's words and names be among them."""
        self._lake, self._marts, self._scope = lake, marts, scope
        self._shown, self._personal = shown, personal
        self._session = open_session(lake, scope)
        self._names = 0

    def cell(self, table: str, where: Mapping[str, str], column: str | None = None) -> Step:
        """Trace one column (default: every one) of the one row of a mart whose columns have these values, written as text.

        Raises PulsoError for a table without declaration, for columns and values that it does not have, and when not exactly
        one row is meant: the message tells the table's key. NotReadyError for a mart that is not in the lake yet.
        """
        mart = self._mart(table)
        types = self._types(mart.key)
        for name in (*where, *([] if column is None else [column])):
            if name not in types:
                raise PulsoError(f"{mart.key} has no column {name}. It has {', '.join(types)}.")
        conditions = [
            f"child.{quoted_name(name)} = cast({quoted_text(text)} as {types[name]})" for name, text in where.items()
        ]
        condition = " and ".join(conditions) or "true"
        try:
            found = self._one(f"select count(*) from {_sql(mart.key)} as child where {condition}")
        except duckdb.ConversionException as error:
            raise PulsoError(f"{mart.key}: {str(error).splitlines()[0]}") from error
        if found != 1:
            raise PulsoError(self._which_row(mart, where, condition, found))
        return self.rows(mart.key, condition, None if column is None else [column])

    def rows(self, table: str, where: str = "true", columns: Sequence[str] | None = None) -> Step:
        """Trace these columns (default: every one) of all rows of a mart that an SQL condition over `child` lets through."""
        mart = self._mart(table)
        wanted = frozenset(columns if columns is not None else self._types(mart.key))
        name = self._keep(f"select child.* from {_sql(mart.key)} as child where {where}")
        return self._step(mart.key, name, wanted, depth=0)

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> "Provenance":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- one step -------------------------------------------------------------------------------------------------------

    def _step(self, table: str, name: str, wanted: frozenset[str], *, depth: int) -> Step:
        """The rows kept as `name`, which are rows of `table`, and everything below them."""
        if depth > _DEEPEST:
            raise PulsoError(f"{table}: its `made_of` never reaches bronze.")
        spec, mart = self._lake.declaration(table), self._marts.get(table)
        key = mart.row_key if mart is not None else spec.keys if spec is not None else ()
        types = self._types(name)
        rows = int(self._one(f"select count(*) from {name}"))
        links = tuple(self._links(mart, name, wanted)) if mart is not None and rows else ()
        recounts, beyond = self._recounts(name, types, key, links)
        past = history(self._lake, table, limit=1) if self._lake.version(table) is not None else None
        days = f"select distinct {spec.partition_by} from {name} order by 1" if spec and spec.partition_by else None
        return Step(
            table=table,
            version=None if past is None else int(past["version"][0]),
            written_at=None if past is None else past["committed_at"][0],
            rows=rows,
            days=() if days is None else tuple(self._all(days)),
            columns=tuple(column for column in types if column in wanted),
            key=key,
            shown=self._first_rows(table, name, key),
            personal=() if spec is None else spec.personal,
            recounts=recounts,
            beyond=beyond,
            origins=tuple(self._step(link.origin.table, link.name, link.needs, depth=depth + 1) for link in links),
        )

    def _links(self, mart: Mart, name: str, wanted: frozenset[str]) -> Iterator["_Link"]:
        """The origins that `wanted` comes from, with their rows."""
        is_given = any(column in wanted for origin in mart.origins for column in origin.columns or ())
        has_whole = any(origin.columns is None for origin in mart.origins)
        for origin in mart.origins:
            gives = origin.columns or {}
            used = tuple(column for column in gives if column in wanted)
            # What no origin gives (a key, a name, a mere count) belongs to the row as such: then every origin is behind it.
            if used or origin.columns is None or not (is_given or has_whole):
                needs = frozenset(needed for column in used for needed in self._needs(gives[column]))
                yield _Link(origin, self._parents(origin, name), used, needs)

    def _needs(self, how: str | tuple[str, ...]) -> tuple[str, ...]:
        """Columns of the parent that an aggregate reads, by DuckDB's own parser."""
        if not isinstance(how, str):
            return how
        parsed = json.loads(self._one("select json_serialize_sql(?::varchar)", [f"select {how}"]))
        if parsed["error"]:
            raise PulsoError(f"`made_of` can't be read: {how}: {parsed['error_message']}")
        return tuple(sorted(set(_parent_columns(parsed["statements"]))))

    def _parents(self, origin: Origin, child: str) -> str:
        """Keep the rows of `origin` that the rows of `child` are made of. Without payloads: a cell may have many."""
        left_out = _heavy(self._lake.declaration(origin.table))
        columns = "parent.*" + (f" exclude ({', '.join(map(quoted_name, left_out))})" if left_out else "")
        return self._keep(
            f"select {columns} from {_sql(origin.table)} as parent"
            f" where exists (select 1 from {child} as child where {origin.where})"
        )

    def _recounts(
        self, name: str, types: Mapping[str, str], key: Sequence[str], links: Sequence["_Link"]
    ) -> tuple[tuple[Recount, ...], tuple[str, ...]]:
        """Each column that is an aggregate of the rows below, computed again; and the names of those that are not."""
        sums: dict[str, list[tuple[str, str]]] = {}
        beyond = []
        for link in links:
            for column in link.used:
                how = (link.origin.columns or {})[column]
                if isinstance(how, str):
                    below = f"(select {how} from {link.name} as parent where {link.origin.where})"
                    sums.setdefault(column, []).append((how, below))
                else:
                    beyond.append(column)
        recounts = tuple(self._recount(name, column, types[column], key, found) for column, found in sums.items())
        return recounts, tuple(column for column in dict.fromkeys(beyond) if column not in sums)

    def _recount(
        self, name: str, column: str, kind: str, key: Sequence[str], found: Sequence[tuple[str, str]]
    ) -> Recount:
        # Where two origins can give a column, one of them has no rows.
        below = f"coalesce({', '.join(sql for _, sql in found)})"
        keys = "".join(f"child.{quoted_name(part)}, " for part in key)
        agrees = "here is not distinct from below"
        if kind in _NUMBERS:
            agrees += " or abs(here - below) <= 1e-9 * greatest(1, abs(here))"
        kept = self._keep(
            f"select *, coalesce({agrees}, false) as agrees from"
            f" (select {keys}child.{quoted_name(column)} as here, {below} as below from {name} as child)"
        )
        rows, agreeing = self._session.execute(
            f"select count(*), count(*) filter (where agrees) from {kept}"
        ).fetchall()[0]
        differing = f"select * exclude (agrees) from {kept} where not agrees order by all limit {self._shown}"
        values = self._session.execute(f"select here, below from {kept} limit 2").pl(_BATCH).rows()
        return Recount(
            column=column,
            how=" or ".join(how for how, _ in found),
            rows=rows,
            agreeing=agreeing,
            differing=self._session.execute(differing).pl(_BATCH),
            values=values[0] if rows == 1 else None,
        )

    # --- rows -----------------------------------------------------------------------------------------------------------

    def _first_rows(self, table: str, name: str, key: Sequence[str]) -> pl.DataFrame:
        spec, delta = self._lake.declaration(table), self._lake.open(table)
        # A row of a reported table stands on each day on which it changed: the day is part of what a row is known by.
        day = spec.partition_by if spec is not None else None
        known_by = [*key, day] if day is not None and day not in key else [*key]
        order = ", ".join(map(quoted_name, known_by)) or "all"
        query = f"select * from {name} order by {order} limit {self._shown}"
        first: pl.DataFrame = self._session.execute(query).pl(_BATCH)
        if spec is None or delta is None or first.is_empty():
            return first
        # What was left out above, and the file: read again for these few rows, from their days alone.
        stored = stored_schema(delta)
        added = [name for name in _heavy(spec) if name in stored and (self._personal or name not in spec.personal)]
        rows = self._lake.rows(table, delta, path_column=FILE)
        rows = scoped(rows, key=table, spec=spec, scope=self._scope)
        if day is not None:
            rows = rows.filter(pl.col(day).is_in(first[day].unique().to_list()))
        rows = rows.select(*known_by, *added, FILE)
        found: pl.DataFrame = (
            first.lazy()
            .join(rows, on=known_by, how="left", nulls_equal=True, maintain_order="left")
            .with_columns(pl.col(FILE).str.strip_prefix(f"{self._lake.root}/"))
            .collect()
        )
        return found

    def _mart(self, table: str) -> Mart:
        """By its name, its key (`gold/name`) or as SQL writes it (`gold.name`)."""
        key = table.replace(".", "/") if "/" in table or "." in table else f"gold/{table}"
        if key not in self._marts:
            names = ", ".join(sorted(Path(known).name for known in self._marts))
            raise PulsoError(f"No gold table is called {table}. There are {names}.")
        if self._lake.version(key) is None:
            raise NotReadyError(f"{key} is not in the lake (yet): materialise it first. Lake: {self._lake.root}")
        return self._marts[key]

    def _which_row(self, mart: Mart, where: Mapping[str, str], condition: str, found: int) -> str:
        """What to say when a condition means no row or several: the key, and which values there are."""
        known_by = f"A row is known by {', '.join(mart.row_key)}"
        if not found:
            asked = [name for name in mart.row_key if name in where] or list(mart.row_key)
            there = "; ".join(self._values(mart, name, "true")[0] for name in asked)
            return f"{mart.key} has no row with these values. {known_by}. There: {there}."
        values = {name: self._values(mart, name, condition) for name in mart.row_key}
        open_ = [name for name, (_, count) in values.items() if count > 1]
        return (
            f"{mart.key} has {found:,} rows with these values. {known_by}: add "
            f"{' '.join(f'--where {name}=...' for name in open_)}. There: {'; '.join(values[name][0] for name in open_)}."
        )

    def _values(self, mart: Mart, column: str, condition: str) -> tuple[str, int]:
        """The first values of a column among the rows that a condition lets through, in words; and how many there are."""
        name = f"child.{quoted_name(column)}"
        values = self._all(
            f"select distinct {name}::varchar from {_sql(mart.key)} as child where {condition} order by 1"
        )
        more = f" and {len(values) - _NAMED_VALUES:,} more" if len(values) > _NAMED_VALUES else ""
        return f"{column} {', '.join(map(str, values[:_NAMED_VALUES])) or '(no rows)'}{more}", len(values)

    # --- the session ----------------------------------------------------------------------------------------------------

    def _keep(self, query: str) -> str:
        """Run a query once and keep its rows under a name of their own, in the session's memory."""
        self._names += 1
        name = f"kept_{self._names}"
        try:
            self._session.execute(f"create temp table {name} as {query}")
        except duckdb.CatalogException as error:
            raise NotReadyError(
                f"Not every table behind it is in the lake (yet): {str(error).splitlines()[0]}"
            ) from error
        return name

    def _types(self, table: str) -> dict[str, str]:
        """Columns in order, with DuckDB's types. `table` is a key or a kept name."""
        described = self._session.execute(f"describe {_sql(table) if '/' in table else table}").fetchall()
        return {row[0]: row[1] for row in described}

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        return self._session.execute(sql, list(parameters)).fetchall()[0][0]

    def _all(self, sql: str) -> list[Any]:
        return [row[0] for row in self._session.execute(sql).fetchall()]


@dataclass(frozen=True)
class _Link:
    """An origin of some rows, and the name under which its rows are kept."""

    origin: Origin
    name: str
    used: tuple[str, ...]
    """The wanted columns that it gives."""
    needs: frozenset[str]
    """The columns of its own that those are made of."""


_NUMBERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"})


def _parent_columns(node: Any) -> Iterator[str]:
    """Names of the columns in a parsed expression that are not the child's."""
    if isinstance(node, list):
        for part in node:
            yield from _parent_columns(part)
    elif isinstance(node, dict):
        if node.get("class") == "COLUMN_REF" and node["column_names"][0] != "child":
            yield node["column_names"][-1]
        for part in node.values():
            yield from _parent_columns(part)


def _heavy(spec: TableSpec | None) -> list[str]:
    """Columns that only shown rows carry: payloads, because they are long, and people's words, because they are theirs."""
    return [] if spec is None else [name for name in spec.schema if name == RAW or name in spec.personal]


def _sql(key: str) -> str:
    stage, name = key.split("/")
    return f"{quoted_name(stage)}.{quoted_name(name)}"
