"""The engagement model, and what it says about posts that Pulso did not write."""

from datetime import datetime

import dagster as dg
import polars as pl
from pydantic import Field

from assets.keys import asset_options, gold, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.errors import NotReadyError
from contracts.ports import Lake, ModelHome
from contracts.scope import TenantScope
from contracts.tables import POST_FEATURES, SHADOW_FORECASTS
from ml.card import model_card
from ml.engagement import EngagementModel, percentiles
from ml.registry import MODEL_NAME, champion_trained_at, load_champion, register
from ml.rounds import RoundInputs, frame_sha256, libraries
from ml.training import MIN_GAIN, train

STAGE = "one model learns from all clients' posts; its forecasts keep their tenant"
SEED = 7


class Promotion(dg.Config):
    """What a training round may be asked for."""

    min_gain: float = Field(
        default=MIN_GAIN,
        ge=0,
        description="What a new version has to win over the champion, in within-account rank correlation or in log units of error.",
    )


@dg.asset(
    key_prefix="models",
    name="engagement_model",
    group_name="models",
    owners=["team:ml"],
    kinds={"mlflow", "scikitlearn"},
    deps=[key_of(POST_FEATURES)],
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
    now = clock.now()
    inputs, features, champion = round_inputs(lake, models, seed=SEED, min_gain=config.min_gain)
    training = train(features, champion=champion, seed=inputs.seed, min_gain=inputs.min_gain)
    done = register(training, uri=models.uri, artifact_root=models.artifact_root, trained_at=now, inputs=inputs)
    held_out = training.evaluation
    return dg.MaterializeResult(
        metadata={
            "mlflow_run_id": done.run_id,
            "model_version": done.version,
            "is_champion": done.is_champion,
            "reasons": "; ".join(done.reasons),
            "kind": training.model.kind,
            "trained_posts": training.model.trained_posts,
            "as_of": now.isoformat(),
            "model_card": dg.MetadataValue.md(model_card(training.model, held_out, trained_at=now)),
            **(
                {
                    "mean_absolute_error": held_out.model.mean_absolute_error,
                    "rank_correlation": held_out.model.rank_correlation,
                    "coverage_ratio": held_out.interval.coverage_ratio,
                }
                if held_out
                else {}
            ),
        }
    )


def round_inputs(
    lake: Lake, models: ModelHome, *, seed: int, min_gain: float
) -> tuple[RoundInputs, pl.DataFrame, EngagementModel | None]:
    """What a round of now is made of: its inputs, the frame, and the champion that it has to beat."""
    version = lake.version(POST_FEATURES) or 0
    features = lake.scan(POST_FEATURES, scope=TenantScope.all_clients(STAGE), version=version).collect()
    try:
        champion, champion_version = load_champion(models.uri)
    except NotReadyError:
        champion, champion_version = None, None
    inputs = RoundInputs(
        table=POST_FEATURES.key,
        table_version=version,
        frame_sha256=frame_sha256(features),
        seed=seed,
        min_gain=min_gain,
        champion_version=champion_version,
        libraries=libraries(),
    )
    return inputs, features, champion


@dg.asset(**asset_options(SHADOW_FORECASTS, "scikitlearn"), deps=[key_of(POST_FEATURES), gold("fct_posts")])
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
        frame = _shadows(features, pl.concat([said, decided]), models, now)
    except NotReadyError:
        frame = pl.DataFrame(schema=SHADOW_FORECASTS.schema)
    return materialised(SHADOW_FORECASTS, lake.append(SHADOW_FORECASTS, frame), frame=frame, as_of=now)


def _shadows(features: pl.DataFrame, spoken_for: pl.DataFrame, models: ModelHome, now: datetime) -> pl.DataFrame:
    """Forecasts of posts that are new since the champion was trained and have none yet. Raises NotReadyError."""
    model, version = load_champion(models.uri)
    since = champion_trained_at(models.uri)
    new = features.filter(pl.col("published_at") > since).join(spoken_for, on="post_id", how="anti")
    forecast = model.forecast(new, observed=features)
    return (
        new.select("post_id", "account_id", "client_id")
        .hstack(forecast)
        .with_columns(
            percentile=percentiles(new.select("post_id", "account_id", "published_at").hstack(forecast), features),
            model_name=pl.lit(MODEL_NAME),
            model_version=pl.lit(version),
            forecast_at=pl.lit(now),
        )
        .select(pl.col(name).cast(kind) for name, kind in SHADOW_FORECASTS.schema.items())
    )
