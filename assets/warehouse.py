"""Silver and gold: the one place where dbt runs. Build and test in the warehouse, then publish what passed.

Belongs here: what dbt's verdict means for publishing, and what Dagster is told about it. Does not belong here: how a KPI is
computed (dbt_project/), how a table gets into the lake (lakehouse/warehouse.py), where dbt and its manifest are (orchestration/).
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from contracts.ports import Warehouse, WriteResult

with warnings.catch_warnings():
    # dagster-dbt asks for a tokenizer that sqlglot no longer uses, and sqlglot says so to everyone who starts a command.
    warnings.filterwarnings("ignore", message="sqlglot")
    from dagster_dbt import DbtCliInvocation, DbtCliResource, dbt_assets

    from assets.column_lineage import ColumnLineage, node_of

GOLD = "gold"
POOL = "warehouse"
"""A pool of one: a DuckDB file has one writer."""


@dataclass(frozen=True)
class Verdict:
    """Which gold tables of a build may be published, and why the others of the build may not."""

    passed: tuple[str, ...]
    held_back: Mapping[str, str]
    is_broken: bool
    """A model could not be built. That is a fault of code or machine, not of data."""


def audit(manifest: Mapping[str, Any], results: Mapping[str, Any]) -> Verdict:
    """Read a build's verdict from dbt's manifest and run results.

    A gold table passes when it was built in this run, every test on it passed (a warning is a pass) and so did everything that
    it was made from in this run. A failed test counts against the table that it is attached to, one without such a table
    against every table that it reads.
    """
    nodes = manifest["nodes"]
    status = {result["unique_id"]: result["status"] for result in results["results"]}
    faults: dict[str, str] = {}
    for unique_id, state in status.items():
        node = nodes.get(unique_id, {})
        if node.get("resource_type") == "test" and state in {"fail", "error"}:
            tested = [node["attached_node"]] if node.get("attached_node") else node["depends_on"]["nodes"]
            faults |= dict.fromkeys(tested, f"the test {node['name']} failed")
        elif node.get("resource_type") in {"model", "seed"} and state == "error":
            faults[unique_id] = "dbt could not build it"

    def fault(unique_id: str) -> str | None:
        """The model's own fault, else the nearest one upstream. dbt's graph has no cycle, sources no node, and seeds no parents."""
        if unique_id in faults:
            return faults[unique_id]
        for parent in nodes.get(unique_id, {}).get("depends_on", {}).get("nodes", ()):
            if why := fault(parent):
                return f"upstream, {nodes[parent]['name']}: {why}"
        return "dbt skipped it" if status.get(unique_id) == "skipped" else None

    models = {node["name"]: name for name, node in nodes.items() if node["resource_type"] == "model"}
    verdicts = {
        name: fault(models[name])
        for name in sorted(models)
        if models[name] in status and nodes[models[name]]["config"]["schema"] == GOLD
    }
    return Verdict(
        passed=tuple(name for name, why in verdicts.items() if why is None),
        held_back={name: why for name, why in verdicts.items() if why is not None},
        is_broken="dbt could not build it" in faults.values(),
    )


def warehouse_assets(manifest: Path) -> dg.AssetsDefinition:
    """The assets `silver/*` and `gold/*` of a compiled dbt project, with dbt's tests as their checks."""
    lineage = ColumnLineage(manifest)

    @dbt_assets(manifest=manifest, name="warehouse", pool=POOL)
    def build_test_publish(
        context: dg.AssetExecutionContext,
        dbt: dg.ResourceParam[DbtCliResource],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[Any]:
        """Grain: one table or view per dbt model. Read by features, decisions, learning, the app and notebooks.

        A gold table that is held back is not reported as materialised: readers keep its last good version.
        """
        build = dbt.cli(
            ["build", "--exclude-resource-type", "unit_test"],
            context=context.op_execution_context,
            raise_on_error=False,
        )
        events = list(_with_lineage(build, lineage, warehouse))
        if not (build.target_path / "run_results.json").exists():
            raise build.get_error() or dg.Failure("dbt ended without results.")
        results = build.get_artifact("run_results.json")
        verdict = audit(build.manifest, results)
        published = warehouse.publish(verdict.passed, invocation_id=results["metadata"]["invocation_id"])
        for name, why in verdict.held_back.items():
            context.log.error(f"gold/{name} is held back, its last good version stays: {why}")
        yield from _told(events, build.manifest, published)
        if verdict.is_broken and (error := build.get_error()):
            raise error

    return build_test_publish


def _with_lineage(build: DbtCliInvocation, lineage: ColumnLineage, warehouse: Warehouse) -> Iterator[Any]:
    """dbt's events, each model's with its column lineage."""
    events = list(build.stream())
    known = lineage.of([event for event in events if isinstance(event, dg.Output)], build, warehouse)
    for event in events:
        yield (
            event.with_metadata({**event.metadata, **known[node_of(event)]}) if isinstance(event, dg.Output) else event
        )


def _told(events: list[Any], manifest: Mapping[str, Any], published: Mapping[str, WriteResult]) -> Iterator[Any]:
    """dbt's events without the gold tables that were held back, and with what publishing did to the others."""
    for event in events:
        model = manifest["nodes"][node_of(event)]
        if not isinstance(event, dg.Output) or model["config"]["schema"] != GOLD:
            yield event
        elif model["name"] in published:
            written = published[model["name"]]
            metadata = {
                "dagster/row_count": written.rows,
                "table_path": dg.MetadataValue.path(written.path),
                "table_version": written.version,
                "rows_inserted": written.inserted,
            }
            yield event.with_metadata({**event.metadata, **metadata})
