"""What the marts say about themselves, read from dbt's manifest: keys, definitions, and which rows they are made of.

Does not belong here: any such statement (dbt_project/models/marts), following them (lakehouse/provenance.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.provenance import Mart, Origin
from orchestration.manifest import gold_models, metric_of


@dataclass(frozen=True)
class Definition:
    """What a column means. Formula, source and version are None for columns that are no metric."""

    meaning: str
    formula: str | None = None
    source: str | None = None
    version: int | None = None


def declared_marts(manifest: Mapping[str, Any]) -> dict[str, Mart]:
    """Each gold table by its key in the lake. One that declares no origin has none."""
    return {
        f"gold/{model['name']}": Mart(
            key=f"gold/{model['name']}",
            row_key=_row_key(model, manifest),
            origins=tuple(_origin(declared) for declared in model["config"]["meta"].get("made_of", ())),
        )
        for model in gold_models(manifest)
    }


def definitions(manifest: Mapping[str, Any], table: str) -> dict[str, Definition]:
    """The columns of a gold table, by its key, with what they mean."""
    model = next(model for model in gold_models(manifest) if table == f"gold/{model['name']}")
    found = {}
    for name, column in model["columns"].items():
        metric = metric_of(column) or {}
        found[name] = Definition(
            column["description"].strip(), metric.get("formula"), metric.get("source"), metric.get("version")
        )
    return found


def _row_key(model: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that a test of the model holds to be unique."""
    for node in manifest["nodes"].values():
        if (
            node["resource_type"] == "test"
            and node.get("attached_node") == model["unique_id"]
            and node["test_metadata"]
        ):
            if node["test_metadata"]["name"] == "unique":
                return (node["column_name"],)
            if node["test_metadata"]["name"] == "unique_combination":
                return tuple(node["test_metadata"]["kwargs"]["columns"])
    return ()


def _origin(declared: Mapping[str, Any]) -> Origin:
    columns = declared.get("columns")
    return Origin(
        table=declared["table"],
        where=declared["where"].strip(),
        columns=None
        if columns is None
        else {name: how.strip() if isinstance(how, str) else tuple(how) for name, how in columns.items()},
    )
