"""Spark as the second engine over the lake: its session, bronze as it sees it, its gold as Delta tables, and drafts scored there.

Belongs here: everything that touches `pyspark`, and how a home's Spark build lies on disk. Does not belong here: starting dbt
(orchestration/spark_build.py), what a table means (dbt_project/), the DuckDB side of the same things (dbt_plugin.py, warehouse.py).

Spark reads the files of each Delta table's newest version as plain Parquet (files.py), so it needs no Delta jar.
"""

import copy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable, convert_to_deltalake
from polars.datatypes import DataType, DataTypeClass

from contracts.errors import NotReadyError
from contracts.ports import Scorer
from lakehouse.files import partition_columns
from lakehouse.lake import DeltaLake

BRONZE = "bronze"
GOLD = "gold"
SILVER = "silver"

_OLDEST_JAVA = 17
_NO_JAVA = (
    f"Spark needs a Java runtime, version {_OLDEST_JAVA} or newer: `apt-get install default-jre-headless` installs one, "
    "or JAVA_HOME names the folder of one."
)
_NO_SPARK = "Spark is not installed: `make setup-spark` installs it (about half a gigabyte)."

_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
    # Nothing is kept between builds, so no metastore: dbt-spark asks for Hive's, but the first session's catalogue stays.
    "spark.sql.catalogImplementation": "in-memory",
    # The schema of views that live as long as the session. Named so, `bronze.posts` is the same relation for both engines.
    "spark.sql.globalTempDatabase": BRONZE,
    "spark.sql.session.timeZone": "UTC",
    # As DuckDB does: an overflow or a bad cast is an error, not a null.
    "spark.sql.ansi.enabled": "true",
    # As DuckDB does: a backslash in a text is a backslash.
    "spark.sql.parser.escapedStringLiterals": "true",
    # Instants with their zone, in microseconds; the default is a type that other readers take for local nanoseconds.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}

_ON_ONE_MACHINE = {
    # The defaults are for clusters: 200 tasks, most of them empty, and tasks that only look whether files are there.
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    # Driver and executor are one process: on a busy machine it is slow, not dead.
    "spark.executor.heartbeatInterval": "60s",
    "spark.network.timeout": "3600s",
    "spark.sql.broadcastTimeout": "3600",
}

_SIMPLE: dict[DataTypeClass, str] = {
    pl.String: "string",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Binary: "binary",
    pl.Int8: "tinyint",
    pl.Int16: "smallint",
    pl.Int32: "int",
    pl.Int64: "bigint",
    pl.Float32: "float",
    pl.Float64: "double",
}


def find_java() -> Path:
    """The `java` that Spark will start: JAVA_HOME's, else the one on the PATH.

    Raises NotReadyError, with what installs one, when there is none or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if found is None:
        raise NotReadyError(f"{_NO_JAVA} JAVA_HOME is {home}, and has no bin/java." if home else _NO_JAVA)
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        raise NotReadyError(f"{_NO_JAVA} {found} says: {told.strip() or 'nothing'}")
    return Path(found)


@contextmanager
def open_spark(scratch: Path, *, master: str = "local[*]", memory: str = "4g") -> Iterator[Any]:
    """A Spark session in this process, the one that dbt-spark's method `session` finds; stopped on leaving.

    `scratch` takes what does not fit in memory. `memory` is the driver's, which on one machine does all the work. A process has one
    session: one that is open already is used as it is, and left open. Raises NotReadyError without Spark or Java.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise NotReadyError(_NO_SPARK) from error
    if (running := SparkSession.getActiveSession()) is not None:
        yield running
        return
    find_java()
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("pulso").master(master)
    for name, value in {
        **_SETTINGS,
        "spark.driver.memory": memory,
        "spark.local.dir": str(scratch.absolute()),
        **(_ON_ONE_MACHINE if master.startswith("local") else {}),
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def show_bronze(session: Any, lake: DeltaLake) -> None:
    """Make `bronze.<table>` a view of the session for every declared bronze table, over the files of its newest version.

    A build sees one version of each table, whatever is written meanwhile. A table that was never written is an empty view. Raises
    PulsoError for a table whose files alone are not the truth (files.py).
    """
    for table in lake.declared.values():
        if table.stage != BRONZE:
            continue
        delta = lake.open(table)
        files = [] if delta is None else lake.place.on_disk(table.key, lake.files(table, delta))
        columns = ", ".join(f"`{name}` {spark_type(dtype)}" for name, dtype in table.schema.items())
        if delta is not None and files:
            reader = session.read.schema(columns).option("__globPaths__", "false")  # a name is a name, braces and all
            if partition_columns(delta):
                reader = reader.option("basePath", f"{files[0].partition(f'/{table.key}/')[0]}/{table.key}")
            rows = reader.parquet(*files)
        else:
            rows = session.createDataFrame([], columns)
        rows.select(*(f"`{name}`" for name in table.schema)).createOrReplaceGlobalTempView(table.name)


def spark_type(dtype: DataType | DataTypeClass) -> str:
    """The Spark type of a stored column, lists and structs included. Raises TypeError for what a Delta table can't hold."""
    if isinstance(dtype, pl.Datetime):
        return "timestamp_ntz" if dtype.time_zone is None else "timestamp"
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.List):
        return f"array<{spark_type(dtype.inner)}>"
    if isinstance(dtype, pl.Struct):
        return f"struct<{', '.join(f'`{field.name}`: {spark_type(field.dtype)}' for field in dtype.fields)}>"
    if dtype.base_type() not in _SIMPLE:
        raise TypeError(f"No Spark type for {dtype}.")
    return _SIMPLE[dtype.base_type()]


