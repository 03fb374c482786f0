"""Alerts from a lake: what is planted is told once with its evidence, what is as usual is not, and no client's alert is another's."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest

from assets.features.comments import comment_moods
from assets.learning.alerts import NOTHING_SEVERE, alerts
from contracts.clock import FixedClock
from contracts.scope import TenantScope
from contracts.tables import ALERT_BINS, ALERTS, COMMENT_MOODS, COMMENTS, READINGS, WATCHED_STREAMS
from lakehouse import DeltaLake
from ml.text_labels.labeller import ShippedLabeller
from tests.assets.fakes import ALL, NOW, FakeStore, client

CLIENTS = ("ana", "ben", "cleo")
HOUR = timedelta(hours=1)
CRISIS = NOW - timedelta(hours=8)
"""When ana's audience turns: a whole hour, as is NOW."""
KIND, ANGRY = "Love this, thank you!", "This is terrible, I hate it. Worst service ever."


def comment(client_id: str, number: int, at: Any, text: str, *, is_own: bool = False) -> dict[str, Any]:
    return {
        "comment_id": f"instagram:{client_id}-c{number}",
        "post_id": f"instagram:{client_id}-1",
        "account_id": f"instagram:{client_id}",
        "client_id": client_id,
        "network": "instagram",
        "text": text,
        "commented_at": at,
        "observed_at": at,
        "is_own": is_own,
        "day": at.date(),
    }


def crowd(client_id: str, days: int = 30) -> list[dict[str, Any]]:
    """About six comments an hour, one in ten of them angry."""
    rng = np.random.default_rng(len(client_id))
    start = NOW - timedelta(days=days)
    moments = [
        start + n * HOUR + float(m) * timedelta(minutes=1)
        for n in range(days * 24)
        for m in rng.uniform(0, 60, rng.poisson(6))
    ]
    return [comment(client_id, n, at, ANGRY if n % 10 == 0 else KIND) for n, at in enumerate(moments)]


def crisis() -> list[dict[str, Any]]:
    """Three hours in which ana's comments come in crowds, and most are angry. An own answer does not count."""
    late = [
        comment("ana", 100_000 + n, CRISIS + n * timedelta(seconds=60), ANGRY if n % 5 else KIND) for n in range(180)
    ]
    return [*late, comment("ana", 200_000, CRISIS, ANGRY, is_own=True)]


def figures(falls: bool) -> list[dict[str, Any]]:
    """Reach and followers day by day; ben's reach falls to a tenth for good, long enough ago to have settled."""
    rng = np.random.default_rng(3)
    return [
        {
            "client_id": name,
            "account_id": f"instagram:{name}",
            "network": "instagram",
            "metric": metric,
            "day": NOW.date() - timedelta(days=back),
            "value": value,
        }
        for name in CLIENTS
        for back in range(90, 0, -1)
        for metric, value in (
            ("reach", int(1000 * rng.lognormal(0, 0.1) * (0.1 if falls and name == "ben" and back == 4 else 1))),
            ("followers", 5000 + 3 * (90 - back)),
        )
    ]


def lake_of(folder: Path, comments: list[dict[str, Any]], metrics: list[dict[str, Any]]) -> DeltaLake:
    lake = DeltaLake(folder / "lake")
    lake.append(COMMENTS, pl.DataFrame(comments, schema=COMMENTS.schema))
    asked = {"first_asked_at": NOW - timedelta(days=16), "asked_at": NOW, "answered_at": NOW, "source": COMMENTS.name}
    readings = [{"client_id": c, "account_id": f"instagram:{c}", "network": "instagram", **asked} for c in CLIENTS]
    lake.merge(READINGS, pl.DataFrame(readings, schema=READINGS.schema))
    pl.DataFrame(metrics).write_delta(lake.path("gold/fct_account_metrics_daily"))
    return lake


def _never() -> Any:
    raise AssertionError("moods and alerts read kept labels and load no classifier")


