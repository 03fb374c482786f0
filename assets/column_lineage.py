"""Which columns each dbt model's columns come from, as Dagster shows it: worked out once for a manifest.

It follows from the models' SQL, and analysing all of it takes some seconds, so it is kept beside the manifest: the daily build, a process of
its own, finds it there. (dagster-dbt works out the same, but analyses a model anew for each of its columns, and asks dbt's adapter.)
Belongs here: working it out, keeping it. Does not belong here: when a build asks for it (warehouse.py).
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation
from filelock import FileLock
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

from contracts.ports import Warehouse

_KEY = "dagster/column_lineage"
_DIALECT = "duckdb"


class ColumnLineage:
    """The lineage of the models of one manifest, kept in a file beside it."""

    def __init__(self, manifest: Path) -> None:
        self._manifest = manifest
        self._file = manifest.with_name("column_lineage.json")
        self._known: dict[str, dict[str, Any]] | None = None

    def of(
        self, outputs: Sequence[dg.Output[Any]], build: DbtCliInvocation, warehouse: Warehouse
    ) -> dict[str, dict[str, Any]]:
        """Metadata by the unique id of each model among `outputs`, and maybe of others. What is not known yet is worked out, and kept."""
        if self._known is None:
            self._known = self.kept()
        if all(node_of(output) in self._known for output in outputs):
            return self._known
        with FileLock(f"{self._file}.lock"):
            self._known |= self.kept()  # a process that built at the same time may have worked it out meanwhile
            if new := [node_of(output) for output in outputs if node_of(output) not in self._known]:
                schema = MappingSchema(warehouse.columns(), dialect=_DIALECT)
                self._known |= {model: _told(model, build, schema) for model in new}
                self._keep(self._known)
        return self._known

    def kept(self) -> dict[str, dict[str, Any]]:
        """What is kept for this manifest, and was for no other."""
        if not self._file.exists():
            return {}
        kept = json.loads(self._file.read_text())
        if kept["of"] != self._stamp():
            return {}
        return {
            model: {key: dg.deserialize_value(value) for key, value in told.items()}
            for model, told in kept["lineage"].items()
        }

    def _keep(self, known: dict[str, dict[str, Any]]) -> None:
        packed = {
            model: {key: dg.serialize_value(value) for key, value in told.items()} for model, told in known.items()
        }
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"of": self._stamp(), "lineage": packed}))
        part.replace(self._file)

    def _stamp(self) -> str:
        """Of the manifest's content, and of who reads it."""
        return hashlib.sha256(dg.__version__.encode() + self._manifest.read_bytes()).hexdigest()


def node_of(event: Any) -> str:
    """dbt's unique id of the node that an event is about."""
    return str(event.metadata["unique_id"].value)


def origins(sql: str, schema: MappingSchema) -> dict[str, set[tuple[str, str, str]]]:
    """For each column that a query selects, those of tables that it is made of, as (schema, table, column)."""
    query = parse_one(sql, dialect=_DIALECT)
    for table in query.find_all(exp.Table):
        table.set("catalog", None)  # the file's own name, which says nothing
    query = qualify(query, dialect=_DIALECT, schema=schema, validate_qualify_columns=False, identify=False)
    scope = build_scope(query)
    found: dict[str, set[tuple[str, str, str]]] = {}
    for column in query.named_selects:
        nodes = lineage(column, query, scope=scope, dialect=_DIALECT, copy=False).walk()
        found[column] = {
            (table.db, table.name, exp.to_column(node.name).name.lower())
            for node in nodes
            if not node.downstream and (table := node.expression.find(exp.Table))
        }
    return found


def _told(unique_id: str, build: DbtCliInvocation, schema: MappingSchema) -> dict[str, Any]:
    """The lineage of one model as metadata; none of a seed, which comes from a file."""
    manifest = build.manifest
    node = manifest["nodes"][unique_id]
    if node["resource_type"] != "model":
        return {}
    sql = build.target_path / "compiled" / node["package_name"] / node["original_file_path"]
    try:
        found = origins(sql.read_text(), schema)
    except SqlglotError as error:  # the tables are right all the same
        dg.get_dagster_logger().warning(f"{node['name']}: where its columns come from is not known. {error}")
        return {}
    parents = {}
    for parent in node["depends_on"]["nodes"]:
        props = manifest["sources"].get(parent) or manifest["nodes"][parent]
        spec = build.dagster_dbt_translator.get_asset_spec(manifest, parent, build.project)
        parents[props["schema"], props.get("identifier") or props["alias"]] = spec.key
    deps = {
        column: [
            dg.TableColumnDep(asset_key=parents[origin[:2]], column_name=origin[2])
            for origin in sorted(found.get(column, ()))
            if origin[:2] in parents
        ]
        for column in schema.column_names(exp.table_(node["alias"], db=node["schema"]))
    }
    return {_KEY: dg.MetadataValue.column_lineage(dg.TableColumnLineage(deps_by_column=deps))}
