"""Account profiles (observed) and daily account metrics (reported)."""

from datetime import timedelta

import dagster as dg
import polars as pl

from assets.bronze.directory import STAGE
from assets.bronze.failures import CHECK_NAME as ALL_READ
from assets.bronze.failures import accounts_check
from assets.checks.boundary import CHECK_NAME as BOUNDARY
from assets.checks.boundary import boundary_check, inspect
from assets.checks.expectations import rules_for
from assets.frames import to_frame
from assets.keys import asset_options, key_of
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Collector, Lake, Store
from contracts.tables import ACCOUNT_METRICS, ACCOUNTS, TableSpec

REPORTED_AGAIN_FOR = timedelta(days=3)
"""Networks correct their daily figures for some days: each run fetches these again."""


def checks_of(table: TableSpec) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            BOUNDARY, asset=key_of(table), description="Rows that may enter; the others stand in quarantine."
        ),
        dg.AssetCheckSpec(ALL_READ, asset=key_of(table), description="Every connected account answered."),
    ]


@dg.asset(
    **asset_options(ACCOUNTS),
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    check_specs=checks_of(ACCOUNTS),
    pool="networks",
)
def accounts(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    collector: dg.ResourceParam[Collector],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: account x observation. A past day is left as it was observed: today's followers are no answer for it."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    if days.is_past:
        kept = lake.scan(ACCOUNTS, scope=scope).filter(pl.col("day").is_between(days.start, days.end)).collect()
        passed = [boundary_check(ACCOUNTS, {}, rows=kept.height, rules=[]), accounts_check(ACCOUNTS, (), accounts=0)]
        return materialised(ACCOUNTS, None, frame=kept, as_of=days.now, checks=passed, metadata={"replayed": True})
    connected = store.accounts(scope)
    collected = collector.profiles(connected)
    rules = rules_for(ACCOUNTS)
    checked = inspect(to_frame(collected.rows, ACCOUNTS, day=days.end), ACCOUNTS, rules, now=days.now)
    lake.append(ACCOUNTS.quarantine(), checked.quarantined)
    return materialised(
        ACCOUNTS,
        lake.append(ACCOUNTS, checked.good),
        frame=checked.good,
        as_of=days.now,
        checks=[
            boundary_check(ACCOUNTS, checked.broken, rows=len(collected.rows), rules=rules),
            accounts_check(ACCOUNTS, collected.failures, accounts=len(connected)),
        ],
    )


@dg.asset(
    **asset_options(ACCOUNT_METRICS),
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    check_specs=checks_of(ACCOUNT_METRICS),
    pool="networks",
)
def account_metrics(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    collector: dg.ResourceParam[Collector],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: account x metric x day. Merged by key, so that an account that fails today keeps the figures it has."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    connected = store.accounts(scope)
    collected = collector.account_metrics(connected, start=days.start - REPORTED_AGAIN_FOR, end=days.end)
    rules = rules_for(ACCOUNT_METRICS)
    checked = inspect(to_frame(collected.rows, ACCOUNT_METRICS), ACCOUNT_METRICS, rules, now=days.now)
    lake.append(ACCOUNT_METRICS.quarantine(), checked.quarantined)
    return materialised(
        ACCOUNT_METRICS,
        lake.merge(ACCOUNT_METRICS, checked.good),
        frame=checked.good,
        as_of=days.now,
        checks=[
            boundary_check(ACCOUNT_METRICS, checked.broken, rows=len(collected.rows), rules=rules),
            accounts_check(ACCOUNT_METRICS, collected.failures, accounts=len(connected)),
        ],
    )
