"""What the first hours of each young post say, and which posts are told about as taking off."""

from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from assets.keys import asset_options, key_of, model_key
from assets.results import materialised
from contracts.clock import Clock
from contracts.errors import NotReadyError
from contracts.ports import Lake, ModelHome
from contracts.scope import TenantScope
from contracts.tables import FORECASTS, POST_SNAPSHOTS, POSTS_TAKING_OFF, SHADOW_FORECASTS
from ml.families import POPULARITY
from ml.popularity.alerts import TOLD_FROM, TOLD_SCHEMA, evidence, told
from ml.popularity.model import FINAL_AGE_HOURS, PopularityModel
from ml.registry import load_champion

STAGE = "one model serves all clients; each row keeps its tenant, and each client has a budget of its own"
REMEMBERED = timedelta(days=14)
"""Alerts on posts published before that are neither repeated nor weigh on the week's budget."""
_SPOKEN_OF = ["post_id", "observed_at", "model_version"]
_ALERTS = ["post_id", "told_at", "told_probability"]


@dg.asset(
    **asset_options(POSTS_TAKING_OFF, "scikitlearn"),
    deps=[key_of(POST_SNAPSHOTS), key_of(SHADOW_FORECASTS), model_key(POPULARITY.name)],
)
def posts_taking_off(
    lake: dg.ResourceParam[Lake], models: dg.ResourceParam[ModelHome], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: post x age of comparison. Each look at a young post is spoken of once; without a model, or a new look, nothing is."""
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    since = now - timedelta(hours=FINAL_AGE_HOURS)
    looks = lake.scan(POST_SNAPSHOTS, scope=everyone).filter(pl.col("day") >= since.date())
    young = looks.filter(pl.col("published_at") > since).collect()
    try:
        frame = _said(young, lake, everyone, models, now) if young.height else young
    except NotReadyError:
        frame = young.clear()
    if frame.is_empty():
        frame = pl.DataFrame(schema=POSTS_TAKING_OFF.schema)
    metadata = {"told_now": frame.filter(pl.col("told_at") == now).height}
    return materialised(
        POSTS_TAKING_OFF, lake.merge(POSTS_TAKING_OFF, frame), frame=frame, as_of=now, metadata=metadata
    )


def _said(young: pl.DataFrame, lake: Lake, scope: TenantScope, models: ModelHome, now: datetime) -> pl.DataFrame:
    """The table's rows for looks that were not spoken of yet. Raises NotReadyError without a model."""
    model, version = load_champion(POPULARITY, models.uri)
    said = lake.scan(POSTS_TAKING_OFF, scope=scope).filter(pl.col("day") >= (now - REMEMBERED).date())
    newest = young.sort("observed_at").unique("post_id", keep="last").drop("age_hours", "day")
    rows = (
        model.forecast(young)
        .join(newest, on="post_id")
        .with_columns(model_version=pl.lit(version))
        .join(said.select(_SPOKEN_OF).collect(), on=_SPOKEN_OF, how="anti")
        .sort("client_id", "post_id")
    )
    rows = rows.with_columns(model.usual(rows), model.threshold(rows))
    earlier = said.filter(pl.col("told_at").is_not_null()).group_by("post_id")
    before = earlier.agg(pl.col("client_id", *_ALERTS[1:]).first()).collect()
    alerts = [pl.DataFrame(schema=TOLD_SCHEMA), before.select(_ALERTS)]
    for (client,), own in rows.group_by("client_id", maintain_order=True):
        alerts.append(told(own, before.filter(pl.col("client_id") == client).select(_ALERTS), now=now))
    return _declared(
        rows.join(pl.concat(alerts), on="post_id", how="left", maintain_order="left").join(
            _before_publication(rows["post_id"], lake, scope), on="post_id", how="left", maintain_order="left"
        ),
        model,
        now,
    )


def _before_publication(posts: pl.Series, lake: Lake, scope: TenantScope) -> pl.DataFrame:
    """The newest forecast that was made of each of these posts before it was out: a decision's, as the ledger had it, or a shadow's.

    `bronze/forecasts` is read through the lake alone: it is tomorrow's reading of today's decisions.
    """
    columns = ("post_id", "expected_log_engagement", "lower_log_engagement", "upper_log_engagement")
    is_asked = pl.col("post_id").is_in(posts.to_list())
    decided = lake.scan(FORECASTS, scope=scope).filter(is_asked, pl.col("origin") == "decision")
    shadows = lake.scan(SHADOW_FORECASTS, scope=scope).filter(is_asked)
    said = [origin.sort("forecast_at").select(columns).collect() for origin in (shadows, decided)]
    known = pl.concat(said).unique("post_id", keep="last", maintain_order=True)
    names = ("forecast_engagements", "forecast_lower_engagements", "forecast_upper_engagements")
    return known.select(
        "post_id", *(pl.col(log).exp().sub(1).alias(name) for log, name in zip(columns[1:], names, strict=True))
    )


def _declared(rows: pl.DataFrame, model: PopularityModel, now: datetime) -> pl.DataFrame:
    is_likely = pl.col("probability_top") >= TOLD_FROM
    named = rows.rename(
        {
            "value": "engagements",
            "expected": "expected_engagements",
            "curve": "curve_engagements",
            "low": "lower_engagements",
        }
    ).with_columns(
        upper_engagements="high",
        usual_engagements="usual",
        threshold_engagements="threshold",
        interval_level=pl.lit(model.interval_level),
        is_taking_off=pl.col("told_at").is_not_null() & is_likely,
        model_kind=pl.lit(model.kind),
        model_name=pl.lit(POPULARITY.name),
        forecast_at=pl.lit(now),
        day=pl.col("published_at").dt.date(),
    )
    reasons = pl.Series([evidence(row) for row in named.iter_rows(named=True)], dtype=pl.String)
    return named.with_columns(reason=reasons).select(
        pl.col(name).cast(kind) for name, kind in POSTS_TAKING_OFF.schema.items()
    )
