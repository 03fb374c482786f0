"""The editorial desk: revisions, approvals that an edit ends, slots, and what can no longer be changed."""

from datetime import timedelta

import pytest

from contracts.clock import FixedClock
from contracts.records import Forecast
from contracts.scope import TenantScope
from operations import IntentState, ItemState, ItemStateError, SqlStore, UnknownRecordError
from tests.unit.operations.fakes import NOW, a_client, an_account, an_item

ALL = TenantScope.all_clients("test")
LATER = NOW + timedelta(hours=2)


def a_forecast() -> Forecast:
    return Forecast(
        expected_log_engagement=2.0,
        lower_log_engagement=1.0,
        upper_log_engagement=3.0,
        percentile=0.7,
        model_name="m",
        model_version="1",
        forecast_at=NOW,
        feature_row={"a": 1.5},
    )


def test_drafts_are_inserted_once_and_read_back_whole(store: SqlStore) -> None:
    item = an_item(forecast=a_forecast())
    assert store.save_drafts([item, an_item("item-2")]) == 2
    assert store.save_drafts([item.model_copy(update={"text": "other"})]) == 0
    assert store.content_items(ALL, states=["draft"])[0] == item
    assert store.content_items(TenantScope.of("acme"), states=["approved"]) == ()
    with pytest.raises(ValueError, match="no_such_state"):
        store.content_items(ALL, states=["no_such_state"])


def test_a_draft_for_another_clients_account_is_refused(store: SqlStore) -> None:
    store.save_client(a_client("other"), actor="anna")
    with pytest.raises(ValueError, match="no account of other"):
        store.save_drafts([an_item(), an_item("item-2", client_id="other")])
    assert store.content_items(ALL) == ()


def test_items_of_other_clients_are_out_of_sight(store: SqlStore) -> None:
    store.save_client(a_client("other"), actor="anna")
    store.save_account(an_account("bluesky:other", "other"), actor="anna")
    store.save_drafts([an_item(), an_item("item-2", client_id="other", account_id="bluesky:other")])
    mine = TenantScope.of("acme")
    assert [item.content_item_id for item in store.content_items(mine)] == ["item-1"]
    assert store.revisions(mine, "item-2") == ()
    with pytest.raises(UnknownRecordError):
        store.item(mine, "item-2")


def test_approval_queues_one_intent(store: SqlStore) -> None:
    store.save_drafts([an_item()])
    for _ in range(2):
        store.approve("item-1", actor="anna", revision=1)
    (entry,) = store.outbox(ALL)
    assert (entry.state, entry.scheduled_at, entry.occurrence, entry.revision) == (IntentState.PENDING, NOW, 1, 1)
    view = store.item(ALL, "item-1")
    assert view.state is ItemState.APPROVED
    assert view.approval is not None
    assert (view.approval.actor, view.approval.decided_at, view.approval.revision) == ("anna", NOW, 1)


def test_a_post_without_a_slot_cannot_be_approved(store: SqlStore) -> None:
    store.save_drafts([an_item(scheduled_at=None)])
    with pytest.raises(ItemStateError, match="slot"):
        store.approve("item-1", actor="anna", revision=1)


def test_an_edit_makes_a_revision_and_ends_the_approval_but_keeps_the_intent(store: SqlStore) -> None:
    store.save_drafts([an_item(forecast=a_forecast())])
    store.approve("item-1", actor="anna", revision=1)
    before = store.outbox(ALL)[0].intent_id
    edited = store.edit("item-1", actor="bea", revision=1, text="Better")
    assert (edited.revision, edited.text, edited.forecast) == (2, "Better", None)
    view = store.item(ALL, "item-1")
    assert view.state is ItemState.DRAFT
    assert view.approval is not None
    assert not view.approval.is_in_force
    store.approve("item-1", actor="anna", revision=2)
    (entry,) = store.outbox(ALL)
    assert (entry.intent_id, entry.revision) == (before, 2)
    assert [(r.item.text, r.edited_by) for r in store.revisions(ALL, "item-1")] == [
        ("Text of item-1", "pulso"),
        ("Better", "bea"),
    ]
    assert [(a.revision, a.is_in_force) for a in store.approvals(ALL, "item-1")] == [(1, False), (2, True)]


def test_nobody_approves_or_edits_what_they_did_not_see(store: SqlStore) -> None:
    store.save_drafts([an_item()])
    store.edit("item-1", actor="bea", revision=1, text="Better")
    with pytest.raises(ItemStateError, match="changed meanwhile"):
        store.approve("item-1", actor="anna", revision=1)
    with pytest.raises(ItemStateError, match="changed meanwhile"):
        store.edit("item-1", actor="anna", revision=1, text="Mine")


