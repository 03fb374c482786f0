"""What recommended slots brought against those that were drawn, beside what was promised for them."""

import dagster as dg

from assets.keys import asset_options, gold, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import POST_FEATURES, POST_SCHEDULE, POSTING_TIME_LIFT
from ml.timing.realised import OUTCOME_COLUMNS
from ml.timing.realised import posting_time_lift as lift_of

STAGE = "every client's slots are scored in one run; each row keeps its tenant"


@dg.asset(**asset_options(POSTING_TIME_LIFT, "polars"), deps=[gold("fct_posts"), key_of(POST_FEATURES)])
def posting_time_lift(lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> dg.MaterializeResult:
    """Grain: client. Read by the app. Decisions of earlier days are read through the lake, without an edge in the graph."""
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    items = lake.scan("gold/fct_posts", scope=everyone).select("post_id", "content_item_id").drop_nulls()
    outcomes = lake.scan(POST_FEATURES, scope=everyone).select("post_id", *OUTCOME_COLUMNS).join(items, on="post_id")
    frame = lift_of(lake.scan(POST_SCHEDULE, scope=everyone).collect(), outcomes.collect(), computed_at=now)
    metadata = {"posts": int(frame["posts"].sum()), "holdout_posts": int(frame["holdout_posts"].sum())}
    return materialised(
        POSTING_TIME_LIFT, lake.merge(POSTING_TIME_LIFT, frame), frame=frame, as_of=now, metadata=metadata
    )
