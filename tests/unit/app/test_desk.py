"""The desk: one client's items, the guardrails' answer to what is shown, and writes that stay at home."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from apps.media_tools import local_mender
from apps.streamlit.desk import Desk, is_changeable, is_movable
from contracts.clock import FixedClock
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import ItemState, ItemStateError, SqlStore, UnknownRecordError, open_store
from tests.unit.app.demo_home import ITEMS, NOW, accounts_of


@pytest.fixture
def store(demo_home: Settings) -> Iterator[SqlStore]:
    with open_store(demo_home, clock=FixedClock(NOW)) as store:
        yield store


def _desk(store: SqlStore, home: Path, client_id: str = "harbor-coffee") -> Desk:
    (client,) = store.clients(TenantScope.of(client_id))
    return Desk(store, client, home, local_mender(home))


def test_a_desk_shows_its_own_client_only(store: SqlStore, demo_home: Settings) -> None:
    harbor, verde = _desk(store, demo_home.home), _desk(store, demo_home.home, "verde-cocina")
    span = NOW - timedelta(days=30), NOW + timedelta(days=30)
    assert {view.item.client_id for view in harbor.between(*span)} == {"harbor-coffee"}
    assert [view.item.content_item_id for view in verde.between(*span)] == ["verde-draft"]
    assert verde.parked() == ()
    with pytest.raises(UnknownRecordError):
        verde.item(ITEMS.to_approve)


def test_a_desk_never_writes_to_another_clients_item(store: SqlStore, demo_home: Settings) -> None:
    view = _desk(store, demo_home.home).item(ITEMS.to_approve)
    verde = _desk(store, demo_home.home, "verde-cocina")
    for write in (
        lambda: verde.approve(view, actor="Eve"),
        lambda: verde.edit(view, text="mine now", actor="Eve"),
        lambda: verde.reject(view, actor="Eve", reason=""),
        lambda: verde.move(view, to=NOW + timedelta(days=1), actor="Eve"),
        lambda: verde.drop(_desk(store, demo_home.home).parked()[0], actor="Eve", reason=""),
    ):
        with pytest.raises(UnknownRecordError):
            write()
    assert _desk(store, demo_home.home).item(ITEMS.to_approve) == view


def test_what_needs_a_person_is_counted_by_urgency(store: SqlStore, demo_home: Settings) -> None:
    needs = _desk(store, demo_home.home).needs(NOW)
    assert {name: count for name, count in needs.items() if count} == {"parked": 1, "approve": 3, "replies": 1}
    later = _desk(store, demo_home.home).needs(NOW + timedelta(hours=6))
    assert needs["stuck"] == 0
    assert (later["approve_soon"], later["approve"]) == (1, 2)


def test_an_edit_outdates_the_forecast_and_the_approval(store: SqlStore, demo_home: Settings) -> None:
    desk = _desk(store, demo_home.home)
    view = desk.item(ITEMS.approved)
    before = desk.forecast(view)
    assert before is not None
    assert not before.is_outdated
    desk.edit(view, text="Shorter.", actor="Ana")
    edited = desk.item(ITEMS.approved)
    shown = desk.forecast(edited)
    assert edited.state is ItemState.DRAFT
    assert shown is not None
    assert shown.is_outdated
    assert shown.forecast == before.forecast
    with pytest.raises(ItemStateError):
        desk.approve(view, actor="Ana")  # the revision that was read is no longer the newest


def test_the_verdict_is_of_the_text_and_slot_that_are_shown(store: SqlStore, demo_home: Settings) -> None:
    desk = _desk(store, demo_home.home)
    blocked = desk.item(ITEMS.blocked).item
    verdict = desk.verdict(blocked, now=NOW)
    assert not verdict.is_allowed
    assert {violation.rule for violation in verdict.violations} == {"banned_word"}
    mended = blocked.model_copy(update={"text": "A cold brew: fourteen hours in the fridge and nothing else."})
    assert desk.verdict(mended, now=NOW).is_allowed


def test_an_item_is_not_in_its_own_way_but_others_are(store: SqlStore, demo_home: Settings) -> None:
    desk = _desk(store, demo_home.home)
    approved = desk.item(ITEMS.approved).item
    assert approved.scheduled_at is not None
    assert desk.verdict(approved, now=NOW).is_allowed, "its own promised slot is no neighbour"
    other = desk.item(ITEMS.to_reject).item
    close = other.model_copy(update={"scheduled_at": approved.scheduled_at + timedelta(minutes=30)})
    assert "min_gap" in {violation.rule for violation in desk.verdict(close, now=NOW).violations}


def test_published_and_parked_items_are_out_of_an_editors_hands(store: SqlStore, demo_home: Settings) -> None:
    desk = _desk(store, demo_home.home)
    assert not is_changeable(desk.item(ITEMS.published))
    assert not is_changeable(desk.item(ITEMS.parked))
    assert is_movable(desk.item(ITEMS.approved))


def test_a_parked_post_can_be_found_sent_again_or_given_up(store: SqlStore, demo_home: Settings) -> None:
    desk = _desk(store, demo_home.home)
    (parked,) = desk.parked()
    desk.adopt(
        parked, native_id="harborandoak-901", permalink=None, published_at=NOW - timedelta(hours=20), actor="Ana"
    )
    assert desk.item(ITEMS.parked).state is ItemState.PUBLISHED
    assert desk.parked() == ()
    assert desk.outbox_counts() == {"pending": 1, "published": 2}
    with pytest.raises(ItemStateError):
        desk.send_again(parked, actor="Ana")


def test_stopping_and_resuming_name_the_actor(store: SqlStore, demo_home: Settings) -> None:
    desk, other = _desk(store, demo_home.home), _desk(store, demo_home.home, "verde-cocina")
    assert desk.stop(for_all=False, actor="Ana", reason="wrong price").in_flight == ()
    (stop,) = desk.stops()
    assert (stop.client_id, stop.actor, stop.reason) == ("harbor-coffee", "Ana", "wrong price")
    assert other.stops() == ()
    desk.stop(for_all=True, actor="Ben", reason="all of it")
    assert [stop.client_id for stop in other.stops()] == [None]
    for held in desk.stops():
        desk.resume(held, actor="Ana")
    assert desk.stops() == other.stops() == ()


def test_troubles_are_the_clients_own(store: SqlStore, demo_home: Settings) -> None:
    desk = _desk(store, demo_home.home)
    assert [trouble.content_item_id for trouble in desk.troubles(NOW)] == [ITEMS.parked]
    assert _desk(store, demo_home.home, "verde-cocina").troubles(NOW) == ()


def test_connections_tell_what_is_wrong(store: SqlStore, demo_home: Settings) -> None:
    assert [connection.problem for connection in _desk(store, demo_home.home).connections()] == [None, None]
    verde = {c.network: c.problem for c in _desk(store, demo_home.home, "verde-cocina").connections()}
    assert verde == {"bluesky": None, "instagram": "unconnected"}
    assert {account.handle for account in accounts_of("verde-cocina")} >= {"verdecocina"}


def test_media_outside_the_state_folder_is_not_shown(store: SqlStore, demo_home: Settings) -> None:
    desk = _desk(store, demo_home.home)
    picture = desk.item(ITEMS.approved).item.media[0]
    assert desk.media_path(picture.path) is not None
    (demo_home.home.parent / "secret.png").write_bytes(b"")
    assert desk.media_path("../secret.png") is None
    assert desk.media_path("media/missing.png") is None
