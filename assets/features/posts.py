"""Features of every post, computed from gold by `ml.features`."""

import dagster as dg
import polars as pl

from assets.keys import asset_options, gold
from assets.partitions import Narrowed
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.tables import POST_FEATURES
from ml.features import post_features as features_of

STAGE = "one model learns from all clients' posts; each row keeps its tenant"


@dg.asset(**asset_options(POST_FEATURES, "polars"), deps=[gold("fct_posts")])
def post_features(
    config: Narrowed, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: post. Read by the engagement model, shadow forecasts and trace."""
    posts = lake.scan("gold/fct_posts", scope=config.scope(STAGE)).collect()
    frame = features_of(posts)
    labelled = frame.filter(pl.col("is_label_mature")).height
    written = lake.merge(POST_FEATURES, frame)
    return materialised(POST_FEATURES, written, frame=frame, as_of=clock.now(), metadata={"labelled_posts": labelled})
