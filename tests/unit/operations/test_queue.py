"""How much of the outbox has not gone out: by client and network, in numbers."""

from collections.abc import Callable
from datetime import timedelta

from contracts.clock import FixedClock
from contracts.errors import ErrorClass
from contracts.networks import Network
from contracts.records import QueueDepth
from contracts.scope import TenantScope
from operations import OutboxPublisher, SqlStore
from tests.unit.operations.fakes import NOW, FakeNetwork, an_item, refusal

ALL = TenantScope.all_clients("test")


def approved(store: SqlStore, *names: str, **changes: object) -> None:
    store.save_drafts([an_item(name, **changes) for name in names])
    for name in names:
        store.approve(name, actor="anna", revision=1)


def test_what_waits_is_counted_until_it_is_out(
    store: SqlStore, clock: FixedClock, publisher_of: Callable[[SqlStore], OutboxPublisher]
) -> None:
    assert store.queue(ALL) == ()
    approved(store, "soon", "later")
    waiting = QueueDepth(client_id="acme", network=Network.BLUESKY, waiting=2, overdue=0, parked=0)
    assert store.queue(ALL) == (waiting,)
    assert store.queue(TenantScope.of("other")) == ()

    clock.at = NOW + timedelta(minutes=1)
    assert store.queue(ALL) == (waiting.model_copy(update={"overdue": 2}),)

    publisher_of(store).drain()
    assert store.queue(ALL) == ()


def test_what_waits_for_a_person_is_parked_and_waits_no_more(
    store: SqlStore, network: FakeNetwork, publisher_of: Callable[[SqlStore], OutboxPublisher]
) -> None:
    approved(store, "refused", "behind it")
    network.fault = refusal(ErrorClass.AUTH, "commit:before")
    publisher_of(store).drain()
    (depth,) = store.queue(ALL)
    assert (depth.waiting, depth.parked) == (1, 1)