def run(lake: DeltaLake, *, at: Any = NOW) -> dg.AssetCheckEvaluation:
    result = dg.materialize(
        [comment_moods, alerts],
        resources={
            "lake": lake,
            "store": FakeStore(tuple(map(client, CLIENTS)), ()),
            "clock": FixedClock(at),
            "text_labeller": ShippedLabeller(_never),
        },
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.check_name == NOTHING_SEVERE.name
    return evaluation


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> tuple[DeltaLake, dg.AssetCheckEvaluation]:
    """Ana has a crisis, ben's reach fell, cleo is as usual."""
    rows = [row for name in CLIENTS for row in crowd(name)]
    lake = lake_of(tmp_path_factory.mktemp("eventful"), [*rows, *crisis()], figures(falls=True))
    return lake, run(lake)


def rows_of(lake: DeltaLake, table: Any, scope: TenantScope = ALL) -> list[dict[str, Any]]:
    return lake.scan(table, scope=scope).collect().sort(pl.all().exclude(pl.List)).to_dicts()


def test_a_crisis_is_told_with_its_evidence_and_without_a_word_of_it(
    eventful: tuple[DeltaLake, dg.AssetCheckEvaluation],
) -> None:
    lake, _ = eventful
    told = rows_of(lake, ALERTS, TenantScope.of("ana"))
    angry = next(row for row in told if row["kind"] == "negativity")
    assert {row["kind"] for row in told} == {"negativity"}, "more comments are no news after bad news"
    assert (angry["measure"], angry["severity"], angry["raised_at"]) == ("comments", "critical", CRISIS + HOUR)
    assert angry["seen"] > 40 > 4 * angry["expected"]
    assert angry["seen_of"] >= 60
    assert angry["surprise"] >= angry["threshold"]
    assert CRISIS <= angry["started_at"] < angry["raised_at"]
    assert angry["ended_at"] == CRISIS + 3 * HOUR
    moods = {row["comment_id"]: row for row in rows_of(lake, COMMENT_MOODS)}
    cited = [moods[comment_id] for comment_id in angry["comment_ids"]]
    assert len(cited) >= 40
    assert all(row["mood"] == "negative" and CRISIS <= row["commented_at"] < CRISIS + HOUR for row in cited)
    columns = {*ALERTS.schema, *ALERT_BINS.schema, *WATCHED_STREAMS.schema, *COMMENT_MOODS.schema}
    assert not columns & {"text", "author_handle", "author_native_id", "raw"}


def test_a_figure_that_falls_is_told_once_it_has_settled(
    eventful: tuple[DeltaLake, dg.AssetCheckEvaluation], tmp_path: Path
) -> None:
    lake, _ = eventful
    (fall,) = rows_of(lake, ALERTS, TenantScope.of("ben"))
    assert (fall["kind"], fall["measure"], fall["started_at"].date()) == ("metric", "reach", date(2026, 5, 26))
    assert fall["seen"] < fall["expected"] / 5
    bins = rows_of(lake, ALERT_BINS, TenantScope.of("ben"))
    (low,) = [row for row in bins if row["starts_at"] == fall["started_at"]]
    assert low["seen"] == fall["seen"] < low["low"] < low["expected"] < low["high"]
    fresh = lake_of(tmp_path, [], figures(falls=True))
    run(fresh, at=NOW - timedelta(days=2))
    assert rows_of(fresh, ALERTS) == [], "a day that is still being reported may only look low"


def test_who_is_as_usual_is_watched_and_told_nothing(eventful: tuple[DeltaLake, dg.AssetCheckEvaluation]) -> None:
    lake, _ = eventful
    assert rows_of(lake, ALERTS, TenantScope.of("cleo")) == rows_of(lake, ALERT_BINS, TenantScope.of("cleo")) == []
    watched = rows_of(lake, WATCHED_STREAMS, TenantScope.of("cleo"))
    assert {row["measure"] for row in watched} == {"comments", "followers", "reach"}
    assert all(row["known_from"] < row["judged_from"] < row["known_until"] <= NOW for row in watched)


def test_the_alarm_names_what_is_severe_and_stops_nothing(
    eventful: tuple[DeltaLake, dg.AssetCheckEvaluation], tmp_path: Path
) -> None:
    _, evaluation = eventful
    assert not evaluation.passed
    assert not evaluation.blocking
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert "negativity of instagram:ana (ana)" in (evaluation.description or "")
    assert "cleo" not in (evaluation.description or "")
    assert run(lake_of(tmp_path, [], figures(falls=False))).passed


def test_a_rerun_changes_nothing_and_late_comments_tell_nothing_twice(
    eventful: tuple[DeltaLake, dg.AssetCheckEvaluation],
) -> None:
    lake, _ = eventful
    tables = (COMMENT_MOODS, WATCHED_STREAMS, ALERTS, ALERT_BINS)
    before = [lake.version(table) for table in tables]
    run(lake)
    assert [lake.version(table) for table in tables] == before
    told = {row["alert_id"] for row in rows_of(lake, ALERTS)}
    late = [comment("ana", 300_000 + n, CRISIS - HOUR + n * timedelta(minutes=1), ANGRY) for n in range(60)]
    lake.append(COMMENTS, pl.DataFrame([{**row, "day": NOW.date()} for row in late], schema=COMMENTS.schema))
    run(lake)
    assert {row["alert_id"] for row in rows_of(lake, ALERTS)} == told, (
        "an hour that was filled in later is the same event"
    )


def test_a_lake_in_which_nothing_was_read_stays_without_alerts(tmp_path: Path) -> None:
    lake = DeltaLake(tmp_path / "lake")
    pl.DataFrame(figures(falls=False)).clear().write_delta(lake.path("gold/fct_account_metrics_daily"))
    assert run(lake).passed
    assert rows_of(lake, ALERTS) == rows_of(lake, WATCHED_STREAMS) == []
