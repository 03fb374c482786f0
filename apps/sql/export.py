"""An answer written to a file, all rows of it: CSV, Parquet or JSON, by the file's ending.

The session can't write files, so its rows come out as Arrow batches and this process writes them. The file appears under its name
when it is complete, or not at all.

Formulas: a spreadsheet runs a cell that begins with = + - or @, and the texts of an answer are strangers' words. In CSV such a text
(also one that begins with a tab or a line break, or the wide forms of those signs) gets an apostrophe before it, which a spreadsheet
takes as "this is text". Numbers stay as they are, negative ones too. Parquet and JSON hold every text unchanged.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from apps.sql.answers import NUMBERS, in_plain_words
from contracts.errors import PulsoError
from lakehouse.duckdb_views import quoted_name

FORMULA = r"^([=+\-@＝＋－＠\t\r\n])"
_NO_TEXT = (*NUMBERS, "BOOLEAN", "DATE", "TIME")
_BATCH_ROWS = 50_000


def check_target(path: Path, *, force: bool) -> None:
    """Raises PulsoError for a file that can't be written: an unknown ending, no such folder, or there already without `force`."""
    if path.suffix.lower() not in _WRITERS:
        raise PulsoError(f"{path}: the ending says the format, and that is one of {', '.join(_WRITERS)}.")
    if not path.parent.is_dir():
        raise PulsoError(f"There is no folder {path.parent}.")
    if path.is_dir():
        raise PulsoError(f"{path} is a folder.")
    if path.exists() and not force:
        raise PulsoError(f"{path} is there already: --force overwrites it.")


def export(relation: duckdb.DuckDBPyRelation, path: Path, *, force: bool = False) -> int:
    """Write every row of the answer; returns how many. Raises PulsoError as `check_target` does, and for columns of one name."""
    check_target(path, force=force)
    if twice := sorted({name for name in relation.columns if relation.columns.count(name) > 1}):
        raise PulsoError(f"Two columns are called {', '.join(twice)}: give one of them another name (select a as b).")
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file, in_plain_words():
            rows = _WRITERS[path.suffix.lower()](relation, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except pa.ArrowException as error:
        raise PulsoError(f"{path} was not written: {error}. Cast that column, for instance to varchar.") from error
    except OSError as error:
        raise PulsoError(f"{path} was not written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _write_csv(relation: duckdb.DuckDBPyRelation, file: BinaryIO) -> int:
    """Every value as DuckDB writes it; null is an empty cell, an empty text a quoted one."""
    texts = [
        name for name, kind in zip(relation.columns, relation.types, strict=True) if not str(kind).startswith(_NO_TEXT)
    ]
    # A pivot makes names of columns from texts.
    header = pl.DataFrame({name: [name] for name in relation.columns})
    header.with_columns(_neutral(header.columns)).write_csv(file, include_header=False)

    def write(batch: pa.RecordBatch) -> None:
        frame = pl.DataFrame(pl.from_arrow(batch))
        frame.with_columns(_neutral(texts)).write_csv(file, include_header=False)

    return _each_batch(relation.project("columns(*)::varchar"), write)


def _neutral(columns: list[str]) -> list[pl.Expr]:
    return [pl.col(name).str.replace(FORMULA, "'${1}") for name in columns]


def _write_parquet(relation: duckdb.DuckDBPyRelation, file: BinaryIO) -> int:
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    rows = 0
    with pq.ParquetWriter(file, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _write_json(relation: duckdb.DuckDBPyRelation, file: BinaryIO) -> int:
    """A list of objects, one a line. What JSON has no number for (NaN, infinity) is null."""
    finite = ", ".join(
        f"case when isfinite({name}) then {name} end as {name}" if str(kind) in ("DOUBLE", "FLOAT") else name
        for name, kind in (
            (quoted_name(name), kind) for name, kind in zip(relation.columns, relation.types, strict=True)
        )
    )
    before = b"[\n"

    def write(batch: pa.RecordBatch) -> None:
        nonlocal before
        for line in batch.column(0).to_pylist():
            file.write(before + line.encode())
            before = b",\n"

    rows = _each_batch(relation.project(finite).set_alias("this row").project('to_json("this row")'), write)
    file.write(b"\n]\n" if rows else b"[]\n")
    return rows


def _each_batch(relation: duckdb.DuckDBPyRelation, write: Callable[[Any], None]) -> int:
    rows = 0
    for batch in relation.to_arrow_reader(_BATCH_ROWS):
        write(batch)
        rows += batch.num_rows
    return rows


_WRITERS: dict[str, Callable[[duckdb.DuckDBPyRelation, BinaryIO], int]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".json": _write_json,
}
