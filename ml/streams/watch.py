"""All streams of all clients at once: from comments and daily figures to what is told, with a picture of each alert.

Belongs here: frames in, frames out; which streams an account has, what was told before. Does not belong here: how surprising a bin is
(`volume`, `negativity`, `level`), when it is told (`detection`, `budget`), where the rows come from and go to (assets).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from contracts.tables import ALERT_BINS, ALERTS, WATCHED_STREAMS
from ml.streams import level, negativity, volume
from ml.streams.alerts import Alert, Evidence, Kind
from ml.streams.budget import Budget, within
from ml.streams.detection import MIN_SEEN, Judged, alerts, end_of, thresholds
from ml.streams.level import LevelSettings
from ml.streams.stream import DAY, Floats, Stream

HOUR = timedelta(hours=1)
COMMENTS = "comments"
FOLLOWERS = "followers"
HISTORY = timedelta(days=42)
"""Of comments: the fortnight that an hour is compared with, and the four weeks that say how high is rare."""
HISTORY_OF_FIGURES = timedelta(days=98)
"""Of daily figures: eight weeks, four weeks, and the two in which nothing is judged."""
FRESH = timedelta(days=5)
"""Older is no news. A day's fall is told once the day has settled, four days after it began."""
SETTLED_AFTER = timedelta(days=3)
"""Networks still correct a day's figures for so long (`assets/checks/anomalies.py`)."""
SHOWN = {Kind.VOLUME: timedelta(days=7), Kind.NEGATIVITY: timedelta(days=7), Kind.METRIC: timedelta(days=56)}
"""How much of the stream before an alert its picture has."""
SHOWN_AFTER = timedelta(days=2)
MOST_COMMENTS = 50
"""Ids kept with an alert."""

COMMENTS_SCHEMA = pl.Schema(
    {
        "client_id": pl.String(),
        "account_id": pl.String(),
        "comment_id": pl.String(),
        "commented_at": pl.Datetime("us", "UTC"),
        "is_negative": pl.Boolean(),
    }
)
"""One row per comment of the audience."""
READ_SCHEMA = pl.Schema(
    {
        "client_id": pl.String(),
        "account_id": pl.String(),
        "network": pl.String(),
        "known_from": pl.Datetime("us", "UTC"),
        "known_until": pl.Datetime("us", "UTC"),
    }
)
"""One row per account whose comments are read: between which moments all of them are known. An hour without a row is a zero then."""
FIGURES_SCHEMA = pl.Schema(
    {
        "client_id": pl.String(),
        "account_id": pl.String(),
        "network": pl.String(),
        "measure": pl.String(),
        "day": pl.Date(),
        "value": pl.Int64(),
    }
)
"""One row per account, measure and day (the network's own). A day without a row was not told. `followers` is a stock, all else flows."""


@dataclass(frozen=True)
class Watched:
    """Rows of the lake's tables: `streams` (WATCHED_STREAMS), `alerts` (ALERTS: the new, and the open ones that changed), `bins`
    (ALERT_BINS, of these alerts)."""

    streams: pl.DataFrame
    alerts: pl.DataFrame
    bins: pl.DataFrame


