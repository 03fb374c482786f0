"""What a main job ends with: what came in, the KPIs, forecasts against outcomes, what was published, and what to open next."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from apps.main_job import Turn
from apps.sandbox_process import running_sandbox
from apps.worlds import at_sandbox, replayed_posts
from contracts.ports import Lake
from contracts.records import LedgerEntry
from contracts.scope import TenantScope
from contracts.settings import Settings
from contracts.tables import IMPORTS

EVERYONE = TenantScope.all_clients("the operator's summary of a run")
_BRONZE = (
    "accounts",
    "account_metrics",
    "posts",
    "post_metrics",
    "comments",
    "competitor_posts",
    "action_ledger",
    "forecasts",
)
MAX_CLIENTS = 8


def print_summary(settings: Settings, turn: Turn, console: Console) -> None:
    """Read everything from the lake and the networks' own state, and print it."""
    from lakehouse import open_lake

    lake = open_lake(settings)
    console.rule(
        f"[bold]From {turn.started_at:%a %d %b %Y %H:%M} to {turn.ended_at:%a %d %b %Y %H:%M} UTC, {turn.runs} runs"
    )
    console.print(_ingested(lake))
    console.print(_kpis(lake))
    console.print(_forecasts(lake))
    console.print(_published(settings))
    for asset, why in turn.not_ready.items():
        console.print(f"[yellow]{asset}:[/] {why}", highlight=False)
    for check in turn.failed_checks.values():
        console.print(f"[yellow]check {check.asset}/{check.check}:[/] {check.description}", highlight=False)
    console.print(
        Panel(
            "[bold]make ui[/]          Dagster (lineage, runs, checks) and the strategists' app\n"
            "[bold]make run[/]         go on from here\n"
            "[bold]pulso posts[/]      what is out; [bold]pulso trace post ID[/] shows everything behind one post\n"
            "[bold]notebooks/[/]       explore, benchmark a competitor, audit a number; [bold]pulso sql --client ID[/] asks in SQL\n"
            f"[dim]all state: {settings.home}[/]",
            title="next",
        )
    )


def _ingested(lake: Lake) -> Table:
    table = Table("table", "rows", "quarantined, by rule", title="What was ingested, all runs together")
    for name in _BRONZE:
        rows = (
            lake.scan(f"bronze/{name}", scope=EVERYONE).select(pl.len()).collect().item()
            if lake.version(f"bronze/{name}") is not None
            else 0
        )
        table.add_row(f"bronze/{name}", f"{rows:,}", _quarantined(lake, name))
    if lake.version("bronze/quarantined_imports") is not None:
        reasons = (
            lake.scan("bronze/quarantined_imports", scope=EVERYONE).group_by("reason").len().sort("reason").collect()
        )
        table.add_row("rows of files that could not be read", f"{reasons['len'].sum():,}", _counts(reasons))
    return table


def _quarantined(lake: Lake, name: str) -> str:
    key = f"bronze/quarantined_{name}"
    if lake.version(key) is None:
        return ""
    return _counts(lake.scan(key, scope=EVERYONE).group_by("rule").len().sort("rule").collect())


def _counts(frame: pl.DataFrame) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in frame.iter_rows())


def _kpis(lake: Lake) -> Table:
    table = Table(
        "client",
        "posts",
        "followers",
        "engagements a post",
        "by followers",
        "by reach",
        title="KPIs of the newest whole week",
    )
    weeks = lake.scan("gold/kpi_client_weekly", scope=EVERYONE).sort("week").collect()
    whole = weeks.filter(pl.col("week") < pl.col("week").max()) if weeks["week"].n_unique() > 1 else weeks
    newest = whole.group_by("client_id", maintain_order=True).last().sort("client_id")
    for row in newest.head(MAX_CLIENTS).iter_rows(named=True):
        table.add_row(
            row["client_id"],
            _number(row["posts_published"]),
            _number(row["followers"]),
            _number(row["mean_engagements_per_post"], 1),
            _ratio(row["engagement_rate_by_followers"]),
            _ratio(row["engagement_rate_by_reach"]),
        )
    if newest.height > MAX_CLIENTS:
        table.add_row(f"and {newest.height - MAX_CLIENTS} more", "", "", "", "", "")
    return table


