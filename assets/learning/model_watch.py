"""Whether the champion still holds, from what its shadow forecasts were worth; where it does not, a challenger is trained at once."""

import dagster as dg
import polars as pl

from assets.keys import asset_options, gold, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.errors import NotReadyError
from contracts.evidence import ALARM
from contracts.ports import Lake, ModelHome
from contracts.scope import TenantScope
from contracts.tables import MODEL_WATCH, POST_FEATURES
from ml.drift import Watch, watch
from ml.families import ENGAGEMENT
from ml.registry import champion_version

STAGE = "one model serves all clients, so its evidence is that of all; each row keeps its tenant"
HOLDS = dg.AssetCheckKey(key_of(MODEL_WATCH), "champion_still_holds")
KINDS = {
    "drift": "its errors are no longer those of before",
    "decay": "the account's trailing median has come to be nearer to the outcomes",
}


@dg.asset(
    **asset_options(MODEL_WATCH, "scikitlearn"),
    deps=[gold("fct_forecast_scores"), key_of(POST_FEATURES)],
    check_specs=[
        dg.AssetCheckSpec(
            HOLDS.name,
            asset=key_of(MODEL_WATCH),
            description="The champion errs as it did, and less than the account's trailing median. Looked at as often as you like, it is "
            "wrong once in twenty champions.",
        )
    ],
)
def model_watch(
    lake: dg.ResourceParam[Lake], models: dg.ResourceParam[ModelHome], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: client x model version x day. Shadow forecasts alone count: a decision publishes what it forecasts best."""
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    try:
        version = champion_version(ENGAGEMENT, models.uri)
    except NotReadyError:
        version = None
    scores = _scores(lake, everyone, version).filter(pl.col("known_at").dt.date() < now.date())  # whole days
    frame = pl.concat(
        [
            pl.DataFrame(schema=MODEL_WATCH.schema),
            *(
                watch(rows)
                .days.with_columns(
                    pl.lit(client).alias("client_id"),
                    pl.lit(version).alias("model_version"),
                    pl.lit(now).alias("computed_at"),
                )
                .select(pl.col(name).cast(kind) for name, kind in MODEL_WATCH.schema.items())
                for (client,), rows in scores.group_by("client_id", maintain_order=True)
            ),
        ]
    )
    check = _judged(watch(scores), version)
    return materialised(MODEL_WATCH, lake.merge(MODEL_WATCH, frame), frame=frame, as_of=now, checks=[check])


def _scores(lake: Lake, scope: TenantScope, version: str | None) -> pl.DataFrame:
    """The version's scored shadow forecasts, with what the account's trailing median had said."""
    said = (
        lake.scan("gold/fct_forecast_scores", scope=scope)
        .filter((pl.col("origin") == "shadow") & (pl.col("model_version") == pl.lit(version, pl.String)))
        .select("client_id", "account_id", "post_id", "log_engagement", "expected_log_engagement", known_at="mature_at")
    )
    medians = lake.scan(POST_FEATURES, scope=scope).select("post_id", account_median="history_median_30")
    return said.join(medians, on="post_id", how="left").sort("client_id", "known_at", "post_id").collect()


def _judged(found: Watch, version: str | None) -> dg.AssetCheckResult:
    alarms = {kind: day for kind in KINDS if (day := found.first_alarm(kind)) is not None}
    told = [f"Since {day:%Y-%m-%d} {KINDS[kind]} (evidence {ALARM:g} or more)." for kind, day in alarms.items()]
    newest = found.days.tail(1).to_dicts()
    if alarms:
        words = " ".join(
            [
                f"Model version {version} may not hold any more.",
                *told,
                "A challenger is trained now: `pulso model list`.",
            ]
        )
    elif newest:
        words = f"Model version {version} holds, by {newest[0]['scored_forecasts']} scored forecasts."
    else:
        words = "No forecast of the champion has been scored yet."
    return dg.AssetCheckResult(
        check_name=HOLDS.name,
        asset_key=HOLDS.asset_key,
        passed=not alarms,
        severity=dg.AssetCheckSeverity.WARN,
        description=words,
        metadata={
            "model_version": version or "none",
            "scored_forecasts": newest[0]["scored_forecasts"] if newest else 0,
            **{f"{kind}_evidence": float(found.days[f"{kind}_evidence"].max() or 1.0) for kind in KINDS},
        },
    )
