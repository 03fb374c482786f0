"""Variants of a draft: written for one idea, judged, compared, and one of them chosen with its evidence."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import polars as pl

from assets.decisions.once import seed_of
from assets.decisions.options import options_for
from assets.decisions.rows import evidence_columns
from contracts.networks import ContentFormat, Network
from contracts.ports import Brief, CardRequest, ImageMaker, MediaLibrary, TextModel
from contracts.records import Account, AccountTerms, Client, ContentItem, Decision, Forecast, Media, Verdict
from ml.choice import epsilon_greedy
from ml.content import Draft, SeenTexts, compose
from ml.content.past import best_past_texts
from policy import POLICY_VERSION, NetworkLimits, limits_for, may_send

EXPLORATION_RATE = 0.1
PICTURE_FORMATS = frozenset({ContentFormat.IMAGE, ContentFormat.CAROUSEL})
HEADLINE_CHARACTERS = 110


@dataclass(frozen=True)
class Variant:
    """One text for an idea, as the content item that it would become."""

    item: ContentItem
    client: Client
    draft: Draft
    limits: NetworkLimits
    """What the account's posts have to fit."""


@dataclass
class Desk:
    """What writing for a day's ideas has to know: clients, accounts, the past, and what waits already."""

    clients: dict[str, Client]
    accounts: dict[str, Account]
    waiting: Sequence[ContentItem]
    posts: pl.DataFrame
    now: datetime
    terms: Mapping[str, AccountTerms] = field(default_factory=dict)
    _seen: dict[str, SeenTexts] = field(default_factory=dict)

    def write(self, idea: dict[str, Any], *, text_model: TextModel | None, variants: int) -> list[Variant]:
        """At most `variants` texts for one row of decisions/content_ideas; none close to a past or waiting text."""
        client, account = self.clients[idea["client_id"]], self.accounts[idea["account_id"]]
        network = Network(idea["network"])
        limits = limits_for(network, self.terms.get(account.account_id))
        seed = seed_of("draft", idea["idea_id"])
        own = self.posts.filter(pl.col("client_id") == client.client_id)
        brief = Brief(
            client=client,
            network=network,
            content_format=ContentFormat(idea["content_format"]),
            pillar_id=idea["pillar_id"],
            fact_ids=tuple(idea["fact_ids"]),
            angle=idea["angle"],
            max_characters=limits.draft_graphemes,
            best_past_texts=best_past_texts(own, network, now=self.now),
            seed=seed,
        )
        drafts = compose(brief, text_model=text_model, seed=seed, variants=variants, seen=self._seen_by(client, own))
        for draft in drafts:
            self._seen_by(client, own).add(draft.text)
        return [Variant(self._item(idea, draft, account, client, limits), client, draft, limits) for draft in drafts]

    def _seen_by(self, client: Client, own: pl.DataFrame) -> SeenTexts:
        if client.client_id not in self._seen:
            waiting = [i.text for i in self.waiting if i.client_id == client.client_id]
            self._seen[client.client_id] = SeenTexts([*own["text"].drop_nulls().to_list(), *waiting])
        return self._seen[client.client_id]

    def _item(
        self, idea: dict[str, Any], draft: Draft, account: Account, client: Client, limits: NetworkLimits
    ) -> ContentItem:
        terms = self.terms.get(account.account_id)
        return ContentItem(
            content_item_id=str(uuid5(NAMESPACE_URL, f"pulso:item:{idea['idea_id']}")),
            client_id=client.client_id,
            account_id=account.account_id,
            network=account.network,
            text=draft.text,
            content_format=draft.content_format,
            options=options_for(draft.content_format, draft.text, client, limits, terms),
            language=draft.language,
            pillar_id=draft.pillar_id,
            fact_ids=draft.fact_ids,
            created_at=self.now,
        )


