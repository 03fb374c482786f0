"""bronze/readings: who was asked when, answered when, and brought what was owed; every reading from outside keeps it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from assets.bronze.accounts import account_metrics, accounts
from assets.bronze.audience import comments, messages
from assets.bronze.ledger import action_ledger
from assets.bronze.observations import OBSERVED_FOR
from assets.bronze.posts import posts_and_metrics
from assets.bronze.rivals import competitor_posts
from contracts.freshness import DEADLINES
from contracts.networks import Network
from contracts.records import AccountMetricPoint, Competitor
from tests.assets.fakes import NOW, House

EVERYTHING = (accounts, account_metrics, posts_and_metrics, comments, messages, action_ledger, competitor_posts)
RIVAL = Competitor(
    competitor_id="bluesky:r1",
    network=Network.BLUESKY,
    handle="r1",
    profile_url="http://127.0.0.1:1/r1",
    client_ids=("ana", "ben"),
)
LATER = NOW + timedelta(hours=3)


def readings(house: House) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(r["source"], r["client_id"], r["account_id"]): r for r in house.rows("bronze/readings")}


def times(row: dict[str, Any]) -> tuple[datetime | None, ...]:
    return row["first_asked_at"], row["asked_at"], row["answered_at"], row["brought_at"]


def test_every_source_keeps_every_account_that_it_asked(house: House) -> None:
    house.store.known_competitors = (RIVAL,)

    assert house.materialize(*EVERYTHING).success

    kept = readings(house)
    own = {("ana", "instagram:a1"), ("ben", "instagram:b1")}
    for deadline in DEADLINES:
        source = deadline.table.name
        expected = {("ana", "bluesky:r1"), ("ben", "bluesky:r1")} if source == "competitor_posts" else own
        assert {(client, account) for name, client, account in kept if name == source} == expected, source
    assert {(row["asked_at"], row["answered_at"], row["error_class"]) for row in kept.values()} == {(NOW, NOW, None)}
    assert {row["network"] for row in kept.values()} == {"instagram", "bluesky"}


@pytest.mark.parametrize(
    ("asset", "source"),
    [
        (accounts, "accounts"),
        (account_metrics, "account_metrics"),
        (posts_and_metrics, "posts"),
        (posts_and_metrics, "post_metrics"),
        (comments, "comments"),
        (messages, "messages"),
    ],
)
def test_an_account_that_fails_keeps_when_it_last_answered_and_says_why(house: House, asset: Any, source: str) -> None:
    house.materialize(posts_and_metrics)
    house.materialize(asset)
    house.clock.at = LATER
    house.collector.broken = frozenset({"instagram:a1"})
    house.collector.metrics = [  # so that comments are asked for
        m.model_copy(update={"observed_at": LATER, "value": m.value + 1}) for m in house.collector.metrics
    ]
    if source == "comments":
        house.collector.broken = frozenset()
        house.materialize(posts_and_metrics)
        house.collector.broken = frozenset({"instagram:a1"})

    house.materialize(asset)

    broken, sound = (readings(house)[source, client, f"instagram:{client[0]}1"] for client in ("ana", "ben"))
    assert (broken["first_asked_at"], broken["asked_at"], broken["answered_at"]) == (NOW, LATER, NOW)
    assert broken["error_class"] == "auth"
    assert (sound["first_asked_at"], sound["asked_at"], sound["answered_at"]) == (NOW, LATER, LATER)
    assert sound["error_class"] is None


def test_a_rival_that_could_not_be_read_is_told_to_everyone_who_watches_it(house: House) -> None:
    house.store.known_competitors = (RIVAL,)
    house.competitor_reader.broken = frozenset({RIVAL.competitor_id})

    house.materialize(competitor_posts)

    for client in RIVAL.client_ids:
        row = readings(house)["competitor_posts", client, RIVAL.competitor_id]
        assert (row["answered_at"], row["error_class"]) == (None, "transient")


@pytest.mark.parametrize("asset", [accounts, posts_and_metrics, comments, messages, competitor_posts])
def test_a_past_day_asks_nobody_and_notes_nothing(house: House, asset: Any) -> None:
    house.store.known_competitors = (RIVAL,)

    assert house.materialize(asset, day=(NOW - timedelta(days=1)).date()).success

    assert house.rows("bronze/readings") == []


def test_a_run_for_some_accounts_notes_those_alone(house: House) -> None:
    config = {"posts_and_metrics": {"config": {"targets": {"instagram:a1": []}}}}

    house.materialize(posts_and_metrics, config=config)

    assert {account for _, _, account in readings(house)} == {"instagram:a1"}


def test_the_newest_reported_day_is_kept_and_never_goes_back(house: House) -> None:
    def point(days: int) -> AccountMetricPoint:
        day = NOW.date() - timedelta(days=days)
        common = {"account_id": "instagram:a1", "client_id": "ana", "network": "instagram", "raw": "{}"}
        return AccountMetricPoint(**common, metric="reach", value=7, day=day, fetched_at=NOW)

    house.collector.points = [point(3), point(2)]
    house.materialize(account_metrics)
    house.collector.points = [point(3)]
    house.materialize(account_metrics)

    newest = {account: row["newest_day"] for (_, _, account), row in readings(house).items()}
    assert newest == {"instagram:a1": NOW.date() - timedelta(days=2), "instagram:b1": None}


def test_counts_are_owed_by_accounts_with_a_young_post_only(house: House) -> None:
    """A network may list posts without counts and be asked for those of young posts alone: an old post brings no row then."""
    house.materialize(posts_and_metrics)
    house.collector.metrics = []
    house.clock.at = LATER
    house.materialize(posts_and_metrics)
    young = readings(house)["post_metrics", "ana", "instagram:a1"]
    assert times(young) == (NOW, LATER, LATER, NOW), "it answers and brings no count"

    house.clock.at = NOW + OBSERVED_FOR
    house.materialize(posts_and_metrics)

    old = readings(house)["post_metrics", "ana", "instagram:a1"]
    assert times(old) == (NOW, house.clock.at, house.clock.at, house.clock.at), "nothing is young any more"


def test_rows_that_were_kept_out_were_not_brought(house: House) -> None:
    house.materialize(accounts)
    house.materialize(posts_and_metrics)
    house.clock.at = LATER
    house.collector.metrics = [
        m.model_copy(update={"value": -1, "observed_at": LATER}) if m.account_id == "instagram:a1" else m
        for m in house.collector.metrics
    ]

    house.materialize(posts_and_metrics)

    assert readings(house)["post_metrics", "ana", "instagram:a1"]["brought_at"] == NOW
    assert readings(house)["post_metrics", "ben", "instagram:b1"]["brought_at"] == LATER
