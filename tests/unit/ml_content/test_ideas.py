from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from contracts.networks import ContentFormat, Network
from contracts.records import Decision
from ml.content import IDEAS_VERSION, propose_ideas
from ml.content.ideas import EXPLORATION_RATE, SHORTLIST_SIZE
from ml.content.past import best_past_texts, classify_pillars, matured, shrunken_lift


def test_on_the_first_day_every_pillar_gets_its_turn_and_no_fact_comes_twice(clients, make_posts, now) -> None:
    for client in clients.values():
        ideas = propose_ideas(client, Network.BLUESKY, make_posts(client.client_id, []), count=12, now=now, seed=1)
        assert len(ideas) == 12
        assert min(Counter(idea.pillar_id for idea in ideas).values()) >= 2
        assert len({idea.fact_ids[0] for idea in ideas}) == 12


def test_every_idea_carries_its_evidence(clients, make_posts, now) -> None:
    client = clients["en"]
    for idea in propose_ideas(client, Network.INSTAGRAM, make_posts(client.client_id, []), count=8, now=now, seed=3):
        decision = idea.decision(account_id="instagram:1", policy_version="p")
        assert isinstance(decision, Decision)
        assert decision.prompt_version == IDEAS_VERSION
        assert decision.chosen in {candidate["id"] for candidate in decision.candidates}
        assert 1 < len(decision.candidates) <= SHORTLIST_SIZE
        scores = [candidate["score"] for candidate in decision.candidates]
        assert scores == sorted(scores, reverse=True)
        assert idea.content_format is ContentFormat.IMAGE
        assert idea.reason
        facts = {fact.fact_id: fact.pillar_id for fact in client.brand.facts}
        assert {facts[fact_id] for fact_id in idea.fact_ids} == {idea.pillar_id}


def test_propensities_are_those_of_the_draw(clients, make_posts, now) -> None:
    """Over many seeds the first idea of a fixed shortlist is drawn as often as its propensity says."""
    client = clients["pt"]
    posts = make_posts(
        client.client_id,
        [{"text": "A prancha nova e a quilha", "mature_engagements": 100 + i} for i in range(30)]
        + [{"text": "A aula da turma com o instrutor", "mature_engagements": 1} for _ in range(30)],
    )
    ideas = [propose_ideas(client, Network.BLUESKY, posts, count=1, now=now, seed=seed)[0] for seed in range(600)]
    explored = sum(idea.is_exploration for idea in ideas) / len(ideas)
    expected = sum(
        EXPLORATION_RATE * (1 - sum(c["score"] == i.candidates[0]["score"] for c in i.candidates) / len(i.candidates))
        for i in ideas
    ) / len(ideas)
    assert abs(explored - expected) < 0.05
    for idea in ideas:
        tied = sum(c["score"] == idea.candidates[0]["score"] for c in idea.candidates)
        share = EXPLORATION_RATE / len(idea.candidates)
        assert idea.propensity == pytest.approx(
            share if idea.is_exploration else share + (1 - EXPLORATION_RATE) / tied, abs=0.02
        )


def test_the_same_seed_and_moment_choose_the_same(clients, make_posts, now) -> None:
    client, posts = clients["en"], make_posts("harbor-coffee", [])
    again = [propose_ideas(client, Network.BLUESKY, posts, count=5, now=now, seed=4) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0] != propose_ideas(client, Network.BLUESKY, posts, count=5, now=now, seed=5)
    later = propose_ideas(client, Network.BLUESKY, posts, count=5, now=now + timedelta(days=1), seed=4)
    assert {i.idea_id for i in later}.isdisjoint(i.idea_id for i in again[0])


def test_facts_are_told_only_while_they_hold(clients, make_posts) -> None:
    client, posts = clients["es"], make_posts("verde-cocina", [])

    def cherry_is_told(now: datetime) -> bool:
        ideas = propose_ideas(client, Network.BLUESKY, posts, count=20, now=now, seed=1)
        return any("vc-temporada-cereza" in idea.fact_ids for idea in ideas)

    assert not cherry_is_told(datetime(2026, 5, 1, tzinfo=UTC))
    assert cherry_is_told(datetime(2026, 6, 10, tzinfo=UTC))
    assert not cherry_is_told(datetime(2026, 6, 28, tzinfo=UTC))  # would be over before the post is out


