"""Which hashtags rise among the posts that a client sees, and which of them are near to what it writes about."""

from datetime import datetime

import dagster as dg
import polars as pl

from assets.keys import asset_options, gold, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import PILLARS, TRENDS
from ml.trends.hashtags import DAY, HISTORY_DAYS, POSTS_SCHEMA, hashtag_trends

STAGE = "the posts of all clients are judged in one run, client by client; each row keeps its tenant"
POSTS_A_PILLAR = 5.0
"""A pillar's name and keywords weigh as much as so many posts."""


@dg.asset(
    **asset_options(TRENDS, "scikitlearn"),
    deps=[gold("fct_posts"), gold("fct_competitor_posts"), key_of(PILLARS)],
)
def trends(lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> dg.MaterializeResult:
    """Grain: client x hashtag x day. Read by the app. Judged are whole days: a run later on the same day says the same of the same posts."""
    now, everyone = clock.now(), TenantScope.all_clients(STAGE)
    frame = hashtag_trends(_posts(lake, everyone, now), _wishes(lake, everyone), at=now)
    written = lake.replace_partition(TRENDS, frame, day=now.date())
    return materialised(TRENDS, written, frame=frame, as_of=now)


def _posts(lake: Lake, scope: TenantScope, now: datetime) -> pl.DataFrame:
    """Own posts, replies left out, and those of the rivals that a client watches."""
    recent = pl.col("published_at").is_between(now - HISTORY_DAYS * DAY, now)
    own = lake.scan("gold/fct_posts", scope=scope).filter(recent & ~pl.col("is_reply"))
    rivals = lake.scan("gold/fct_competitor_posts", scope=scope).filter(recent)
    return pl.concat(
        [
            own.with_columns(source_id=pl.col("account_id"), is_own=pl.lit(True))
            .select(POSTS_SCHEMA.names())
            .collect(),
            rivals.with_columns(
                source_id=pl.col("competitor_id"), is_own=pl.lit(False), post_id=pl.col("competitor_post_id")
            )
            .select(POSTS_SCHEMA.names())
            .collect(),
        ]
    )


def _wishes(lake: Lake, scope: TenantScope) -> pl.DataFrame:
    """What clients want to write about: their pillars."""
    pillars = lake.scan(PILLARS, scope=scope).filter("is_active")
    words = pl.concat_str("name", pl.col("keywords").list.join(" "), separator=" ", ignore_nulls=True)
    return pillars.select("client_id", text=words, weight=pl.lit(POSTS_A_PILLAR)).collect()
