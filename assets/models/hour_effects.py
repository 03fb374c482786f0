"""What each hour of a client's day is worth to each of its accounts."""

import dagster as dg
import polars as pl

from assets.keys import asset_options, gold, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import HOUR_EFFECTS, POST_FEATURES
from ml.timing.effects import hour_effects as effects_of

STAGE = "accounts of one network and time zone teach each other's hours; each row keeps its tenant"


@dg.asset(**asset_options(HOUR_EFFECTS, "scikitlearn"), deps=[key_of(POST_FEATURES), gold("dim_accounts")])
def hour_effects(lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> dg.MaterializeResult:
    """Grain: account x local hour. Read by the schedule and the app. Accounts without posts get what their peers teach."""
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    accounts = lake.scan("gold/dim_accounts", scope=everyone).select("client_id", "account_id", "network", "time_zone")
    known = accounts.drop_nulls().collect()
    frame = effects_of(lake.scan(POST_FEATURES, scope=everyone).collect(), known, computed_at=now)
    best = frame.group_by("account_id").agg(pl.col("cautious_effect").max())["cautious_effect"]
    metadata = {"accounts": known.height, "mean_best_effect": float(best.mean() or 0.0)}
    return materialised(HOUR_EFFECTS, lake.merge(HOUR_EFFECTS, frame), frame=frame, as_of=now, metadata=metadata)
