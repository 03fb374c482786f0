"""Which pillar, facts, angle and format to write about next.

Belongs here: the candidates, their score, and the choice with its evidence (candidate set, propensity, exploration flag, seed).
Does not belong here: writing the text (compose), choosing the time (schedule).
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

import polars as pl

from contracts.networks import ContentFormat, Network
from contracts.ports import Brief
from contracts.records import Client, Decision, Fact
from ml.content.offline_composer import PHRASEBOOKS
from ml.content.past import best_past_texts, classify_pillars, matured, shrunken_lift
from ml.content.phrasebook import Angle, angles_of
from ml.content.similarity import NEAR_DUPLICATE, SeenTexts, shingles

IDEAS_VERSION = "ideas-1"
"""Raised when candidates, score or choice change; stored as `prompt_version` of the decision."""

EXPLORATION_RATE = 0.2
"""Share of ideas that are drawn from the shortlist without regard to score, so that effects stay learnable."""
SHORTLIST_SIZE = 12
RECENT_DAYS = 45
"""A fact that a post told this recently is not new."""
RECENT_POSTS = 12
"""Pillars are balanced over about this many posts."""
VALIDITY_MARGIN = timedelta(days=7)
"""A draft waits for approval and for its slot: its facts must still hold then."""

# Nothing is drafted that needs a film: Pulso makes pictures.
FORMATS: dict[Network, tuple[ContentFormat, ...]] = {
    Network.BLUESKY: (ContentFormat.TEXT, ContentFormat.IMAGE, ContentFormat.LINK),
    Network.FACEBOOK: (ContentFormat.TEXT, ContentFormat.IMAGE, ContentFormat.LINK),
    Network.INSTAGRAM: (ContentFormat.IMAGE,),
    Network.LINKEDIN: (ContentFormat.TEXT, ContentFormat.IMAGE),
    Network.MASTODON: (ContentFormat.TEXT, ContentFormat.IMAGE),
    Network.PINTEREST: (ContentFormat.IMAGE,),
    Network.TIKTOK: (ContentFormat.IMAGE,),
    Network.X: (ContentFormat.TEXT, ContentFormat.IMAGE),
    Network.YOUTUBE: (),
}
NOT_DRAFTED: dict[Network, str] = {
    Network.YOUTUBE: "every post there is a film, and nothing here makes films yet",
}
"""Networks without a format that can be drafted, and why."""


@dataclass(frozen=True)
class Idea:
    """One thing to write, and why this one."""

    idea_id: str
    client_id: str
    network: Network
    pillar_id: str
    fact_ids: tuple[str, ...]
    """The first is what the post is about; the others are at hand."""
    angle: str
    content_format: ContentFormat
    reason: str
    candidates: tuple[dict[str, Any], ...]
    """The whole shortlist, best first, each with its score and the parts of it."""
    chosen: str
    propensity: float
    is_exploration: bool
    seed: int
    decided_at: datetime

    def decision(self, *, account_id: str, policy_version: str) -> Decision:
        """The evidence as the contracts record it."""
        return Decision(
            decision_id=self.idea_id,
            client_id=self.client_id,
            account_id=account_id,
            kind="content_idea",
            decided_at=self.decided_at,
            chosen=self.chosen,
            candidates=self.candidates,
            propensity=self.propensity,
            is_exploration=self.is_exploration,
            seed=self.seed,
            model_version=None,
            prompt_version=IDEAS_VERSION,
            policy_version=policy_version,
        )


def propose_ideas(
    client: Client, network: Network, posts: pl.DataFrame, *, count: int, now: datetime, seed: int
) -> tuple[Idea, ...]:
    """The next `count` ideas for one client on one network, no fact twice as the main one while others are left.

    `posts`: gold `fct_posts` of this client, any networks; may be empty. Outcomes count only once mature at `now`.
    A client without valid facts that are still to be told gets no idea: there is nothing true and new to say. Raises ValueError for another client's rows.
    """
    if set(posts["client_id"].unique().to_list()) - {client.client_id}:
        raise ValueError(f"Posts of other clients than {client.client_id} in the frame.")
    facts = _tellable(_valid_facts(client, now), posts)
    if not facts or not FORMATS[network]:
        return ()
    random = Random(f"{seed}:{client.client_id}:{network.value}:{now.isoformat()}")
    view = _View.of(client, network, posts, now)
    used: list[_Candidate] = []
    ideas: list[Idea] = []
    for index in range(count):
        shortlist = _shortlist(client, network, facts, view, used, random)
        best = [candidate for candidate in shortlist if candidate.score == shortlist[0].score]
        explores = random.random() < EXPLORATION_RATE
        chosen = random.choice(shortlist if explores else best)
        is_best = chosen in best
        propensity = EXPLORATION_RATE / len(shortlist) + ((1 - EXPLORATION_RATE) / len(best) if is_best else 0.0)
        used.append(chosen)
        ideas.append(
            Idea(
                idea_id=str(
                    uuid5(
                        NAMESPACE_URL, f"pulso:idea:{client.client_id}:{network.value}:{now.isoformat()}:{seed}:{index}"
                    )
                ),
                client_id=client.client_id,
                network=network,
                pillar_id=chosen.fact.pillar_id,
                fact_ids=(chosen.fact.fact_id, *_companions(chosen.fact, facts, used, random)),
                angle=chosen.angle.value,
                content_format=chosen.content_format,
                reason=chosen.reason(),
                candidates=tuple(candidate.evidence() for candidate in shortlist),
                chosen=chosen.key,
                propensity=propensity,
                is_exploration=not is_best,
                seed=seed,
                decided_at=now,
            )
        )
    return tuple(ideas)


def brief_for(
    idea: Idea, client: Client, posts: pl.DataFrame, *, max_characters: int, now: datetime, seed: int
) -> Brief:
    """What a writer is asked for. `max_characters`: the network's limit, in graphemes."""
    return Brief(
        client=client,
        network=idea.network,
        content_format=idea.content_format,
        pillar_id=idea.pillar_id,
        fact_ids=idea.fact_ids,
        angle=idea.angle,
        max_characters=max_characters,
        best_past_texts=best_past_texts(posts, idea.network, now=now),
        seed=seed,
    )