@dataclass(frozen=True, eq=False)
class _Line:
    """A stream of an account, and what may be told of it. `negative` are the negative ones among its comments."""

    account_id: str
    network: str
    measure: str
    stream: Stream
    negative: Floats | None = None

    @property
    def silent(self) -> timedelta:
        return (volume.SILENT_DAYS if self.measure == COMMENTS else level.SILENT_DAYS) * DAY

    @property
    def kinds(self) -> int:
        return 2 if self.measure == COMMENTS else 1

    @property
    def may_have_news(self) -> bool:
        """Too few comments in the fresh days are never told of."""
        return self.measure != COMMENTS or self.stream.counts[-self.stream.bins(FRESH) :].sum() >= MIN_SEEN

    def judged(self, now: datetime) -> Iterator[Judged]:
        if self.negative is None:
            is_stock = self.measure == FOLLOWERS
            settled = max((now - SETTLED_AFTER - self.stream.starts_at) // DAY, 0)
            yield level.judge(self.stream, LevelSettings(is_stock=is_stock), settled_days=None if is_stock else settled)
        else:
            yield volume.judge(self.stream)
            yield negativity.judge(self.stream, self.negative)


def watch(
    comments: pl.DataFrame,
    read: pl.DataFrame,
    figures: pl.DataFrame,
    told: pl.DataFrame,
    *,
    now: datetime,
    alerts_per_week: int,
) -> Watched:
    """Judge COMMENTS_SCHEMA where READ_SCHEMA says they are known, and FIGURES_SCHEMA, client by client, within the budget of each.

    `told` are rows of ALERTS that were told before: they are not told again, and count for the budget. With the same rows, `now` and those
    alerts nothing comes out that was not there. Only what was raised in the FRESH days before `now` is told.
    """
    lines: dict[str, list[_Line]] = defaultdict(list)
    for line in (*_of_comments(comments, read), *_of_figures(figures, now)):
        lines[line.stream.client_id].append(line)
    before = {client: rows for (client,), rows in told.group_by("client_id")}
    alert_rows, bin_rows = list[dict[str, Any]](), list[dict[str, Any]]()
    for client, of_client in sorted(lines.items()):
        known = before.get(client, ALERTS.schema.to_frame()).to_dicts()
        for row, bins in _told(of_client, known, comments, now=now, alerts_per_week=alerts_per_week):
            alert_rows.append(row)
            bin_rows += bins
    streams = [
        {
            "client_id": line.stream.client_id,
            "account_id": line.account_id,
            "network": line.network,
            "measure": line.measure,
            "known_from": line.stream.starts_at,
            "known_until": line.stream.starts_at + len(line.stream.counts) * line.stream.bin,
            "judged_from": line.stream.starts_at + line.silent,
        }
        for _, of_client in sorted(lines.items())
        for line in of_client
    ]
    return Watched(
        pl.DataFrame(streams, schema=WATCHED_STREAMS.schema),
        pl.DataFrame(alert_rows, schema=ALERTS.schema),
        pl.DataFrame(bin_rows, schema=ALERT_BINS.schema),
    )


def _told(
    lines: Sequence[_Line],
    known: Sequence[dict[str, Any]],
    comments: pl.DataFrame,
    *,
    now: datetime,
    alerts_per_week: int,
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """One client's new alerts and those of the known ones that are still open, as rows, each with its picture."""
    budget = Budget(alerts_per_week, streams=sum(line.kinds for line in lines))
    is_open = {_alert(row).stream_id for row in known if row["ended_at"] is None}
    judged: dict[tuple[str, Kind], tuple[_Line, Judged]] = {}
    raised: list[Alert] = []
    for line in lines:
        if line.stream.stream_id in is_open or line.may_have_news:
            for one in line.judged(now):
                judged[line.stream.stream_id, one.kind] = line, one
                raised += [a for a in alerts(line.stream, one, budget) if now - FRESH < a.raised_at <= now]
    fresh = _once_an_account(raised, {line.stream.stream_id: line.account_id for line in lines})
    rows = [(_alert(row), row) for row in known if row["ended_at"] is None]
    rows += [(alert, {}) for alert in within(fresh, budget, told=[_alert(row) for row in known])]
    for alert, before in rows:
        if (key := (alert.stream_id, alert.kind)) in judged:
            line, one = judged[key]
            kept = before or {"told_at": now, "comment_ids": _ids(alert, line, comments)}
            yield _row(alert, line, one, kept), _picture(alert, line, one, budget)


def _once_an_account(raised: Sequence[Alert], accounts: Mapping[str, str]) -> list[Alert]:
    """Of the figures of an account that rose, or fell, on one day the rarest: a hit moves all of them."""
    best: dict[object, Alert] = {}
    for alert in raised:
        evidence = alert.evidence
        key: object = alert.alert_id
        if alert.kind is Kind.METRIC:
            key = (accounts[alert.stream_id], alert.raised_at, evidence.seen > evidence.expected)
        if key not in best or best[key].evidence.weeks_between < evidence.weeks_between:
            best[key] = alert
    return list(best.values())


# --- streams -----------------------------------------------------------------------------------------------------------------


def _of_comments(comments: pl.DataFrame, read: pl.DataFrame) -> Iterator[_Line]:
    """Comments by the hour, up to the last whole one that was read. Days begin at midnight, so that a longer past changes nothing."""
    counted = (
        comments.with_columns(pl.col("commented_at").dt.truncate("1h").alias("hour"))
        .group_by("account_id", "hour")
        .agg(pl.len().alias("all"), pl.col("is_negative").sum().alias("negative"))
    )
    of_account = {account: rows for (account,), rows in counted.group_by("account_id")}
    for row in read.sort("client_id", "account_id").iter_rows(named=True):
        until = row["known_until"].replace(minute=0, second=0, microsecond=0)
        midnight = datetime.combine(max(row["known_from"], until - HISTORY).date(), time(), UTC)
        bins = (until - midnight) // HOUR
        if bins < 1:
            continue
        total, negative = np.zeros(bins), np.zeros(bins)
        if (rows := of_account.get(row["account_id"])) is not None:
            inside = rows.filter(pl.col("hour").is_between(midnight, until, closed="left"))
            at = (inside["hour"] - midnight).dt.total_hours().to_numpy()
            total[at], negative[at] = inside["all"].to_numpy(), inside["negative"].to_numpy()
        stream = Stream(row["client_id"], f"{COMMENTS} of {row['account_id']}", midnight, HOUR, total)
        yield _Line(row["account_id"], row["network"], COMMENTS, stream, negative)


def _of_figures(figures: pl.DataFrame, now: datetime) -> Iterator[_Line]:
    """Daily figures up to the newest day told; a day's bin is named by its date at midnight UTC."""
    recent = figures.filter(pl.col("day") > (now - HISTORY_OF_FIGURES).date(), pl.col("day") < now.date())
    keys = ["client_id", "account_id", "network", "measure"]
    for (client, account, network, measure), rows in recent.sort(*keys, "day").group_by(keys, maintain_order=True):
        first, last = rows["day"][0], rows["day"][-1]
        counts = np.full((last - first).days + 1, np.nan)
        counts[(rows["day"] - first).dt.total_days().to_numpy()] = rows["value"].clip(0).to_numpy()
        starts_at = datetime.combine(first, time(), UTC)
        stream = Stream(str(client), f"{measure} of {account}", starts_at, DAY, counts)
        yield _Line(str(account), str(network), str(measure), stream)


# --- rows --------------------------------------------------------------------------------------------------------------------


def _alert(row: Mapping[str, Any]) -> Alert:
    """The alert that a row of ALERTS was made of."""
    return Alert(
        client_id=row["client_id"],
        stream_id=f"{row['measure']} of {row['account_id']}",
        kind=Kind(row["kind"]),
        raised_at=row["raised_at"],
        evidence=Evidence(
            seen=row["seen"],
            expected=row["expected"],
            seen_of=row["seen_of"],
            window=timedelta(seconds=row["window_seconds"]),
            surprise=row["surprise"],
            threshold=row["threshold"],
            weeks_between=row["weeks_between"],
            since=row["started_at"],
            compared_days=row["compared_days"],
            season=row["season"],
        ),
    )


def _row(alert: Alert, line: _Line, judged: Judged, kept: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ALERTS; `told_at` and `comment_ids` are those of `kept`: what was told stays as it was told."""
    evidence = alert.evidence
    return {
        "alert_id": alert.alert_id,
        "client_id": alert.client_id,
        "account_id": line.account_id,
        "network": line.network,
        "kind": alert.kind.value,
        "measure": line.measure,
        "severity": alert.severity.name.lower(),
        "started_at": evidence.since,
        "raised_at": alert.raised_at,
        "ended_at": end_of(alert, line.stream, judged),
        "seen": evidence.seen,
        "expected": evidence.expected,
        "seen_of": evidence.seen_of,
        "window_seconds": int(evidence.window.total_seconds()),
        "surprise": evidence.surprise,
        "threshold": evidence.threshold,
        "weeks_between": min(evidence.weeks_between, 1e6),  # JSON and people know no infinity
        "compared_days": evidence.compared_days,
        "season": evidence.season,
        "comment_ids": kept["comment_ids"],
        "told_at": kept["told_at"],
    }


def _ids(alert: Alert, line: _Line, comments: pl.DataFrame) -> list[str]:
    """Ids of the comments that the alert is about, the newest first."""
    if line.measure != COMMENTS:
        return []
    start = alert.raised_at - alert.evidence.window
    is_meant = (pl.col("account_id") == line.account_id) & pl.col("commented_at").is_between(
        start, alert.raised_at, closed="left"
    )
    if alert.kind is Kind.NEGATIVITY:
        is_meant &= pl.col("is_negative")
    meant = comments.filter(is_meant).sort("commented_at", "comment_id", descending=[True, False])
    ids: list[str] = meant["comment_id"].head(MOST_COMMENTS).to_list()
    return ids


def _picture(alert: Alert, line: _Line, judged: Judged, budget: Budget) -> list[dict[str, Any]]:
    stream = line.stream
    raised = (alert.raised_at - stream.starts_at) // stream.bin
    usual = judged.usual(thresholds(stream, judged, budget))
    return [
        {
            "alert_id": alert.alert_id,
            "client_id": alert.client_id,
            "starts_at": stream.start_of(index),
            "seen": int(judged.seen[index]),
            "seen_of": None if judged.seen_of is None else int(judged.seen_of[index]),
            "expected": float(judged.expected[index]),
            "low": None if usual is None else float(usual[0][index]),
            "high": None if usual is None else float(usual[1][index]),
        }
        for index in range(
            max(raised - stream.bins(SHOWN[alert.kind]), 0),
            min(raised + stream.bins(SHOWN_AFTER), len(stream.counts)),
        )
        if not np.isnan(stream.counts[index])
    ]
