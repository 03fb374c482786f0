"""Which account was asked when, and when it answered: what tells that a source is silent where no new row is no news.

Does not belong here: by when an answer is due (contracts/freshness.py), the alarm (assets/checks/freshness.py).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from contracts.ports import Lake, WriteResult
from contracts.records import Account, CollectionFailure, Competitor
from contracts.scope import TenantScope
from contracts.tables import READINGS, TableKind, TableSpec


@dataclass(frozen=True)
class Asked:
    """An account that a reading asked, for the client that it asked it for."""

    client_id: str
    network: str
    account_id: str


def own(accounts: Sequence[Account]) -> tuple[Asked, ...]:
    return tuple(Asked(a.client_id, a.network.value, a.account_id) for a in accounts)


def rivals(competitors: Sequence[Competitor]) -> tuple[Asked, ...]:
    """One for each client that watches the rival: each sees what it misses."""
    return tuple(
        Asked(client_id, c.network.value, c.competitor_id) for c in competitors for client_id in sorted(c.client_ids)
    )


def note_reading(
    lake: Lake,
    source: TableSpec,
    asked: Sequence[Asked],
    *,
    rows: pl.DataFrame,
    failures: Sequence[CollectionFailure],
    now: datetime,
    owing: Collection[str] | None = None,
) -> WriteResult | None:
    """Keep that these accounts were asked for `source` just now, and what came of it. None when nobody was asked.

    `rows` are those that may enter, known ones too. An account has answered when it brought rows or has no failure. `owing` are the
    account_ids of which an answer without rows is none (None: all); only a source that owes rows at all is judged by them.
    """
    if not asked:
        return None
    account = "account_id" if "account_id" in rows.columns else "competitor_id"
    day = pl.col("day").max() if source.kind is TableKind.REPORTED else pl.lit(None, pl.Date)
    brought = rows.group_by(pl.col(account).alias("account_id")).agg(day.alias("day"), has_rows=pl.lit(True))
    failed = {failure.account_id: failure.error_class for failure in failures}
    everyone = TenantScope.all_clients("the pipeline notes the readings of all clients together")
    before = lake.scan(READINGS, scope=everyone).filter(pl.col("source") == source.name).collect()
    this = pl.DataFrame(
        [(source.name, a.client_id, a.network, a.account_id, failed.get(a.account_id)) for a in asked],
        schema={
            "source": pl.String,
            "client_id": pl.String,
            "network": pl.String,
            "account_id": pl.String,
            "failed": pl.String,
        },
        orient="row",
    ).unique(READINGS.keys, maintain_order=True)
    this = this.join(before.drop("network"), on=READINGS.keys, how="left").join(brought, on="account_id", how="left")
    has_rows = pl.col("has_rows").fill_null(False)
    has_answered = has_rows | pl.col("failed").is_null()
    owes = pl.lit(True) if owing is None else pl.col("account_id").is_in(list(owing))
    at = pl.lit(now).cast(READINGS.schema["asked_at"])
    noted = this.with_columns(
        first_asked_at=pl.col("first_asked_at").fill_null(at),
        asked_at=at,
        answered_at=pl.when(has_answered).then(at).otherwise("answered_at"),
        brought_at=pl.when(has_rows | (has_answered & ~owes)).then(at).otherwise("brought_at"),
        newest_day=pl.max_horizontal("newest_day", "day"),
        error_class=pl.when(has_answered).then(None).otherwise("failed"),
    )
    return lake.merge(READINGS, noted.select(READINGS.schema.names()))
