"""bronze/messages: the lake learns that messages were sent, the store alone what they say and who wrote them."""

from datetime import datetime, timedelta

from assets.bronze.audience import messages
from assets.bronze.observations import FIRST_MESSAGES, MESSAGES_MAY_COME_LATE
from contracts.records import Message
from contracts.tables import MESSAGES
from tests.assets.fakes import NOW, House, checks

ACCOUNT = "instagram:a1"


def message(number: int, *, sent_at: datetime = NOW - timedelta(hours=2)) -> Message:
    return Message(
        message_id=f"instagram:m{number}",
        conversation_id="instagram:c1",
        account_id=ACCOUNT,
        client_id="ana",
        network="instagram",
        native_id=f"m{number}",
        participant_native_id="person-1",
        participant_handle="luisbakes7",
        is_own=False,
        text=f"words {number}",
        sent_at=sent_at,
        observed_at=NOW,
        raw='{"message": "words"}',
    )


def test_the_lake_learns_that_and_when_and_the_store_what(house: House) -> None:
    house.collector.all_messages = [message(1), message(2)]

    result = house.materialize(messages)

    assert result.success
    rows = house.rows("bronze/messages")
    assert {(r["message_id"], r["client_id"], r["sent_at"]) for r in rows} == {
        (f"instagram:m{i}", "ana", NOW - timedelta(hours=2)) for i in (1, 2)
    }
    assert "words" not in str(rows)
    assert "luisbakes7" not in str(rows)
    assert [m.text for m in house.store.messages.values()] == ["words 1", "words 2"]
    assert all(e.passed for e in checks(result).values())


def test_what_is_read_next_begins_shortly_before_the_newest_that_is_known(house: House) -> None:
    house.collector.all_messages = [message(1)]
    house.materialize(messages)
    assert set(house.collector.messages_since.values()) == {NOW - FIRST_MESSAGES}
    house.collector.all_messages = [message(1), message(2, sent_at=NOW)]

    house.materialize(messages)

    assert house.collector.messages_since[ACCOUNT] == NOW - timedelta(hours=2) - MESSAGES_MAY_COME_LATE
    assert len(house.rows("bronze/messages")) == 2


def test_a_past_day_asks_no_network(house: House) -> None:
    house.collector.all_messages = [message(1)]

    result = house.materialize(messages, day=NOW.date() - timedelta(days=1))

    assert result.success
    assert (house.collector.calls, house.rows("bronze/messages")) == (0, [])


def test_a_failing_account_shows_with_its_reason(house: House) -> None:
    house.collector.broken = frozenset({ACCOUNT})

    failed = checks(house.materialize(messages))["bronze/messages", "all_accounts_read"]

    assert not failed.passed
    assert ACCOUNT in (failed.description or "")


def test_no_column_holds_words_or_people() -> None:
    assert set(MESSAGES.schema) & {"text", "raw", "participant_native_id", "participant_handle"} == set()
