"""Which columns each dbt model's columns come from, as Dagster shows it: worked out once for a manifest.

It follows from the manifest alone, and parsing every model's SQL takes up to a minute, so it is kept beside the manifest: the daily build, a
process of its own, finds it there. Belongs here: working it out, keeping it. Does not belong here: when a build asks for it (warehouse.py).
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation
from dagster_dbt.core.dbt_event_iterator import DbtEventIterator
from filelock import FileLock

_KEY = "dagster/column_lineage"


class ColumnLineage:
    """The lineage of the models of one manifest; kept in a file beside it where it is one."""

    def __init__(self, manifest: Path | None) -> None:
        self._manifest = manifest
        self._known: dict[str, dict[str, Any]] | None = None

    def of(self, outputs: Sequence[dg.Output[Any]], build: DbtCliInvocation) -> dict[str, dict[str, Any]]:
        """Metadata by the unique id of each model among `outputs`, and maybe of others. What is not known yet is worked out, and kept."""
        if self._known is None:
            self._known = self.kept()
        if all(node_of(output) in self._known for output in outputs):
            return self._known
        with FileLock(f"{self._file}.lock") if self._manifest else nullcontext():
            self._known |= self.kept()  # a process that built at the same time may have worked it out meanwhile
            if new := [output for output in outputs if node_of(output) not in self._known]:
                for output in DbtEventIterator(iter(new), build).fetch_column_metadata():
                    # The columns' types and descriptions are on the asset already, from the model's contract.
                    self._known[node_of(output)] = {key: value for key, value in output.metadata.items() if key == _KEY}
                _close(build)
                self._keep(self._known)
        return self._known

    def kept(self) -> dict[str, dict[str, Any]]:
        """What is kept for this manifest, and was for no other."""
        if self._manifest is None or not self._file.exists():
            return {}
        kept = json.loads(self._file.read_text())
        if kept["of"] != self._stamp():
            return {}
        return {
            model: {key: dg.deserialize_value(value) for key, value in told.items()}
            for model, told in kept["lineage"].items()
        }

    def _keep(self, known: dict[str, dict[str, Any]]) -> None:
        if self._manifest is None:
            return
        lineage = {
            model: {key: dg.serialize_value(value) for key, value in told.items()} for model, told in known.items()
        }
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"of": self._stamp(), "lineage": lineage}))
        part.replace(self._file)

    def _stamp(self) -> str:
        """Of the manifest's content, and of who reads it."""
        assert self._manifest is not None
        return hashlib.sha256(dg.__version__.encode() + self._manifest.read_bytes()).hexdigest()

    @property
    def _file(self) -> Path:
        assert self._manifest is not None
        return self._manifest.with_name("column_lineage.json")


def node_of(event: Any) -> str:
    """dbt's unique id of the node that an event is about."""
    return str(event.metadata["unique_id"].value)


def _close(build: DbtCliInvocation) -> None:
    """Looking at columns opened the warehouse in this process, which would keep publishing out."""
    if build.adapter is not None:
        build.adapter.cleanup_connections()
        connections: Any = build.adapter.connections
        connections.close_all_connections()
