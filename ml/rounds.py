"""What decides a training round, written down with it, so that it can be run again and compared figure by figure.

Belongs here: those inputs as tags, and what differs between a round and its repetition. Does not belong here: where rounds are
kept (`ml/registry.py`), reading the lake.
"""

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from contracts.errors import NotReadyError

LIBRARIES = ("numpy", "polars", "scikit-learn", "scipy")
"""Another version of these may round differently."""
_NONE = "none"


@dataclass(frozen=True)
class RoundInputs:
    """Everything that a round was made of. The same inputs on the same libraries give the same model and figures."""

    table: str
    table_version: int
    """Version of the feature table; its rows stay readable until `pulso lake vacuum` removes them."""
    frame_sha256: str
    seed: int
    min_gain: float
    champion_version: str | None
    """The version that was champion then."""
    libraries: Mapping[str, str]
    embeddings_version: int | None = None
    """Version of the table of text vectors; None where there was none."""

    def tags(self) -> dict[str, str]:
        """As text by name, as the registry keeps it."""
        return {
            "features_table": self.table,
            "features_version": str(self.table_version),
            "features_sha256": self.frame_sha256,
            "seed": str(self.seed),
            "min_gain": repr(self.min_gain),
            "champion_version": self.champion_version or _NONE,
            "embeddings_version": _NONE if self.embeddings_version is None else str(self.embeddings_version),
            **{f"library/{name}": version for name, version in self.libraries.items()},
        }

    @classmethod
    def of_tags(cls, tags: Mapping[str, str]) -> "RoundInputs":
        """Raises NotReadyError for a round of a release that did not write all of it down."""
        try:
            champion = tags["champion_version"]
            embeddings = tags.get(
                "embeddings_version", _NONE
            )  # rounds of releases before there were vectors do not say
            return cls(
                table=tags["features_table"],
                table_version=int(tags["features_version"]),
                frame_sha256=tags["features_sha256"],
                seed=int(tags["seed"]),
                min_gain=float(tags["min_gain"]),
                champion_version=None if champion == _NONE else champion,
                libraries={k.removeprefix("library/"): v for k, v in tags.items() if k.startswith("library/")},
                embeddings_version=None if embeddings == _NONE else int(embeddings),
            )
        except KeyError as error:
            raise NotReadyError(
                f"this round does not say what it was made of ({error.args[0]} is missing): it can't be repeated; train anew"
            ) from error


def frame_sha256(frame: pl.DataFrame, keys: Sequence[str] = ("post_id",)) -> str:
    """Of the values of a frame, whatever the order of its rows (they differ by `keys`)."""
    return hashlib.sha256(frame.sort(keys).write_csv().encode()).hexdigest()


def libraries() -> dict[str, str]:
    """Versions of what computes, by name."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in LIBRARIES}}


@dataclass(frozen=True)
class Repetition:
    """A round beside its repetition."""

    inputs: RoundInputs
    again: RoundInputs
    then: Mapping[str, float]
    now: Mapping[str, float]

    @property
    def is_same_frame(self) -> bool:
        return self.inputs.frame_sha256 == self.again.frame_sha256

    @property
    def differing(self) -> tuple[str, ...]:
        """Names of the figures that are not the same to the last bit, or on one side only."""
        return tuple(sorted(name for name in {*self.then, *self.now} if self.then.get(name) != self.now.get(name)))

    @property
    def is_identical(self) -> bool:
        return self.is_same_frame and not self.differing

    @property
    def changed_libraries(self) -> dict[str, tuple[str, str]]:
        """Version then and now, by name, of the libraries that changed."""
        return {
            name: (before, self.again.libraries.get(name, "gone"))
            for name, before in self.inputs.libraries.items()
            if self.again.libraries.get(name) != before
        }
