"""Direct messages: where they can be sent, how long they may be, and for how long after the person last wrote."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.networks import ContentFormat, Network
from contracts.records import ContentItem
from policy import LIMITS, may_send
from tests.unit.operations.fakes import a_client

NOW = datetime(2026, 5, 30, 12, tzinfo=UTC)


def an_answer(network: Network, **changes: object) -> ContentItem:
    values: dict[str, object] = {
        "content_item_id": "answer",
        "client_id": "acme",
        "account_id": f"{network.value}:acme",
        "network": network,
        "text": "Yes, we do.",
        "content_format": ContentFormat.TEXT,
        "language": "en",
        "reply_to_message_id": f"{network.value}:m1",
        "created_at": NOW,
    }
    return ContentItem.model_validate({**values, **changes})


def broken(item: ContentItem, hours: float | None = None) -> dict[str, str]:
    last = None if hours is None else NOW - timedelta(hours=hours)
    return {v.rule: v.remedy for v in may_send(item, a_client(), now=NOW, last_received_at=last).violations}


@pytest.mark.parametrize("network", list(Network))
def test_messages_are_allowed_where_the_network_takes_them(network: Network) -> None:
    expected = {} if LIMITS[network].messages else {"message_unsupported": "Answer on the network itself."}
    assert broken(an_answer(network)) == expected


def test_quiet_hours_and_quotas_do_not_hold_an_answer_back() -> None:
    night = NOW.replace(hour=23)
    item = an_answer(Network.X, scheduled_at=night)
    assert may_send(item, a_client(), now=night, published_times=[night] * 50).violations == ()


def test_a_message_may_be_longer_than_a_post_on_x_and_is_bounded_all_the_same() -> None:
    assert broken(an_answer(Network.X, text="x" * 10_000)) == {}
    assert list(broken(an_answer(Network.X, text="x" * 10_001))) == ["text_length"]
    assert list(broken(an_answer(Network.INSTAGRAM, text="x" * 1_001))) == ["text_length"]
    assert list(broken(an_answer(Network.MASTODON, text="x" * 501))) == ["text_length"]


@pytest.mark.parametrize("network", [Network.FACEBOOK, Network.INSTAGRAM])
def test_after_a_day_only_a_person_answers_and_after_a_week_nobody(network: Network) -> None:
    by_anybody, by_a_person = an_answer(network), an_answer(network, needs_person=True)
    assert broken(by_anybody, 24) == {}
    assert "Let a person write" in broken(by_anybody, 25)["message_window"]
    assert broken(by_a_person, 25) == {}
    assert "own inbox" in broken(by_a_person, 7 * 24 + 1)["message_window"]
    assert "own inbox" in broken(by_anybody, 7 * 24 + 1)["message_window"]


@pytest.mark.parametrize("network", [Network.MASTODON, Network.X])
def test_other_networks_have_no_window(network: Network) -> None:
    assert broken(an_answer(network), 1_000) == {}
