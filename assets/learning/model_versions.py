"""What the model registry knows of every training round, in the lake, where the app may read it."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import polars as pl

from assets.keys import asset_options, model_key
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, ModelHome
from contracts.scope import TenantScope
from contracts.tables import MODEL_VERSIONS
from ml.evaluation import CHAMPION
from ml.families import FAMILIES
from ml.registry import Round, Standing, champion_card, round_from, standings

STAGE = "one model learns from all clients' posts; no figure of a round is any one client's"
ERROR = "/mean_absolute_error"


@dg.asset(
    **asset_options(MODEL_VERSIONS, "mlflow"),
    deps=[model_key(name) for name in FAMILIES],
)
def model_versions(
    lake: dg.ResourceParam[Lake], models: dg.ResourceParam[ModelHome], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: version. A champion that people took back since shows at the next refresh. Rounds do not change once they are registered:
    only what is not known yet is read, and what became of a version.
    """
    now = clock.now()
    known = lake.scan(MODEL_VERSIONS, scope=TenantScope.all_clients(STAGE)).collect()
    rows = [row for name in FAMILIES for row in _rows(name, models.uri, now, known)]
    frame = pl.DataFrame(rows, schema=MODEL_VERSIONS.schema)
    return materialised(MODEL_VERSIONS, lake.merge(MODEL_VERSIONS, frame), frame=frame, as_of=now)


def _rows(name: str, uri: str, now: datetime, known: pl.DataFrame) -> Iterator[dict[str, object]]:
    """The rows of a family that are new or have changed; the champion's with its card."""
    family = FAMILIES[name]
    rows = {row["run_id"]: row for row in known.filter(pl.col("model_name") == name).iter_rows(named=True)}
    for standing in standings(family, uri):
        row = rows.get(standing.run_id)
        became = {"state": standing.state, "withdrawn_because": standing.withdrawn}
        if row is None:
            yield _read(name, round_from(uri, standing)) | became | _card(name, uri, standing) | {"computed_at": now}
        elif any(row[column] != value for column, value in became.items()):
            yield row | became | _card(name, uri, standing) | {"computed_at": now}


def _read(name: str, round_: Round) -> dict[str, object]:
    return {
        "model_name": name,
        "model_version": round_.version,
        "run_id": round_.run_id,
        "kind": round_.kind,
        "trained_at": round_.trained_at,
        "reasons": round_.reasons,
        **_figures(round_),
    }


def _card(name: str, uri: str, standing: Standing) -> dict[str, object]:
    return {"model_card": champion_card(FAMILIES[name], uri) if standing.is_champion else None}


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
