"""Account profiles (observed) and daily account metrics (reported)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from assets.bronze.directory import STAGE
from assets.bronze.entry import checks_of, enter
from assets.bronze.failures import accounts_check
from assets.bronze.readings import own
from assets.checks.boundary import boundary_check, inspect
from assets.checks.expectations import rules_for
from assets.frames import to_frame
from assets.keys import asset_options
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Collector, Lake, Store
from contracts.records import Account, AccountSnapshot, AccountTerms
from contracts.tables import ACCOUNT_METRICS, ACCOUNTS

TERMS_BELIEVED_FOR = timedelta(hours=23)
"""Less than a day, so that each day's first reading renews them."""
REPORTED_AGAIN_FOR = timedelta(days=3)
"""Networks correct their daily figures for some days: each run fetches these again."""


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
    """Grain: account x observation. A past day is left as it was observed: today's followers are no answer for it.

    Beside it, what each account's own place allows and offers is read again once a day and kept in the store, for whoever writes.
    """
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    if days.is_past:
        kept = lake.scan(ACCOUNTS, scope=scope).filter(pl.col("day").is_between(days.start, days.end)).collect()
        passed = [boundary_check(ACCOUNTS, {}, rows=kept.height, rules=[]), accounts_check(ACCOUNTS, (), accounts=0)]
        return materialised(ACCOUNTS, None, frame=kept, as_of=days.now, checks=passed, metadata={"replayed": True})
    connected = store.accounts(scope)
    collected = collector.profiles(connected)
    terms = collector.terms(_with_old_terms(connected, collected.rows, store.terms(scope), now=days.now))
    store.keep_terms(terms.rows)
    frame = to_frame(collected.rows, ACCOUNTS, day=days.end)
    checked = inspect(frame, ACCOUNTS, rules_for(ACCOUNTS), now=days.now)
    return enter(
        lake,
        ACCOUNTS,
        checked,
        write=lake.append,
        rows=frame.height,
        failures=(*collected.failures, *terms.failures),
        asked=own(connected),
        as_of=days.now,
        metadata={"terms_read": len(terms.rows)},
    )


def _with_old_terms(
    accounts: Sequence[Account],
    answered: Sequence[AccountSnapshot],
    known: Mapping[str, AccountTerms],
    *,
    now: datetime,
) -> list[Account]:
    """Those of the accounts that answered whose terms were not read today; the others would only fail twice."""
    able = {snapshot.account_id for snapshot in answered}
    fresh = {name for name, terms in known.items() if now - terms.read_at < TERMS_BELIEVED_FOR}
    return [account for account in accounts if account.account_id in able - fresh]


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
    frame = to_frame(collected.rows, ACCOUNT_METRICS)
    checked = inspect(frame, ACCOUNT_METRICS, rules_for(ACCOUNT_METRICS), now=days.now)
    return enter(
        lake,
        ACCOUNT_METRICS,
        checked,
        write=lake.merge,
        rows=frame.height,
        failures=collected.failures,
        asked=own(connected),
        as_of=days.now,
    )
