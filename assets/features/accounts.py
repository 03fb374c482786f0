"""What is known of every account from each moment on."""

import dagster as dg
import polars as pl

from assets.keys import asset_options, gold
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
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
