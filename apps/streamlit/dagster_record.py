"""The newest pipeline runs, the accounts that could not be read and the days that look strange, from Dagster's own records, without
importing Dagster.

The app must answer in a moment, and Dagster takes seconds to import. A few columns of two tables are read, read-only; tests
hold them against real Dagster instances, on SQLite and on PostgreSQL. Where they are not as expected the page says that they cannot be
read.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from contracts.networks import Network
from contracts.records import CollectionFailure, Record, UnusualDay
from contracts.settings import CONNECT_TIMEOUT_SECONDS, Settings

ALL_READ_CHECK = "all_accounts_read"
"""Name of the asset check under which bronze reports accounts that could not be read."""
_RUNS, _EVENTS = "runs.db", "runs/index.db"
"""Dagster's files below its folder `history`; on PostgreSQL they are one database."""
AS_USUAL_CHECK = "as_usual"
"""Name of the asset check that compares yesterday with the days before."""

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Run:
    """One pipeline run: its job, how it ended, and when (machine time, UTC)."""

    run_id: str
    job: str
    status: str
    partition: str | None
    started_at: datetime | None
    ended_at: datetime | None


def newest_runs(settings: Settings, *, limit: int = 8) -> Sequence[Run] | None:
    """Newest first; None where no record can be read."""
    rows = _query(
        settings,
        _RUNS,
        "SELECT run_id, pipeline_name, status, partition, start_time, end_time FROM runs ORDER BY id DESC LIMIT :limit",
        {"limit": limit},
    )
    if rows is None:
        return None
    return [
        Run(run_id, job, status, partition, _moment(start), _moment(end))
        for run_id, job, status, partition, start, end in rows
    ]


def unread_accounts(settings: Settings, client_id: str) -> Sequence[CollectionFailure]:
    """What the newest reading of each table could not read for a client; empty where no record can be read."""
    failures = _newest_of_check(settings, ALL_READ_CHECK, "failures", CollectionFailure)
    return [failure for failure in failures if failure.client_id == client_id]


def unusual_days(settings: Settings, networks: Collection[Network]) -> Sequence[UnusualDay]:
    """What the newest comparison of each table found strange on these networks, the newest day first; empty where no record can be read."""
    found = _newest_of_check(settings, AS_USUAL_CHECK, "unusual_days", UnusualDay)
    return sorted((day for day in found if day.network in networks), key=lambda found: found.day, reverse=True)


def _newest_of_check(settings: Settings, check: str, name: str, record: type[R]) -> list[R]:
    """The records that each table's newest evaluation of a check keeps under `name`."""
    rows = _query(
        settings,
        _EVENTS,
        "SELECT evaluation_event FROM asset_check_executions WHERE id IN "
        "(SELECT MAX(id) FROM asset_check_executions WHERE check_name = :check AND evaluation_event IS NOT NULL GROUP BY asset_key)",
        {"check": check},
    )
    try:
        return [
            record.model_validate(kept)
            for (event,) in rows or ()
            for listed in _values_of(json.loads(event), name)
            for kept in _as_list(listed)
        ]
    except (ValidationError, ValueError):
        return []


def _query(settings: Settings, file: str, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]] | None:
    engine = _engine(settings, file)
    if engine is None:
        return None
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), parameters)]
    except SQLAlchemyError:
        return None


def _engine(settings: Settings, file: str) -> Engine | None:
    """Where Dagster keeps this record, opened for one look; None where there is no file yet: looking must not make one."""
    if settings.dagster_url is not None:
        url, wait = settings.dagster_url.get_secret_value(), {"connect_timeout": CONNECT_TIMEOUT_SECONDS}
        return create_engine(url, poolclass=NullPool, connect_args=wait)
    path = (settings.home / "dagster" / "history" / file).absolute()
    if not path.is_file():
        return None
    read_only = f"{path.as_uri()}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(read_only, uri=True, timeout=1.0), poolclass=NullPool
    )


def _values_of(tree: Any, name: str) -> Iterator[Any]:
    """Every value under the key `name`, however deep: Dagster's own nesting is none of our business."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield value
            else:
                yield from _values_of(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from _values_of(value, name)


def _as_list(metadata: Any) -> list[Any]:
    """The list inside a metadata value of type JSON."""
    if isinstance(metadata, dict):
        metadata = metadata.get("data")
    return metadata if isinstance(metadata, list) else []


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
