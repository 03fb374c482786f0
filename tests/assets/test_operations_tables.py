"""bronze/reading_days, queue_depths, pillars and goals: what silver is told of how Pulso runs and of what clients mean to do."""

from datetime import date, timedelta
from typing import Any

from assets.bronze.accounts import accounts
from assets.bronze.audience import messages
from assets.bronze.directory import goals, pillars
from assets.bronze.operations import queue_depths, reading_days
from contracts.networks import Network
from contracts.records import BrandKit, Goal, GoalMetric, Pillar, QueueDepth
from tests.assets.fakes import NOW, House, client

TODAY = NOW.date()


def counted(house: House) -> dict[tuple[str, str, str, date], int]:
    rows = house.rows("bronze/reading_days")
    return {(r["source"], r["account_id"], r["outcome"], r["day"]): r["readings"] for r in rows}


def test_every_reading_counts_once_on_its_day_with_what_came_of_it(house: House) -> None:
    house.materialize(accounts, reading_days)
    house.materialize(reading_days)  # nothing was asked since
    house.clock.at = NOW + timedelta(hours=1)
    house.collector.broken = frozenset({"instagram:a1"})
    house.materialize(accounts, messages, reading_days)
    house.clock.at = NOW + timedelta(days=1)
    house.materialize(accounts, reading_days)

    kept = counted(house)
    assert {key: count for key, count in kept.items() if key[0] == "accounts"} == {
        ("accounts", "instagram:a1", "answered", TODAY): 1,
        ("accounts", "instagram:a1", "auth", TODAY): 1,
        ("accounts", "instagram:a1", "auth", TODAY + timedelta(days=1)): 1,
        ("accounts", "instagram:b1", "answered", TODAY): 2,
        ("accounts", "instagram:b1", "answered", TODAY + timedelta(days=1)): 1,
    }
    assert kept["messages", "instagram:b1", "answered", TODAY] == 1
    clients = {row["account_id"]: row["client_id"] for row in house.rows("bronze/reading_days")}
    assert clients == {"instagram:a1": "ana", "instagram:b1": "ben"}


def test_the_queue_of_a_day_is_as_it_was_last_seen_and_an_empty_one_is_zero(house: House) -> None:
    house.store.depths = (QueueDepth(client_id="ana", network=Network.INSTAGRAM, waiting=3, overdue=1, parked=1),)
    house.materialize(queue_depths)
    house.store.depths = (QueueDepth(client_id="ana", network=Network.INSTAGRAM, waiting=2, overdue=0, parked=0),)
    house.clock.at = NOW + timedelta(hours=1)
    house.materialize(queue_depths)
    house.store.depths = ()
    house.clock.at = NOW + timedelta(days=1)
    house.materialize(queue_depths)
    house.materialize(queue_depths, day=TODAY)  # over: not looked at again

    rows = house.rows("bronze/queue_depths")
    assert {(r["client_id"], r["day"]): (r["waiting"], r["overdue"], r["parked"]) for r in rows} == {
        ("ana", TODAY): (2, 0, 0),
        ("ben", TODAY): (0, 0, 0),
        ("ana", TODAY + timedelta(days=1)): (0, 0, 0),
        ("ben", TODAY + timedelta(days=1)): (0, 0, 0),
    }
    assert {r["observed_at"] for r in rows if r["day"] == TODAY} == {NOW + timedelta(hours=1)}


def test_pillars_keep_their_order_and_those_gone_are_inactive(house: House) -> None:
    def of(*named: str) -> None:
        kit = tuple(Pillar(pillar_id=n, name=n.title(), description="", keywords=(n, f"{n}s")) for n in named)
        brand = BrandKit(voice="", audience="", pillars=kit, facts=())
        house.store.known_clients = (client("ana").model_copy(update={"brand": brand}), client("ben"))

    of("sea", "land")
    _undated(house, pillars)
    of("land", "sky")
    _undated(house, pillars)

    rows = house.rows("bronze/pillars")
    assert {r["pillar_id"]: (r["position"], r["is_active"]) for r in rows} == {
        "sea": (0, False),
        "land": (0, True),
        "sky": (1, True),
    }
    assert next(r["keywords"] for r in rows if r["pillar_id"] == "land") == ["land", "lands"]


def test_a_goal_that_was_dropped_is_inactive(house: House) -> None:
    period = {"first_day": TODAY, "last_day": TODAY + timedelta(days=30)}
    kept = Goal(client_id="ana", metric=GoalMetric.REACH, target=5, network=Network.INSTAGRAM, **period)
    gone = Goal(client_id="ben", metric=GoalMetric.FOLLOWERS, target=900, account_id="instagram:b1", **period)
    house.store.all_goals = (kept, gone)
    _undated(house, goals)
    house.store.all_goals = (kept.model_copy(update={"target": 7.0}),)
    _undated(house, goals)

    rows = {r["goal_id"]: r for r in house.rows("bronze/goals")}
    assert {name: (r["target"], r["is_active"]) for name, r in rows.items()} == {
        kept.goal_id: (7.0, True),
        gone.goal_id: (900.0, False),
    }
    assert (rows[kept.goal_id]["network"], rows[gone.goal_id]["account_id"]) == ("instagram", "instagram:b1")
    assert rows[kept.goal_id]["metric"] == "reach"


def _undated(house: House, asset: Any) -> None:
    """Materialise a table of the store, which has no days."""
    import dagster as dg

    resources = {name: getattr(house, name) for name in asset.required_resource_keys if hasattr(house, name)}
    assert dg.materialize([asset], resources=resources).success
