"""One observation of posts and counts, split at the boundary as a whole: a post with an impossible count is no evidence."""

from datetime import datetime

import polars as pl

from assets.checks.boundary import Inspected, inspect, quarantine_rows
from assets.checks.expectations import rules_for
from contracts.tables import POST_METRICS, POSTS

IMPLAUSIBLE_COUNTS = "counts_plausible"
POST_IN_QUARANTINE = "post_in_quarantine"


def split_observation(posts: pl.DataFrame, metrics: pl.DataFrame, *, now: datetime) -> tuple[Inspected, Inspected]:
    """Posts and their counts, good and quarantined.

    A post whose listing carries a count that breaks a rule goes into quarantine with it, and so do its other counts of
    this observation: then every post that was read stands either in bronze or in quarantine, once.
    """
    of_counts = inspect(metrics, POST_METRICS, rules_for(POST_METRICS), now=now)
    of_posts = inspect(posts, POSTS, rules_for(POSTS), now=now)

    implausible = of_counts.quarantined.group_by("post_id").agg(reason=pl.col("reason").unique().sort().str.join("; "))
    drawn_in = of_posts.good.join(implausible, on="post_id", how="inner")
    posts_out = [of_posts.quarantined]
    posts_broken = dict(of_posts.broken)
    if not drawn_in.is_empty():
        spec = POSTS.quarantine()
        marked = quarantine_rows(drawn_in.drop("reason"), POSTS, rule=IMPLAUSIBLE_COUNTS, reason="", now=now)
        posts_out.append(marked.with_columns(drawn_in["reason"]).select(list(spec.schema)))
        posts_broken[IMPLAUSIBLE_COUNTS] = drawn_in.height
    quarantined_posts = pl.concat(posts_out)
    out = quarantined_posts.select("post_id").unique()

    orphans = of_counts.good.join(out, on="post_id", how="semi")
    counts_out = [of_counts.quarantined]
    counts_broken = dict(of_counts.broken)
    if not orphans.is_empty():
        reason = "its post stands in quarantine; mend that first"
        counts_out.append(quarantine_rows(orphans, POST_METRICS, rule=POST_IN_QUARANTINE, reason=reason, now=now))
        counts_broken[POST_IN_QUARANTINE] = orphans.height
    return (
        Inspected(of_posts.good.join(out, on="post_id", how="anti"), quarantined_posts, posts_broken),
        Inspected(of_counts.good.join(out, on="post_id", how="anti"), pl.concat(counts_out), counts_broken),
    )
