"""What every mart declares about its rows (`made_of`), held against a build: it is complete, reaches bronze, and adds up."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apps.marts import declared_marts, definitions
from contracts import tables
from contracts.scope import TenantScope
from lakehouse.provenance import Mart, Provenance, Step
from lakehouse.warehouse import WarehousePublisher
from tests.dbt.conftest import CLIENTS, Home

BRONZE = {table.key for table in tables.ALL_TABLES if table.stage == "bronze"}

MORE_THAN_AGGREGATES = {
    ("gold/kpi_competitor_benchmark", "rivals_average"),
    ("gold/kpi_competitor_benchmark", "percentile_among_rivals"),
    ("gold/kpi_forecast_skill", "rank_correlation"),
    ("gold/kpi_model_quality_weekly", "rank_correlation"),
    ("gold/kpi_model_quality_weekly", "mean_pinball_loss"),
    ("gold/kpi_model_quality_weekly", "baseline_mean_absolute_error"),
    ("gold/kpi_model_quality_weekly", "skill_over_baseline"),
    *(
        ("gold/kpi_post_cohorts", f"share_of_final_{count}")
        for count in ("engagements", "reach", "views", "impressions")
    ),
}
"""Metrics that are means of means, ranks, or of several rows of several tables: followed down, not computed again."""

WITHOUT_ROWS = {"york": set(), "madrid": set(), "paulo": {"gold/fct_competitor_posts"}}
"""Marts in which the seeded bronze has nothing of a client: paulo watches no rival."""


@pytest.fixture(scope="module")
def marts(manifest: dict[str, Any]) -> dict[str, Mart]:
    return declared_marts(manifest)


@pytest.fixture(scope="module")
def published(built: Home, marts: dict[str, Mart]) -> Home:
    """The seeded build with its gold in the lake."""
    names = [key.removeprefix("gold/") for key in marts]
    WarehousePublisher(built.settings.warehouse_path, built.settings.lake_path).publish(names, invocation_id="a test")
    return built


@pytest.fixture(scope="module")
def traced(published: Home, marts: dict[str, Mart]) -> dict[tuple[str, str], Step]:
    """Every row and column of every mart, by client and mart."""
    found = {}
    for client in CLIENTS:
        with Provenance(published.lake, marts, TenantScope.of(client)) as provenance:
            found |= {(client, key): provenance.rows(key) for key in marts}
    return found


def test_every_mart_declares_what_its_rows_are_made_of(marts: dict[str, Mart]) -> None:
    assert [key for key, mart in marts.items() if not mart.origins] == []
    assert [key for key, mart in marts.items() if not mart.row_key] == []
    known = BRONZE | set(marts)
    assert [(key, o.table) for key, mart in marts.items() for o in mart.origins if o.table not in known] == []


def test_every_way_down_ends_in_bronze(marts: dict[str, Mart]) -> None:
    def reaches(key: str) -> set[str]:
        seen, open_ = set(), [key]
        while open_:
            table = open_.pop()
            if table not in seen:
                seen.add(table)
                open_ += [origin.table for origin in marts[table].origins] if table in marts else []
        return seen

    for key in marts:
        below = reaches(key)
        assert below & BRONZE, key
        assert {table for table in below if table not in marts} <= BRONZE


def test_every_metric_says_which_rows_it_is_made_of(manifest: dict[str, Any], marts: dict[str, Mart]) -> None:
    missing = [
        (key, name)
        for key, mart in marts.items()
        for name, column in definitions(manifest, key).items()
        if column.formula is not None and not any(name in (origin.columns or ()) for origin in mart.origins)
    ]
    assert missing == []
    unknown = [
        (key, name)
        for key, mart in marts.items()
        for origin in mart.origins
        for name in origin.columns or ()
        if name not in definitions(manifest, key)
    ]
    assert unknown == []


def test_every_row_adds_up_at_every_level(traced: dict[tuple[str, str], Step]) -> None:
    wrong = [
        (client, key, step.table, recount.column, recount.differing.rows()[:2])
        for (client, key), trace in traced.items()
        for step in trace.walk()
        for recount in step.recounts
        if recount.agreeing != recount.rows
    ]
    assert wrong == []


def test_only_means_of_means_and_ranks_are_not_computed_again(traced: dict[tuple[str, str], Step]) -> None:
    beyond = {(step.table, column) for trace in traced.values() for step in trace.walk() for column in step.beyond}
    assert beyond == MORE_THAN_AGGREGATES


def test_what_is_computed_again_is_mostly_known(traced: dict[tuple[str, str], Step], published: Home) -> None:
    """A recount that only ever compared null with null would say nothing."""
    everyone = TenantScope.all_clients("a test")
    for key, column in {(key, recount.column) for (_, key), trace in traced.items() for recount in trace.recounts}:
        values = published.lake.scan(key, scope=everyone).select(column).collect()[column]
        assert values.is_not_null().any(), (key, column)


def test_traces_end_in_raw_rows_of_the_client_alone(traced: dict[tuple[str, str], Step], published: Home) -> None:
    for (client, key), trace in traced.items():
        leaves = [step for step in trace.walk() if not step.origins]
        if key in WITHOUT_ROWS[client]:
            assert trace.rows == 0
            continue
        assert trace.rows, (client, key)
        assert {step.table for step in leaves if step.rows} <= BRONZE, (client, key)
        assert sum(step.rows for step in leaves) > 0, (client, key)
        for step in trace.walk():
            if "client_id" in step.shown.columns:
                assert set(step.shown["client_id"]) <= {client}, (key, step.table)
            if step.table in BRONZE and step.rows:
                assert step.shown["file"].is_not_null().all()
                assert Path(published.lake.root, step.shown["file"][0]).is_file()


def test_a_week_is_made_of_its_posts_and_their_newest_counts(published: Home, marts: dict[str, Mart]) -> None:
    """One cell, held against bronze by hand."""
    scope = TenantScope.of("madrid")
    weeks = published.lake.scan("gold/kpi_client_weekly", scope=scope).sort("engagements").collect()
    week = weeks.drop_nulls("engagements").row(-1, named=True)
    with Provenance(published.lake, marts, scope, shown=10_000) as provenance:
        trace = provenance.cell("kpi_client_weekly", {"week": str(week["week"])}, "engagements")
    by_table = {step.table: step for step in trace.walk()}
    posts = set(by_table["gold/fct_posts"].shown["post_id"])
    assert len(posts) == by_table["gold/fct_posts"].rows == week["posts_published"]
    newest = (
        published.lake.scan("bronze/post_metrics", scope=scope)
        .filter(pl.col("post_id").is_in(posts))
        .sort("observed_at")
        .group_by("post_id", "metric")
        .last()
        .collect()
    )
    shown = by_table["bronze/post_metrics"].shown
    assert set(shown.select("post_id", "metric", "value").rows()) == set(
        newest.select("post_id", "metric", "value").rows()
    )
    interactions = shown.filter(pl.col("metric").is_in(["likes", "comments", "shares", "saves", "quotes"]))
    assert interactions["value"].sum() == week["engagements"]
    assert set(by_table["bronze/posts"].shown["post_id"]) == posts
