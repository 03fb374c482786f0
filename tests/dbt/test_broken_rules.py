"""Every data test of the dbt project, broken on purpose: one build, all faults planted at once, one `dbt test`, and each test has failed.

The faults follow from the manifest: what a kind of test forbids is said once, for its columns. A new kind, a new statement or a test of
its own has to be added to the plants, or this file fails and asks how. All data tests of the project can be broken.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt.conftest import Home

Node = dict[str, Any]

BROKEN_STATEMENTS = {
    "dim_accounts_history_current_while_it_is_so": "true as is_current, dbt_valid_from as dbt_valid_to",
    "dim_accounts_history_spans_in_order": "dbt_valid_from - interval 1 second as dbt_valid_to",
    "fct_forecast_scores_decisions_before_publication": "'decision' as origin, published_at as forecast_at",
    "fct_forecast_scores_intervals_in_order": "2 as lower_log_engagement, 1 as upper_log_engagement",
    "fct_post_counts_at_age_after_publication": "published_at - interval 1 second as observed_at",
    "fct_posts_mature_only_when_old_enough": "published_at as mature_at, published_at as matured_observed_at",
    "fct_posts_counts_after_publication": "published_at - interval 1 second as metrics_observed_at",
    "kpi_client_weekly_weeks_start_on_monday": "week + 1 as week",
    "kpi_content_mix_shares_are_shares": "1.5 as share_of_posts",
    "kpi_goals_periods_in_order": "last_day + 1 as first_day",
    "kpi_model_quality_weekly_scores_no_more_than_was_forecast": "forecasts + 1 as scored_forecasts",
    "kpi_operations_daily_overdue_are_waiting": "1 as queue_waiting, 2 as queue_overdue",
    "kpi_post_cohorts_count_no_more_than_was_published": "posts_published + 1 as posts_counted",
    "kpi_source_uptime_daily_every_reading_has_an_outcome": "readings + 1 as readings",
    "metric_availability_no_more_than_expected": "1 as expected, 2 as received",
}
"""By the name of a test of the kind `holds`: columns of a row that its statement is not true of."""
OF_THEIR_OWN = {
    "every_bronze_post_is_in_fct_posts": [
        "delete from gold.fct_posts where post_id = (select min(post_id) from gold.fct_posts where account_id is not null)",
        "insert into gold.fct_posts select * replace ('from:nowhere' as post_id) from gold.fct_posts limit 1",
    ],
}
"""By the name of a test that is a query: what makes it find rows."""
WARNS = frozenset(
    {"fct_posts_counts_after_publication", "relationships_fct_post_metrics_daily_post_id__post_id__ref_fct_posts_"}
)


@dataclass(frozen=True)
class Plant:
    """SQL that breaks a test, and how many rows the test must find at least."""

    statements: tuple[str, ...]
    rows: int = 1


def _row(relation: str, replaced: str, where: str = "true") -> str:
    """A row more: a copy of a sound one with some columns replaced. `sound.*` is kept as it was built."""
    return f"insert into {relation} select * replace ({replaced}) from sound.{relation.split('.')[1]} where {where} limit 1"


def _rows(relation: str, columns: list[str], value: str) -> Plant:
    return Plant(tuple(_row(relation, f"{value} as {column}") for column in columns), len(columns))


def _twice(relation: str, columns: list[str]) -> Plant:
    known = " and ".join(f"{column} is not null" for column in columns)
    return Plant((f"insert into {relation} select * from sound.{relation.split('.')[1]} where {known} limit 1",))


def _within(relation: str, column: str, low: float, high: float) -> Plant:
    return Plant(tuple(_row(relation, f"{value} as {column}") for value in (low - 1, high + 1)), 2)


def _known_when(relation: str, column: str, condition: str) -> Plant:
    known = f"(select any_value({column}) from sound.{relation.split('.')[1]})"
    return Plant(
        (_row(relation, f"null as {column}", condition), _row(relation, f"{known} as {column}", f"not ({condition})")),
        2,
    )


KINDS: dict[str, Callable[[str, Node, dict[str, Any]], Plant]] = {
    "not_null": lambda relation, node, _: _rows(relation, [node["column_name"]], "null"),
    "unique": lambda relation, node, _: _twice(relation, [node["column_name"]]),
    "unique_combination": lambda relation, _, given: _twice(relation, given["columns"]),
    "never_null": lambda relation, _, given: _rows(relation, given["columns"], "null"),
    "non_negative": lambda relation, _, given: _rows(relation, given["columns"], "-1"),
    "accepted_values": lambda relation, node, _: _rows(relation, [node["column_name"]], "'nonsense'"),
    "relationships": lambda relation, node, _: _rows(relation, [node["column_name"]], "'nobody'"),
    "within": lambda relation, node, given: _within(relation, node["column_name"], given["low"], given["high"]),
    "known_when": lambda relation, node, given: _known_when(relation, node["column_name"], given["condition"]),
    "holds": lambda relation, node, _: Plant((_row(relation, BROKEN_STATEMENTS[node["name"]]),)),
}


def data_tests(manifest: Node) -> dict[str, Node]:
    return {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "test"}


def relation_of(manifest: Node, node: Node) -> str:
    model = manifest["nodes"][node["attached_node"]]
    return f"{model['config']['schema']}.{model['name']}"


def plant_of(manifest: Node, node: Node) -> Plant:
    """What breaks this test. Raises KeyError for a test that nobody has said how to break."""
    if not node.get("test_metadata"):
        return Plant(tuple(OF_THEIR_OWN[node["name"]]), 2)
    kind, given = node["test_metadata"]["name"], node["test_metadata"]["kwargs"]
    return KINDS[kind](relation_of(manifest, node), node, given)


@pytest.fixture(scope="module")
def broken(built: Home, manifest: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    """Results of `dbt test` on a copy of the built home in which every test has something to find, by the test's unique id."""
    home = Home(tmp_path_factory.mktemp("broken") / "home")
    shutil.copytree(built.path, home.path)
    with duckdb.connect(str(home.settings.warehouse_path)) as warehouse:
        _make_tables(warehouse, manifest)
        for node in data_tests(manifest).values():
            for statement in plant_of(manifest, node).statements:
                warehouse.execute(statement)
        warehouse.execute("drop schema sound cascade")
    outcome = home.dbt("test", "--exclude-resource-type", "unit_test")
    assert outcome.returncode == 1, outcome.stdout
    yield {name: result for name, result in home.results().items() if name in data_tests(manifest)}
    shutil.rmtree(home.path)


