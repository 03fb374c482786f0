"""What is known of every account from each moment on, and the same put where a draft can be scored by it at once."""

import dagster as dg
import polars as pl

from assets.keys import OWNERS, asset_options, gold, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import FeatureStore, Lake
from contracts.scope import TenantScope
from contracts.tables import ACCOUNT_HISTORIES
from ml.account_history import account_histories as histories_of

STAGE = "the feature store serves all clients; each row keeps its tenant"


@dg.asset(**asset_options(ACCOUNT_HISTORIES, "polars"), deps=[gold("fct_posts")])
def account_histories(lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> dg.MaterializeResult:
    """Grain: account x moment. Read by the feature store. Replaced whole: a moment at which nothing became known after all is gone."""
    frame = histories_of(lake.scan("gold/fct_posts", scope=TenantScope.all_clients(STAGE)).collect())
    written = lake.replace(ACCOUNT_HISTORIES, frame)
    accounts = frame.select(pl.col("account_id").n_unique()).item()
    return materialised(ACCOUNT_HISTORIES, written, frame=frame, as_of=clock.now(), metadata={"accounts": accounts})


@dg.asset(
    key_prefix="features",
    name="online_features",
    group_name="features",
    owners=OWNERS["features"],
    kinds={"feast"},
    deps=[key_of(ACCOUNT_HISTORIES)],
    pool="feature_store",
    description="What is known of each account now, in the online store of Feast (SQLite, or Redis by settings). Grain: account. Read by "
    "whoever scores a draft without the account's posts at hand.",
)
def online_features(
    feature_store: dg.ResourceParam[FeatureStore], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: account. Asked for, never automatic: importing Feast costs more than all other features together."""
    done = feature_store.materialise(now=clock.now())
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": done.keys,
            "as_of": done.as_of.isoformat(),
            "features_table": done.table,
            "features_version": done.version,
        }
    )
