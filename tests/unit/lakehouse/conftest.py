"""Small declared tables of every shape that the lake has, and frames for them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl
import pytest

from contracts.scope import TenantScope
from contracts.tables import TableKind, TableSpec
from lakehouse import DeltaLake

AT = pl.Datetime("us", "UTC")


@pytest.fixture(scope="session")
def everyone() -> TenantScope:
    return TenantScope.all_clients("tests look at everything")


@pytest.fixture(scope="session")
def observations() -> TableSpec:
    """A key that fixes its day (it holds the moment), and nested columns."""
    return TableSpec(
        "bronze",
        "observations",
        TableKind.OBSERVED,
        pl.Schema(
            {
                "post_id": pl.String,
                "client_id": pl.String,
                "value": pl.Int64,
                "tags": pl.List(pl.String),
                "place": pl.Struct({"name": pl.String, "days": pl.List(pl.Date)}),
                "observed_at": AT,
                "day": pl.Date,
            }
        ),
        ("post_id", "observed_at"),
        "Observations.",
    )


@pytest.fixture(scope="session")
def events() -> TableSpec:
    """A key that may move from one day to another."""
    return TableSpec(
        "bronze",
        "events",
        TableKind.REPORTED,
        pl.Schema({"event_id": pl.String, "client_id": pl.String, "value": pl.Int64, "day": pl.Date}),
        ("event_id",),
        "Events.",
    )


@pytest.fixture(scope="session")
def states() -> TableSpec:
    """No partitions."""
    return TableSpec(
        "bronze",
        "states",
        TableKind.REPORTED,
        pl.Schema({"client_id": pl.String, "name": pl.String}),
        ("client_id",),
        "States.",
        partition_by=None,
    )


@pytest.fixture
def lake(tmp_path: Path, observations: TableSpec, events: TableSpec, states: TableSpec) -> DeltaLake:
    return DeltaLake(tmp_path / "lake", declared=(observations, events, states))


@pytest.fixture(scope="session")
def observed(observations: TableSpec) -> Callable[..., pl.DataFrame]:
    """`observed(day, count)`: that many posts of clients acme and bolt in turn, observed at one moment of the day."""

    def build(day: date, count: int, *, hour: int = 6, value: int = 1) -> pl.DataFrame:
        rows = [
            {
                "post_id": f"post-{number}",
                "client_id": ("acme", "bolt")[number % 2],
                "value": value,
                "tags": [None, [], ["a", None], ["b"]][number % 4],
                "place": [None, {"name": "bar", "days": [day]}][number % 2],
                "observed_at": datetime.combine(day, time(hour), UTC),
                "day": day,
            }
            for number in range(count)
        ]
        return pl.DataFrame(rows, schema=observations.schema)

    return build


@pytest.fixture(scope="session")
def happened(events: TableSpec) -> Callable[..., pl.DataFrame]:
    """`happened({"e1": (day, value)})`: events of client acme."""

    def build(rows: dict[str, tuple[date, int | None]], *, client: str = "acme") -> pl.DataFrame:
        return pl.DataFrame(
            [{"event_id": key, "client_id": client, "value": value, "day": day} for key, (day, value) in rows.items()],
            schema=events.schema,
        )

    return build
