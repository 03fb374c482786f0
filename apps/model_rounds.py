"""A training round once more, from the rows and the champion that it had.

Belongs here: reading what the round was made of and training on it. Does not belong here: what a round writes down and what counts
as the same (`ml/rounds.py`), printing.
"""

from dataclasses import replace
from typing import Any

from contracts.errors import NotReadyError
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import TEXT_EMBEDDINGS
from ml.families import Family
from ml.registry import Round, load_version
from ml.rounds import Repetition, RoundInputs, frame_sha256, libraries
from ml.text_embeddings import with_kept_vectors

_STAGE = "a model learns from all clients' posts, and so does its repetition"


def repeat(family: Family[Any], round_: Round, lake: Lake, *, uri: str) -> Repetition:
    """Train again on the same version of the table, against the same champion, with the same seed. Registers nothing.

    Raises NotReadyError when the round does not say what it was made of, or when that version of the table is gone.
    """
    inputs = RoundInputs.of_tags(round_.tags)
    newest = lake.version(inputs.table)
    if newest is None or newest < inputs.table_version:
        raise NotReadyError(
            f"version {inputs.table_version} of {inputs.table} is not in this lake: the round belongs to another home"
        )
    everyone = TenantScope.all_clients(_STAGE)
    rows = lake.scan(inputs.table, scope=everyone, version=inputs.table_version).collect()
    found = replace(inputs, frame_sha256=frame_sha256(rows, family.table.keys), libraries=libraries())
    if inputs.embeddings_version is not None:
        vectors = lake.scan(TEXT_EMBEDDINGS, scope=everyone, version=inputs.embeddings_version)
        rows = with_kept_vectors(rows, vectors.collect())
    champion = None if inputs.champion_version is None else load_version(family, uri, inputs.champion_version)
    again = family.train(rows, champion=champion, seed=inputs.seed, min_gain=inputs.min_gain)
    return Repetition(inputs, found, then=round_.figures, now=again.figures)
