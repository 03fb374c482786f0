"""The project in step with what it describes: contracts, docs, exposures, its own rules."""

from pathlib import Path

import yaml

from contracts import tables
from contracts.metrics import MetricGrain, known_metrics
from contracts.settings import Settings
from orchestration.dbt_cli import PROJECT_DIR, dbt_variables
from orchestration.metric_docs import render_metrics

PAGES = {
    "overview",
    "goals",
    "content_performance",
    "content_mix",
    "post_growth",
    "audience",
    "alerts_and_trends",
    "calendar",
    "forecast_scoreboard",
    "models",
    "data_health",
}


def models(manifest, stage: str) -> list[dict]:
    return [n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["config"]["schema"] == stage]


def test_sources_have_the_declared_columns(manifest) -> None:
    declared = {table.name: list(table.schema) for table in tables.ALL_TABLES if table.stage == "bronze"}
    for source in manifest["sources"].values():
        assert list(source["columns"]) == declared[source["name"]], source["name"]


def test_every_column_is_described(manifest) -> None:
    everything = [*models(manifest, "silver"), *models(manifest, "gold"), *manifest["sources"].values()]
    bare = [
        f"{n['name']}.{c}"
        for n in everything
        for c, column in n["columns"].items()
        if not column["description"].strip()
    ]
    bare += [n["name"] for n in everything if not n["description"].strip() or not n["columns"]]
    assert bare == []


def test_every_count_of_a_post_that_has_a_contract_is_a_column(manifest) -> None:
    needed = {
        need
        for column in manifest["nodes"]["model.pulso.fct_posts"]["columns"].values()
        for need in column["config"]["meta"].get("metric", {}).get("needs", ())
    }
    assert needed == set(known_metrics(MetricGrain.POST))


def test_which_networks_report_a_metric_follows_from_what_it_needs(manifest) -> None:
    metrics = {
        f"{model['name']}.{name}": column["config"]["meta"].get("metric", {})
        for model in models(manifest, "gold")
        for name, column in model["columns"].items()
    }
    assert [name for name, metric in metrics.items() if "networks" in metric] == []


def test_gold_is_under_contract_and_starts_with_the_tenant(manifest) -> None:
    for model in models(manifest, "gold"):
        assert model["config"]["contract"]["enforced"], model["name"]
        assert all(column["data_type"] for column in model["columns"].values()), model["name"]
        assert next(iter(model["columns"])) == "client_id"


def test_every_gold_table_has_a_unique_key_and_no_row_without_client(manifest) -> None:
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]
    for model in models(manifest, "gold"):
        kinds = {
            t["test_metadata"]["name"]: t["test_metadata"]["kwargs"]
            for t in tests
            if t.get("attached_node") == model["unique_id"] and t.get("test_metadata")
        }
        assert "client_id" in kinds["never_null"]["columns"], model["name"]
        assert {"unique", "unique_combination"} & set(kinds), model["name"]


def test_every_case_and_window_has_a_unit_test(manifest) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    for model in [*models(manifest, "silver"), *models(manifest, "gold")]:
        code = model["raw_code"].lower()
        if any(
            word in code
            for word in ("case\n", "case when", " over (", "qualify", "asof", "rate(", "sum_of_known", "local_")
        ):
            assert model["name"] in tested, model["name"]


def test_no_rate_without_its_denominator_in_the_name(manifest) -> None:
    columns = {c for stage in ("silver", "gold") for model in models(manifest, stage) for c in model["columns"]}
    rates = {c for c in columns if "engagement_rate" in c}
    assert rates == {f"engagement_rate_by_{by}" for by in ("reach", "views", "impressions", "followers")}


def test_every_page_of_the_app_is_an_exposure(manifest) -> None:
    assert {exposure["name"] for exposure in manifest["exposures"].values()} == PAGES


def test_settings_reach_dbt_and_their_defaults_agree(manifest) -> None:
    declared = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())["vars"]
    given = dbt_variables(Settings(home=Path("somewhere")))
    assert Path(given.pop("pulso_home")).is_absolute()
    assert len(given.pop("project_sha256")) == 64
    assert given.items() <= declared.items()


def test_docs_metrics_is_in_step(manifest, project_root) -> None:
    page = project_root / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == render_metrics(manifest), "run `pulso docs`"
