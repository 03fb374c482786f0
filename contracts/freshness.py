"""When each source of bronze has to be there, and what its readings say against that: one place, for the checks and for the app.

Belongs here: deadlines, and judging the rows of `bronze/readings` by them. Does not belong here: reading that table, words for people.

Dagster has freshness policies and checks of its own. They compare the machine's clock with the moment of a materialisation, asset by
asset: a sandbox's business time may lie far in the past, and a run in which one network said nothing is a materialisation all the same.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import polars as pl

from contracts.networks import Network
from contracts.tables import (
    ACCOUNT_METRICS,
    ACCOUNTS,
    ACTION_LEDGER,
    COMMENTS,
    COMPETITOR_POSTS,
    MESSAGES,
    POST_METRICS,
    POSTS,
    READINGS,
    TableSpec,
)


class Basis(StrEnum):
    """What shows that a source is there."""

    ANSWER = "answer"
    """A row comes only when something is new: what counts is the last answer, with rows or without."""
    ROWS = "rows"
    """Every reading owes rows: what counts is the last one that brought them."""
    DAY = "day"
    """The network reports past days: what counts is the end of the newest day that it reported, once it ever reported one."""


class Arrival(StrEnum):
    """How an account's source stands against its deadline."""

    IN_TIME = "in_time"
    LATE = "late"
    OVERDUE = "overdue"
    """So late that something may be lost for good."""


class LateCause(StrEnum):
    """Why it is late, and by that whose problem it is."""

    NOT_ASKED = "not_asked"
    """Nobody asks the network any more (ASKED_WITHIN_HOURS): Pulso's machine."""
    REFUSED = "refused"
    """The network refuses this account: the client's account has to be connected again."""
    LIMITED = "limited"
    """A limit is used up, the network's or our own count of it: whoever answers for limits."""
    FAILING = "failing"
    """The network does not answer, or answers with errors."""
    SILENT = "silent"
    """The network answers, and brings nothing: the network, or how the connector reads it."""


@dataclass(frozen=True)
class Deadline:
    """By when a source has to be there, in hours since what `basis` counts from (an observation, or the end of a business day)."""

    table: TableSpec
    basis: Basis
    hours: float
    overdue_hours: float


DEADLINES: tuple[Deadline, ...] = (
    Deadline(ACCOUNTS, Basis.ROWS, 30, 72),
    # Networks close their day up to eight hours after UTC's, need up to a day for its figures, and are asked once a day. Each run asks
    # again for three days: from the fifth on a range has to be read again by hand.
    Deadline(ACCOUNT_METRICS, Basis.DAY, 72, 120),
    # Half of the engagement of many posts comes within hours, and what a young post's counts were is not told afterwards.
    Deadline(POSTS, Basis.ANSWER, 12, 48),
    Deadline(POST_METRICS, Basis.ROWS, 12, 48),
    Deadline(COMMENTS, Basis.ANSWER, 12, 48),
    # Most networks let a message be answered for 24 hours.
    Deadline(MESSAGES, Basis.ANSWER, 12, 24),
    # Public pages are asked once a day, for a rival's newest week.
    Deadline(COMPETITOR_POSTS, Basis.ANSWER, 48, 120),
    Deadline(ACTION_LEDGER, Basis.ANSWER, 30, 72),
)

ASKED_WITHIN_HOURS = 30
"""Every source is asked for once a day, most more often: who was not asked for longer, or for the whole of a shorter deadline, was not asked."""

LEAVES_OUT_EMPTY_DAYS = frozenset({Network.YOUTUBE})
"""Networks that report no row for a day on which nothing happened: of them an answer is all that can be asked for."""

ACCOUNT_REFUSED = frozenset({"auth", "scope"})
"""Classes of errors (`contracts.errors.ErrorClass`) that only whoever holds the account can end."""

