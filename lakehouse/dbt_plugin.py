"""The dbt-duckdb plugin `lake`: shows dbt the bronze tables of the lake as views.

Belongs here: what a dbt connection needs to read bronze. Does not belong here: the SQL of such a view (duckdb_views.py), any
KPI (dbt's models), writing gold (warehouse.py).
"""

from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from lakehouse.lake import DeltaLake

BRONZE = "bronze"


class Plugin(BasePlugin):
    """Creates `bronze.<table>` for every declared bronze table, over the files of its newest version.

    The file lists are read once, when dbt first connects, and kept for all connections of that dbt process: a build sees one
    version of each table, whatever is written meanwhile. A table that was never written is an empty view.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._lake = DeltaLake(Path(plugin_config["lake"]))
        self._views: list[str] | None = None

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        options = self.creds.config_options if self.creds else None
        if (options or {}).get("access_mode") == "READ_ONLY":
            return  # someone looks at a finished build: the views are in the file already
        if self._views is None:
            tables = [table for table in self._lake.declared.values() if table.stage == BRONZE]
            self._views = [self._lake.view_sql(f'{BRONZE}."{table.name}"', table) for table in tables]
        conn.execute(f"create schema if not exists {BRONZE}")
        for view in self._views:
            conn.execute(view)