def _forecasts(lake: Lake) -> Table:
    table = Table(
        "origin",
        "forecasts scored",
        "rank correlation",
        "80 % interval covers",
        "mean absolute error (log)",
        title="Forecasts against outcomes (weighted over clients)",
    )
    skill = lake.scan("gold/kpi_forecast_skill", scope=EVERYONE).collect()
    weight = pl.col("scored_forecasts")
    by_origin = skill.group_by("origin").agg(
        weight.sum(),
        *(
            ((pl.col(n) * weight).sum() / weight.filter(pl.col(n).is_not_null()).sum()).fill_nan(None).alias(n)
            for n in ("rank_correlation", "coverage_ratio", "mean_absolute_error")
        ),
    )
    for row in by_origin.sort("origin").iter_rows(named=True):
        table.add_row(
            {"decision": "Pulso's own posts", "shadow": "all other posts, as if before"}[row["origin"]],
            _number(row["scored_forecasts"]),
            _number(row["rank_correlation"], 2),
            _ratio(row["coverage_ratio"]),
            _number(row["mean_absolute_error"], 2),
        )
    if by_origin.is_empty():
        table.add_row("none yet: outcomes need days to mature", "0", "", "", "")
    return table


def _published(settings: Settings) -> Table:
    """Intents by state, and duplicates counted in the networks' own state (sandbox), where it can be asked."""
    from orchestration.resources import open_store

    with open_store(settings) as store:
        entries = store.ledger(EVERYONE)
        waiting = store.content_items(EVERYONE, states=["draft"])
    states = Counter((e.action, e.state) for e in entries)
    table = Table("what", "count", title="What Pulso did")
    for (action, state), count in sorted(states.items()):
        table.add_row(f"{action}: {state}", str(count))
    table.add_row("commit calls per published intent", _number(_commit_ratio(entries), 2))
    table.add_row("drafts and replies that wait for a person", str(len(waiting)))
    duplicates = _duplicates(settings, entries)
    table.add_row(
        "published twice, counted in the networks' own state", "not asked" if duplicates is None else str(duplicates)
    )
    return table


def _commit_ratio(entries: Sequence[LedgerEntry]) -> float | None:
    calls = [e.commit_calls for e in entries if e.state == "published"]
    return sum(calls) / len(calls) if calls else None


def _duplicates(settings: Settings, entries: Sequence[LedgerEntry]) -> int | None:
    """Posts of one account with one text beyond the number of intents that asked for it."""
    intended = Counter((e.account_id, e.text_sha256) for e in entries if e.state == "published")
    with running_sandbox(at_sandbox(settings), posts=replayed_posts(settings)) as sandbox:
        live = Counter(
            (f"{p['network']}:{p['native_account_id']}", hashlib.sha256(p["text"].encode()).hexdigest())
            for p in sandbox.posts(origin="api")
        )
    return sum(max(0, count - intended[key]) for key, count in live.items() if key in intended)


def print_newest_import(settings: Settings, client_id: str, console: Console) -> None:
    """What the newest import of a client used and rejected."""
    from lakehouse import open_lake

    rows = open_lake(settings).scan(IMPORTS, scope=TenantScope.of(client_id)).sort("imported_at").collect()
    row = rows.row(-1, named=True)
    console.print(
        f"{row['file_name']}: {row['rows']:,} rows, {row['used_rows']:,} in bronze, {row['rejected_rows']:,} in quarantine."
    )
    console.print(row["report"], highlight=False)
    console.print(
        "Next: `pulso ui` and materialise gold. Rows that were not used: lake/bronze/quarantined_imports and quarantined_posts."
    )


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
