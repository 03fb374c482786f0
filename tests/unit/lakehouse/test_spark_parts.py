"""What of Spark needs no Spark: which Java is taken, and what columns are called there."""

from pathlib import Path

import polars as pl
import pytest

from contracts import tables
from contracts.errors import NotReadyError
from lakehouse.spark import find_java, spark_type


def a_java(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return program


def test_java_home_is_asked_before_the_path(tmp_path, monkeypatch) -> None:
    mine, other = a_java(tmp_path / "mine", "21.0.2"), a_java(tmp_path / "other", "17.0.15")
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert find_java() == other

    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "mine"))
    assert find_java() == mine


@pytest.mark.parametrize("version", ["11.0.20", "1.8.0_392", None])
def test_no_java_or_an_old_one_says_what_installs_one(version: str | None, tmp_path, monkeypatch) -> None:
    if version is not None:
        a_java(tmp_path, version)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(NotReadyError, match="apt-get install default-jre-headless"):
        find_java()


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (tables.UTC, "timestamp"),
        (pl.Datetime("us"), "timestamp_ntz"),
        (pl.List(pl.String), "array<string>"),
        (pl.Struct({"a b": pl.Int32, "c": pl.List(pl.Float64)}), "struct<`a b`: int, `c`: array<double>>"),
        (pl.Decimal(12, 2), "decimal(12, 2)"),
    ],
)
def test_types_have_spark_names(dtype: pl.DataType, name: str) -> None:
    assert spark_type(dtype) == name


def test_every_declared_column_has_a_spark_type() -> None:
    assert [spark_type(dtype) for table in tables.ALL_TABLES for dtype in table.schema.values()]
    with pytest.raises(TypeError, match="No Spark type"):
        spark_type(pl.Categorical())
