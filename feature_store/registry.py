"""Feast's registry file, replaced whole: a reader of another process never finds half of one.

Does not belong here: what the registry holds (`feature_repo/`).
"""

from pathlib import Path

from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.Registry_pb2 import Registry


class AtomicRegistryStore(FileRegistryStore):  # type: ignore[misc]
    """Feast's own store of this kind truncates the file and writes it again."""

    _filepath: Path

    def _write_registry(self, registry_proto: Registry) -> None:
        target = self._filepath
        self._filepath = target.with_suffix(".part")
        try:
            super()._write_registry(registry_proto)
            self._filepath.replace(target)
        finally:
            self._filepath = target
