"""An alarm when a day of bronze looks unlike the days before it: too few rows, too many, or values that cannot be what they were.

Belongs here: which tables are judged, what a unit and a day of each is, and the words. Does not belong here: the statistics
(ml/anomalies.py), rules that hold for every single row (expectations.py).

Judged is yesterday, the newest whole day, over all clients together and network by network: single accounts are too small to judge, and
`in_time` names those from which nothing comes. Where networks report past days, each metric's newest day is judged by its values, and by
its rows the day that has settled: some metrics and some accounts are reported later than others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg
import polars as pl

from assets.keys import key_of
from contracts.clock import Clock
from contracts.networks import Network
from contracts.ports import Lake, Store
from contracts.records import UnusualDay
from contracts.scope import TenantScope
from contracts.tables import (
    ACCOUNT_METRICS,
    ACCOUNTS,
    COMMENTS,
    COMPETITOR_POSTS,
    MESSAGES,
    POST_METRICS,
    POSTS,
    TableSpec,
)
from ml.anomalies import HISTORY_DAYS, UNITS_SCHEMA, Finding, Measure, Rhythm, findings

CHECK_NAME = "as_usual"
UNUSUAL_DAYS = "unusual_days"
"""Name in the check's metadata under which the app finds them."""
RUNBOOK = "docs/runbooks/data-strange.md"
SETTLED_AFTER = timedelta(days=3)
"""The slowest network reports a day two or three days after it (YouTube), and networks are asked again for as long."""
EXPORTED = "export"
"""`source` of counts out of a file that a person brought: they come in one heap."""
EVERYONE = TenantScope.all_clients("a network's days are judged over all clients together")


@dataclass(frozen=True)
class Judged:
    """How a table is compared: what one unit is, which day a row is about, and which columns hold values."""

    table: TableSpec
    rhythm: Rhythm
    unit: str
    day: str
    """A date, or the moment that it is taken from."""
    account: str = "account_id"
    values: tuple[str, ...] = ()
    """Columns of counts; with a column `metric` in the table, `value` is the only one."""
    is_reported: bool = False


JUDGED: tuple[Judged, ...] = (
    Judged(ACCOUNTS, Rhythm.STEADY, "account_id", "day", values=("followers",)),
    Judged(ACCOUNT_METRICS, Rhythm.STEADY, "account_id", "day", values=("value",), is_reported=True),
    Judged(POSTS, Rhythm.EVENTS, "post_id", "published_at"),
    Judged(POST_METRICS, Rhythm.STEADY, "post_id", "day", values=("value",)),
    Judged(COMMENTS, Rhythm.BURSTS, "comment_id", "commented_at"),
    Judged(MESSAGES, Rhythm.BURSTS, "message_id", "sent_at"),
    Judged(
        COMPETITOR_POSTS,
        Rhythm.STEADY,
        "competitor_post_id",
        "day",
        account="competitor_id",
        values=("likes", "comments"),
    ),
)

CONNECTOR = "the connector's problem"
NETWORK = "the network's problem"
WORDS: dict[str, tuple[str, str, str]] = {
    "gone": (
        "no rows any more",
        "the network's or the connector's problem",
        "where the network has retired the metric, take it out of the connector's capabilities; else mend the mapping",
    ),
    "fewer": (
        "far fewer rows",
        "the network's, the connector's or the clients' accounts' problem, if people have not just done less",
        "look at `in_time` and `all_accounts_read`; where all answered, compare a few accounts with the network itself",
    ),
    "more": (
        "far more rows",
        "the connector's or the export's problem, if people have not just done more",
        "look for the same posts under other ids; keep a wrong day out of reports until it is replaced",
    ),
    "unknown": (
        "far more empty values",
        "the network's or the connector's problem",
        "look at the raw payloads: where the value is there under another name, mend the mapping",
    ),
    "zeros": (
        "far more zeros",
        NETWORK,
        "keep the day's figures out of reports; read the range again when the network's own pages show them",
    ),
    "repeats": (
        "the day before's values again",
        NETWORK,
        "keep the day's figures out of reports; read the range again when the network's own pages show new ones",
    ),
    "level": (
        "values of another size",
        CONNECTOR,
        "compare a raw payload with the network itself: another unit, or another metric under the same name",
    ),
    "copies": (
        "rows that stand twice under one key",
        "the problem of Pulso's machine",
        "something wrote past the lake's own append and merge: replace the day",
    ),
}
"""By kind: what is seen, whose problem it is, what to do."""


@dg.multi_asset_check(
    name="anomaly_checks",
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=key_of(judged.table),
            description="Yesterday is like the days before it, on every network.",
        )
        for judged in JUDGED
    ],
    can_subset=True,
)
def anomaly_checks(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.AssetCheckResult]:
    """A warning for each table with an unusual day. Accounts that are not connected any more count on no day."""
    today = clock.now().date()
    own = [account.account_id for account in store.accounts(EVERYONE)]
    rivals = [rival.competitor_id for rival in store.competitors(EVERYONE)]
    wanted = {key.asset_key for key in context.selected_asset_check_keys}
    for judged in JUDGED:
        if key_of(judged.table) in wanted:
            connected = rivals if judged.table is COMPETITOR_POSTS else own
            yield anomaly_check(judged, lake, connected, today=today)


