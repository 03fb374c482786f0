"""An alarm when a source is not there in time: whose problem it is and what to do, network by network.

Belongs here: words and loudness. Does not belong here: deadlines and what late means (contracts/freshness.py).
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.checks.named import LISTED, clients_of
from assets.keys import key_of
from contracts.clock import Clock
from contracts.freshness import DEADLINES, Arrival, LateCause, arrivals
from contracts.ports import Lake, Store
from contracts.scope import TenantScope
from contracts.tables import COMPETITOR_POSTS, READINGS, TableSpec

CHECK_NAME = "in_time"
RUNBOOK = "docs/runbooks/data-late.md"
EVERYONE = TenantScope.all_clients("the alarm is for all clients")

WORDS: dict[LateCause, tuple[str, str]] = {
    LateCause.NOT_ASKED: (
        "nobody asked: the problem of Pulso's machine",
        "look whether Dagster's daemon and schedules run and the last `daily_loop` and `observe` ended well",
    ),
    LateCause.REFUSED: (
        "the network refuses the account: the client's account",
        "whoever holds its login connects it again",
    ),
    LateCause.LIMITED: (
        "a limit is used up: the problem of whoever answers for limits and budgets",
        "have it raised, or read less often (docs/runbooks/limit-used-up.md)",
    ),
    LateCause.FAILING: (
        "the network answers with errors, or not at all: the network's problem",
        "read the reason in `all_accounts_read`; wait, or mend what it names",
    ),
    LateCause.SILENT: (
        "the network answers and brings nothing: the network's or the connector's problem",
        "look at the network itself: where it shows more than Pulso has, the connector misses it",
    ),
}
"""Whose problem a late source is, and what to do."""


@dg.multi_asset_check(
    name="freshness_checks",
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=key_of(deadline.table),
            description=f"No account is without it for more than {deadline.hours:g} hours; an error from {deadline.overdue_hours:g} on.",
        )
        for deadline in DEADLINES
    ],
    can_subset=True,
)
def freshness_checks(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.AssetCheckResult]:
    """Fails as a warning where an account's source is late, as an error where one is overdue. Accounts that are not connected any more don't count."""
    own = [account.account_id for account in store.accounts(EVERYONE)]
    rivals = [rival.competitor_id for rival in store.competitors(EVERYONE)]
    is_of_rival = pl.col("source") == COMPETITOR_POSTS.name
    is_known = pl.when(is_of_rival).then(pl.col("account_id").is_in(rivals)).otherwise(pl.col("account_id").is_in(own))
    readings = lake.scan(READINGS, scope=EVERYONE).filter(is_known).collect()
    standing = arrivals(readings, now=clock.now())
    wanted = {key.asset_key for key in context.selected_asset_check_keys}
    for deadline in DEADLINES:
        if key_of(deadline.table) in wanted:
            yield freshness_check(deadline.table, standing.filter(pl.col("source") == deadline.table.name))


def freshness_check(table: TableSpec, standing: pl.DataFrame) -> dg.AssetCheckResult:
    """One source's accounts (rows of `contracts.freshness.SCHEMA`) as a check: passed, or each network that lacks some of it."""
    late = standing.filter(pl.col("state") != Arrival.IN_TIME.value)
    is_overdue = (late["state"] == Arrival.OVERDUE.value).any()
    return dg.AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=key_of(table),
        passed=late.is_empty(),
        severity=dg.AssetCheckSeverity.ERROR if is_overdue else dg.AssetCheckSeverity.WARN,
        description="\n".join(_lines(table, standing, late))
        or (f"All {standing.height} accounts are in time." if standing.height else "Nobody was asked yet."),
        metadata={
            "accounts": standing.height,
            "late_accounts": late.height,
            "late": dg.MetadataValue.json(_listed(late)),
        },
    )


def _lines(table: TableSpec, standing: pl.DataFrame, late: pl.DataFrame) -> Iterator[str]:
    """One for each network and cause: how many of its accounts, of whom, since when, whose problem, what to do."""
    who = "rivals" if table is COMPETITOR_POSTS else "accounts"
    of_network = dict(standing.group_by("network").len().iter_rows())
    for (network, cause), rows in late.sort("network", "cause").group_by("network", "cause", maintain_order=True):
        owner, remedy = WORDS[LateCause(cause)]
        yield (
            f"{network}: {rows.height} of {of_network[network]} {who} ({clients_of(rows)}) have no {table.name} since "
            f"{rows['there_until'].min():%Y-%m-%d %H:%M} UTC; it was due by {rows['due_at'].min():%Y-%m-%d %H:%M}. "
            f"{owner[0].upper()}{owner[1:]}. {remedy[0].upper()}{remedy[1:]}: {RUNBOOK}"
        )


def _listed(late: pl.DataFrame) -> list[dict[str, str]]:
    moments = (pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%SZ") for name in ("there_until", "due_at"))
    return late.sort("due_at").head(LISTED).with_columns(moments).drop("source").to_dicts()
