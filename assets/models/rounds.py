"""A round of training as an asset's body, the same for all families of models.

Belongs here: reading what a round is made of, registering what came of it, saying so. Does not belong here: how a family learns.
"""

from datetime import datetime
from typing import Any, TypeVar

import dagster as dg
import polars as pl
from pydantic import Field

from contracts.errors import NotReadyError
from contracts.ports import Lake, ModelHome
from contracts.scope import TenantScope
from contracts.tables import TEXT_EMBEDDINGS
from ml.families import Family
from ml.gate import MIN_GAIN
from ml.registry import load_champion, register
from ml.rounds import RoundInputs, frame_sha256, libraries
from ml.text_embeddings import with_kept_vectors

STAGE = "one model learns from all clients' posts; its forecasts keep their tenant"
SEED = 7
_HEADLINES = ("coverage_ratio",)

Model = TypeVar("Model")


class Promotion(dg.Config):
    """What a training round may be asked for."""

    min_gain: float = Field(
        default=MIN_GAIN,
        ge=0,
        description="What a new version has to win over the champion, in within-account rank correlation or in log units of error.",
    )


def training_round(
    family: Family[Any], lake: Lake, models: ModelHome, *, now: datetime, min_gain: float
) -> dg.MaterializeResult:
    """Train on what the lake holds now, and register the result. Raises NotReadyError when there is too little to learn from."""
    inputs, rows, champion = round_inputs(family, lake, models, seed=SEED, min_gain=min_gain)
    training = family.train(rows, champion=champion, seed=inputs.seed, min_gain=inputs.min_gain)
    done = register(family, training, uri=models.uri, artifact_root=models.artifact_root, trained_at=now, inputs=inputs)
    return dg.MaterializeResult(
        metadata={
            "mlflow_run_id": done.run_id,
            "model_version": done.version,
            "is_champion": done.is_champion,
            "reasons": "; ".join(done.reasons),
            "kind": training.parameters["kind"],
            "trained_posts": training.parameters["trained_posts"],
            "as_of": now.isoformat(),
            "model_card": dg.MetadataValue.md(training.card(trained_at=now)),
            **{
                name.removeprefix("model/"): value
                for name, value in training.figures.items()
                if name.startswith("model/") or name in _HEADLINES
            },
        }
    )


def round_inputs(
    family: Family[Model], lake: Lake, models: ModelHome, *, seed: int, min_gain: float
) -> tuple[RoundInputs, pl.DataFrame, Model | None]:
    """What a round of now is made of: its inputs, the rows, and the champion that it has to beat."""
    everyone, version = TenantScope.all_clients(STAGE), lake.version(family.table) or 0
    rows = lake.scan(family.table, scope=everyone, version=version).collect()
    vectors_version = lake.version(TEXT_EMBEDDINGS) if family.reads_texts else None
    champion: Model | None
    champion_version: str | None
    try:
        champion, champion_version = load_champion(family, models.uri)
    except NotReadyError:
        champion, champion_version = None, None
    inputs = RoundInputs(
        table=family.table.key,
        table_version=version,
        frame_sha256=frame_sha256(rows, family.table.keys),
        seed=seed,
        min_gain=min_gain,
        champion_version=champion_version,
        libraries=libraries(),
        embeddings_version=vectors_version,
    )
    if vectors_version is not None:
        rows = with_kept_vectors(rows, lake.scan(TEXT_EMBEDDINGS, scope=everyone, version=vectors_version).collect())
    return inputs, rows, champion
