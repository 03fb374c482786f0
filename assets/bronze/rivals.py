"""Rivals' public posts, read from their public pages by the spider."""

from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from assets.bronze.directory import STAGE
from assets.bronze.entry import checks_of, enter
from assets.bronze.readings import rivals
from assets.checks.boundary import inspect
from assets.checks.expectations import rules_for
from assets.frames import to_frame
from assets.keys import asset_options, key_of
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from contracts.clock import Clock
from contracts.ports import Collected, CompetitorReader, Lake, Store
from contracts.scope import TenantScope
from contracts.tables import COMPETITOR_POSTS, COMPETITORS

OBSERVED_FOR = timedelta(days=7)
"""Public pages are asked politely, so only a rival's newest week is observed again."""


def _since(lake: Lake) -> dict[str, datetime]:
    """From when each known rival's posts are wanted again. All clients' rivals: they are shared records."""
    everyone = TenantScope.all_clients("rivals' posts belong to no client")
    newest = lake.scan(COMPETITOR_POSTS, scope=everyone).group_by("competitor_id").agg(pl.col("published_at").max())
    return {competitor: at - OBSERVED_FOR for competitor, at in newest.collect().iter_rows()}


@dg.asset(
    **asset_options(COMPETITOR_POSTS, "scrapy"),
    deps=[key_of(COMPETITORS)],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    check_specs=checks_of(COMPETITOR_POSTS),
)
def competitor_posts(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    competitor_reader: dg.ResourceParam[CompetitorReader],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: post x observation. A past day visits no page."""
    days = run_days(context, clock.now())
    watched = store.competitors(config.scope(STAGE))
    collected = (
        Collected() if days.is_past else competitor_reader.read(watched, since=_since(lake), observed_at=days.now)
    )
    frame = to_frame(collected.rows, COMPETITOR_POSTS, day=days.end)
    checked = inspect(frame, COMPETITOR_POSTS, rules_for(COMPETITOR_POSTS), now=days.now)
    return enter(
        lake,
        COMPETITOR_POSTS,
        checked,
        write=lake.append,
        rows=frame.height,
        failures=collected.failures,
        asked=() if days.is_past else rivals(watched),
        as_of=days.now,
    )
