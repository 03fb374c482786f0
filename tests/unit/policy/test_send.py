from datetime import UTC, datetime

import pytest

from policy import may_send

MAY = datetime(2026, 5, 5, 10, tzinfo=UTC)


def rules(item, client, now=MAY) -> list[str]:
    return [v.rule for v in may_send(item, client, now=now).violations]


def test_facts_must_exist_and_hold_on_the_day_of_reading(make_item, client) -> None:
    assert rules(make_item(fact_ids=("f1", "nowhere")), client) == ["fact_unknown"]
    assert rules(make_item(fact_ids=("june",)), client) == ["fact_not_yet_valid"]
    june = make_item(fact_ids=("june",), scheduled_at=datetime(2026, 6, 1, 9, tzinfo=UTC))
    assert rules(june, client) == []
    assert rules(make_item(fact_ids=("june",)), client, now=datetime(2026, 7, 1, 9, tzinfo=UTC)) == ["fact_expired"]


def test_a_fact_holds_on_the_client_s_day_not_on_utc_s(make_item, client) -> None:
    # 22:30 UTC on 31 May is 1 June in Madrid.
    assert rules(make_item(fact_ids=("june",)), client, now=datetime(2026, 5, 31, 22, 30, tzinfo=UTC)) == []


def test_an_unknown_pillar_warns(make_item, client) -> None:
    verdict = may_send(make_item(pillar_id="cakes"), client, now=MAY)
    assert verdict.is_allowed
    assert [v.rule for v in verdict.violations] == ["pillar_unknown"]


def test_another_client_s_rules_never_apply(make_item, make_client) -> None:
    assert rules(make_item(), make_client(client_id="rival")) == ["wrong_client"]
    assert rules(make_item(), make_client(is_active=False)) == ["inactive_client"]


def test_all_broken_rules_are_told_at_once_with_a_remedy_each(make_item, client) -> None:
    item = make_item(text="cheap " * 100, fact_ids=("nowhere",), is_advertising=True)
    violations = may_send(item, client, now=MAY).violations
    assert {v.rule for v in violations} == {"text_length", "banned_word", "disclosure", "fact_unknown"}
    assert all(v.message and v.remedy for v in violations)


@pytest.mark.parametrize("hour", range(24))
def test_the_answer_does_not_depend_on_the_zone_in_which_now_is_written(hour, make_item, client) -> None:
    from zoneinfo import ZoneInfo

    now = datetime(2026, 5, 5, hour, 30, tzinfo=UTC)
    item = make_item(scheduled_at=now, fact_ids=("june",))
    assert may_send(item, client, now=now) == may_send(item, client, now=now.astimezone(ZoneInfo("America/New_York")))
