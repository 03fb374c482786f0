"""DuckDB views over a table's current files, as SQL text: how dbt reads bronze, at full speed and with pruning.

Does not belong here: connections, tenants. A view made of files can't hide rows from who may also read those files, so people
and apps get a session instead (duckdb_session.py).
"""

from collections.abc import Sequence

import polars as pl
from polars.datatypes import DataType, DataTypeClass

_SIMPLE: dict[DataTypeClass, str] = {
    pl.String: "VARCHAR",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Time: "TIME",
    pl.Binary: "BLOB",
    pl.Int8: "TINYINT",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Float32: "FLOAT",
    pl.Float64: "DOUBLE",
}


def duckdb_type(dtype: DataType | DataTypeClass) -> str:
    """The DuckDB type of a stored column, lists and structs included. Raises TypeError for what a Delta table can't hold."""
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP" if dtype.time_zone is None else "TIMESTAMPTZ"
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.List):
        return f"{duckdb_type(dtype.inner)}[]"
    if isinstance(dtype, pl.Struct):
        return f"STRUCT({', '.join(f'{quoted_name(f.name)} {duckdb_type(f.dtype)}' for f in dtype.fields)})"
    if dtype.base_type() not in _SIMPLE:
        raise TypeError(f"No DuckDB type for {dtype}.")
    return _SIMPLE[dtype.base_type()]


def view_sql(name: str, *, schema: pl.Schema, files: Sequence[str], partitions: Sequence[str]) -> str:
    """`create or replace view` with exactly the columns of `schema`, typed, whether or not a file has them.

    `name` is SQL (quote it where needed). A filter on a partition column opens only that partition's files. Column types come
    first from an empty select: it types a table without files, and columns that are newer than every file.
    """
    typed = ", ".join(f"null::{duckdb_type(dtype)} as {quoted_name(column)}" for column, dtype in schema.items())
    sql = f"select {typed} where false"
    if files:
        types = ", ".join(f"{quoted_text(column)}: {duckdb_type(schema[column])}" for column in partitions)
        hive = f"true, hive_types = {{{types}}}" if partitions else "false"
        listed = ", ".join(map(quoted_text, files))
        sql += f" union all by name select * from read_parquet([{listed}], union_by_name = true, hive_partitioning = {hive})"
    return f"create or replace view {name} as select {', '.join(map(quoted_name, schema))} from ({sql})"


def quoted_name(identifier: str) -> str:
    """A name as SQL that means it, whatever signs are in it."""
    return '"' + identifier.replace('"', '""') + '"'


def quoted_text(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