def test_a_rejected_item_is_sent_only_after_an_edit_and_a_new_approval(store: SqlStore) -> None:
    store.save_drafts([an_item()])
    store.approve("item-1", actor="anna", revision=1)
    store.reject("item-1", actor="bea", reason="off brand")
    assert store.item(ALL, "item-1").state is ItemState.REJECTED
    assert store.outbox(ALL)[0].state is IntentState.CANCELLED
    with pytest.raises(ItemStateError, match="rejected"):
        store.approve("item-1", actor="anna", revision=1)
    store.edit("item-1", actor="bea", revision=1, text="On brand")
    store.approve("item-1", actor="anna", revision=2)
    assert store.outbox(ALL)[0].state is IntentState.PENDING


def test_cancelling_takes_the_intent_back(store: SqlStore) -> None:
    store.save_drafts([an_item()])
    store.approve("item-1", actor="anna", revision=1)
    for _ in range(2):
        store.cancel("item-1", actor="anna", reason="changed our mind")
    assert store.item(ALL, "item-1").state is ItemState.CANCELLED
    assert (store.outbox(ALL)[0].state, store.outbox(ALL)[0].reason) == (IntentState.CANCELLED, "changed our mind")


def test_a_slot_that_a_person_chose_is_not_planned_over(store: SqlStore) -> None:
    store.save_drafts([an_item(scheduled_at=None), an_item("item-2", scheduled_at=None)])
    assert store.propose_slots({"item-1": NOW, "item-2": NOW}) == 2
    assert store.propose_slots({"item-1": NOW, "item-2": NOW}) == 0
    store.reschedule("item-1", actor="anna", scheduled_at=LATER)
    assert store.propose_slots({"item-1": NOW, "item-2": LATER}) == 1
    assert [item.scheduled_at for item in store.content_items(ALL)] == [LATER, LATER]


def test_moving_an_approved_item_moves_its_intent(store: SqlStore) -> None:
    store.save_drafts([an_item()])
    store.approve("item-1", actor="anna", revision=1)
    store.reschedule("item-1", actor="anna", scheduled_at=LATER)
    assert store.outbox(ALL)[0].scheduled_at == LATER
    assert store.item(ALL, "item-1").state is ItemState.APPROVED


def test_taken_slots_are_promises_and_slots_that_people_hold(store: SqlStore) -> None:
    store.save_drafts([an_item(), an_item("item-2", scheduled_at=LATER), an_item("item-3", scheduled_at=NOW)])
    account = "bluesky:did:plc:acme"
    span = {"start": NOW - timedelta(hours=1), "end": NOW + timedelta(days=1)}
    assert store.taken_slots(ALL, **span) == {}
    store.approve("item-1", actor="anna", revision=1)
    store.reschedule("item-2", actor="anna", scheduled_at=LATER)
    assert store.taken_slots(ALL, **span) == {account: (NOW, LATER)}
    assert store.taken_slots(TenantScope.of("other"), **span) == {}
    store.cancel("item-1", actor="anna")
    assert store.taken_slots(ALL, **span) == {account: (LATER,)}


def test_the_calendar_holds_the_slots_of_its_span(store: SqlStore) -> None:
    store.save_drafts([an_item(), an_item("item-2", scheduled_at=LATER), an_item("item-3", scheduled_at=None)])
    views = store.calendar(ALL, start=NOW, end=LATER)
    assert [view.item.content_item_id for view in views] == ["item-1"]
    assert len(store.calendar(ALL, states=["draft"])) == 3


def test_a_reply_is_due_at_once_and_its_comment_counts_as_answered(store: SqlStore, clock: FixedClock) -> None:
    reply = an_item(scheduled_at=None, reply_to_comment_id="bluesky:at://c/1", reply_to_post_id="bluesky:at://p/1")
    store.save_drafts([reply])
    assert store.answered_comment_ids(ALL) == {"bluesky:at://c/1"}
    assert store.answered_comment_ids(TenantScope.of("other")) == frozenset()
    clock.at = LATER
    store.approve("item-1", actor="anna", revision=1)
    (entry,) = store.outbox(ALL)
    assert (entry.action, entry.scheduled_at) == ("reply", LATER)


def test_every_change_is_on_record_with_its_actor(store: SqlStore) -> None:
    store.save_drafts([an_item()])
    store.edit("item-1", actor="bea", revision=1, text="Better")
    store.approve("item-1", actor="anna", revision=2)
    store.cancel("item-1", actor="carl")
    trail = [(event.action, event.actor) for event in reversed(store.audit(ALL, subject_id="item-1"))]
    assert trail == [
        ("item_drafted", "pulso"),
        ("item_edited", "bea"),
        ("item_approved", "anna"),
        ("item_cancelled", "carl"),
    ]
    with pytest.raises(ValueError, match="actor"):
        store.stop(actor="", reason="x")


def test_an_unknown_item_is_named(store: SqlStore) -> None:
    with pytest.raises(UnknownRecordError, match="item-9"):
        store.cancel("item-9", actor="anna")
