"""The one dbt asset: what Dagster sees of it, and that a failing test keeps the last good version in the lake."""

import shutil

import dagster as dg
import polars as pl
import pytest

from assets.column_lineage import ColumnLineage
from assets.warehouse import POOL, warehouse_assets
from contracts import tables
from contracts.scope import TenantScope
from contracts.settings import Settings
from lakehouse.warehouse import WarehousePublisher
from orchestration.dbt_cli import TARGET_DIR, current_manifest, home_dbt_cli

ALL = TenantScope.all_clients("a test")


@pytest.fixture(scope="module")
def warehouse(manifest) -> dg.AssetsDefinition:
    return warehouse_assets(current_manifest(Settings()))


def test_keys_groups_and_owners_come_from_the_project(warehouse, manifest) -> None:
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in {"model", "seed"}]
    built = {f"{node['config']['schema']}/{node['name']}" for node in nodes}
    assert {key.to_user_string() for key in warehouse.keys} == built
    for spec in warehouse.specs:
        assert spec.group_name == spec.key.path[0]
        assert spec.owners == (["team:analytics"] if spec.group_name == "gold" else ["team:data"])
        assert spec.description


def test_sources_are_bronze_assets(warehouse) -> None:
    upstream = {key.to_user_string() for key in warehouse.dependency_keys - warehouse.keys}
    assert upstream == {
        f"bronze/{name}"
        for name in (
            "clients",
            "accounts",
            "account_metrics",
            "posts",
            "post_metrics",
            "competitors",
            "competitor_posts",
            "comments",
            "action_ledger",
            "forecasts",
            "goals",
            "messages",
            "pillars",
            "queue_depths",
            "reading_days",
        )
    }


def test_one_build_at_a_time(warehouse) -> None:
    assert warehouse.op.pool == POOL


def test_reconciliation_is_a_check_of_fct_posts(warehouse) -> None:
    checks = {key.name for key in warehouse.check_keys if key.asset_key == dg.AssetKey(["gold", "fct_posts"])}
    assert "every_bronze_post_is_in_fct_posts" in checks


def materialise(warehouse, home) -> dg.ExecuteInProcessResult:
    resources = {
        "dbt": home_dbt_cli(home.settings),
        "warehouse": WarehousePublisher(home.settings.warehouse_path, home.settings.lake_path),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize([warehouse], resources=resources, instance=instance, raise_on_error=False)


def posts(home) -> pl.DataFrame:
    return home.lake.scan("gold/fct_posts", scope=ALL).collect()


def test_what_passes_is_published_and_what_fails_keeps_its_last_good_version(warehouse, home, seed, tmp_path) -> None:
    seed(home)
    first = materialise(warehouse, home)
    assert first.success
    told = {e.asset_key.to_user_string(): e.materialization.metadata for e in first.get_asset_materialization_events()}
    assert set(told) == {key.to_user_string() for key in warehouse.keys}
    good = posts(home)
    metadata = told["gold/fct_posts"]
    assert metadata["dagster/row_count"].value == good.height > 100
    assert metadata["table_version"].value == home.lake.version("gold/fct_posts") == 0
    assert metadata["table_path"].value == home.lake.path("gold/fct_posts")
    lineage = metadata["dagster/column_lineage"].value.deps_by_column
    assert [(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage["text"]] == [
        ("silver/int_posts", "text")
    ]
    assert [dep.column_name for dep in lineage["likes"]] == ["likes"]
    missing = [key for key, value in told.items() if "dagster/column_lineage" not in value]
    assert missing == ["silver/metric_contracts"]  # a file
    kept = ColumnLineage(current_manifest(Settings())).kept()  # as another process finds it
    assert kept["model.pulso.fct_posts"]["dagster/column_lineage"].value.deps_by_column == lineage
    for name in ("manifest.json", "column_lineage.json"):
        shutil.copy(TARGET_DIR / name, tmp_path)
    assert ColumnLineage(tmp_path / "manifest.json").kept() == kept
    (tmp_path / "manifest.json").write_text("{}")
    assert ColumnLineage(tmp_path / "manifest.json").kept() == {}, "of another manifest"

    # A count that the boundary should have kept out, and a client that is new.
    wrong = {**home.bronze["post_metrics"][0], "value": -5, "observed_at": home.bronze["clients"][0]["exported_at"]}
    home.write(tables.POST_METRICS, [wrong])
    client = {**home.bronze["clients"][0], "client_id": "oslo", "time_zone": "Europe/Oslo"}
    home.write(tables.CLIENTS, [client])
    second = materialise(warehouse, home)

    assert not second.success  # a failed check of severity error stops what would read the table in the same run
    failed = {check.check_name for check in second.get_asset_check_evaluations() if not check.passed}
    assert any("non_negative_fct_posts" in name for name in failed)
    told = {e.asset_key.to_user_string() for e in second.get_asset_materialization_events()}
    assert "gold/dim_clients" in told
    assert not told & {"gold/fct_posts", "gold/kpi_account_daily", "gold/kpi_client_weekly", "gold/fct_forecast_scores"}
    assert home.lake.version("gold/fct_posts") == 0
    assert posts(home).equals(good)
    assert "oslo" in home.lake.scan("gold/dim_clients", scope=ALL).collect()["client_id"]


def test_a_dbt_that_cannot_start_fails_loudly(warehouse, home) -> None:
    home.settings.warehouse_path.write_bytes(b"not a database")
    outcome = materialise(warehouse, home)
    assert not outcome.success
    assert home.lake.tables() == ()
