"""A network that stops sending a metric, one that sends it again, an account that never had it, one that lost it: what the marts show,
what `metric_availability` says of it, and what the check says to whom. One build over three weeks."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.checks.metrics import RUNBOOK, STOPPED_METRICS, metrics_check
from contracts import tables
from contracts.networks import Network
from contracts.records import Account
from lakehouse.warehouse import WarehousePublisher
from tests.assets.fakes import FakeStore
from tests.dbt.conftest import Home

MONDAY = date(2026, 3, 2)
WEEKS = [MONDAY + timedelta(days=7 * week) for week in range(3)]
LOOKS = 4
"""Of each post, a day apart: the last one finds it mature."""
POSTED = {
    "x": ("likes", "comments", "shares"),
    "bluesky": ("likes", "comments"),
    "instagram": ("likes", "saves", "reach"),
}
CLIENTS = {"york": "America/New_York", "madrid": "Europe/Madrid"}


def is_sent(network: str, client: str, metric: str, day: date) -> bool:
    match network, client, metric:
        case "x", _, "shares":  # stops and does not come again
            return day < date(2026, 3, 16)
        case "bluesky", _, "likes":  # stops for five days
            return not date(2026, 3, 9) <= day <= date(2026, 3, 13)
        case "instagram", "madrid", "reach":  # never came
            return False
        case "instagram", "york", "saves":  # came until its connection changed
            return day < date(2026, 3, 9)
        case "facebook", _, "views":  # of days of an account
            return day < date(2026, 3, 10)
        case "bluesky", _, "followers":
            return day < date(2026, 3, 12)
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("stopped"))
    named = {"language": "en", "autonomy": "manual", "is_active": True, "exported_at": datetime(2026, 3, 1, tzinfo=UTC)}
    home.write(tables.CLIENTS, [{"client_id": c, "name": c, "time_zone": zone, **named} for c, zone in CLIENTS.items()])
    bronze: dict[str, list[dict[str, Any]]] = {"posts": [], "post_metrics": [], "accounts": [], "account_metrics": []}
    for client in CLIENTS:
        for day in (MONDAY + timedelta(days=number) for number in range(21)):
            for name, rows in rows_of(client, day):
                bronze[name] += rows
    for table in (tables.POSTS, tables.POST_METRICS, tables.ACCOUNTS, tables.ACCOUNT_METRICS):
        home.write(table, bronze[table.name])
    home.run()
    WarehousePublisher(home.settings.warehouse_path, home.settings.lake_path).publish(
        ["metric_availability"], invocation_id="a test"
    )
    return home


def rows_of(client: str, day: date) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Two posts of each of a client's accounts, looked at from that day on; its profiles; what facebook reports of the day."""
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)  # the same day for both clients
    common = {"client_id": client, "native_id": client, "raw": "{}"}
    for network, metrics in POSTED.items():
        account = {**common, "network": network, "account_id": f"{network}:{client}"}
        for number in range(2):
            post = {**account, "post_id": f"{network}:{client}:{day}:{number}", "published_at": at, "is_reply": False}
            yield "posts", [{**post, "text": "t", "observed_at": at, "content_sha256": "", "day": day}]
            for look in range(LOOKS):
                seen = at + timedelta(days=look, seconds=look)
                counts = [metric for metric in metrics if is_sent(network, client, metric, seen.date())]
                told = {"observed_at": seen, "is_backfilled": False, "source": "media", "day": seen.date()}
                yield "post_metrics", [{**post, **told, "metric": metric, "value": 10 + look} for metric in counts]
        followers = 100 if is_sent(network, client, "followers", day) else None
        yield "accounts", [{**account, "handle": client, "followers": followers, "observed_at": at, "day": day}]
    page = {**common, "network": "facebook", "account_id": f"facebook:{client}", "fetched_at": at, "day": day}
    counts = [metric for metric in ("reach", "views") if is_sent("facebook", client, metric, day)]
    yield "account_metrics", [{**page, "metric": metric, "value": 7} for metric in counts]


def posts(home: Home, network: str) -> pl.DataFrame:
    return home.mart("fct_posts").filter(network=network)


def states(home: Home, account_id: str, grain: str, metric: str) -> list[tuple[str, bool, date | None]]:
    """State, whether for the whole network, and since when: week by week."""
    rows = home.mart("metric_availability").filter(account_id=account_id, grain=grain, metric=metric).sort("week")
    assert rows["week"].to_list() == WEEKS[: rows.height]
    return rows.select("state", "is_network_wide", "since").rows()


def test_what_a_network_stopped_sending_is_null_and_so_is_every_sum_of_it(home: Home) -> None:
    without = posts(home, "x").filter(pl.col("published_day") >= date(2026, 3, 16))
    assert without["shares"].null_count() == without["engagements"].null_count() == without.height == 28
    assert without["mature_engagements"].null_count() == without.height
    assert set(map(tuple, without["missing_counts"])) == {("engagements", "shares")}
    assert without["likes"].null_count() == 0
    before = posts(home, "x").filter(pl.col("published_day") <= date(2026, 3, 12))
    assert before["mature_engagements"].to_list() == before["engagements"].to_list() == [39] * before.height
    days = home.mart("kpi_account_daily").filter(pl.col("account_id") == "x:york").sort("day")
    assert days["shares"].to_list() == [26] * 11 + [24, 22, 20] + [None] * 7  # as last seen before it stopped
    assert days["engagements"].is_null().to_list() == [day >= date(2026, 3, 16) for day in days["day"]]
    assert days["likes"].null_count() == 0
    weeks = home.mart("kpi_client_weekly").filter(client_id="york").sort("week")
    assert weeks["engagements"].is_null().to_list() == [False, True, True]  # bluesky's likes in the second


