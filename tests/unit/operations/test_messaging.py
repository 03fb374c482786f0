"""Answers to direct messages through the outbox: to whom they go, until when, and never twice."""

from collections.abc import Callable
from datetime import timedelta

import pytest

import policy
from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.records import Message, PublishRequest
from contracts.scope import TenantScope
from operations import IntentState, ItemStateError, OutboxPublisher, SqlStore, UnknownRecordError
from tests.unit.operations.conftest import StoreMaker
from tests.unit.operations.fakes import NOW, FakeNetwork, FlyingMachineTime, a_client, an_account, an_item, lost_answer

ALL = TenantScope.all_clients("test")
ACCOUNT = "instagram:acme"
Publishers = Callable[[SqlStore], OutboxPublisher]


def a_message(number: int, *, hours_ago: float, **changes: object) -> Message:
    values: dict[str, object] = {
        "message_id": f"instagram:m{number}",
        "conversation_id": "instagram:c1",
        "account_id": ACCOUNT,
        "client_id": "acme",
        "network": Network.INSTAGRAM,
        "native_id": f"m{number}",
        "participant_native_id": "person-1",
        "participant_handle": "luisbakes7",
        "is_own": False,
        "text": "Do you ship?",
        "sent_at": NOW - timedelta(hours=hours_ago),
        "observed_at": NOW,
        "raw": "{}",
    }
    return Message.model_validate({**values, **changes})


@pytest.fixture
def network(machine: FlyingMachineTime) -> FakeNetwork:
    return FakeNetwork(machine, network=Network.INSTAGRAM, can_tell=False)


@pytest.fixture
def store(open_stores: StoreMaker) -> SqlStore:
    """A store with the real send rules and an Instagram account."""
    store = open_stores(policy.may_send)
    store.save_client(a_client(), actor="anna")
    store.save_account(an_account(ACCOUNT), actor="anna")
    return store


def answer(store: SqlStore, message_id: str = "instagram:m1", **changes: object) -> None:
    item = an_item("answer", account_id=ACCOUNT, network=Network.INSTAGRAM, text="Yes!", scheduled_at=None)
    store.save_drafts([item.model_copy(update={"reply_to_message_id": message_id, **changes})])
    store.approve("answer", actor="anna", revision=1)


def test_an_answer_goes_to_the_writer_and_counts_as_a_reply(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    requests: list[PublishRequest] = []
    network.fault = lambda point, request: requests.append(request)
    store.save_messages([a_message(1, hours_ago=30), a_message(2, hours_ago=2), a_message(3, hours_ago=1, is_own=True)])
    answer(store)
    assert publisher_of(store).drain().published == 1
    target = requests[-1].message_to
    assert target is not None
    assert (target.native_conversation_id, target.native_message_id) == ("c1", "m1")
    assert (target.participant_native_id, target.received_at) == ("person-1", NOW - timedelta(hours=2))
    (entry,) = store.ledger(ALL)
    assert (entry.action, entry.state) == ("reply", "published")


def test_a_lost_answer_is_read_for_and_never_sent_again(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    store.save_messages([a_message(1, hours_ago=2)])
    answer(store)
    network.fault = lost_answer()
    publisher_of(store).drain()
    assert [post.text for post in network.posts] == ["Yes!"]
    assert store.ledger(ALL)[0].state == "published"
    assert network.count("commit") == 1


def test_a_message_that_the_network_does_not_show_is_left_to_a_person(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    store.save_messages([a_message(1, hours_ago=2)])
    answer(store)
    network.fault, network.shows_posts = lost_answer(), False
    for _ in range(10):
        publisher_of(store).drain()
    assert (store.ledger(ALL)[0].state, network.count("commit")) == ("parked", 1)


@pytest.mark.parametrize(
    ("hours_ago", "needs_person", "state", "says"),
    [
        (23, False, IntentState.PUBLISHED, ""),
        (25, False, IntentState.FAILED, "Let a person write the answer"),
        (25, True, IntentState.PUBLISHED, ""),
        (169, True, IntentState.FAILED, "wait until they write again"),
    ],
)
def test_the_window_is_judged_when_it_is_sent(
    store: SqlStore, publisher_of: Publishers, hours_ago: int, needs_person: bool, state: IntentState, says: str
) -> None:
    store.save_messages([a_message(1, hours_ago=hours_ago)])
    answer(store, needs_person=needs_person)
    publisher_of(store).drain()
    (entry,) = store.ledger(ALL) or store.outbox(ALL)
    assert entry.state == state
    assert says in (entry.reason or "")


def test_a_person_who_writes_again_opens_the_window_again(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, clock: FixedClock
) -> None:
    store.save_messages([a_message(1, hours_ago=2)])
    answer(store)
    clock.at = NOW + timedelta(hours=30)
    store.save_messages([a_message(2, hours_ago=-29)])
    publisher_of(store).drain()
    assert len(network.posts) == 1


@pytest.mark.parametrize("changes", [None, {"is_own": True}, {"account_id": "instagram:other"}])
def test_what_nobody_wrote_to_this_account_is_not_answered(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, changes: dict[str, object] | None
) -> None:
    store.save_account(an_account("instagram:other"), actor="anna")
    if changes is not None:
        store.save_messages([a_message(1, hours_ago=2, **changes)])
    answer(store)
    publisher_of(store).drain()
    assert network.posts == []
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.reason) == (IntentState.FAILED, "the message that this answers is not known")


def test_a_person_answers_a_message_once(store: SqlStore, network: FakeNetwork, publisher_of: Publishers) -> None:
    store.save_messages([a_message(1, hours_ago=30)])
    item_id = store.answer_message("instagram:m1", "Yes, on Monday.", actor="anna")
    with pytest.raises(ItemStateError, match="has an answer already"):
        store.answer_message("instagram:m1", "Yes!", actor="bea")
    with pytest.raises(UnknownRecordError):
        store.answer_message("instagram:m9", "Yes!", actor="bea")
    publisher_of(store).drain()
    assert [post.text for post in network.posts] == ["Yes, on Monday."], "a person may answer after a day"
    assert store.item(ALL, item_id).approval.actor == "anna"