def anomaly_check(judged: Judged, lake: Lake, connected: Sequence[str], *, today: date) -> dg.AssetCheckResult:
    """One table's newest whole day against the four weeks before it."""
    table, yesterday = judged.table, today - timedelta(days=1)
    rows = lake.scan(table, scope=EVERYONE)
    keys = rows.filter(pl.col("day") >= yesterday).select(table.keys).collect()
    copies = keys.height - keys.n_unique()
    units = units_of(judged, rows, connected, today=today)
    if judged.is_reported:
        found = _of_reported(units, judged.rhythm, yesterday=yesterday)
    else:
        found = findings(units, on=yesterday, rhythm=judged.rhythm)
    lines = [*_lines(found), *([_told("copies", f"{table.name}: {copies} rows since {yesterday}")] if copies else [])]
    return dg.AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=key_of(table),
        passed=not lines,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(lines) or "As usual, as far as there are days to compare.",
        metadata={
            "day": yesterday.isoformat(),
            "units": units.filter(pl.col("day") == yesterday).height,
            "copies": copies,
            UNUSUAL_DAYS: dg.MetadataValue.json(
                [unusual_day(table, finding).model_dump(mode="json") for finding in found]
            ),
        },
    )


def units_of(judged: Judged, rows: pl.LazyFrame, connected: Sequence[str], *, today: date) -> pl.DataFrame:
    """The table's last days as rows of `ml.anomalies.UNITS_SCHEMA`: each unit once a day, as it was last observed."""
    table = judged.table
    reach = timedelta(days=HISTORY_DAYS + 1) + (SETTLED_AFTER if judged.is_reported else timedelta())
    rows = rows.filter(pl.col("day").is_between(today - reach, today), pl.col(judged.account).is_in(connected))
    if table is POST_METRICS:
        rows = rows.filter(pl.col("source") != EXPORTED)
    day = pl.col(judged.day) if judged.day == "day" else pl.col(judged.day).dt.date()
    observed = pl.col("observed_at") if "observed_at" in table.schema else pl.col("fetched_at")
    parts = [
        rows.select(
            "network",
            (pl.col("metric") if "metric" in table.schema else pl.lit(value, pl.String)).alias("metric"),
            pl.col(judged.account).alias("account_id"),
            pl.col(judged.unit).alias("unit_id"),
            day.alias("day"),
            (pl.lit(None) if value is None else pl.col(value)).cast(pl.Float64).alias("value"),
            observed.alias("observed_at"),
        )
        for value in judged.values or (None,)
    ]
    keys = ["network", "metric", "account_id", "unit_id", "day"]
    units = pl.concat(parts).group_by(keys).agg(pl.col("value").sort_by("observed_at").last())
    return units.select(list(UNITS_SCHEMA)).collect()


def _of_reported(units: pl.DataFrame, rhythm: Rhythm, *, yesterday: date) -> list[Finding]:
    """Rows of the settled day, and values of each metric's newest day; of two findings for one metric the former."""
    settled = yesterday - SETTLED_AFTER
    found = findings(units, on=settled, rhythm=rhythm, measures={Measure.ROWS})
    missing = {(finding.network, finding.metric) for finding in found}
    recent = units.filter(pl.col("day").is_between(settled, yesterday)).group_by("network", "metric")
    newest = recent.agg(pl.col("day").max()).sort("network", "metric")
    values = set(Measure) - {Measure.ROWS}
    for network, metric, day in newest.iter_rows():
        if (network, metric) not in missing:
            of_metric = units.filter(network=network, metric=metric)
            found += findings(of_metric, on=day, rhythm=rhythm, measures=values, has_values_of_days=True)
    return found


def kind_of(finding: Finding) -> str:
    """The key of WORDS, and of the app's texts."""
    if finding.measure is not Measure.ROWS:
        return finding.measure.value
    if finding.value == 0 and finding.metric is not None:
        return "gone"
    return "fewer" if finding.is_low else "more"


def _lines(found: Sequence[Finding]) -> Iterator[str]:
    """One for each network and kind; metrics side by side."""
    groups: dict[tuple[str, str, date], list[Finding]] = {}
    for finding in found:
        groups.setdefault((finding.network, kind_of(finding), finding.day), []).append(finding)
    for (network, kind, day), members in sorted(groups.items()):
        figures = ", ".join(
            f"{f'{f.metric} ' if f.metric else ''}{_figure(f, f.value)} where {_figure(f, f.band.expected)} is usual"
            for f in members
        )
        yield _told(kind, f"{network} on {day}", figures)


def _told(kind: str, where: str, figures: str = "") -> str:
    seen, owner, remedy = WORDS[kind]
    return (
        f"{where}: {seen}{f' ({figures})' if figures else ''}. {owner[0].upper()}{owner[1:]}. "
        f"{remedy[0].upper()}{remedy[1:]}: {RUNBOOK}"
    )


def _figure(finding: Finding, value: float) -> str:
    is_share = finding.measure not in (Measure.ROWS, Measure.LEVEL)
    return f"{value:.0%}" if is_share else f"{value:,.0f}"


def unusual_day(table: TableSpec, finding: Finding) -> UnusualDay:
    """A finding as the app may show it."""
    is_share = finding.measure not in (Measure.ROWS, Measure.LEVEL)
    shift = 1.0 if finding.measure is Measure.LEVEL else 0.0  # an expected size may be zero, an expected count is not

    def shown(value: float) -> float:
        return round(value if is_share else (value + shift) / (finding.band.expected + shift), 4)

    low, high = finding.band.low, finding.band.high
    return UnusualDay(
        source=table.name,
        network=Network(finding.network),
        metric=finding.metric,
        kind=kind_of(finding),
        day=finding.day,
        is_share=is_share,
        value=shown(finding.value),
        expected=shown(finding.band.expected),
        low=None if low is None else shown(low),
        high=None if high is None else shown(high),
        past=tuple((day, shown(value)) for day, value in finding.past),
    )