def test_availability_says_since_when_and_why(home: Home) -> None:
    assert states(home, "x:york", "post", "shares") == [
        ("received", False, None),
        ("received", False, None),
        ("stopped", True, date(2026, 3, 16)),
    ]
    row = home.mart("metric_availability").filter(account_id="x:york", metric="shares", week=WEEKS[2])
    assert row["reason"].to_list() == ["The network promises it and sends it to nobody any more."]
    assert row.select("expected", "received").rows() == [(14, 0)]
    assert [state for state, _, _ in states(home, "x:york", "post", "reach")] == ["not_offered"] * 3


def test_reported_days_and_followers_stop_like_counts_of_posts(home: Home) -> None:
    assert states(home, "facebook:york", "account_day", "views") == [
        ("received", False, None),
        ("stopped", True, date(2026, 3, 10)),
        ("stopped", True, date(2026, 3, 10)),
    ]
    assert states(home, "bluesky:york", "account", "followers") == [
        ("received", False, None),
        ("stopped", True, date(2026, 3, 12)),
        ("stopped", True, date(2026, 3, 12)),
    ]
    days = home.mart("fct_account_metrics_daily").filter(account_id="facebook:york", metric="views")
    assert days["day"].max() == date(2026, 3, 9)
    assert days["value"].to_list() == [7] * days.height


def test_what_comes_again_is_whole_from_then_on(home: Home) -> None:
    assert [state for state, _, _ in states(home, "bluesky:york", "post", "likes")] == [
        "received",
        "stopped",
        "received",
    ]
    of_day = {row["published_day"]: row for row in posts(home, "bluesky").sort("post_id").iter_rows(named=True)}
    assert {day for day, row in of_day.items() if row["likes"] is None} == {date(2026, 3, 9), date(2026, 3, 10)}
    assert {day for day, row in of_day.items() if row["missing_counts"]} == {date(2026, 3, 9), date(2026, 3, 10)}
    without_outcome = {day for day, row in of_day.items() if row["mature_engagements"] is None}
    assert without_outcome == {date(2026, 3, day) for day in range(6, 11)}  # mature within the five days


def test_an_account_that_never_had_it_or_lost_it_is_told_apart_from_its_network(home: Home) -> None:
    assert states(home, "instagram:madrid", "post", "reach") == [("not_connected", False, None)] * 3
    assert states(home, "instagram:york", "post", "reach") == [("received", False, None)] * 3
    assert states(home, "instagram:york", "post", "saves")[1:] == [("stopped", False, date(2026, 3, 9))] * 2
    never = home.mart("metric_availability").filter(account_id="instagram:madrid", metric="reach")
    assert never["reason"].str.contains("It takes: a professional account whose insights are permitted.").all()
    madrid = posts(home, "instagram").filter(client_id="madrid")
    assert madrid["reach"].null_count() == madrid.height
    assert madrid["engagements"].null_count() == madrid["missing_counts"].drop_nulls().len() == 0


def checked(home: Home, *networks: Network) -> dg.AssetCheckResult:
    """What the check says when only these networks are connected."""
    connected = tuple(
        Account(
            account_id=f"{network.value}:{client}",
            client_id=client,
            network=network,
            native_id=client,
            handle=client,
            base_url="http://127.0.0.1:1",
        )
        for network in networks
        for client in CLIENTS
    )
    result = metrics_check(lake=home.lake, store=FakeStore((), connected))
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_the_check_names_the_network_the_owner_and_what_to_do(home: Home, project_root) -> None:
    result = checked(home, Network.X, Network.BLUESKY, Network.INSTAGRAM, Network.FACEBOOK)
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.ERROR
    lines = (result.description or "").splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "bluesky has sent no followers (account) since 2026-03-12",
        "facebook has sent no views (account day) since 2026-03-10",
        "instagram has sent no saves (post) since 2026-03-09",
        "x has sent no shares (post) since 2026-03-16",
    ]
    assert (
        "2 of 2 accounts (madrid, york). The network sends it to nobody any more: the network's or the connector's problem"
        in lines[3]
    )
    assert "1 of 2 accounts (york). Other accounts still have it: the client's account" in lines[2]
    assert all(line.endswith(RUNBOOK) for line in lines)
    assert (project_root / RUNBOOK).is_file()
    listed = result.metadata[STOPPED_METRICS].value
    assert {(row["network"], row["client_id"]) for row in listed} >= {
        ("x", "york"),
        ("x", "madrid"),
        ("instagram", "york"),
    }


def test_the_check_warns_of_single_accounts_and_is_silent_where_all_is_well(home: Home) -> None:
    of_one = checked(home, Network.INSTAGRAM)
    assert (of_one.passed, of_one.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert checked(home, Network.LINKEDIN).passed