@contextmanager
def empty_schemas(session: Any, folder: Path) -> Iterator[None]:
    """Schemas `silver` and `gold` without a table, whose tables lie at `folder/<schema>/<table>`; unknown again on leaving."""
    shutil.rmtree(folder, ignore_errors=True)
    for schema in (SILVER, GOLD):
        session.sql(f"drop schema if exists {schema} cascade")
        session.sql(f"create schema {schema} location '{(folder / schema).absolute().as_uri()}'")
    try:
        yield
    finally:
        for schema in (SILVER, GOLD):
            session.sql(f"drop schema if exists {schema} cascade")


def publish_gold(built: Path, lake_root: Path) -> dict[str, int]:
    """Make the tables under `built` the stage `gold` of the lake at `lake_root`, as Delta tables in place; rows by table.

    All of the last build gives way to all of this one. A reader that comes between the two moves finds no table.
    """
    tables = sorted(path for path in built.iterdir() if path.is_dir())
    for path in tables:
        convert_to_deltalake(path, name=path.name)
    gold = lake_root / GOLD
    former = lake_root / f"{GOLD}.former"
    shutil.rmtree(former, ignore_errors=True)
    lake_root.mkdir(parents=True, exist_ok=True)
    if gold.exists():
        gold.rename(former)
    built.rename(gold)
    shutil.rmtree(former, ignore_errors=True)
    return {path.name: DeltaTable(gold / path.name).count() for path in tables}


_FORECAST = ("expected_log_engagement", "lower_log_engagement", "upper_log_engagement", "interval_level")


def score_drafts(drafts: Any, scorer: Scorer) -> Any:
    """`drafts`, a Spark frame with the columns of `features/post_features`, and behind them the scorer's: its forecast of each row.

    The same numbers as `scorer.score` gives here. The scorer goes to each worker once, with its model in it, so that no worker asks the
    registry; rows go to it in batches of `spark.sql.execution.arrow.maxRecordsPerBatch`. Their order is Spark's. Nothing is scored
    before the frame is asked for. Raises NotReadyError when there is no model yet.
    """
    _ = scorer.model_version  # loads it, before it is sent
    sent = drafts.sparkSession.sparkContext.broadcast(scorer)

    def scored(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            forecasts = sent.value.score(pl.DataFrame(batch))
            for name in _FORECAST:
                batch = batch.append_column(name, forecasts[name].to_arrow())
            yield batch

    schema = copy.deepcopy(drafts.schema)
    for name in _FORECAST:
        schema = schema.add(name, "double")
    return drafts.mapInArrow(scored, schema)