def _make_tables(warehouse: duckdb.DuckDBPyConnection, manifest: Node) -> None:
    """Every tested relation as a table that rows can be put into, views too; and as it was built, in the schema `sound`."""
    warehouse.execute("create schema sound")
    tested = {relation_of(manifest, node) for node in data_tests(manifest).values() if node.get("attached_node")}
    kinds = dict(
        warehouse.execute(
            "select table_schema || '.' || table_name, table_type from information_schema.tables"
        ).fetchall()
    )
    for relation in sorted(tested):
        name = relation.split(".")[1]
        warehouse.execute(f"create table sound.{name} as select * from {relation}")
        assert warehouse.execute(f"select count(*) from sound.{name}").fetchone() != (0,), (
            f"{relation} has no row to copy"
        )
    for relation in sorted(tested):
        if kinds[relation] == "VIEW":
            warehouse.execute(f"drop view {relation}")
            warehouse.execute(f"create table {relation} as select * from sound.{relation.split('.')[1]}")


def test_every_data_test_of_the_project_fails_on_its_fault(broken: dict[str, Node], manifest: Node) -> None:
    tests = data_tests(manifest)
    assert len(tests) > 100
    assert set(broken) == set(tests), "one result for each test"
    wrong = {
        node["name"]: (broken[name]["status"], broken[name]["failures"])
        for name, node in tests.items()
        if broken[name]["status"] != ("warn" if node["name"] in WARNS else "fail")
        or (broken[name]["failures"] or 0) < plant_of(manifest, node).rows
    }
    assert wrong == {}


def test_every_data_test_passes_without_a_fault(first_build: tuple[Home, dict[str, str]], manifest: Node) -> None:
    """So that it is the fault that they failed on."""
    _, statuses = first_build
    assert {statuses[name] for name in data_tests(manifest)} == {"pass"}


def test_a_column_that_two_tests_guard_is_broken_for_each(manifest: Node) -> None:
    """Every column of a test over several columns has a row of its own: `failures` counts them."""
    for node in data_tests(manifest).values():
        kind = (node.get("test_metadata") or {}).get("name")
        if kind in {"never_null", "non_negative"}:
            assert plant_of(manifest, node).rows == len(node["test_metadata"]["kwargs"]["columns"])


def test_plants_name_tests_that_there_are(manifest: Node) -> None:
    names = {node["name"] for node in data_tests(manifest).values()}
    assert names >= {*BROKEN_STATEMENTS, *OF_THEIR_OWN, *WARNS}
    root = Path(__file__).resolve().parents[2] / "dbt_project" / "tests"
    assert {file.stem for file in root.glob("*.sql")} == set(OF_THEIR_OWN)
    assert {file.stem for file in (root / "generic").glob("*.sql")} <= set(KINDS)
