"""What the forecasts of growing posts were worth, from posts that have become final since."""

import dagster as dg

from assets.keys import asset_options, gold
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import POPULARITY_SCORES, POSTS_TAKING_OFF
from ml.popularity.scores import popularity_scores as scores_of

STAGE = "every client's forecasts are scored; each row keeps its tenant"


@dg.asset(**asset_options(POPULARITY_SCORES, "polars"), deps=[gold("fct_posts")])
def popularity_scores(lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> dg.MaterializeResult:
    """Grain: client x model version x age. What was said is read through the lake: outcomes are of what decisions said days ago."""
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    said = lake.scan(POSTS_TAKING_OFF, scope=everyone).collect()
    outcomes = lake.scan("gold/fct_posts", scope=everyone).select("post_id", "mature_engagements")
    frame = scores_of(said, outcomes.collect(), computed_at=now)
    return materialised(POPULARITY_SCORES, lake.merge(POPULARITY_SCORES, frame), frame=frame, as_of=now)