def choose(
    idea: dict[str, Any],
    variants: Sequence[Variant],
    outlook: Sequence[Forecast | None],
    *,
    image_maker: ImageMaker,
    media: MediaLibrary,
    now: datetime,
) -> tuple[dict[str, Any], ContentItem]:
    """One variant by epsilon-greedy over those that policy allows, as a row of decisions/content_drafts and as its item.

    When policy allows none, the first stands as a refused draft with its violations, so that people see why nothing came.
    """
    pictured = [_with_picture(v, image_maker, media) for v in variants]
    verdicts = [may_send(item, v.client, now=now, limits=v.limits) for item, v in zip(pictured, variants, strict=True)]
    allowed = [n for n, verdict in enumerate(verdicts) if verdict.is_allowed] or [0]
    seed = seed_of("choice", idea["idea_id"])
    scores = [f.expected_log_engagement if (f := outlook[n]) else None for n in allowed]
    choice = epsilon_greedy(scores, epsilon=EXPLORATION_RATE, seed=seed)
    index = allowed[choice.index]
    forecast, verdict, draft = outlook[index], verdicts[index], variants[index].draft
    decision = Decision(
        decision_id=str(uuid5(NAMESPACE_URL, f"pulso:draft:{idea['idea_id']}")),
        client_id=idea["client_id"],
        account_id=idea["account_id"],
        kind="content_draft",
        decided_at=now,
        chosen=f"variant-{index}",
        candidates=tuple(_evidence(n, variants[n], outlook[n], verdicts[n]) for n in range(len(variants))),
        propensity=choice.propensity,
        is_exploration=choice.is_exploration,
        seed=seed,
        model_version=forecast.model_version if forecast else None,
        prompt_version=draft.prompt_version,
        policy_version=POLICY_VERSION,
    )
    item = pictured[index].model_copy(update={"forecast": forecast, "decisions": (decision,)})
    row = {
        **evidence_columns(decision),
        **({n: getattr(forecast, n) for n in _FORECAST_COLUMNS} if forecast else {}),
        "content_item_id": item.content_item_id,
        "revision": item.revision,
        "idea_id": idea["idea_id"],
        "network": item.network.value,
        "text": item.text,
        "content_format": item.content_format.value,
        "language": item.language,
        "pillar_id": item.pillar_id,
        "fact_ids": list(item.fact_ids),
        "is_allowed": verdict.is_allowed,
        "violations": json.dumps([v.model_dump() for v in verdict.violations], ensure_ascii=False),
        "feature_row": json.dumps(forecast.feature_row if forecast else {}, ensure_ascii=False),
    }
    return row, item


_FORECAST_COLUMNS = (
    "expected_log_engagement",
    "lower_log_engagement",
    "upper_log_engagement",
    "interval_level",
    "percentile",
    "model_name",
)


def _evidence(number: int, variant: Variant, forecast: Forecast | None, verdict: Verdict) -> dict[str, Any]:
    return {
        "id": f"variant-{number}",
        "text": variant.item.text,
        "expected_log_engagement": forecast.expected_log_engagement if forecast else None,
        "is_allowed": verdict.is_allowed,
        "prompt_version": variant.draft.prompt_version,
        "writer": variant.draft.model,
    }


def _with_picture(variant: Variant, image_maker: ImageMaker, media: MediaLibrary) -> ContentItem:
    """The item with a brand card where its format needs a picture."""
    item, brand = variant.item, variant.client.brand
    if item.content_format not in PICTURE_FORMATS:
        return item
    headline = _headline(item.text)
    card = CardRequest(
        headline=headline,
        footer=variant.client.name,
        primary_colour=brand.primary_colour,
        secondary_colour=brand.secondary_colour,
        seed=seed_of("card", item.content_item_id),
    )
    picture: Media = media.save(image_maker.card(card), alt_text=f"{headline} ({variant.client.name})")
    return item.model_copy(update={"media": (picture,)})


def _headline(text: str) -> str:
    """The first sentence or line, cut at a word."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(first) <= HEADLINE_CHARACTERS:
        return first
    return first[:HEADLINE_CHARACTERS].rsplit(" ", 1)[0] + "…"
