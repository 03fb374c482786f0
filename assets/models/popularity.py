"""The popularity model: what the first hours of a post say about its final count."""

import dagster as dg

from assets.keys import key_of
from assets.models.rounds import Promotion, training_round
from assets.results import NOT_READY
from contracts.clock import Clock
from contracts.errors import NotReadyError
from contracts.ports import Lake, ModelHome
from contracts.tables import POST_SNAPSHOTS
from ml.families import POPULARITY


@dg.asset(
    key_prefix="models",
    name="popularity_model",
    group_name="models",
    owners=["team:ml"],
    kinds={"mlflow", "scikitlearn"},
    deps=[key_of(POST_SNAPSHOTS)],
    description="Says from a post's first hours of counts what its final count will be, with an interval, and whether it takes off. "
    "Registered in MLflow as `popularity`; where learning is not better than the median curve by more than noise, the median curve stands "
    "in, flagged by its kind. Registers nothing while too few posts were followed to their end.",
)
def popularity_model(
    config: Promotion,
    lake: dg.ResourceParam[Lake],
    models: dg.ResourceParam[ModelHome],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: version. Read by decisions/posts_taking_off through the registry."""
    now = clock.now()
    try:
        return training_round(POPULARITY, lake, models, now=now, min_gain=config.min_gain)
    except NotReadyError as error:
        return dg.MaterializeResult(
            metadata={"is_champion": False, NOT_READY: str(error), "as_of": now.isoformat()},
        )
