"""The dbt-duckdb plugin `lake`: shows dbt the bronze tables of the lake as views, and which files their days lie in.

Belongs here: what a dbt connection needs to read bronze. Does not belong here: the SQL of such a view (duckdb_views.py), any
KPI (dbt's models), writing gold (warehouse.py).
"""

import hashlib
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from dbt.adapters.duckdb.plugins import BasePlugin

from contracts.settings import Settings
from contracts.tables import TableSpec
from lakehouse.lake import DeltaLake, open_lake

BRONZE = "bronze"


class Plugin(BasePlugin):
    """Creates `bronze.<table>` for every declared bronze table, over the files of its newest version, and `bronze.partitions`.

    `bronze.partitions` (table_name, day, fingerprint) has a row per day of a table: the fingerprint is the same as long as the
    day lies in the same files. By it a build knows what is new (dbt_project/macros/weeks.sql). The file lists are
    read once, when dbt opens the warehouse, and kept for as long as it is open: a build sees one version of each table, whatever
    is written meanwhile. A table that was never written is an empty view. Where the lake is comes from the settings, of which dbt is
    told the home alone: variables of dbt stand in its logs, and a bucket's keys must not.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._lake = open_lake(Settings(home=Path(plugin_config["home"])))
        self._views: list[str] | None = None
        self._partitions = pl.DataFrame()

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        options = self.creds.config_options if self.creds else None
        if (options or {}).get("access_mode") == "READ_ONLY":
            return  # someone looks at a finished build: the views are in the file already
        if self._views is None:
            tables = [table for table in self._lake.declared.values() if table.stage == BRONZE]
            self._views = [self._lake.view_sql(f'{BRONZE}."{table.name}"', table) for table in tables]
            self._partitions = pl.concat(_partitions(self._lake, table) for table in tables)
        conn.execute(f"create schema if not exists {BRONZE}")
        for view in self._views:
            conn.execute(view)
        conn.register("listed_partitions", self._partitions)
        conn.execute(f"create or replace table {BRONZE}.partitions as select * from listed_partitions")
        conn.unregister("listed_partitions")


def _partitions(lake: DeltaLake, table: TableSpec) -> pl.DataFrame:
    """The days of a table as (table_name, day, fingerprint of the day's files); no row for a table without days."""
    return (
        lake.files_by_day(table)
        .group_by("day")
        .agg(fingerprint=pl.col("path").sort().str.join("\n"))
        .select(
            table_name=pl.lit(table.name),
            day="day",
            fingerprint=pl.col("fingerprint").map_elements(_sha256, return_dtype=pl.String),
        )
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
