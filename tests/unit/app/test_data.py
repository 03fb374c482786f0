"""Reads of the lake: one client's rows only, cached until the table has a new version, and calm where nothing is."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from apps.streamlit.data import ClientData
from contracts.freshness import DEADLINES, Arrival, LateCause
from contracts.settings import Settings
from contracts.tables import COMPETITOR_POSTS
from lakehouse import DeltaLake
from tests.unit.app.demo_home import CLIENT_IDS, NOW, accounts_of, gold_schema

FRAMES = (
    "accounts",
    "posts",
    "account_days",
    "weeks",
    "rival_posts",
    "forecast_scores",
    "forecast_skill",
    "calibration",
    "quarantined",
)


def _data(settings: Settings, client_id: str = "harbor-coffee") -> ClientData:
    return ClientData(DeltaLake(settings.lake_path), client_id)


@pytest.mark.parametrize("client_id", CLIENT_IDS)
def test_every_gold_read_is_of_one_client(demo_home: Settings, client_id: str) -> None:
    data = _data(demo_home, client_id)
    for table in ("dim_accounts", "fct_posts", "kpi_account_daily", "kpi_client_weekly", "fct_forecast_scores"):
        rows = data.read(f"gold/{table}")
        assert rows.height > 0, table
        assert rows["client_id"].unique().to_list() == [client_id], table


def test_a_rival_that_only_another_client_watches_is_not_seen(demo_home: Settings) -> None:
    assert _data(demo_home).rival_posts().height == 90
    assert _data(demo_home, "verde-cocina").rival_posts().is_empty()


@pytest.mark.parametrize("read", FRAMES)
def test_an_empty_lake_reads_as_empty_frames(tmp_path: Path, read: str) -> None:
    data = ClientData(DeltaLake(tmp_path / "lake"), "harbor-coffee")
    assert getattr(data, read)().is_empty()
    assert data.freshness(now=NOW, accounts={"a"}, rivals=set()).is_empty()
    assert data.slot_gains() == {}
    assert data.tables().is_empty()
    assert data.newest_observation() is None


def test_a_new_version_is_seen_at_once_and_an_old_one_is_not_read_again(demo_home: Settings) -> None:
    data = _data(demo_home)
    before = data.posts().height
    path = data.lake.path("gold/fct_posts")
    rows = data.lake.scan("gold/fct_posts", scope=_everyone()).collect()
    rows.head(10).write_delta(path, mode="overwrite")
    assert data.posts().height < before
    assert data.lake.version("gold/fct_posts") == 1


def _everyone():
    from contracts.scope import TenantScope

    return TenantScope.all_clients("a test")


def test_posts_mark_maturity_and_leave_replies_out(demo_home: Settings) -> None:
    data = _data(demo_home)
    posts = data.posts()
    assert posts["published_at"].is_sorted(descending=True)
    young = posts.filter(pl.col("published_at") > NOW - timedelta(hours=72))
    assert young.height > 0
    assert not young["is_mature"].any()
    reply = (
        data.lake.scan("gold/fct_posts", scope=_everyone())
        .collect()
        .head(1)
        .with_columns(pl.lit(True).alias("is_reply"))
    )
    pl.concat([reply]).cast(dict(gold_schema("fct_posts"))).write_delta(data.lake.path("gold/fct_posts"), mode="append")
    assert data.posts().height == posts.height


def _freshness(settings: Settings, client_id: str = "harbor-coffee", **seen: object) -> pl.DataFrame:
    accounts = {account.account_id for account in accounts_of(client_id)}
    return _data(settings, client_id).freshness(**{"now": NOW, "accounts": accounts, "rivals": set(), **seen})


def test_freshness_is_per_source_and_network_with_the_deadline(demo_home: Settings) -> None:
    fresh = _freshness(demo_home)
    own = [deadline for deadline in DEADLINES if deadline.table is not COMPETITOR_POSTS]
    assert fresh.select("source", "network").rows() == sorted(
        (deadline.table.name, network) for deadline in own for network in ("bluesky", "instagram")
    )
    assert set(fresh["state"]) == {Arrival.IN_TIME.value}
    posts = fresh.row(by_predicate=(pl.col("source") == "posts") & (pl.col("network") == "bluesky"), named=True)
    read = NOW - timedelta(hours=2)
    assert (posts["there_until"], posts["due_at"]) == (read, read + timedelta(hours=12))
    assert (posts["accounts"], posts["late"], posts["cause"]) == (1, 0, None)


def test_freshness_names_the_account_that_is_furthest_behind(demo_home: Settings) -> None:
    fresh = _freshness(demo_home, "verde-cocina")
    late = fresh.filter(pl.col("state") != Arrival.IN_TIME.value)
    assert set(late["network"]) == {"instagram"}
    assert set(late["cause"]) == {LateCause.REFUSED.value}
    assert dict(late.select("source", "state").iter_rows()) == {
        **dict.fromkeys(("accounts", "action_ledger"), Arrival.LATE.value),
        **dict.fromkeys(("posts", "post_metrics", "comments", "messages"), Arrival.OVERDUE.value),
    }
    assert set(_freshness(demo_home, "verde-cocina", now=NOW + timedelta(days=9))["state"]) == {Arrival.OVERDUE.value}


def test_an_account_that_is_not_connected_any_more_is_not_late(demo_home: Settings) -> None:
    bluesky, _ = accounts_of("verde-cocina")
    fresh = _freshness(demo_home, "verde-cocina", accounts={bluesky.account_id})
    assert set(fresh["network"]) == {"bluesky"}
    assert _freshness(demo_home, "verde-cocina", accounts=set()).is_empty()


def test_a_comment_is_read_by_its_own_client_only(demo_home: Settings) -> None:
    assert _data(demo_home).comment("bluesky:at://x/1") == "Is the *Guji* back?"
    assert _data(demo_home).comment("bluesky:at://x/2") is None
    assert _data(demo_home, "verde-cocina").comment("bluesky:at://x/1") is None


def test_quarantined_rows_are_counted_by_reason_most_first(demo_home: Settings) -> None:
    kept_out = _data(demo_home).quarantined()
    assert kept_out.select("table", "rule", "rows").rows() == [
        ("bronze/post_metrics", "value_not_negative", 4),
        ("bronze/post_metrics", "observed_after_published", 1),
    ]
    assert _data(demo_home, "verde-cocina").quarantined().is_empty()


def test_every_table_is_listed_with_version_and_this_clients_rows(demo_home: Settings) -> None:
    tables = _data(demo_home).tables()
    listed = {f"{row['stage']}/{row['table']}": row for row in tables.iter_rows(named=True)}
    assert listed["gold/dim_accounts"]["rows"] == 2
    assert listed["gold/dim_accounts"]["version"] == 0
    assert listed["bronze/accounts"]["newest"] == NOW - timedelta(hours=2)
