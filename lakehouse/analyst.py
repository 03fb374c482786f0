"""The lake for an analyst at a notebook: one call to connect as one client, one call to ask.

Does not belong here: anything that writes, anything that sees more than one client.
"""

from pathlib import Path
from types import TracebackType

import duckdb
import polars as pl

from contracts.errors import NotReadyError, TenantScopeError
from contracts.scope import TenantScope
from contracts.settings import Settings
from contracts.tables import CLIENTS
from lakehouse.duckdb_session import open_session
from lakehouse.lake import DeltaLake, open_lake


class AnalystLake:
    """One client's view of the lake. `sql(...)` answers with a DuckDB relation: `.pl()`, `.show()`, `.arrow()`."""

    def __init__(self, lake: DeltaLake, scope: TenantScope) -> None:
        self.scope = scope
        self._session = open_session(lake, scope)

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """A query over `stage.table`, for instance `gold.kpi_account_daily`. Lazy until it is shown or converted."""
        return self._session.sql(query)

    def tables(self) -> pl.DataFrame:
        """What there is to ask: `table`, `columns` (their names in order)."""
        listed: pl.DataFrame = self.sql(
            """
            select table_schema || '.' || table_name as "table", list(column_name order by ordinal_position) as columns
            from information_schema.columns where table_schema not in ('main', 'temp') group by all order by all
            """
        ).pl()
        return listed

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> "AnalystLake":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(client: str, *, home: Path | str | None = None) -> AnalystLake:
    """The lake of `home` (default: PULSO_HOME, or `.pulso` here) as `client` sees it, at the versions that are newest now.

        lake = lakehouse.connect("harbor-coffee")
        days = lake.sql("select day, engagements from gold.kpi_account_daily order by day").pl()

    Raises NotReadyError when there is no lake yet, and TenantScopeError for a client that it does not know.
    """
    settings = Settings() if home is None else Settings(home=Path(home))
    lake = open_lake(settings)
    return AnalystLake(lake, known_client(lake, client))


def known_client(lake: DeltaLake, client: str) -> TenantScope:
    """The scope of one client that the lake knows; raises as `connect` does."""
    scope = TenantScope.of(client)
    if lake.version(CLIENTS) is None:
        raise NotReadyError(
            f"No clients in {lake.root} yet. Run `make run` first, or say where the data is: PULSO_HOME, or connect(home=...)."
        )
    if lake.scan(CLIENTS, scope=scope).limit(1).collect().is_empty():
        raise TenantScopeError(
            f"The lake at {lake.root} knows no client {client!r}. A client's id is like 'harbor-coffee'."
        )
    return scope
