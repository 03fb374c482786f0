from collections import Counter
from datetime import date

import pytest

from apps.demo import demo_clients
from apps.demo.goals import demo_goals
from contracts.records import Autonomy
from ml.language import identify_language


def test_the_three_brands_are_those_that_the_sandbox_knows() -> None:
    known = {client.client_id: (client.language, client.time_zone, client.autonomy) for client in demo_clients()}
    assert known == {
        "harbor-coffee": ("en", "America/New_York", Autonomy.AUTONOMOUS),
        "verde-cocina": ("es", "Europe/Madrid", Autonomy.ASSISTED),
        "brisa-surf": ("pt", "America/Sao_Paulo", Autonomy.MANUAL),
    }


def test_every_brand_kit_is_rich_enough_to_write_from() -> None:
    for client in demo_clients():
        brand = client.brand
        assert len(brand.facts) >= 20
        assert min(Counter(fact.pillar_id for fact in brand.facts).values()) >= 5
        assert {fact.pillar_id for fact in brand.facts} == {pillar.pillar_id for pillar in brand.pillars}
        assert len({fact.fact_id for fact in brand.facts}) == len(brand.facts)
        assert all(pillar.description and len(pillar.keywords) >= 8 for pillar in brand.pillars)
        assert all(
            (brand.hashtags, brand.banned_words, brand.calls_to_action, brand.disclosure, brand.emoji, brand.link)
        )


def test_facts_are_full_sentences_in_the_clients_language() -> None:
    for client in demo_clients():
        for fact in client.brand.facts:
            assert fact.text.endswith(".")
            assert len(fact.text) <= 160
            assert identify_language(fact.text).language == client.language


def test_every_client_has_goals_for_the_calendar_quarter_and_nobody_else_has() -> None:
    clients = {client.client_id for client in demo_clients()}
    for today, quarter in (
        (date(2026, 5, 30), (date(2026, 4, 1), date(2026, 6, 30))),
        (date(2026, 12, 31), (date(2026, 10, 1), date(2026, 12, 31))),
        (date(2028, 1, 1), (date(2028, 1, 1), date(2028, 3, 31))),
    ):
        for client_id in clients:
            goals = demo_goals(client_id, today=today)
            assert goals
            assert {(goal.first_day, goal.last_day) for goal in goals} == {quarter}
            assert len({goal.goal_id for goal in goals}) == len(goals)
    assert demo_goals("somebody", today=date(2026, 5, 30)) == ()


def test_every_client_says_how_much_it_means_to_write_about_each_theme() -> None:
    for client in demo_clients():
        assert sum(pillar.intended_share or 0 for pillar in client.brand.pillars) == pytest.approx(1)
