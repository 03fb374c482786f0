"""The alarm for unusual days: faults planted into bronze tables, each found by the check of its table, as what it is, and by no other."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from assets.checks.anomalies import (
    CHECK_NAME,
    JUDGED,
    RUNBOOK,
    SETTLED_AFTER,
    UNUSUAL_DAYS,
    WORDS,
    Judged,
    anomaly_checks,
)
from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.records import Competitor
from contracts.tables import ACCOUNT_METRICS, TableSpec
from lakehouse import DeltaLake
from tests.assets.fakes import FakeCollector, FakePublisher, FakeStore, House, account, checks, client

TODAY = date(2026, 5, 30)
YESTERDAY = TODAY - timedelta(days=1)
SETTLED = YESTERDAY - SETTLED_AFTER
ACCOUNTS = 12
PER_ACCOUNT = 6
"""Posts, comments and messages of an account in a day."""
DAYS = 32
BY_NAME = {judged.table.name: judged for judged in JUDGED}
METRICS = {"account_metrics": ("reach", "likes"), "post_metrics": ("likes", "comments")}

Frames = dict[str, pl.DataFrame]
Fault = Callable[[pl.DataFrame], pl.DataFrame]


def rows_of(judged: Judged) -> pl.DataFrame:
    """Sound rows of one table: two networks, every account every day, counts around the account's own size."""
    rng = np.random.default_rng(len(judged.table.name))
    table, rows = judged.table, []
    for back in range(DAYS, -1, -1):
        day = TODAY - timedelta(days=back)
        moment = datetime.combine(day, time(5), UTC)
        for number in range(2 * ACCOUNTS):
            network = ("instagram", "bluesky")[number % 2]
            account_id = f"{network}:{number}"
            units = [account_id] if judged.unit == "account_id" else [f"{account_id}-{n}" for n in range(PER_ACCOUNT)]
            if judged.day != "day":
                units = [f"{unit}-{day}" for unit in units]  # what happens, happens once
            for unit in units:
                for metric in METRICS.get(table.name, (None,)):
                    row = dict.fromkeys(table.schema)
                    row |= {name: moment for name in ("observed_at", "fetched_at") if name in table.schema}
                    row |= {"network": network, "day": day, judged.account: account_id, judged.unit: unit}
                    row |= {"client_id": f"c{number}"} if "client_id" in table.schema else {}
                    row |= {"metric": metric, "source": "media"} if metric else {}
                    row |= {judged.day: moment} if judged.day != "day" else {}
                    row |= {value: int(np.exp(rng.normal(4 + number % 3, 0.5))) for value in judged.values}
                    rows.append({name: row[name] for name in table.schema})
    return pl.DataFrame(rows, schema=table.schema)


@pytest.fixture(scope="module")
def sound() -> Frames:
    return {name: rows_of(judged) for name, judged in BY_NAME.items()}


def house_with(frames: Frames, folder: Path) -> House:
    """A house whose lake holds these tables as they are: what is planted may break what the lake's own writes guard."""
    lake = DeltaLake(folder / "lake")
    for name, frame in frames.items():
        frame.write_delta(lake.path(BY_NAME[name].table))
    own = [account(f"c{n}", str(n)) for n in range(2 * ACCOUNTS)]
    own = [
        a.model_copy(update={"account_id": f"bluesky:{n}", "network": Network.BLUESKY}) if n % 2 else a
        for n, a in enumerate(own)
    ]
    rivals = tuple(
        Competitor(
            competitor_id=a.account_id, network=a.network, handle="r", profile_url="u", client_ids=(a.client_id,)
        )
        for a in own
    )
    store = FakeStore(tuple(client(a.client_id) for a in own), tuple(own), known_competitors=rivals)
    now = datetime.combine(TODAY, time(6), UTC)
    return House(lake, store, FakeCollector(), FakePublisher(), FixedClock(now))


