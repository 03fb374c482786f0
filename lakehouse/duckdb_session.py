"""SQL over the lake for people and apps: a DuckDB connection that sees one tenant scope and nothing else.

Does not belong here: dbt's connection to `warehouse.duckdb` (dbt_project/), which sees every client.

How it is closed: no view of a session names a file. Each table is a Polars scan that is narrowed to the scope already
(DeltaLake.scan, the same that every other read uses), so SQL has no name for a row outside it. DuckDB pushes columns and
filters down into that scan, so a query still reads only what it needs. Then external access is turned off (files, extensions,
the lookup of Python variables) and the configuration is locked: `read_parquet`, `attach`, `copy` and `install` fail, and
nothing can turn them on again. The connection holds only memory: it can't write to the lake. What this does not do: keep a person from
opening the lake's folder without DuckDB. That is a matter of file permissions.
"""

import duckdb

from contracts.errors import TenantScopeError
from contracts.scope import TenantScope
from lakehouse.lake import DeltaLake


def open_session(lake: DeltaLake, scope: TenantScope) -> duckdb.DuckDBPyConnection:
    """A connection with a view `stage.table` per table, each fixed at the version that is newest now.

    Times are UTC. Open a new session to see newer versions, and one per thread (`cursor()` does not carry the tables along).
    Tables that can't be narrowed to the scope's clients are left out.
    """
    session = duckdb.connect(":memory:")
    session.execute("set TimeZone = 'UTC'")
    for key in sorted({*lake.declared, *lake.tables()}):
        try:
            rows = lake.scan(key, scope=scope)
        except TenantScopeError:
            continue
        stage, name = key.split("/")
        source = f"scoped_{stage}_{name}"
        session.register(source, rows)
        session.execute(f'create schema if not exists "{stage}"')
        session.execute(f'create view "{stage}"."{name}" as select * from "{source}"')
    session.execute("set enable_external_access = false")
    session.execute("set lock_configuration = true")
    return session
