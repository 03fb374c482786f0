"""What the model registry knows of every training round, in the lake, where the app may read it."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import polars as pl

from assets.keys import asset_options
from assets.results import materialised
from contracts.clock import Clock
from contracts.errors import NotReadyError
from contracts.ports import Lake, ModelHome
from contracts.tables import MODEL_VERSIONS
from ml.evaluation import CHAMPION
from ml.families import FAMILIES
from ml.registry import Round, champion_card, rounds

ERROR = "/mean_absolute_error"


@dg.asset(
    **asset_options(MODEL_VERSIONS, "mlflow"),
    deps=[dg.AssetKey(["models", f"{name}_model"]) for name in FAMILIES],
)
def model_versions(
    lake: dg.ResourceParam[Lake], models: dg.ResourceParam[ModelHome], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: version. A champion that people took back since shows at the next refresh."""
    now = clock.now()
    rows = [row for name in FAMILIES for row in _rows(name, models.uri, now)]
    frame = pl.DataFrame(rows, schema=MODEL_VERSIONS.schema)
    return materialised(MODEL_VERSIONS, lake.merge(MODEL_VERSIONS, frame), frame=frame, as_of=now)


def _rows(name: str, uri: str, now: datetime) -> Iterator[dict[str, object]]:
    """A family's rounds as rows; the champion's with its card."""
    try:
        card = champion_card(FAMILIES[name], uri)
    except NotReadyError:
        card = None
    for round_ in rounds(FAMILIES[name], uri):
        yield {
            "model_name": name,
            "model_version": round_.version,
            "run_id": round_.run_id,
            "kind": round_.kind,
            "trained_at": round_.trained_at,
            "state": round_.state,
            "reasons": round_.reasons,
            "withdrawn_because": round_.withdrawn,
            **_figures(round_),
            "model_card": card if round_.is_champion else None,
            "computed_at": now,
        }


def _figures(round_: Round) -> dict[str, object]:
    """On held-out posts: the model's figures, and those of the baseline that was hardest to beat. None where nothing was measured."""
    figure = round_.figures.get
    rivals = {name.removesuffix(ERROR) for name in round_.figures if name.count("/") == 1 and name.endswith(ERROR)}
    baseline = min(rivals - {"model", CHAMPION}, key=lambda name: round_.figures[name + ERROR], default=None)
    held_out = figure("held_out_posts")
    return {
        "held_out_posts": None if held_out is None else int(held_out),
        "mean_absolute_error": figure(f"model{ERROR}"),
        "rank_correlation": figure("model/rank_correlation"),
        "baseline": baseline,
        "baseline_mean_absolute_error": figure(f"{baseline}{ERROR}"),
        "baseline_rank_correlation": figure(f"{baseline}/rank_correlation"),
        "coverage_ratio": figure("coverage_ratio"),
    }
