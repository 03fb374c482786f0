"""Thirty drafts for each demo client: new, in the client's language, resting on named facts, allowed, unlike each other."""

from datetime import datetime, timedelta
from itertools import combinations
from uuid import uuid4

import pytest

from apps.demo.drafts import DOCUMENT, render
from contracts.networks import ContentFormat, Network
from contracts.records import ContentItem, Media
from ml.content import SeenTexts, brief_for, compose, propose_ideas, similarity
from ml.content.similarity import NEAR_DUPLICATE
from ml.language import identify_language
from policy import LIMITS, may_send, text_rules


def content_item(draft, client, network, now) -> ContentItem:
    media = ()
    if draft.content_format is ContentFormat.IMAGE:
        media = (
            Media(
                media_id="m",
                path="media/m.jpg",
                mime_type="image/jpeg",
                alt_text="card",
                width=1080,
                height=1080,
                size_bytes=1000,
                sha256="0" * 64,
            ),
        )
    return ContentItem(
        content_item_id=str(uuid4()),
        client_id=client.client_id,
        account_id=f"{network.value}:x",
        network=network,
        text=draft.text,
        content_format=draft.content_format,
        media=media,
        language=draft.language,
        pillar_id=draft.pillar_id,
        fact_ids=draft.fact_ids,
        created_at=now,
    )


TWO_NETWORKS = (Network.BLUESKY, Network.INSTAGRAM)
"""The shortest texts and long ones: a brand kit holds enough facts for thirty drafts, not for fifteen on every network."""


def thirty_drafts(client, posts, now, seed):
    """Fifteen for each of two networks, as an asset makes them: each must be unlike the past and unlike those before it."""
    seen = SeenTexts(posts["text"].to_list())
    drafts = []
    for network in TWO_NETWORKS:
        longest = LIMITS[network].draft_graphemes
        for index, idea in enumerate(propose_ideas(client, network, posts, count=15, now=now, seed=seed)):
            brief = brief_for(idea, client, posts, max_characters=longest, now=now, seed=index)
            for draft in compose(brief, text_model=None, seed=seed, variants=1, seen=seen):
                seen.add(draft.text)
                drafts.append((network, draft))
    return drafts


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_thirty_drafts_are_new_allowed_grounded_and_varied(
    language, seed, clients, make_posts, past_texts, now
) -> None:
    client = clients[language]
    past = past_texts[language]
    rows = [
        {"text": text, "mature_engagements": 5 + index, "network": network.value}
        for network in TWO_NETWORKS
        for index, text in enumerate(past)
    ]
    drafts = thirty_drafts(client, make_posts(client.client_id, rows), now, seed)
    assert len(drafts) == 30

    facts = {fact.fact_id: fact for fact in client.brand.facts}
    pillars = {pillar.pillar_id for pillar in client.brand.pillars}
    for network, draft in drafts:
        assert all(similarity(draft.text, text) < NEAR_DUPLICATE for text in past)
        assert draft.text not in past
        guess = identify_language(draft.text)
        assert guess.language == client.language, draft.text
        assert draft.pillar_id in pillars
        assert draft.fact_ids
        for fact_id in draft.fact_ids:
            assert facts[fact_id].pillar_id == draft.pillar_id
            assert facts[fact_id].text[1:] in draft.text  # only the first letter may follow the sentence around it
        verdict = may_send(content_item(draft, client, network, now), client, now=now + timedelta(days=5))
        assert verdict.is_allowed, (draft.text, verdict.violations)

    texts = [draft.text for _, draft in drafts]
    assert max(similarity(a, b) for a, b in combinations(texts, 2)) < NEAR_DUPLICATE
    assert len({draft.pillar_id for _, draft in drafts}) == 4
    assert len({fact_id for _, draft in drafts for fact_id in draft.fact_ids}) >= 20
    assert len({draft.prompt_version for _, draft in drafts}) >= 8  # structures
    openings = [text.split("\n")[0][:40] for text in texts]
    assert len(set(openings)) >= 18


@pytest.mark.parametrize("network", list(Network))
@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_what_is_written_for_a_network_is_a_text_that_it_takes(language, network, clients, make_posts, now) -> None:
    client = clients[language]
    posts = make_posts(client.client_id, [])
    for index, idea in enumerate(propose_ideas(client, network, posts, count=8, now=now, seed=3)):
        brief = brief_for(idea, client, posts, max_characters=LIMITS[network].draft_graphemes, now=now, seed=index)
        for draft in compose(brief, text_model=None, seed=3, variants=1, seen=SeenTexts()):
            item = content_item(draft, client, network, now)
            assert [v.message for v in text_rules.check(item, LIMITS[network])] == []
            assert item.content_format in LIMITS[network].formats


def test_the_same_seed_writes_the_same_and_another_seed_does_not(clients, make_posts, now) -> None:
    client, posts = clients["es"], make_posts("verde-cocina", [])
    one, again, other = (thirty_drafts(client, posts, now, seed) for seed in (5, 5, 6))
    assert one == again
    assert one != other


def test_a_client_whose_every_fact_was_told_gets_no_repeated_draft(clients, make_posts, now: datetime) -> None:
    client = clients["en"]
    posts = make_posts(client.client_id, [{"text": fact.text} for fact in client.brand.facts])
    assert thirty_drafts(client, posts, now, 1) == []


def test_the_page_of_drafts_is_what_the_composer_writes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "run: python -m apps.demo.drafts"
    assert render().count("rests on") == 10
