"""How each post grew, observation by observation, read from bronze by `ml.popularity.curves`."""

from datetime import timedelta

import dagster as dg
import polars as pl

from assets.keys import asset_options, gold
from assets.partitions import Narrowed
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.tables import POST_METRICS, POST_SNAPSHOTS
from ml.popularity.curves import engagement_snapshots

STAGE = "one model learns from all clients' posts; each row keeps its tenant"
CHANGES_FOR = timedelta(days=14)
"""Older posts are not observed any more (`assets.bronze.observations`): their rows stay as they are."""


# The counts in bronze come with gold's posts, which are built of them. Without an edge of its own: automation waits for every day of a
# parent that is kept by days, and they begin in 2020.
@dg.asset(**asset_options(POST_SNAPSHOTS, "polars"), deps=[gold("fct_posts")])
def post_snapshots(
    config: Narrowed, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: post x observation. The first run reads all history, later ones the posts whose counts may still change."""
    now, scope = clock.now(), config.scope(STAGE)
    posts, metrics = lake.scan("gold/fct_posts", scope=scope), lake.scan(POST_METRICS, scope=scope)
    if lake.version(POST_SNAPSHOTS) is not None:
        posts = posts.filter(pl.col("published_at") >= now - CHANGES_FOR)
        metrics = metrics.filter(pl.col("day") >= (now - CHANGES_FOR).date())
    known = posts.collect()
    frame = _with_moments(engagement_snapshots(metrics.collect(), known), known)
    return materialised(POST_SNAPSHOTS, lake.merge(POST_SNAPSHOTS, frame), frame=frame, as_of=now)


def _with_moments(snapshots: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """The table's columns. Where the outcome and a young count are of one moment, the outcome stands."""
    moment = pl.col("published_at") + pl.duration(
        microseconds=(pl.col("age_hours") * 3_600_000_000).round().cast(pl.Int64)
    )
    rows = snapshots.join(posts.select("post_id", "client_id", "published_at"), on="post_id", maintain_order="left")
    rows = rows.with_columns(observed_at=moment).with_columns(day=pl.col("observed_at").dt.date())
    declared = rows.select(pl.col(name).cast(kind) for name, kind in POST_SNAPSHOTS.schema.items())
    return declared.unique(POST_SNAPSHOTS.keys, keep="last", maintain_order=True)
