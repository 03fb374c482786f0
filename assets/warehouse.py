"""Silver and gold: the one place where dbt runs. Build and test in the warehouse, then publish what passed.

Belongs here: what dbt's verdict means for publishing, and what Dagster is told about it. Does not belong here: how a KPI is
computed (dbt_project/), how a table gets into the lake (lakehouse/warehouse.py), where dbt and its manifest are (orchestration/).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from contracts.ports import Warehouse, WriteResult

GOLD = "gold"
POOL = "warehouse"
"""A pool of one: a DuckDB file has one writer."""

_FAILED = {"fail", "error", "runtime error", "skipped", "partial success"}


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
    for unique_id in (name for name, state in status.items() if state in _FAILED and name in nodes):
        node = nodes[unique_id]
        if node["resource_type"] == "model":
            faults.setdefault(unique_id, f"dbt did not build it: {status[unique_id]}")
        elif node["resource_type"] == "test" and status[unique_id] != "skipped":
            tested = [node["attached_node"]] if node.get("attached_node") else node["depends_on"]["nodes"]
            faults |= dict.fromkeys(tested, f"{node['name']} failed")

    def fault(unique_id: str) -> str | None:
        """The model's own fault, else the nearest one upstream. dbt's graph has no cycle."""
        if unique_id in faults:
            return faults[unique_id]
        parents = nodes[unique_id]["depends_on"]["nodes"] if unique_id in nodes else ()
        found = ((parent, fault(parent)) for parent in parents)
        return next((f"{nodes[parent]['name']}: {why}" for parent, why in found if why), None)

    built = {
        nodes[name]["name"]: fault(name)
        for name in status
        if nodes.get(name, {}).get("config", {}).get("schema") == GOLD
    }
    return Verdict(
        passed=tuple(sorted(name for name, why in built.items() if why is None)),
        held_back={name: why for name, why in sorted(built.items()) if why is not None},
        is_broken=any(state == "error" and name.startswith("model.") for name, state in status.items()),
    )


def warehouse_assets(manifest: Path | Mapping[str, Any]) -> dg.AssetsDefinition:
    """The assets `silver/*` and `gold/*` of a compiled dbt project, with dbt's tests as their checks."""

    @dbt_assets(manifest=manifest, name="warehouse", pool=POOL)
    def build_test_publish(
        context: dg.AssetExecutionContext,
        dbt: dg.ResourceParam[DbtCliResource],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[Any]:
        """Grain: one table or view per dbt model. Read by features, decisions, learning, the app and notebooks.

        A gold table that is held back is not reported as materialised: readers keep its last good version.
        """
        build = dbt.cli(["build", "--exclude-resource-type", "unit_test"], context=context, raise_on_error=False)
        events = list(build.stream().fetch_column_metadata())
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


def _told(events: list[Any], manifest: Mapping[str, Any], published: Mapping[str, WriteResult]) -> Iterator[Any]:
    """dbt's events without the gold tables that were held back, and with what publishing did to the others."""
    for event in events:
        model = manifest["nodes"].get(event.metadata["unique_id"].value, {})
        if not isinstance(event, dg.Output) or model["config"]["schema"] != GOLD:
            yield event
        elif model["name"] in published:
            written = published[model["name"]]
            yield event.with_metadata(
                {
                    **event.metadata,
                    "dagster/row_count": written.rows,
                    "table_path": dg.MetadataValue.path(written.path),
                    "table_version": written.version,
                    "rows_inserted": written.inserted,
                }
            )