def found(frames: Frames, folder: Path) -> dict[str, dg.AssetCheckEvaluation]:
    result = house_with(frames, folder).check(anomaly_checks)
    assert result.success, "what is unusual stops nothing"
    assert {name for _, name in checks(result)} == {CHECK_NAME}
    return {asset.removeprefix("bronze/"): evaluation for (asset, _), evaluation in checks(result).items()}


def day_of(table: TableSpec) -> date:
    return SETTLED if table is ACCOUNT_METRICS else YESTERDAY


def on(judged: Judged, day: date) -> pl.Expr:
    return (pl.col(judged.day) if judged.day == "day" else pl.col(judged.day).dt.date()) == day


INSTAGRAM = pl.col("network") == "instagram"


def spoil(judged: Judged, value: pl.Expr, *, day: date = YESTERDAY) -> Fault:
    where = on(judged, day) & INSTAGRAM
    return lambda rows: rows.with_columns(
        pl.when(where).then(value).otherwise(name).cast(pl.Int64).alias(name) for name in judged.values
    )


def leave_out(judged: Judged, where: pl.Expr) -> Fault:
    day = day_of(judged.table)
    return lambda rows: rows.filter(~(on(judged, day) & INSTAGRAM & where))


def half(judged: Judged) -> pl.Expr:
    return pl.col(judged.account).str.extract(r"(\d+)$").cast(pl.Int64) < ACCOUNTS


def under_other_ids(judged: Judged) -> Fault:
    """The day's rows once more, as if an id had changed its form."""
    where = on(judged, day_of(judged.table)) & INSTAGRAM
    return lambda rows: pl.concat([rows, rows.filter(where).with_columns(pl.col(judged.unit) + "-again")])


def yesterday_s(judged: Judged) -> Fault:
    """Instagram's values of the day before, under yesterday's date."""

    def plant(rows: pl.DataFrame) -> pl.DataFrame:
        before = rows.filter(pl.col("day") == YESTERDAY - timedelta(days=1), INSTAGRAM)
        return pl.concat(
            [rows.filter(~(on(judged, YESTERDAY) & INSTAGRAM)), before.with_columns(day=pl.lit(YESTERDAY))]
        )

    return plant


def _faults() -> dict[str, tuple[str, str, Fault]]:
    """By name: the table, the kind that must be told, and the fault."""
    faults: dict[str, tuple[str, str, Fault]] = {}
    for name, judged in BY_NAME.items():
        is_burst = name in ("comments", "messages")
        if not is_burst:
            faults[f"{name}: half of the accounts are missing"] = (name, "fewer", leave_out(judged, half(judged)))
        has_metrics = bool(judged.values)
        faults[f"{name}: a network is silent"] = (
            name,
            "gone" if has_metrics else "fewer",
            leave_out(judged, pl.lit(True)),
        )
        if judged.values:
            faults[f"{name}: only zeros"] = (name, "zeros", spoil(judged, pl.lit(0)))
            faults[f"{name}: values x 1000"] = (name, "level", spoil(judged, pl.col(judged.values[0]) * 1000))
            faults[f"{name}: no values"] = (name, "unknown", spoil(judged, pl.lit(None)))
        if judged.unit != "account_id" and not is_burst:
            faults[f"{name}: under other ids"] = (name, "more", under_other_ids(judged))
        twice = pl.col("day") == YESTERDAY
        faults[f"{name}: a day twice"] = (name, "copies", lambda rows, w=twice: pl.concat([rows, rows.filter(w)]))
        if "metric" in judged.table.schema:
            retired = pl.col("metric") == METRICS[name][0]
            faults[f"{name}: a metric is retired"] = (name, "gone", leave_out(judged, retired))
    reported = BY_NAME["account_metrics"]
    faults["account_metrics: yesterday again"] = ("account_metrics", "repeats", yesterday_s(reported))
    return faults


FAULTS = _faults()