@dataclass(frozen=True)
class _Candidate:
    fact: Fact
    angle: Angle
    content_format: ContentFormat
    relevance: float
    uniqueness: float
    balance: float
    potential: float
    freshness: float
    """1 for a main fact, angle and pillar that this batch has not used yet."""
    tie_break: float

    @property
    def key(self) -> str:
        return f"{self.fact.fact_id}/{self.angle.value}/{self.content_format.value}"

    @property
    def score(self) -> float:
        """Sum of parts on comparable scales (each about 0 to 1; potential in log units of engagement)."""
        return self.relevance + self.uniqueness + self.balance + self.potential + self.freshness

    def evidence(self) -> dict[str, Any]:
        parts = {
            name: round(getattr(self, name), 4)
            for name in ("relevance", "uniqueness", "balance", "potential", "freshness")
        }
        return {"id": self.key, "pillar_id": self.fact.pillar_id, "score": round(self.score, 4), **parts}

    def reason(self) -> str:
        parts = {
            "timely" if self.relevance > 0.75 else "fits its pillar": self.relevance,
            "not told recently": self.uniqueness,
            "its pillar is due": self.balance,
            "its pillar and format did well": self.potential,
        }
        told = [name for name, value in sorted(parts.items(), key=lambda part: -part[1]) if value > 0.25]
        return "; ".join(told) or "the best that is left"


@dataclass(frozen=True)
class _View:
    """What the past says, computed once for a batch."""

    pillar_lift: dict[str, float]
    format_lift: dict[str, float]
    recent_pillars: Counter[str]
    told: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, client: Client, network: Network, posts: pl.DataFrame, now: datetime) -> "_View":
        known = posts.filter(pl.col("published_at") <= now).sort("published_at")
        known = known.with_columns(
            pillar_id=pl.Series(classify_pillars(known["text"].to_list(), client.brand.pillars), dtype=pl.String)
        )
        past = matured(known, now=now)
        recent = known.filter((pl.col("network") == network.value) & ~pl.col("is_reply").fill_null(False)).tail(
            RECENT_POSTS
        )
        texts = known.filter(pl.col("published_at") > now - timedelta(days=RECENT_DAYS))["text"].drop_nulls()
        return cls(
            pillar_lift=shrunken_lift(past, "pillar_id"),
            format_lift=shrunken_lift(past.filter(pl.col("network") == network.value), "content_format"),
            recent_pillars=Counter(recent["pillar_id"].drop_nulls().to_list()),
            told=frozenset(shingle for text in texts for shingle in shingles(text)),
        )


