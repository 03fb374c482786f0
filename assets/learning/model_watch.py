"""Whether the champions still hold, from what their forecasts were worth; where one does not, a challenger is trained at once."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import polars as pl

from assets.keys import asset_options, gold, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.errors import NotReadyError
from contracts.evidence import ALARM
from contracts.ports import Lake, ModelHome
from contracts.scope import TenantScope
from contracts.tables import MODEL_WATCH, POST_FEATURES, POSTS_TAKING_OFF
from ml.drift import Watch, watch
from ml.families import ENGAGEMENT, FAMILIES, POPULARITY, Family
from ml.popularity.scores import watched
from ml.registry import champion_version

STAGE = "one model serves all clients, so its evidence is that of all; each row keeps its tenant"
HOLDS: Mapping[str, dg.AssetCheckKey] = {
    name: dg.AssetCheckKey(key_of(MODEL_WATCH), f"{name}_champion_still_holds") for name in FAMILIES
}
"""The check of each family of models."""


@dg.asset(
    **asset_options(MODEL_WATCH, "scikitlearn"),
    deps=[gold("fct_forecast_scores"), gold("fct_posts"), key_of(POST_FEATURES)],
    check_specs=[
        dg.AssetCheckSpec(
            HOLDS[name].name,
            asset=key_of(MODEL_WATCH),
            description=f"The champion errs as it did, and less than {family.rule}. Looked at as often as you like, it is wrong once in "
            "twenty champions.",
        )
        for name, family in FAMILIES.items()
    ],
)
def model_watch(
    lake: dg.ResourceParam[Lake], models: dg.ResourceParam[ModelHome], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: client x model version x day. Of forecasts before publication shadow forecasts alone count: a decision publishes what it forecasts
    best.
    """
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    frames, checks = [pl.DataFrame(schema=MODEL_WATCH.schema)], []
    for name, family in FAMILIES.items():
        version = _champion(family, models)
        scores = SCORES[name](lake, everyone, version).filter(pl.col("known_at").dt.date() < now.date())  # whole days
        scored = scores.sort("client_id", "known_at", "account_id").collect()
        frames += [
            watch(rows)
            .days.with_columns(
                client_id=pl.lit(client),
                model_name=pl.lit(name),
                model_version=pl.lit(version),
                computed_at=pl.lit(now),
            )
            .select(pl.col(column).cast(kind) for column, kind in MODEL_WATCH.schema.items())
            for (client,), rows in scored.group_by("client_id", maintain_order=True)
        ]
        checks.append(_judged(family, watch(scored), version))
    frame = pl.concat(frames)
    return materialised(MODEL_WATCH, lake.merge(MODEL_WATCH, frame), frame=frame, as_of=now, checks=checks)


def _champion(family: Family[Any], models: ModelHome) -> str | None:
    try:
        return champion_version(family, models.uri)
    except NotReadyError:
        return None


def _engagement(lake: Lake, scope: TenantScope, version: str | None) -> pl.LazyFrame:
    """The version's scored shadow forecasts, with what the account's trailing median had said."""
    said = (
        lake.scan("gold/fct_forecast_scores", scope=scope)
        .filter((pl.col("origin") == "shadow") & (pl.col("model_version") == pl.lit(version, pl.String)))
        .select("client_id", "account_id", "post_id", "log_engagement", "expected_log_engagement", known_at="mature_at")
    )
    medians = lake.scan(POST_FEATURES, scope=scope).select("post_id", rule_log_engagement="history_median_30")
    return said.join(medians, on="post_id", how="left")


def _popularity(lake: Lake, scope: TenantScope, version: str | None) -> pl.LazyFrame:
    """What the version said of young posts that have become final; decisions of days ago are read through the lake."""
    said = lake.scan(POSTS_TAKING_OFF, scope=scope).filter(pl.col("model_version") == pl.lit(version, pl.String))
    return watched(said, lake.scan("gold/fct_posts", scope=scope))


SCORES: Mapping[str, Callable[[Lake, TenantScope, str | None], pl.LazyFrame]] = {
    ENGAGEMENT.name: _engagement,
    POPULARITY.name: _popularity,
}
"""Of each family: the scored forecasts of one version, columns `ml.drift.SCORES` and `client_id`."""


def _judged(family: Family[Any], found: Watch, version: str | None) -> dg.AssetCheckResult:
    kinds = {
        "drift": "its errors are no longer those of before",
        "decay": f"{family.rule} has come to be nearer to the outcomes",
    }
    alarms = {kind: day for kind in kinds if (day := found.first_alarm(kind)) is not None}
    told = [f"Since {day:%Y-%m-%d} {kinds[kind]} (evidence {ALARM:g} or more)." for kind, day in alarms.items()]
    newest = found.days.tail(1).to_dicts()
    if alarms:
        words = " ".join(
            [
                f"Version {version} of the {family.name} model may not hold any more.",
                *told,
                f"A challenger is trained now: `pulso model list --model {family.name}`.",
            ]
        )
    elif newest:
        words = (
            f"Version {version} of the {family.name} model holds, by {newest[0]['scored_forecasts']} scored forecasts."
        )
    else:
        words = f"No forecast of the {family.name} champion has been scored yet."
    return dg.AssetCheckResult(
        check_name=HOLDS[family.name].name,
        asset_key=HOLDS[family.name].asset_key,
        passed=not alarms,
        severity=dg.AssetCheckSeverity.WARN,
        description=words,
        metadata={
            "model_version": version or "none",
            "scored_forecasts": newest[0]["scored_forecasts"] if newest else 0,
            **{f"{kind}_evidence": float(found.days[f"{kind}_evidence"].max() or 1.0) for kind in kinds},
        },
    )
