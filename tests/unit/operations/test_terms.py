"""An account's own terms are kept, replaced when they are read again, and heeded when its posts are judged."""

from datetime import timedelta

import pytest

from contracts.errors import PulsoError
from contracts.networks import Network
from contracts.records import AccountTerms, Autonomy, Board
from contracts.scope import TenantScope
from operations import OutboxPublisher, SqlStore, UnknownRecordError
from policy import may_send
from tests.unit.operations.conftest import StoreMaker
from tests.unit.operations.fakes import NOW, FakeNetwork, FakeNetworks, a_client, an_account, an_item

ALL = TenantScope.all_clients("test")
PIN, TOOT = "pinterest:1", "mastodon:1"
PRIVATE, PUBLIC, OTHER = (
    Board(board_id="1", name="Ideas", is_public=False),
    Board(board_id="2", name="Recipes", is_public=True),
    Board(board_id="3", name="Shop", is_public=True),
)


def boards(*found: Board) -> AccountTerms:
    return AccountTerms(account_id=PIN, boards=found, read_at=NOW)


@pytest.fixture
def pinning(bare_store: SqlStore) -> SqlStore:
    bare_store.save_client(a_client(), actor="anna")
    bare_store.save_account(an_account(PIN), actor="anna")
    return bare_store


@pytest.mark.parametrize(
    ("found", "chosen", "expected"),
    [
        ((), None, None),
        ((PRIVATE,), None, PRIVATE),
        ((PRIVATE, PUBLIC, OTHER), None, PUBLIC),
        ((PRIVATE, PUBLIC, OTHER), "3", OTHER),
        ((PRIVATE, PUBLIC), "3", PUBLIC),
        ((PRIVATE, PRIVATE.model_copy(update={"board_id": "4"})), None, None),
    ],
)
def test_the_board_is_the_chosen_one_else_the_only_one_else_the_first_public_one(found, chosen, expected) -> None:
    assert boards(*found).model_copy(update={"chosen_board_id": chosen}).board == expected


def test_a_chosen_board_stays_chosen_when_the_boards_are_read_again(pinning: SqlStore) -> None:
    assert pinning.terms(ALL) == {}
    pinning.keep_terms([boards(PUBLIC, OTHER)])
    assert pinning.choose_board(PIN, "3", actor="anna").board == OTHER
    pinning.keep_terms([boards(PRIVATE, PUBLIC, OTHER).model_copy(update={"read_at": NOW + timedelta(days=1)})])
    kept = pinning.terms(TenantScope.of("acme"))[PIN]
    assert (kept.board, kept.read_at) == (OTHER, NOW + timedelta(days=1))
    assert pinning.terms(TenantScope.of("other")) == {}
    (event,) = (e for e in pinning.audit(ALL) if e.action == "board_chosen")
    assert (event.actor, event.detail) == ("anna", {"board_id": "3"})


def test_a_board_that_was_not_read_is_refused_with_those_that_were(pinning: SqlStore) -> None:
    with pytest.raises(PulsoError, match="pulso accounts boards pinterest:1"):
        pinning.choose_board(PIN, "2", actor="anna")
    pinning.keep_terms([boards(PUBLIC)])
    with pytest.raises(PulsoError, match=r"Recipes \(2\)"):
        pinning.choose_board(PIN, "9", actor="anna")
    with pytest.raises(UnknownRecordError):
        pinning.keep_terms([AccountTerms(account_id="pinterest:none", read_at=NOW)])


def test_an_instance_that_takes_more_is_believed_when_approving_and_when_sending(
    open_stores: StoreMaker, network: FakeNetwork
) -> None:
    """900 characters: too long for Mastodon as it usually is, not for an instance that states 5,000."""
    store = open_stores(may_send)
    store.save_client(a_client(autonomy=Autonomy.AUTONOMOUS), actor="anna")
    store.save_account(an_account(TOOT), actor="anna")
    slot = NOW + timedelta(hours=3)
    item = an_item(account_id=TOOT, network=Network.MASTODON, text="a word " * 128, scheduled_at=slot)
    store.save_drafts([item])
    assert store.approve_by_policy(ALL) == 0
    configuration = {"statuses": {"max_characters": 5_000}}
    store.keep_terms([AccountTerms(account_id=TOOT, configuration=configuration, read_at=NOW)])
    assert store.approve_by_policy(ALL) == 1

    open_stores.clock.at = slot
    network.network = Network.MASTODON
    publisher = OutboxPublisher(store, FakeNetworks([network]), machine=network.machine)
    assert publisher.drain().published == 1


def test_an_instance_that_takes_less_is_heeded_when_sending(open_stores: StoreMaker, network: FakeNetwork) -> None:
    store = open_stores(may_send)
    store.save_client(a_client(), actor="anna")
    store.save_account(an_account(TOOT), actor="anna")
    store.save_drafts([an_item(account_id=TOOT, network=Network.MASTODON, text="a word " * 40)])
    store.approve("item-1", actor="anna", revision=1)
    configuration = {"statuses": {"max_characters": 200}}
    store.keep_terms([AccountTerms(account_id=TOOT, configuration=configuration, read_at=NOW)])

    network.network = Network.MASTODON
    OutboxPublisher(store, FakeNetworks([network]), machine=network.machine).drain()
    assert network.posts == []
    assert "mastodon accepts 200" in (store.troubles(ALL)[0].reason)