def test_sound_days_raise_no_alarm(sound: Frames, tmp_path: Path) -> None:
    evaluations = found(sound, tmp_path)
    assert {name: e.description for name, e in evaluations.items() if not e.passed} == {}
    assert set(evaluations) == set(BY_NAME)
    assert all(e.metadata["units"].value >= ACCOUNTS for e in evaluations.values()), "there was something to judge"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_table_s_check_as_what_it_is(fault: str, sound: Frames, tmp_path: Path) -> None:
    name, kind, plant = FAULTS[fault]
    neighbour = "messages" if name == "posts" else "posts"
    frames = {name: plant(sound[name]), neighbour: sound[neighbour]}

    evaluations = found(frames, tmp_path)

    assert {n for n, e in evaluations.items() if not e.passed} == {name}
    evaluation = evaluations[name]
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    lines = (evaluation.description or "").splitlines()
    seen, owner, remedy = WORDS[kind]
    assert all(
        seen in line and owner[1:] in line and remedy[1:] in line and line.endswith(RUNBOOK) for line in lines
    ), lines
    shown = evaluation.metadata[UNUSUAL_DAYS].value
    if kind == "copies":
        assert evaluation.metadata["copies"].value == sound[name].filter(pl.col("day") == YESTERDAY).height
        return
    assert {f["kind"] for f in shown} == {kind}
    assert {f["network"] for f in shown} == {"instagram"}
    for finding in shown:
        assert (
            finding["day"]
            == (day_of(BY_NAME[name].table) if kind in ("gone", "fewer", "more") else YESTERDAY).isoformat()
        )
        assert (finding["low"] is not None and finding["value"] < finding["low"]) or finding["value"] > finding["high"]
        assert len(finding["past"]) >= 21


def test_a_network_s_sums_are_shown_as_multiples_of_the_usual_only(sound: Frames, tmp_path: Path) -> None:
    frames = {"posts": FAULTS["posts: half of the accounts are missing"][2](sound["posts"])}
    (finding,) = found(frames, tmp_path)["posts"].metadata[UNUSUAL_DAYS].value
    assert (finding["value"], finding["expected"]) == (0.5, 1.0)
    assert {value for _, value in finding["past"]} == {1.0}


def test_accounts_that_are_not_connected_any_more_are_missed_on_no_day(sound: Frames, tmp_path: Path) -> None:
    judged = BY_NAME["post_metrics"]
    house = house_with({"post_metrics": leave_out(judged, half(judged))(sound["post_metrics"])}, tmp_path)
    gone = {a.account_id for a in house.store.known_accounts if int(a.account_id.split(":")[1]) < ACCOUNTS}
    house.store.known_accounts = tuple(a for a in house.store.known_accounts if a.account_id not in gone)
    assert all(e.passed for e in checks(house.check(anomaly_checks)).values())


def test_counts_from_a_brought_file_are_no_reading(sound: Frames, tmp_path: Path) -> None:
    brought = under_other_ids(BY_NAME["post_metrics"])(sound["post_metrics"])
    brought = brought.with_columns(
        source=pl.when(pl.col("post_id").str.ends_with("again")).then(pl.lit("export")).otherwise("source")
    )
    assert found({"post_metrics": brought}, tmp_path)["post_metrics"].passed


def test_a_metric_that_is_reported_later_than_others_is_not_missed(sound: Frames, tmp_path: Path) -> None:
    late = (pl.col("metric") == "reach") & (pl.col("day") > SETTLED)
    frames = {"account_metrics": sound["account_metrics"].filter(~late)}
    assert found(frames, tmp_path)["account_metrics"].passed
    zeros = frames["account_metrics"].with_columns(
        value=pl.when((pl.col("metric") == "reach") & (pl.col("day") == SETTLED)).then(0).otherwise("value")
    )
    (first, *_) = found({"account_metrics": zeros}, tmp_path / "zeros")["account_metrics"].metadata[UNUSUAL_DAYS].value
    assert (first["metric"], first["kind"], first["day"]) == ("reach", "zeros", SETTLED.isoformat())


def test_every_kind_is_explained_in_the_runbook(project_root: Path) -> None:
    page = (project_root / RUNBOOK).read_text(encoding="utf-8")
    for kind in WORDS:
        assert f"| `{kind}`:" in page
    assert {kind for _, kind, _ in FAULTS.values()} == set(WORDS), "each kind is planted above"
