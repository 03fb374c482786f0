"""A short answer to a comment: thanks, or a fact that the client stated. Nothing else is ever said.

Belongs here: wording and grounding. Does not belong here: understanding (understanding), approval and sending (operations).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import log
from random import Random

import regex

from contracts.records import Client, Fact, TextLabels
from ml.language import FUNCTION_WORDS, fold, words
from ml.replies.understanding import Intent, Understanding, understand

REPLIES_VERSION = "replies-2"
"""Raised when lexicons, rules or wording change; stored as `prompt_version`."""

MAX_CHARACTERS = 150
MIN_SHARED_STEMS = 2
"""A fact answers a question only when at least two telling words of the question stand in it."""

_STOP_WORDS = frozenset(word for listed in FUNCTION_WORDS.values() for word in listed)

_GRAPHEME = regex.compile(r"\X")

_THANKS = {
    "en": (
        "Thank you, that means a lot to us!",
        "Thanks for the kind words!",
        "So glad to hear it. Thank you!",
        "Thank you for being here!",
        "That made us smile. Thank you!",
        "Thanks so much for telling us!",
    ),
    "es": (
        "¡Muchas gracias, nos alegra un montón!",
        "¡Gracias por estas palabras!",
        "¡Qué alegría leerte! Gracias.",
        "¡Gracias por estar ahí!",
        "Nos has sacado una sonrisa. ¡Gracias!",
        "¡Mil gracias por contárnoslo!",
    ),
    "pt": (
        "Muito obrigado, isso vale muito para a gente!",
        "Obrigado pelo carinho!",
        "Que alegria ler isso. Obrigado!",
        "Obrigado por estar com a gente!",
        "Esse comentário nos fez sorrir. Obrigado!",
        "Valeu demais por contar!",
    ),
}

_BEFORE_FACT = {
    "en": ("Good question!", "Thanks for asking!", "Glad you ask."),
    "es": ("¡Buena pregunta!", "¡Gracias por preguntar!", "Nos gusta que preguntes."),
    "pt": ("Boa pergunta!", "Obrigado por perguntar!", "Que bom que perguntou."),
}

_SORRY = {
    "en": (
        "Thank you for telling us. We are sorry about this.",
        "We are sorry to read this, and thank you for being open.",
    ),
    "es": ("Gracias por contárnoslo. Sentimos lo ocurrido.", "Sentimos leer esto, y gracias por decirlo con claridad."),
    "pt": (
        "Obrigado por nos contar. Sentimos muito por isso.",
        "Sentimos muito ao ler isso. Obrigado por falar com franqueza.",
    ),
}
"""For a person to complete: an apology is no promise, and none is made."""


@dataclass(frozen=True)
class ReplyDraft:
    """An answer, or none, with what it rests on. `needs_person` outranks every confidence."""

    text: str | None
    fact_ids: tuple[str, ...]
    understanding: Understanding
    confidence: float
    needs_person: bool
    reason: str


def draft_reply(
    comment: str,
    client: Client,
    *,
    seed: int,
    facts: tuple[Fact, ...] | None = None,
    labels: TextLabels | None = None,
) -> ReplyDraft:
    """Draft an answer of at most MAX_CHARACTERS graphemes, in the comment's language.

    `facts`: those that hold today; None takes all of the client's. `labels`: what a text labeller said of the comment, where it was asked. Spam and what is not understood get no text.
    """
    seen = understand(comment, client_language=client.language, labels=labels)
    random = Random(f"{seed}:{client.client_id}:{comment}")
    language = seen.language or client.language

    def draft(
        text: str | None, confidence: float, reason: str, *, needs_person: bool, fact_ids: tuple[str, ...] = ()
    ) -> ReplyDraft:
        return ReplyDraft(text, fact_ids, seen, confidence, needs_person, reason)

    if seen.intent in (Intent.SPAM, Intent.OTHER):
        return draft(None, seen.confidence, seen.reason, needs_person=True)
    if seen.intent in (Intent.COMPLAINT, Intent.SUPPORT):
        return draft(random.choice(_SORRY[language]), seen.confidence, seen.reason, needs_person=True)
    if seen.intent is Intent.COMPLIMENT:
        mark = f" {random.choice(client.brand.emoji)}" if client.brand.emoji and random.random() < 0.6 else ""
        return draft(
            random.choice(_THANKS[language]) + mark, seen.confidence, seen.reason, needs_person=seen.needs_person
        )

    if language != client.language:
        return draft(
            None, seen.confidence, f"Asked in {language}; the facts are in {client.language}.", needs_person=True
        )
    fact = _fact_for(comment, client.brand.facts if facts is None else facts)
    if fact is None:
        return draft(None, seen.confidence, "No stated fact answers this.", needs_person=True)
    text = f"{random.choice(_BEFORE_FACT[language])} {fact.text}"
    if len(_GRAPHEME.findall(text)) > MAX_CHARACTERS:
        text = fact.text
    if len(_GRAPHEME.findall(text)) > MAX_CHARACTERS:
        return draft(None, seen.confidence, f"The fact {fact.fact_id} is too long for an answer.", needs_person=True)
    # Whether a fact really answers a question was never measured: a person decides, whatever the autonomy.
    return draft(
        text,
        min(seen.confidence, 0.7),
        f"{seen.reason} Answered with a stated fact.",
        needs_person=True,
        fact_ids=(fact.fact_id,),
    )


@lru_cache(maxsize=8192)
def _stems(text: str) -> frozenset[str]:
    return frozenset(fold(word).rstrip("s")[:6] for word in words(text) if len(word) > 2 and word not in _STOP_WORDS)


def _fact_for(question: str, facts: tuple[Fact, ...]) -> Fact | None:
    """The fact that shares the most telling words (inverse document frequency) with the question; None without a clear winner."""
    asked = _stems(question)
    by_fact = {fact.fact_id: _stems(fact.text) for fact in facts}
    frequency = {stem: sum(stem in stems for stems in by_fact.values()) for stem in asked}

    def score(fact: Fact) -> float:
        return sum(log(1 + len(facts) / frequency[stem]) for stem in asked & by_fact[fact.fact_id])

    ranked = sorted(facts, key=score, reverse=True)
    if not ranked or len(asked & by_fact[ranked[0].fact_id]) < MIN_SHARED_STEMS:
        return None
    if len(ranked) > 1 and score(ranked[0]) == score(ranked[1]):
        return None
    return ranked[0]
