"""What an account's own place allows is read once a day, with the profile, for accounts that answer."""

from datetime import timedelta

from assets.bronze.accounts import accounts
from contracts.records import AccountTerms
from tests.assets.fakes import NOW, House, checks


def terms(account_id: str) -> AccountTerms:
    return AccountTerms(account_id=account_id, configuration={"statuses": {}}, read_at=NOW)


def test_terms_are_kept_and_read_again_a_day_later(house: House) -> None:
    house.collector.all_terms = (terms("instagram:a1"),)
    result = house.materialize(accounts)
    assert result.success
    assert set(house.store.kept_terms) == {"instagram:a1"}
    assert house.collector.asked_for_terms == ["instagram:a1", "instagram:b1"]

    house.clock.at = NOW + timedelta(minutes=15)
    house.collector.asked_for_terms.clear()
    house.materialize(accounts)
    assert house.collector.asked_for_terms == ["instagram:b1"], "nothing is known of it yet"

    house.clock.at = NOW + timedelta(days=1)
    house.collector.asked_for_terms.clear()
    house.materialize(accounts)
    assert house.collector.asked_for_terms == ["instagram:a1", "instagram:b1"]


def test_an_account_that_does_not_answer_is_not_asked_twice_and_keeps_what_was_known(house: House) -> None:
    house.store.keep_terms([terms("instagram:a1").model_copy(update={"read_at": NOW - timedelta(days=3)})])
    house.collector.broken = frozenset({"instagram:a1"})
    result = house.materialize(accounts)
    assert house.collector.asked_for_terms == ["instagram:b1"]
    assert set(house.store.kept_terms) == {"instagram:a1"}
    failed = checks(result)["bronze/accounts", "all_accounts_read"]
    assert failed.metadata["failed_accounts"].value == 1


def test_a_past_day_asks_nobody(house: House) -> None:
    house.materialize(accounts, day=(NOW - timedelta(days=2)).date())
    assert house.collector.asked_for_terms == []
