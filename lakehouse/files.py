"""One version of a table as its list of Parquet files: what Polars scans, and what DuckDB's views name.

Belongs here: which files make up a version, their schema, a lazy scan over them.
Does not belong here: tenants, declared schemas, writing.

The file list is read from the log and never globbed: a Delta folder also holds files that were replaced or never committed.
Polars' own `scan_delta` is not used, because it takes the log's percent-encoded URIs for paths, and so fails as soon as a
folder above the lake holds a space or an accent.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from contracts.errors import PulsoError


def current_files(delta: DeltaTable, root: str) -> list[str]:
    """Addresses below `root`, sorted, of the files of this version of the table at `root`.

    Raises PulsoError where the files alone are not the truth: rows marked as deleted, or columns under other names.
    """
    features = {"deletionVectors", "columnMapping"} & set(delta.protocol().reader_features or ())
    if delta.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        features.add("columnMapping")
    if features:
        raise PulsoError(
            f"{root} uses {', '.join(sorted(features))}, so its Parquet files can't be read directly: "
            "write the table again without it."
        )
    paths = delta.get_add_actions().column("path").to_pylist()
    return sorted(f"{root}/{unquote(path)}" for path in paths)


def stored_schema(delta: DeltaTable) -> pl.Schema:
    """The table's columns in this version, as Polars types."""
    return pl.Schema(delta.schema().to_arrow())


def partition_columns(delta: DeltaTable) -> tuple[str, ...]:
    """The columns that the table's folders are named after."""
    return tuple(delta.metadata().partition_columns)


def scan_files(
    delta: DeltaTable,
    files: Iterable[str],
    *,
    path_column: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> pl.LazyFrame:
    """Lazy rows of these files of the table, in its stored schema; filters on a partition open only that partition.

    A file older than a column yields nulls for it. `path_column` names one more column: the path of the row's file. `options` are
    what Polars needs to reach the files (places.py).
    """
    schema, listed = stored_schema(delta), list(files)
    if not listed:
        return pl.LazyFrame(schema=schema if path_column is None else pl.Schema({**schema, path_column: pl.String()}))
    partitions = {column: schema[column] for column in partition_columns(delta)}
    return pl.scan_parquet(
        listed,
        schema=schema,
        missing_columns="insert",
        hive_partitioning=bool(partitions),
        hive_schema=partitions or None,
        glob=False,
        include_file_paths=path_column,
        storage_options=None if options is None else dict(options),
    )
