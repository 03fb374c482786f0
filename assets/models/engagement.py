"""The engagement model, and what it says about posts that Pulso did not write."""

from datetime import datetime

import dagster as dg
import polars as pl

from assets.keys import asset_options, gold, key_of
from assets.models.rounds import STAGE, Promotion, training_round
from assets.results import materialised
from contracts.clock import Clock
from contracts.errors import NotReadyError
from contracts.ports import Lake, ModelHome
from contracts.scope import TenantScope
from contracts.tables import POST_FEATURES, SHADOW_FORECASTS, TEXT_EMBEDDINGS
from ml.engagement import percentiles
from ml.families import ENGAGEMENT
from ml.registry import champion_trained_at, load_champion
from ml.text_embeddings import with_kept_vectors


@dg.asset(
    key_prefix="models",
    name="engagement_model",
    group_name="models",
    owners=["team:ml"],
    kinds={"mlflow", "scikitlearn"},
    deps=[key_of(POST_FEATURES), key_of(TEXT_EMBEDDINGS)],
    description="Predicts log engagement of a post before it is published, with an interval. Registered in MLflow as `engagement`; "
    "the alias `champion` moves only to a version that beats every baseline and the champion on the same held-out posts by more than noise.",
)
def engagement_model(
    config: Promotion,
    lake: dg.ResourceParam[Lake],
    models: dg.ResourceParam[ModelHome],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: version. Read by drafts, the schedule and shadow forecasts through the registry."""
    return training_round(ENGAGEMENT, lake, models, now=clock.now(), min_gain=config.min_gain)


@dg.asset(
    **asset_options(SHADOW_FORECASTS, "scikitlearn"),
    deps=[key_of(POST_FEATURES), key_of(TEXT_EMBEDDINGS), gold("fct_posts")],
)
def shadow_forecasts(
    lake: dg.ResourceParam[Lake], models: dg.ResourceParam[ModelHome], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: post. What the champion would have said before posts that were published after it was trained; said once.

    It stands upstream of training in time, so it has no edge to the model: the registry says who is champion now.
    """
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    features = lake.scan(POST_FEATURES, scope=everyone).collect()
    decided = lake.scan("gold/fct_posts", scope=everyone).filter("is_published_by_pulso").select("post_id").collect()
    said = lake.scan(SHADOW_FORECASTS, scope=everyone).select("post_id").collect()
    try:
        vectors = lake.scan(TEXT_EMBEDDINGS, scope=everyone)
        frame = _shadows(features, pl.concat([said, decided]), vectors, models, now)
    except NotReadyError:
        frame = pl.DataFrame(schema=SHADOW_FORECASTS.schema)
    return materialised(SHADOW_FORECASTS, lake.append(SHADOW_FORECASTS, frame), frame=frame, as_of=now)


def _shadows(
    features: pl.DataFrame, spoken_for: pl.DataFrame, vectors: pl.LazyFrame, models: ModelHome, now: datetime
) -> pl.DataFrame:
    """Forecasts of posts that are new since the champion was trained and have none yet. Raises NotReadyError.

    `vectors` of all texts are read only for a champion that reads them.
    """
    model, version = load_champion(ENGAGEMENT, models.uri)
    if model.reads_vectors:
        features = with_kept_vectors(features, vectors.collect())
    since = champion_trained_at(ENGAGEMENT, models.uri)
    new = features.filter(pl.col("published_at") > since).join(spoken_for, on="post_id", how="anti")
    forecast = model.forecast(new, observed=features)
    return (
        new.select("post_id", "account_id", "client_id")
        .hstack(forecast)
        .with_columns(
            percentile=percentiles(new.select("post_id", "account_id", "published_at").hstack(forecast), features),
            model_name=pl.lit(ENGAGEMENT.name),
            model_version=pl.lit(version),
            forecast_at=pl.lit(now),
        )
        .select(pl.col(name).cast(kind) for name, kind in SHADOW_FORECASTS.schema.items())
    )
