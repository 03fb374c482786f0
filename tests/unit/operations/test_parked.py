"""The three ways out of `parked`, the outbox's views, the ledger."""

import hashlib
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from contracts.clock import FixedClock
from contracts.scope import TenantScope
from operations import IntentState, ItemState, ItemStateError, OutboxPublisher, SqlStore, UnknownRecordError
from tests.unit.operations.fakes import NOW, FakeNetwork, FlyingMachineTime, an_item, lost_answer

ALL = TenantScope.all_clients("test")
Publishers = Callable[[SqlStore], OutboxPublisher]


@pytest.fixture
def parked(store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime) -> str:
    """The id of an intent that nobody can decide; the network shows no post of it."""
    store.save_drafts([an_item()])
    store.approve("item-1", actor="anna", revision=1)
    network.can_tell, network.fault = False, lost_answer("commit:before")
    for _ in range(5):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    (entry,) = store.outbox(ALL, states=["parked"])
    return entry.intent_id


def test_a_person_adopts_the_post_that_they_found(store: SqlStore, parked: str) -> None:
    store.adopt(parked, actor="anna", native_id="at://x", permalink="https://example.test/x", published_at=NOW)
    view = store.item(ALL, "item-1")
    assert (view.state, view.permalink, view.published_at) == (ItemState.PUBLISHED, "https://example.test/x", NOW)
    assert store.ledger(ALL)[0].post_id == "bluesky:at://x"
    assert store.audit(ALL, subject_id=parked)[0].actor == "anna"
    with pytest.raises(ItemStateError, match="not parked"):
        store.drop(parked, actor="anna")


def test_a_person_sends_it_again(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, clock: FixedClock, parked: str
) -> None:
    clock.at = NOW + timedelta(days=2)
    store.send_again(parked, actor="anna")
    assert publisher_of(store).drain().published == 1
    assert len(network.posts) == 1


def test_a_person_gives_it_up(store: SqlStore, network: FakeNetwork, publisher_of: Publishers, parked: str) -> None:
    store.drop(parked, actor="anna", reason="too old by now")
    assert store.item(ALL, "item-1").state is ItemState.CANCELLED
    publisher_of(store).drain()
    assert network.posts == []


def test_an_unknown_intent_is_named(store: SqlStore) -> None:
    with pytest.raises(UnknownRecordError, match="no intent"):
        store.drop("nothing", actor="anna")


def test_the_outbox_is_scoped_and_filtered(store: SqlStore, parked: str) -> None:
    assert store.outbox(TenantScope.of("other")) == ()
    assert store.outbox(ALL, states=["pending"]) == ()
    (entry,) = store.outbox(TenantScope.of("acme"), states=["parked"])
    assert entry.reason is not None
    assert entry.commit_calls == 1


def test_an_approved_post_that_nobody_drains_shows_as_stuck(store: SqlStore, clock: FixedClock) -> None:
    store.save_drafts([an_item(), an_item("item-2", scheduled_at=NOW + timedelta(minutes=20))])
    store.approve("item-1", actor="anna", revision=1)
    store.approve("item-2", actor="anna", revision=1)
    assert store.stuck(ALL) == ()
    clock.at = NOW + timedelta(minutes=20)
    assert [entry.content_item_id for entry in store.stuck(ALL)] == ["item-1"]
    store.stop(actor="anna", reason="wait")
    assert store.stuck(ALL) == ()


def test_the_ledger_holds_each_action_on_the_day_of_its_last_change(
    store: SqlStore, publisher_of: Publishers, clock: FixedClock
) -> None:
    store.save_drafts([an_item(), an_item("item-2", scheduled_at=NOW + timedelta(days=1))])
    for name in ("item-1", "item-2"):
        store.approve(name, actor="anna", revision=1)
    assert store.ledger(ALL) == (), "what only waits for its slot is no action yet"
    publisher_of(store).drain()
    clock.at = NOW + timedelta(days=1)
    publisher_of(store).drain()
    assert [entry.content_item_id for entry in store.ledger(ALL, day=date(2026, 5, 30))] == ["item-1"]
    assert [entry.content_item_id for entry in store.ledger(ALL, day=date(2026, 5, 31))] == ["item-2"]
    assert store.ledger(TenantScope.of("other")) == ()
    (entry,) = store.ledger(ALL, day=date(2026, 5, 30))
    assert (entry.state, entry.post_id, entry.commit_calls) == (IntentState.PUBLISHED, "bluesky:post-1", 1)
    assert (entry.approved_by, entry.approved_at, entry.revision, entry.occurrence) == ("anna", NOW, 1, 1)
    assert entry.text_sha256 == hashlib.sha256(b"Text of item-1").hexdigest()
