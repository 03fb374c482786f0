"""The stop against a sender at the very same moment: whoever comes second sees the first."""

import threading

import pytest

from contracts.scope import TenantScope
from operations import SqlStore, UnknownRecordError
from operations.stops import locked_stop_reason

ALL = TenantScope.all_clients("test")


@pytest.mark.parametrize("client_id", ["acme", None])
def test_a_press_waits_for_the_announcement_under_way_and_every_later_one_sees_it(
    store: SqlStore, client_id: str | None
) -> None:
    pressed = threading.Event()

    def press() -> None:
        store.stop(actor="anna", reason="wrong picture", client_id=client_id)
        pressed.set()

    hand = threading.Thread(target=press)
    with store._database.write() as session:
        assert locked_stop_reason(session, "acme") is None
        hand.start()
        assert not pressed.wait(0.3), "the press returned while a commit was being announced"
    hand.join()
    with store._database.write() as session:
        assert locked_stop_reason(session, "acme") == "stopped by anna: wrong picture"


def test_a_stop_is_lifted_by_whom_the_trail_names(store: SqlStore) -> None:
    store.stop(actor="anna", reason="wait", client_id="acme")
    store.resume(actor="bea", client_id="acme")
    store.resume(actor="bea", client_id="acme")
    assert store.stops(ALL) == ()
    trail = [(event.action, event.actor) for event in store.audit(TenantScope.of("acme"), subject_id="acme")]
    assert trail == [("resumed", "bea"), ("stopped", "anna"), ("client_saved", "anna")]


def test_a_stop_for_everyone_is_part_of_each_clients_trail(store: SqlStore) -> None:
    store.stop(actor="anna", reason="wait")
    assert store.audit(TenantScope.of("acme"))[0].action == "stopped"


def test_a_stop_names_a_client_that_exists(store: SqlStore) -> None:
    with pytest.raises(UnknownRecordError, match="nobody"):
        store.stop(actor="anna", reason="x", client_id="nobody")
