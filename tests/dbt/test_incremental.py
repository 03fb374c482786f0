"""A chain of incremental builds and one build from nothing hold the same gold, whatever came late, twice, changed or went away."""

import random
import shutil
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.scope import TenantScope
from lakehouse.warehouse import WarehousePublisher
from tests.dbt.conftest import Home, seed_bronze

ALL = TenantScope.all_clients("a test")
BY_OBSERVATION = {
    "accounts": tables.ACCOUNTS,
    "posts": tables.POSTS,
    "post_metrics": tables.POST_METRICS,
    "comments": tables.COMMENTS,
    "competitor_posts": tables.COMPETITOR_POSTS,
    "account_metrics": tables.ACCOUNT_METRICS,
    "forecasts": tables.FORECASTS,
    "action_ledger": tables.ACTION_LEDGER,
    "reading_days": tables.READING_DAYS,
    "queue_depths": tables.QUEUE_DEPTHS,
    "messages": tables.MESSAGES,
}


def is_withheld(table: str, row: dict[str, Any]) -> bool:
    """Whether the network did not send it: two metrics stop within one arrival and come again within a later one."""
    match table, row:
        case "post_metrics", {"network": "bluesky", "metric": "shares"}:
            return date(2026, 3, 22) <= row["day"] <= date(2026, 4, 6)
        case "account_metrics", {"metric": "reach"}:
            return date(2026, 3, 4) <= row["day"] <= date(2026, 3, 7)
    return False


def marts(home: Home) -> list[str]:
    with duckdb.connect(str(home.settings.warehouse_path), read_only=True) as warehouse:
        return [
            name
            for (name,) in warehouse.execute(
                "select table_name from information_schema.tables where table_schema = 'gold' order by all"
            ).fetchall()
        ]


def published(home: Home, name: str) -> pl.DataFrame:
    return home.lake.scan(f"gold/{name}", scope=ALL).collect()


def publish(home: Home) -> dict[str, int]:
    """Rows written by table."""
    publisher = WarehousePublisher(home.settings.warehouse_path, home.settings.lake_path)
    results = publisher.publish(marts(home), invocation_id="i", allow_collapse=True)
    return {name: result.inserted for name, result in results.items()}


def assert_same_gold(chain: Home, fresh: Home) -> None:
    names = marts(fresh)
    assert marts(chain) == names
    for name in names:
        expected = fresh.mart(name)
        keys = [
            column for column in expected.columns if expected.schema[column] not in (pl.Float64, pl.List(pl.String))
        ]
        for actual in (chain.mart(name), published(chain, name).select(expected.columns)):
            assert_frame_equal(actual.sort(keys), expected.sort(keys), rel_tol=1e-9, abs_tol=0, check_exact=False)


def assert_a_metric_stopped_in_between(home: Home) -> None:
    """What was withheld is told as stopped, and posts lack it: so that a chain is held against something."""
    stopped = home.mart("metric_availability").filter(pl.col("is_network_wide"))
    assert set(stopped.select("network", "metric").unique().rows()) >= {("bluesky", "shares"), ("instagram", "reach")}
    posts = home.mart("fct_posts").filter(pl.col("missing_counts").is_not_null())
    assert posts.height > 0
    assert posts["engagements"].null_count() == posts.height


@pytest.fixture(scope="module")
def arrivals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, list[dict[str, list[dict[str, Any]]]]]:
    """Seeded bronze, as rows of clients and rivals, and as what came in each of five fortnights: a tenth of the rows late, some never."""
    whole = Home(tmp_path_factory.mktemp("whole"))
    seed_bronze(whole)
    chance = random.Random(11)
    days: dict[int, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for name in BY_OBSERVATION:
        for row in whole.bronze[name]:
            if is_withheld(name, row):
                continue
            fortnight = (row["day"] - date(2026, 3, 1)) // timedelta(days=14)
            late = chance.choice((1, 2, 3)) if chance.random() < 0.1 else 0
            days[min(fortnight + late, 4)][name].append(row)
    return whole, [days[day] for day in sorted(days)]


def export_ledger(home: Home, ledger: list[dict[str, Any]], *, days: set[date]) -> None:
    """The ledger as the store exports it: whole days, each written over."""
    for day in days:
        rows = [{c: row.get(c) for c in tables.ACTION_LEDGER.schema} for row in ledger if row["day"] == day]
        frame = pl.DataFrame(rows, schema=tables.ACTION_LEDGER.schema)
        home.lake.replace_partition(tables.ACTION_LEDGER, frame, day=day)


def copy_of_bronze(home: Home, folder: Path) -> Home:
    """A home with the same bronze and nothing built."""
    shutil.copytree(home.path / "lake" / "bronze", folder / "lake" / "bronze")
    return Home(folder, home.bronze)


def test_a_chain_of_days_equals_a_build_from_nothing(arrivals, tmp_path) -> None:
    whole, days = arrivals
    chain = Home(tmp_path / "chain")
    for table in (tables.CLIENTS, tables.COMPETITORS, tables.GOALS):
        chain.write(table, whole.bronze[table.name])
    ledger: list[dict[str, Any]] = []
    for number, arrived in enumerate(days):
        # Brand kits that come late, one pillar after the other, say what earlier posts are about, too.
        chain.write(tables.PILLARS, [row for row in whole.bronze["pillars"] if row["position"] == number - 1])
        for name, rows in arrived.items():
            if name == "action_ledger":
                ledger += rows
                export_ledger(chain, ledger, days={row["day"] for row in rows})
            else:
                chain.write(BY_OBSERVATION[name], rows)
        chain.run()
        publish(chain)

    fresh = copy_of_bronze(chain, tmp_path / "fresh")
    fresh.run()
    assert_same_gold(chain, fresh)

    # A home of another release, whose warehouse remembers in another layout, goes on by itself.
    with duckdb.connect(str(chain.settings.warehouse_path)) as warehouse:
        warehouse.execute("drop view state.current")
        warehouse.execute("alter table state.versions rename first_day to week")
    chain.run()
    publish(chain)
    assert_same_gold(chain, fresh)
    assert_a_metric_stopped_in_between(fresh)
