"""The publisher that stays: it takes up what falls due, waits for no network on another's behalf, and stops between two posts."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.ports import Connector, DrainReport
from contracts.records import PublishRequest, Receipt, Staging
from contracts.scope import TenantScope
from operations import IntentState, OutboxPublisher, SqlStore
from tests.unit.operations.fakes import NOW, FakeNetwork, FakeNetworks, FlyingMachineTime, an_account, an_item

ALL = TenantScope.all_clients("test")
INTERVAL = 0.01


@dataclass
class HangingNetwork(FakeNetwork):
    """A network that answers no commit until it comes back."""

    comes_back: asyncio.Event = field(default_factory=asyncio.Event)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        await self.comes_back.wait()
        return await super().commit(request, staging)


@dataclass
class CountedNetworks(FakeNetworks):
    """How often connections were opened."""

    opened: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mapping[Network, Connector]]:
        self.opened += 1
        async with super().open() as connectors:
            yield connectors


@dataclass
class Working:
    """A publisher at work in the background of a test."""

    publisher: OutboxPublisher
    told: list[DrainReport] = field(default_factory=list)

    async def __aenter__(self) -> "Working":
        self.stopped = asyncio.Event()
        self.task = asyncio.create_task(
            self.publisher.work(self.stopped, interval_seconds=INTERVAL, tell=self.told.append)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopped.set()
        await self.task

    def count(self, outcome: str) -> int:
        return sum(getattr(report, outcome) for report in self.told)


def queue(store: SqlStore, *content_item_ids: str, **changes: object) -> None:
    store.save_drafts([an_item(name, **changes) for name in content_item_ids])
    for name in content_item_ids:
        store.approve(name, actor="anna", revision=1)


async def test_what_falls_due_later_is_taken_up_over_the_connections_that_are_open(
    store: SqlStore, network: FakeNetwork, machine: FlyingMachineTime, clock: FixedClock
) -> None:
    networks = CountedNetworks([network])
    queue(store, "now")
    queue(store, "later", scheduled_at=NOW + timedelta(hours=1))
    async with Working(OutboxPublisher(store, networks, machine=machine)) as working:
        while working.count("published") < 1:
            await asyncio.sleep(INTERVAL)
        clock.at += timedelta(hours=1)
        while working.count("published") < 2:
            await asyncio.sleep(INTERVAL)
    assert [post.text for post in network.posts] == ["Text of now", "Text of later"]
    assert networks.opened == 1


async def test_a_hanging_network_holds_up_its_own_accounts_only(
    store: SqlStore, network: FakeNetwork, machine: FlyingMachineTime
) -> None:
    instagram = HangingNetwork(machine, network=Network.INSTAGRAM)
    for n in range(3):
        store.save_account(an_account(f"instagram:{n}"), actor="anna")
        queue(store, f"hangs-{n}", account_id=f"instagram:{n}", network=Network.INSTAGRAM)
    queue(store, "first")
    publisher = OutboxPublisher(store, FakeNetworks([network, instagram]), machine=machine, concurrency=2)
    async with Working(publisher) as working:
        while working.count("published") < 1:
            await asyncio.sleep(INTERVAL)
        queue(store, "second")  # falls due while the other network hangs
        while working.count("published") < 2:
            await asyncio.sleep(INTERVAL)
        assert instagram.posts == []
        instagram.comes_back.set()
        while working.count("published") < 5:
            await asyncio.sleep(INTERVAL)
    assert len({post.intent_id for post in instagram.posts}) == len(instagram.posts) == 3


async def test_stopped_it_finishes_the_post_under_way_and_begins_no_other(
    store: SqlStore, machine: FlyingMachineTime
) -> None:
    network = HangingNetwork(machine)
    queue(store, "under-way", "next")
    async with Working(OutboxPublisher(store, FakeNetworks([network]), machine=machine)) as working:
        while not store.outbox(ALL, states=["committing"]):
            await asyncio.sleep(INTERVAL)
        working.stopped.set()
        await asyncio.sleep(INTERVAL)
        network.comes_back.set()
    assert [post.text for post in network.posts] == ["Text of under-way"]
    assert working.count("published") == 1
    assert [entry.state for entry in store.outbox(ALL)] == [IntentState.PUBLISHED, IntentState.PENDING]
    assert store.outbox(ALL)[0].leased_until is None, "the lane is given back"


async def test_an_unexpected_error_ends_the_work_and_is_told(
    store: SqlStore, network: FakeNetwork, machine: FlyingMachineTime
) -> None:
    def break_down(here: str, request: PublishRequest) -> None:
        if here == "prepare":
            raise ZeroDivisionError

    network.fault = break_down
    queue(store, "item-1")
    stopped = asyncio.Event()
    with pytest.raises(ZeroDivisionError):
        await OutboxPublisher(store, FakeNetworks([network]), machine=machine).work(
            stopped, interval_seconds=INTERVAL, tell=lambda report: None
        )
    assert store.outbox(ALL)[0].state is IntentState.PENDING
