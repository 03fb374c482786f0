"""What the model registry knows of every training round, in the lake, where the app may read it."""

from datetime import datetime

import dagster as dg
import polars as pl

from assets.keys import asset_options
from assets.results import materialised
from contracts.clock import Clock
from contracts.errors import NotReadyError
from contracts.ports import Lake, ModelHome
from contracts.tables import MODEL_VERSIONS
from ml.evaluation import BASELINES
from ml.registry import MODEL_NAME, Round, champion_card, rounds


@dg.asset(**asset_options(MODEL_VERSIONS, "mlflow"), deps=[dg.AssetKey(["models", "engagement_model"])])
def model_versions(
    lake: dg.ResourceParam[Lake], models: dg.ResourceParam[ModelHome], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: version. A champion that people took back since shows at the next refresh."""
    now = clock.now()
    try:
        card = champion_card(models.uri)
    except NotReadyError:
        card = None
    frame = pl.DataFrame(
        [_row(round_, card if round_.is_champion else None, now) for round_ in rounds(models.uri)],
        schema=MODEL_VERSIONS.schema,
    )
    return materialised(MODEL_VERSIONS, lake.merge(MODEL_VERSIONS, frame), frame=frame, as_of=now)


def _row(round_: Round, card: str | None, now: datetime) -> dict[str, object]:
    figure = round_.figures.get
    measured = [name for name in BASELINES if f"{name}/mean_absolute_error" in round_.figures]
    # The one that was hardest to beat.
    baseline = min(measured, key=lambda name: round_.figures[f"{name}/mean_absolute_error"], default=None)
    held_out = figure("held_out_posts")
    return {
        "model_name": MODEL_NAME,
        "model_version": round_.version,
        "run_id": round_.run_id,
        "kind": round_.kind,
        "trained_at": round_.trained_at,
        "state": round_.state,
        "reasons": round_.reasons,
        "withdrawn_because": round_.withdrawn,
        "held_out_posts": None if held_out is None else int(held_out),
        "mean_absolute_error": figure("model/mean_absolute_error"),
        "rank_correlation": figure("model/rank_correlation"),
        "baseline": baseline,
        "baseline_mean_absolute_error": figure(f"{baseline}/mean_absolute_error"),
        "baseline_rank_correlation": figure(f"{baseline}/rank_correlation"),
        "coverage_ratio": figure("coverage_ratio"),
        "model_card": card,
        "computed_at": now,
    }
