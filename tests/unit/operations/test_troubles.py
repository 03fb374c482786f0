"""What does not go out by itself stands in one list, with whose problem it is, until somebody has done something about it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from contracts.clock import FixedClock
from contracts.errors import ErrorClass
from contracts.records import Token, Trouble, TroubleKind
from contracts.scope import TenantScope
from operations import OutboxPublisher, ParkReason, SqlStore
from operations.troubles import _WORDS
from tests.unit.operations.fakes import (
    NOW,
    FakeNetwork,
    FlyingMachineTime,
    an_item,
    forbid,
    lost_answer,
    refusal,
)

ALL = TenantScope.all_clients("test")
Publishers = Callable[[SqlStore], OutboxPublisher]


def approved(store: SqlStore, *names: str) -> None:
    store.save_drafts([an_item(name) for name in names])
    for name in names:
        store.approve(name, actor="anna", revision=1)


def only(store: SqlStore) -> Trouble:
    (trouble,) = store.troubles(ALL)
    return trouble


def test_without_trouble_there_is_nothing(store: SqlStore, publisher_of: Publishers) -> None:
    approved(store, "item-1")
    publisher_of(store).drain()
    assert store.troubles(ALL) == ()


def test_a_refused_post_is_its_writers_until_it_is_edited(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    approved(store, "item-1")
    network.fault = refusal(ErrorClass.INVALID, "commit:before")
    publisher_of(store).drain()
    trouble = only(store)
    assert (trouble.kind, trouble.content_item_id, trouble.owner) == (TroubleKind.FAILED, "item-1", "whoever wrote it")
    assert "invalid at commit:before" in trouble.reason
    assert store.troubles(ALL, since=NOW + timedelta(seconds=1)) == ()
    assert store.troubles(TenantScope.of("other")) == ()
    store.edit("item-1", actor="anna", revision=1, text="Better.")
    assert store.troubles(ALL) == ()


def test_a_refusal_by_a_guardrail_at_the_last_moment_counts(
    open_stores: Callable[..., SqlStore], store: SqlStore, publisher_of: Publishers
) -> None:
    approved(store, "item-1")
    publisher_of(open_stores(forbid("a banned word"))).drain()
    assert (only(store).kind, only(store).code, only(store).reason) == (TroubleKind.FAILED, "policy", "a banned word")


def test_a_missed_slot_is_the_planners(store: SqlStore, publisher_of: Publishers, clock: FixedClock) -> None:
    approved(store, "item-1")
    clock.at = NOW + timedelta(days=1)
    publisher_of(store).drain()
    assert (only(store).kind, only(store).owner) == (TroubleKind.MISSED, "whoever plans the calendar")
    store.reschedule("item-1", actor="anna", scheduled_at=clock.at + timedelta(hours=1))
    assert store.troubles(ALL) == ()


def test_a_parked_post_lasts_until_a_person_decides(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, machine: FlyingMachineTime
) -> None:
    approved(store, "item-1")
    network.can_tell, network.fault = False, lost_answer("commit:before")
    for _ in range(5):
        publisher_of(store).drain()
        machine.at += timedelta(hours=1)
    trouble = only(store)
    assert (trouble.kind, trouble.code) == (TroubleKind.PARKED, ParkReason.UNDECIDED)
    assert store.troubles(ALL, since=NOW + timedelta(days=30)) == (trouble,), "it does not grow old"
    assert trouble.intent_id is not None
    store.drop(trouble.intent_id, actor="anna")
    assert store.troubles(ALL) == ()


def test_a_paused_account_counts_once_with_all_that_waits_for_it(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    approved(store, "item-1", "item-2", "item-3")
    network.fault = refusal(ErrorClass.AUTH, "stage:before")
    publisher_of(store).drain()
    trouble = only(store)
    assert (trouble.kind, trouble.posts, trouble.holds_up_others) == (TroubleKind.PAUSED, 3, True)
    assert "pulso accounts connect bluesky:did:plc:acme" in trouble.remedy
    store.save_credential("bluesky:did:plc:acme", Token(access_token="new"), actor="anna")
    assert store.troubles(ALL) == ()


@pytest.mark.parametrize(("hours", "is_told"), [(0.5, False), (9, True)])
def test_a_limit_that_is_used_up_for_long_is_told_with_the_posts_that_it_holds(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, hours: float, is_told: bool
) -> None:
    approved(store, "item-1")
    until = datetime.now(UTC) + timedelta(hours=hours)
    network.fault = refusal(ErrorClass.RATE, "commit:before", retry_at=until)
    publisher_of(store).drain()
    found = [(t.kind, t.account_id, t.posts, t.holds_up_others) for t in store.troubles(ALL)]
    assert found == ([(TroubleKind.DEFERRED, "bluesky:did:plc:acme", 1, True)] if is_told else [])


def test_what_nobody_publishes_is_the_operators_and_comes_first(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers, clock: FixedClock
) -> None:
    approved(store, "item-1")
    network.fault = refusal(ErrorClass.INVALID, "commit:before")
    publisher_of(store).drain()
    approved(store, "item-2")
    clock.at = NOW + timedelta(minutes=20)
    assert [(t.kind, t.content_item_id) for t in store.troubles(ALL)] == [
        (TroubleKind.STUCK, "item-2"),
        (TroubleKind.FAILED, "item-1"),
    ]
    assert store.troubles(ALL)[0].since == NOW


def test_a_repost_that_is_refused_is_told_although_its_item_is_out(
    store: SqlStore, network: FakeNetwork, publisher_of: Publishers
) -> None:
    approved(store, "item-1")
    publisher_of(store).drain()
    store.repost("item-1", actor="anna", scheduled_at=NOW)
    network.fault = refusal(ErrorClass.INVALID, "commit:before")
    publisher_of(store).drain()
    assert (only(store).kind, only(store).content_item_id) == (TroubleKind.FAILED, "item-1")
    network.fault = lambda point, request: None
    store.repost("item-1", actor="anna", scheduled_at=NOW)
    publisher_of(store).drain()
    assert store.troubles(ALL) == (), "a later occurrence went out"


@pytest.mark.parametrize("key", [*(kind for kind in TroubleKind if kind is not TroubleKind.PARKED), *ParkReason])
def test_every_kind_says_whose_problem_it_is_and_what_to_do(key: str) -> None:
    owner, remedy = _WORDS[key]
    assert owner
    assert remedy
