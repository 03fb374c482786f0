"""Own posts and their counts, observed together: one listing carries both."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.bronze.directory import STAGE
from assets.bronze.entry import checks_of, enter
from assets.bronze.observations import (
    OBSERVED_FOR,
    only_changed,
    watermarks,
    with_backfill_mark,
    with_fingerprint,
    with_young_posts,
)
from assets.bronze.readings import own
from assets.bronze.split import split_observation
from assets.frames import to_frame
from assets.keys import spec_options
from assets.partitions import DAYS, ONE_RUN, Targeted, run_days
from contracts.clock import Clock
from contracts.ports import Collector, Lake, Store
from contracts.tables import POST_METRICS, POSTS


@dg.multi_asset(
    name="posts_and_metrics",
    specs=[dg.AssetSpec(**spec_options(POSTS)), dg.AssetSpec(**spec_options(POST_METRICS))],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    check_specs=[*checks_of(POSTS), *checks_of(POST_METRICS)],
    pool="networks",
)
def posts_and_metrics(
    context: dg.AssetExecutionContext,
    config: Targeted,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    collector: dg.ResourceParam[Collector],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.MaterializeResult]:
    """Grains: post x observation, and post x metric x observation.

    A past day maps its kept payloads again and asks no network: today's counts are no answer for last Tuesday.
    """
    days, scope = run_days(context, clock.now(), config), config.scope(STAGE)
    connected = config.accounts(store, STAGE)
    if days.is_past:
        in_days = pl.col("day").is_between(days.start, days.end)
        kept = {t.key: lake.scan(t, scope=scope).filter(in_days).collect() for t in (POSTS, POST_METRICS)}
        collected = collector.remap_posts(
            [*kept[POSTS.key].iter_rows(named=True), *kept[POST_METRICS.key].iter_rows(named=True)]
        )
    else:
        collected = collector.posts(
            connected,
            since=watermarks(lake, scope, config.targets),
            detail_since=days.now - OBSERVED_FOR,
            detail_of=config.targets,
        )
    owing = with_young_posts(lake, scope, now=days.now)
    day_of_observation = {"day": pl.col("observed_at").dt.date()}
    posts = with_fingerprint(to_frame(collected.posts, POSTS, **day_of_observation))
    metrics = with_backfill_mark(to_frame(collected.metrics, POST_METRICS, **day_of_observation), posts, lake, scope)
    of_posts, of_metrics = split_observation(posts, metrics, now=days.now)
    new_posts = of_posts.good if days.is_past else only_changed(of_posts.good, lake, scope)
    write = lake.merge if days.is_past else lake.append
    for table, part, frame in ((POSTS, of_posts, new_posts), (POST_METRICS, of_metrics, of_metrics.good)):
        yield enter(
            lake,
            table,
            part,
            write=write,
            rows=posts.height,
            failures=collected.failures,
            asked=() if days.is_past else own(connected),
            as_of=days.now,
            new=frame,
            owing=owing,
            metadata={"observed_posts": posts.height, "replayed": days.is_past},
        )
