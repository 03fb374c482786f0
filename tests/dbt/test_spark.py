"""The same dbt project on both engines, over the same bronze, gives the same gold."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from apps.cli import app
from benchmarks import reference_bronze
from benchmarks.spark import write_real_posts
from contracts import tables
from contracts.errors import PulsoError
from contracts.networks import Network
from contracts.scope import TenantScope
from lakehouse import DeltaLake
from lakehouse.agreement import gold_agreement
from lakehouse.spark import show_bronze
from orchestration.spark_build import build_on_spark
from tests.dbt.conftest import Home, seed_bronze
from tests.dbt.test_incremental import marts, publish
from tests.spark import running_spark

pytestmark = [pytest.mark.integration, pytest.mark.slow]
ALL = TenantScope.all_clients("a test")
NETWORKS = [network.value for network in Network]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_spark(tmp_path_factory.mktemp("scratch")) as session:
        yield session


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory, reference_data) -> Home:
    """A lake of seeded clients, of one with a post on every network, and of a sample of real posts, built by both engines."""
    home = Home(tmp_path_factory.mktemp("both"))
    seed_bronze(home)
    write_odd_accounts(home)
    write_real_posts(home.lake, reference_data, every=400)
    home.run()
    publish(home)
    build_on_spark(home.settings)
    return home


def write_odd_accounts(home: Home) -> None:
    """A client on all nine networks, whose accounts lost their names, and whose clock is half an hour off the others'."""
    observed = reference_bronze.OBSERVED_AT
    of_all = {"client_id": "all", "observed_at": observed, "day": observed.date(), "raw": "{}"}
    home.write(
        tables.CLIENTS,
        [{"client_id": "all", "name": "All", "time_zone": "Asia/Kolkata", "language": "en", "exported_at": observed}],
    )
    accounts, posts, counts = [], [], []
    for number, network in enumerate(NETWORKS):
        account = {**of_all, "network": network, "account_id": f"{network}:all", "native_id": "all"}
        post = {**account, "post_id": f"{network}:p", "native_id": "p"}
        earlier = observed.replace(day=1, hour=0)
        accounts += [
            {
                **account,
                "handle": f"all.{network}",
                "followers": 100 + number,
                "observed_at": earlier,
                "day": earlier.date(),
            },
            {**account, "handle": None, "followers": None},
        ]
        text = "#İstanbul #ΟΔΟΣ #straße #नमस्ते" if number % 2 else None
        posts.append({**post, "text": text, "published_at": observed.replace(day=20, hour=18, minute=number)})
        counts += [
            {**post, "metric": metric, "value": number, "source": "s"}
            for metric in ("likes", "comments", "shares", "saves", "quotes", "reach", "views", "impressions", "clicks")
        ]
    home.write(tables.ACCOUNTS, accounts)
    home.write(
        tables.POSTS, [{**post, "content_sha256": "", "content_format": "text", "is_reply": False} for post in posts]
    )
    home.write(tables.POST_METRICS, counts)


def test_gold_is_the_same_table_by_table(both) -> None:
    found = gold_agreement(both.lake, DeltaLake(both.settings.spark_lake_path))

    assert set(found) == set(marts(both))
    assert {name: agreement for name, agreement in found.items() if not agreement.is_equal} == {}
    assert [name for name, agreement in found.items() if agreement.rows[1] == 0] == []
    posts = DeltaLake(both.settings.spark_lake_path).scan("gold/fct_posts", scope=ALL).collect()
    assert set(posts["network"]) == set(NETWORKS)
    assert posts.filter(pl.col("client_id") == "all")["followers_at_post"].null_count() == 0


def test_the_command_ends_with_1_when_gold_differs(both, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PULSO_HOME", str(both.path))
    same = CliRunner().invoke(app, ["warehouse", "compare"])
    home = Home(tmp_path)
    shutil.copytree(both.settings.lake_path / "gold", home.settings.lake_path / "gold")
    shutil.copytree(both.settings.spark_lake_path, home.settings.spark_lake_path)
    DeltaTable(home.settings.spark_lake_path / "gold" / "kpi_client_weekly").delete("client_id = 'york'")
    monkeypatch.setenv("PULSO_HOME", str(home.path))
    other = CliRunner().invoke(app, ["warehouse", "compare"])

    assert (same.exit_code, other.exit_code) == (0, 1)


def test_a_build_that_fails_keeps_the_last_gold(both, tmp_path) -> None:
    gold = DeltaLake(both.settings.spark_lake_path)
    before = gold.scan("gold/fct_posts", scope=ALL).collect()
    bronze = both.settings.lake_path / "bronze"
    bronze.rename(tmp_path / "bronze")
    try:
        both.lake.append(tables.CLIENTS, pl.DataFrame([{"client_id": "c"}], schema=tables.CLIENTS.schema))
        for file in Path(both.lake.path(tables.CLIENTS)).glob("*.parquet"):
            file.write_bytes(b"not a table")
        with pytest.raises(PulsoError, match=r"dbt failed on Spark.*\n(.*\n)*  dim_clients: "):
            build_on_spark(both.settings, is_tested=False)
    finally:
        shutil.rmtree(bronze)
        (tmp_path / "bronze").rename(bronze)

    assert gold.scan("gold/fct_posts", scope=ALL).collect().equals(before)


def test_spark_sees_the_newest_version_of_bronze_and_nothing_else(spark, tmp_path) -> None:
    home = Home(tmp_path / "a {b,c} ação *")
    day, other = reference_bronze.OBSERVED_AT.date(), reference_bronze.OBSERVED_AT.date().replace(day=1)
    rows = [
        {"ledger_id": name, "client_id": "c", "decision_ids": ["d", "e"], "recorded_at": reference_bronze.OBSERVED_AT}
        for name in ("kept", "replaced")
    ]
    for ledger, at in ((rows, day), (rows, other), (rows[:1], day)):
        frame = pl.DataFrame(
            [{name: {**row, "day": at}.get(name) for name in tables.ACTION_LEDGER.schema} for row in ledger],
            schema=tables.ACTION_LEDGER.schema,
        )
        home.lake.replace_partition(tables.ACTION_LEDGER, frame, day=at, allow_collapse=True)

    show_bronze(spark, home.lake)

    seen = pl.DataFrame([row.asDict() for row in spark.table("bronze.action_ledger").collect()])
    expected = home.lake.scan(tables.ACTION_LEDGER, scope=ALL).collect()
    columns = ["ledger_id", "day", "decision_ids"]
    assert sorted(seen.select(columns).rows()) == sorted(expected.select(columns).rows())
    assert expected.height == 3
    never_written = spark.table("bronze.posts")
    assert never_written.count() == 0
    assert dict(never_written.dtypes)["published_at"] == "timestamp"


def test_a_table_whose_files_are_not_the_truth_is_refused(spark, tmp_path) -> None:
    lake = DeltaLake(tmp_path)
    path = lake.path(tables.CLIENTS)
    DeltaTable.create(path, tables.CLIENTS.schema, configuration={"delta.columnMapping.mode": "name"})

    with pytest.raises(PulsoError, match="columnMapping"):
        show_bronze(spark, lake)