def test_what_was_told_lately_waits(clients, make_posts, now) -> None:
    client = clients["en"]
    told = [f for f in client.brand.facts if f.pillar_id == "origins"]
    posts = make_posts(client.client_id, [{"text": f.text, "published_at": now - timedelta(days=2)} for f in told])
    ideas = propose_ideas(client, Network.BLUESKY, posts, count=6, now=now, seed=2)
    greedy = [idea for idea in ideas if not idea.is_exploration]
    assert greedy
    assert all(idea.pillar_id != "origins" for idea in greedy)


def test_a_pillar_that_did_well_is_preferred_and_the_unripe_past_is_not_read(clients, make_posts, now) -> None:
    client = clients["en"]
    rows = [{"text": "Our compost and reusable cup news", "mature_engagements": 400} for _ in range(40)]
    rows += [{"text": "The espresso and the grinder", "mature_engagements": 2} for _ in range(40)]
    posts = make_posts(client.client_id, rows)
    unripe = posts.with_columns(mature_at=pl_literal(now + timedelta(days=1)))

    def potential(frame, pillar: str) -> float:
        (idea,) = propose_ideas(client, Network.BLUESKY, frame, count=1, now=now, seed=1)
        return max((c["potential"] for c in idea.candidates if c["pillar_id"] == pillar), default=-9.0)

    assert potential(posts, "sustainability") > 1.0
    assert potential(unripe, "sustainability") == 0.0


def pl_literal(value: datetime):
    import polars as pl

    return pl.lit(value).dt.cast_time_unit("us")


def test_other_clients_rows_are_refused_and_a_client_without_facts_gets_no_idea(clients, make_posts, now) -> None:
    client = clients["en"]
    with pytest.raises(ValueError, match="other clients"):
        propose_ideas(client, Network.BLUESKY, make_posts("rival", [{}]), count=1, now=now, seed=1)
    bare = client.model_copy(update={"brand": client.brand.model_copy(update={"facts": ()})})
    assert propose_ideas(bare, Network.BLUESKY, make_posts(client.client_id, []), count=3, now=now, seed=1) == ()


def test_pillars_are_told_apart_by_their_words(clients) -> None:
    for client in clients.values():
        found = classify_pillars([fact.text for fact in client.brand.facts], client.brand.pillars)
        right = sum(f == fact.pillar_id for f, fact in zip(found, client.brand.facts, strict=True))
        wrong = sum(f not in (fact.pillar_id, None) for f, fact in zip(found, client.brand.facts, strict=True))
        assert right >= 0.5 * len(found)
        assert wrong <= 0.2 * len(found)
        assert classify_pillars(["", None, "xyz 123"], client.brand.pillars) == [None, None, None]


def test_effects_are_shrunken_towards_zero(make_posts, now) -> None:
    posts = make_posts(
        "c",
        [{"content_format": "text", "mature_engagements": 1}] * 50
        + [{"content_format": "image", "mature_engagements": 1000}],
    )
    lift = shrunken_lift(matured(posts, now=now), "content_format")
    assert 0.4 < lift["image"] < 0.65  # raw: 6.1
    assert shrunken_lift(matured(posts.head(0), now=now), "content_format") == {}


def test_the_best_texts_come_from_the_best_quarter_of_one_network(make_posts, now) -> None:
    rows = [{"text": f"text {i}", "mature_engagements": i, "network": "bluesky"} for i in range(40)]
    rows += [{"text": "other network", "mature_engagements": 10_000, "network": "instagram"}] * 8
    rows += [{"text": "a reply", "mature_engagements": 10_000, "is_reply": True}]
    best = best_past_texts(make_posts("c", rows), Network.BLUESKY, now=now)
    assert best == tuple(f"text {i}" for i in range(39, 29, -1))
