"""What dbt's manifest says of the gold tables and of the metrics in them.

Does not belong here: making a manifest (dbt_cli.py), a page or a trace made of what it says.
"""

from collections.abc import Mapping
from typing import Any


def gold_models(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The models of the gold tables, in the order of their names."""
    models = (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    return sorted((model for model in models if model["config"]["schema"] == "gold"), key=lambda model: model["name"])


def metric_of(column: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A column's definition as a metric (formula, grain, networks, source, version); None for one that is no metric."""
    metric: Mapping[str, Any] | None = column.get("config", {}).get("meta", {}).get("metric")
    return metric