SCHEMA = pl.Schema(
    {
        **{name: READINGS.schema[name] for name in ("source", "client_id", "network", "account_id")},
        "there_until": READINGS.schema["asked_at"],
        "due_at": READINGS.schema["asked_at"],
        "state": pl.String(),
        "cause": pl.String(),
    }
)


def arrivals(readings: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """How each source of each account stands, as rows of SCHEMA: up to when it is there, when the next is due, `Arrival`, `LateCause`.

    `readings` are rows of `bronze/readings`. A source that an account was never asked for counts from the account's first reading of any
    kind; an account without any reading is new and has no row. `cause` is null for what is in time.
    """
    if readings.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    known = readings.select(READINGS.schema.names())
    rows = (
        pl.concat([known, _never_asked(known)])
        .join(_deadlines(), on="source", maintain_order="left")
        .with_columns(
            basis=pl.when(pl.col("network").is_in([network.value for network in LEAVES_OUT_EMPTY_DAYS]))
            .then(pl.col("basis").replace(Basis.DAY.value, Basis.ANSWER.value))
            .otherwise("basis"),
            end_of_newest_day=pl.col("newest_day")
            .dt.offset_by("1d")
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("UTC"),
        )
        .with_columns(
            there_until=pl.coalesce(
                pl.when(basis=Basis.ROWS.value)
                .then("brought_at")
                .when(basis=Basis.DAY.value)
                .then(pl.coalesce("end_of_newest_day", "answered_at"))
                .otherwise("answered_at"),
                "first_asked_at",
            )
        )
        .with_columns(due_at=pl.col("there_until") + pl.col("allowed"))
    )
    is_late = pl.col("due_at") < now
    is_asked = (
        pl.col("asked_at") + pl.min_horizontal("allowed", timedelta(hours=ASKED_WITHIN_HOURS)) >= now
    ).fill_null(False)
    state = (
        pl.when(~is_late)
        .then(pl.lit(Arrival.IN_TIME.value))
        .when(pl.col("there_until") + pl.col("lost_after") >= now)
        .then(pl.lit(Arrival.LATE.value))
        .otherwise(pl.lit(Arrival.OVERDUE.value))
    )
    cause = (
        pl.when(~is_late)
        .then(None)
        .when(~is_asked)
        .then(pl.lit(LateCause.NOT_ASKED.value))
        .when(pl.col("error_class").is_in(sorted(ACCOUNT_REFUSED)))
        .then(pl.lit(LateCause.REFUSED.value))
        .when(pl.col("error_class") == "rate")
        .then(pl.lit(LateCause.LIMITED.value))
        .when(pl.col("error_class").is_not_null())
        .then(pl.lit(LateCause.FAILING.value))
        .otherwise(pl.lit(LateCause.SILENT.value))
    )
    rows = rows.with_columns(state=state, cause=cause)
    return rows.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort(READINGS.keys)


def _deadlines() -> pl.DataFrame:
    rows = [
        (d.table.name, d.basis.value, timedelta(hours=d.hours), timedelta(hours=d.overdue_hours)) for d in DEADLINES
    ]
    return pl.DataFrame(rows, schema=["source", "basis", "allowed", "lost_after"], orient="row")


def _never_asked(readings: pl.DataFrame) -> pl.DataFrame:
    """Rows for the sources that an own account was never asked for. Rivals have one source only."""
    own = (
        readings.filter(pl.col("source") != COMPETITOR_POSTS.name)
        .group_by("client_id", "account_id", maintain_order=True)
        .agg(pl.col("network").first(), pl.col("first_asked_at").min())
    )
    sources = pl.DataFrame({"source": [d.table.name for d in DEADLINES if d.table is not COMPETITOR_POSTS]})
    missing = own.join(sources, how="cross").join(readings, on=READINGS.keys, how="anti")
    return missing.select(
        pl.col(name) if name in missing.columns else pl.lit(None, kind).alias(name)
        for name, kind in READINGS.schema.items()
    )
