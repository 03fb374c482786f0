"""Posts whose id their network tells later: the receipt is mended, the change is on record, and asking comes to an end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from contracts.clock import FixedClock
from contracts.errors import ErrorClass, NetworkError
from contracts.records import Account, PublishRequest, Receipt, Staging
from contracts.scope import TenantScope
from operations import IntentState, OutboxPublisher, SqlStore
from operations.naming import GIVE_UP_AFTER
from tests.unit.operations.fakes import NOW, FakeNetwork, FlyingMachineTime, an_item

ALL = TenantScope.all_clients("test")


@dataclass
class LateNamingNetwork(FakeNetwork):
    """A network whose receipts name the publishing until its moderation has named the post."""

    ids: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    trouble: Exception | None = None

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        receipt = await super().commit(request, staging)
        publishing = {"native_id": f"publishing-of-{receipt.native_id}", "permalink": None, "is_provisional": True}
        return receipt.model_copy(update=publishing)

    async def named(self, account: Account, receipt: Receipt) -> Receipt | None:
        self.asked.append(receipt.native_id)
        if self.trouble is not None:
            raise self.trouble
        native_id = self.ids.get(receipt.native_id)
        if native_id is None:
            return None
        named = {"native_id": native_id, "permalink": f"https://example.test/{native_id}", "is_provisional": False}
        return receipt.model_copy(update=named)


@pytest.fixture
def network(machine: FlyingMachineTime) -> LateNamingNetwork:
    return LateNamingNetwork(machine)


@pytest.fixture
def publisher(store: SqlStore, publisher_of: Callable[[SqlStore], OutboxPublisher]) -> OutboxPublisher:
    """One that has just published a post without an id."""
    store.save_drafts([an_item("item-1")])
    store.approve("item-1", actor="anna", revision=1)
    publisher = publisher_of(store)
    assert publisher.drain().published == 1
    return publisher


def test_until_it_is_named_a_live_post_has_no_id(store: SqlStore, publisher: OutboxPublisher) -> None:
    (entry,) = store.ledger(ALL)
    assert (entry.state, entry.post_id, entry.permalink) == (IntentState.PUBLISHED, None, None)
    assert publisher.due() == 1, "the network is to be asked"


async def test_the_id_that_the_network_names_later_replaces_that_of_the_publishing(
    store: SqlStore,
    network: LateNamingNetwork,
    publisher: OutboxPublisher,
    machine: FlyingMachineTime,
    clock: FixedClock,
) -> None:
    assert (await publisher.drain_async()).named == 0
    assert (publisher.due(), network.asked) == (0, ["publishing-of-post-1"]), "it is left in peace for a while"
    await machine.sleep(60)
    network.ids["publishing-of-post-1"] = "7109065174526479622"
    clock.at = NOW + timedelta(hours=2)
    report = await publisher.drain_async()
    assert (report.named, report.published, publisher.due()) == (1, 0, 0)
    (entry,) = store.ledger(ALL)
    assert entry.post_id == "bluesky:7109065174526479622"
    assert entry.permalink == "https://example.test/7109065174526479622"
    assert entry.recorded_at == NOW + timedelta(hours=2), "the lake takes it in again"
    event = store.audit(ALL, subject_id=entry.ledger_id)[0]
    assert (event.actor, event.action) == ("publisher", "post_named")
    assert event.detail == {"before": "publishing-of-post-1", "after": "7109065174526479622"}
    await machine.sleep(7200)
    await publisher.drain_async()
    assert len(network.asked) == 2, "what has a name is not asked for again"


async def test_who_comes_second_changes_nothing(
    store: SqlStore, network: LateNamingNetwork, publisher: OutboxPublisher
) -> None:
    naming = store.naming(machine=publisher._machine)
    (seen_by_both,) = naming.waiting()
    network.ids["publishing-of-post-1"] = "7"
    assert await naming.ask(network, seen_by_both, call_seconds=5)
    assert not await naming.ask(network, seen_by_both, call_seconds=5)
    actions = [event.action for event in store.audit(ALL)]
    assert actions.count("post_named") == 1


@pytest.mark.parametrize(
    "trouble",
    [None, NetworkError(ErrorClass.TRANSIENT, "an outage", network="bluesky"), RuntimeError("unreadable")],
)
async def test_asking_ends_after_days_and_says_why(
    store: SqlStore,
    network: LateNamingNetwork,
    publisher: OutboxPublisher,
    machine: FlyingMachineTime,
    clock: FixedClock,
    trouble: Exception | None,
) -> None:
    network.trouble = trouble
    await publisher.drain_async()
    clock.at = NOW + GIVE_UP_AFTER + timedelta(seconds=1)
    await machine.sleep(60)
    await publisher.drain_async()
    await machine.sleep(7200)
    assert (publisher.due(), len(network.asked)) == (0, 2)
    (entry,) = store.ledger(ALL)
    assert (entry.state, entry.post_id) == (IntentState.PUBLISHED, None)
    assert "its id is not known" in (entry.reason or "")
    assert store.audit(ALL, subject_id=entry.ledger_id)[0].action == "post_not_named"


async def test_a_post_that_the_network_took_back_is_not_asked_for_again(
    store: SqlStore, network: LateNamingNetwork, publisher: OutboxPublisher
) -> None:
    network.trouble = NetworkError(ErrorClass.INVALID, "taken down by moderation", network="bluesky")
    await publisher.drain_async()
    assert publisher.due() == 0
    (entry,) = store.ledger(ALL)
    assert "taken down by moderation" in (entry.reason or "")


async def test_a_paused_account_is_not_asked(
    store: SqlStore, network: LateNamingNetwork, publisher: OutboxPublisher
) -> None:
    store.save_drafts([an_item("item-2")])
    store.approve("item-2", actor="anna", revision=1)

    def fault(point: str, request: PublishRequest) -> None:
        if point == "stage:before":
            raise NetworkError(ErrorClass.AUTH, "connect again", network="bluesky")

    network.fault = fault
    await publisher.drain_async()
    asked = len(network.asked)
    await publisher._machine.sleep(7200)
    assert publisher.due() == 0
    await publisher.drain_async()
    assert len(network.asked) == asked