def _valid_facts(client: Client, now: datetime) -> list[Fact]:
    today = now.astimezone(ZoneInfo(client.time_zone)).date()
    pillars = {pillar.pillar_id for pillar in client.brand.pillars}
    return [
        fact
        for fact in client.brand.facts
        if fact.pillar_id in pillars
        and (fact.valid_from is None or fact.valid_from <= today)
        and (fact.valid_until is None or today + VALIDITY_MARGIN <= fact.valid_until)
    ]


def _tellable(facts: list[Fact], posts: pl.DataFrame) -> list[Fact]:
    """Facts that are not already the whole of a past post: a draft that quotes such a fact would repeat that post."""
    past = SeenTexts(posts["text"].drop_nulls())
    return [fact for fact in facts if past.closest(fact.text) < NEAR_DUPLICATE]


def _shortlist(
    client: Client, network: Network, facts: Sequence[Fact], view: _View, used: Sequence[_Candidate], random: Random
) -> list[_Candidate]:
    """The best candidate of each fact, best first, the top SHORTLIST_SIZE of them."""
    candidates = (_best_for(fact, client, network, view, used, random) for fact in facts)
    return sorted(candidates, key=lambda c: (-c.score, c.tie_break))[:SHORTLIST_SIZE]


def _best_for(
    fact: Fact, client: Client, network: Network, view: _View, used: Sequence[_Candidate], random: Random
) -> _Candidate:
    phrases = PHRASEBOOKS[client.language]
    siblings = sum(other.pillar_id == fact.pillar_id for other in client.brand.facts)
    angles = [*angles_of(fact.text, phrases), *([Angle.ROUND_UP] if siblings > 2 else [])]
    formats = [f for f in FORMATS[network] if f is not ContentFormat.LINK or client.brand.link]
    pillar_count = len(client.brand.pillars)
    recent = view.recent_pillars + Counter(c.fact.pillar_id for c in used)
    share = (recent[fact.pillar_id] + 1) / (sum(recent.values()) + pillar_count)
    is_timely = fact.valid_from is not None or fact.valid_until is not None
    own = shingles(fact.text)
    told = sum(shingle in view.told for shingle in own) / len(own) if own else 0.0
    times_main = sum(c.fact.fact_id == fact.fact_id for c in used)
    options = [
        _Candidate(
            fact=fact,
            angle=angle,
            content_format=content_format,
            relevance=1.0 if is_timely else 0.5,
            uniqueness=1.0 - told,
            balance=max(0.0, 1.0 - share * pillar_count / 2),
            potential=view.pillar_lift.get(fact.pillar_id, 0.0) + view.format_lift.get(content_format.value, 0.0),
            freshness=1.0
            - 2.0 * times_main
            - 0.5 * sum(c.angle is angle for c in used) / max(1, len(used))
            - 0.3 * sum(c.content_format is content_format for c in used) / max(1, len(used)),
            tie_break=random.random(),
        )
        for angle in angles
        for content_format in formats
    ]
    return min(options, key=lambda c: (-c.score, c.tie_break))


def _companions(main: Fact, facts: Sequence[Fact], used: Sequence[_Candidate], random: Random) -> tuple[str, ...]:
    """Two more facts of the same pillar, the ones that this batch leans on least first."""
    leaned_on = Counter(c.fact.fact_id for c in used)
    others = [fact for fact in facts if fact.pillar_id == main.pillar_id and fact.fact_id != main.fact_id]
    others.sort(key=lambda fact: (leaned_on[fact.fact_id], random.random()))
    return tuple(fact.fact_id for fact in others[:2])


def candidates_json(idea: Idea) -> str:
    """The candidate set as the lake's `candidates` column keeps it."""
    return json.dumps(idea.candidates, ensure_ascii=False, separators=(",", ":"))
