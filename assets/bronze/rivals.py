"""Rivals' public posts, read from their public pages by the spider."""

import dagster as dg

from assets.bronze.accounts import checks_of
from assets.bronze.directory import STAGE
from assets.bronze.failures import accounts_check
from assets.checks.boundary import boundary_check, inspect
from assets.checks.expectations import rules_for
from assets.frames import to_frame
from assets.keys import asset_options, key_of
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Collected, CompetitorReader, Lake, Store
from contracts.tables import COMPETITOR_POSTS, COMPETITORS


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
    collected = Collected() if days.is_past else competitor_reader.read(watched, observed_at=days.now)
    frame = to_frame(collected.rows, COMPETITOR_POSTS, day=days.end)
    rules = rules_for(COMPETITOR_POSTS)
    checked = inspect(frame, COMPETITOR_POSTS, rules, now=days.now)
    lake.append(COMPETITOR_POSTS.quarantine(), checked.quarantined)
    return materialised(
        COMPETITOR_POSTS,
        lake.append(COMPETITOR_POSTS, checked.good),
        frame=checked.good,
        as_of=days.now,
        checks=[
            boundary_check(COMPETITOR_POSTS, checked.broken, rows=frame.height, rules=rules),
            accounts_check(COMPETITOR_POSTS, collected.failures, accounts=len(watched)),
        ],
    )
