"""The builds that are compared. Each runs in a fresh process of its own, so that its peak memory is its own.

Belongs here: what is timed, and what is not: the start of Python, imports and dbt's first parse (all are warm). Does not belong here: the
lake that is built over (generated_lake.py), which builds are compared (__main__.py).
"""

import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from deltalake import write_deltalake

from contracts.metrics import METRIC_CONTRACTS
from contracts.settings import Settings
from contracts.tables import ALL_TABLES
from lakehouse import DeltaLake

BY_HAND = Path(__file__).with_name("by_hand.sql")
MODELS = ("--resource-type", "model", "--resource-type", "seed")
_STATEMENTS_END = "\n--------\n"

R = TypeVar("R")


@dataclass(frozen=True)
class Built:
    """One build with its publication to Delta."""

    build_seconds: float
    publish_seconds: float
    peak_gib: float
    rows: dict[str, int] = field(default_factory=dict)
    """Of each gold table."""
    published: dict[str, int] = field(default_factory=dict)
    """Rows that were written, of each gold table."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each model."""

    @property
    def total_seconds(self) -> float:
        return self.build_seconds + self.publish_seconds


def alone(build: Callable[..., R], *arguments: Any) -> R:
    """The build's result, from a new process."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(build, *arguments).result()


def by_dbt(home: Path, full: bool) -> Built:
    """What the asset does without its tests: build over the home's bronze, publish to the home's gold."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    from lakehouse.warehouse import WarehousePublisher
    from orchestration.dbt_cli import dbt_options

    settings = Settings(home=home)
    (home / "dbt").mkdir(exist_ok=True)
    options = dbt_options(settings, home / "dbt")
    quiet = ["--quiet", "--log-level-file", "none"]
    dbtRunner().invoke([*quiet, "parse", *options])

    started = time.perf_counter()
    outcome = dbtRunner().invoke([*quiet, "build", *MODELS, *(["--full-refresh"] if full else []), *options])
    if not outcome.success:
        raise RuntimeError(
            f"dbt failed: {outcome.exception or [r.message for r in outcome.result if r.status == 'error']}"
        )
    DuckDBConnectionManager.close_all_connections()  # as the end of a dbt process does: the file is written out
    built = time.perf_counter()
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        names = _gold_tables(warehouse)
    results = WarehousePublisher(settings.warehouse_path, settings.lake_path).publish(names, invocation_id="benchmark")
    published = time.perf_counter()
    return Built(
        built - started,
        published - built,
        _peak_gib(),
        rows={name: result.rows for name, result in results.items()},
        published={name: result.inserted for name, result in results.items()},
        seconds={result.node.name: result.execution_time for result in outcome.result},
    )


def by_hand(home: Path) -> Built:
    """`by_hand.sql` over the same bronze, published as Delta with the same writer, in the order that suits it."""
    folder = home / "by_hand"
    folder.mkdir()
    started = time.perf_counter()
    with duckdb.connect(str(folder / "by_hand.duckdb")) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'; set enable_progress_bar = false; create schema bronze")
        lake = DeltaLake(home / "lake")
        for table in ALL_TABLES:
            if table.stage == "bronze":
                warehouse.execute(lake.view_sql(f'bronze."{table.name}"', table))
        days = "types = {'since': 'date', 'until': 'date'}"
        warehouse.execute(f"create table contracts as select * from read_csv('{METRIC_CONTRACTS}', {days})")
        for statement in BY_HAND.read_text(encoding="utf-8").split(_STATEMENTS_END):
            warehouse.execute(statement)
        built = time.perf_counter()
        rows = {}
        for name in _gold_tables(warehouse):
            is_weekly = bool(
                warehouse.execute(
                    f"select 1 from information_schema.columns where table_name = '{name}' and column_name = 'week'"
                ).fetchall()
            )
            order = "week, client_id" if is_weekly else "client_id"
            ordered = warehouse.execute(f"select * from gold.{name} order by {order}").to_arrow_reader(100_000)
            write_deltalake(folder / "gold" / name, ordered, partition_by="week" if is_weekly else None)
            rows[name] = warehouse.execute(f"select count(*) from gold.{name}").fetchall()[0][0]
    return Built(built - started, time.perf_counter() - built, _peak_gib(), rows=rows)


def differences(home: Path) -> list[str]:
    """What the two builds of a home do not agree on: numbers of rows, and sums of every numeric column (1e-9 relative)."""
    found = []
    with duckdb.connect() as both:
        both.execute(f"attach '{home / 'warehouse.duckdb'}' as ours (read_only)")
        both.execute(f"attach '{home / 'by_hand' / 'by_hand.duckdb'}' as theirs (read_only)")
        for name, column, kind in both.execute(
            "select table_name, column_name, data_type from information_schema.columns "
            "where table_catalog = 'ours' and table_schema = 'gold' order by all"
        ).fetchall():
            is_number = kind in {"BIGINT", "INTEGER", "DOUBLE", "BOOLEAN"}
            figure = f"count({column})" + (f", sum({column}::double)" if is_number else "")
            ours, theirs = (
                both.execute(f"select {figure} from {side}.gold.{name}").fetchall()[0] for side in ("ours", "theirs")
            )
            if ours[0] != theirs[0] or (
                is_number and abs((ours[1] or 0) - (theirs[1] or 0)) > 1e-9 * abs(ours[1] or 1)
            ):
                found.append(f"{name}.{column}: {ours} and {theirs}")
    return found


def content_mix_in_pandas(home: Path) -> float:
    """Seconds of `kpi_content_mix_weekly` from the warehouse's posts in pandas, as one would write it (reading not counted)."""
    import pandas as pd

    columns = "client_id, network, week, content_format, engagements, reach, views, impressions, followers_at_post"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        posts = warehouse.execute(f"select {columns} from gold.fct_posts where not is_reply").df()

    def of_group(group: pd.DataFrame) -> pd.Series:
        figures = {
            "posts_published": len(group),
            "engagements": group.engagements.sum(min_count=1),
            "mean_engagements_per_post": group.engagements.mean(),
            "median_engagements_per_post": group.engagements.median(),
        }
        for by in ("reach", "views", "impressions", "followers_at_post"):
            known = group[(group[by] > 0) & group.engagements.notna()]
            figures[f"engagement_rate_by_{by}"] = known.engagements.sum() / known[by].sum() if len(known) else None
        return pd.Series(figures)

    started = time.perf_counter()
    keys = ["client_id", "network", "week"]
    mix = posts.groupby([*keys, "content_format"])[list(posts.columns[4:])].apply(of_group).reset_index()
    mix["share_of_posts"] = mix.posts_published / mix.groupby(keys).posts_published.transform("sum")
    return time.perf_counter() - started


def _gold_tables(warehouse: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        name
        for (name,) in warehouse.execute(
            "select table_name from information_schema.tables where table_schema = 'gold' order by all"
        ).fetchall()
    ]


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
