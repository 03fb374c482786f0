"""Drafts for a brief: by a text model where one is configured, by the offline composer otherwise, checked alike.

Belongs here: which writer writes, and what any writer's text must satisfy before it counts as a draft.
Does not belong here: what may be sent (policy judges every draft again), wires (providers).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import regex

from contracts.errors import ProviderError
from contracts.networks import ContentFormat
from contracts.ports import Brief, ComposedText, TextModel
from ml.content.offline_composer import compositions, length
from ml.content.similarity import NEAR_DUPLICATE, SeenTexts
from ml.language import fold, identify_language, words

COMPOSER_VERSION = "offline-1"
"""Raised when phrases, structures or checks change; stored as `prompt_version` with every offline draft."""

OFFLINE_MODEL = "offline-composer"

_ATTEMPTS_PER_VARIANT = 40
_DIGITS = regex.compile(r"\d+(?:[.,:]\d+)*")
_LINK = regex.compile(r"https?://\S+|\bwww\.\S+")


@dataclass(frozen=True)
class Draft:
    """A text with what it rests on and who wrote it."""

    text: str
    pillar_id: str
    fact_ids: tuple[str, ...]
    language: str
    content_format: ContentFormat
    prompt_version: str
    model: str
    """Name of the writer; after a failed model: what was tried, and why it did not write."""


def compose(
    brief: Brief,
    *,
    text_model: TextModel | None,
    seed: int,
    variants: int = 3,
    seen: SeenTexts | Sequence[str] = (),
) -> tuple[Draft, ...]:
    """At most `variants` different drafts, none close to a text in `seen` (past posts, waiting drafts).

    A model's text that breaks a check is dropped, and the offline composer fills the place. Fewer drafts, or none, come back
    when the brief's facts cannot be told in a new way. ProviderError is caught and recorded, never raised.
    """
    seen = seen if isinstance(seen, SeenTexts) else SeenTexts(seen)
    drafts: list[Draft] = []
    fallback = ""
    if text_model is not None:
        try:
            written = text_model.compose(brief, variants=variants)
        except ProviderError as error:
            fallback = f" (instead of {text_model.name}: {error})"
        else:
            drafts += _accepted((_draft(brief, text) for text in written), brief, seen, drafts)
            if len(drafts) < variants:
                fallback = f" (instead of {text_model.name}: {len(written) - len(drafts)} of {len(written)} texts failed a check)"
    offline = (
        _draft(
            brief,
            ComposedText(
                text=made.text,
                fact_ids=made.fact_ids,
                prompt_version=f"{COMPOSER_VERSION}:{made.structure}" + ("+fallback" if fallback else ""),
                model=OFFLINE_MODEL + fallback,
            ),
        )
        for made in islice(compositions(brief, seed=seed), _ATTEMPTS_PER_VARIANT * variants)
    )
    for draft in _accepted(offline, brief, seen, drafts):
        if len(drafts) >= variants:
            break
        drafts.append(draft)
    return tuple(drafts[:variants])


def _draft(brief: Brief, written: ComposedText) -> Draft:
    return Draft(
        text=written.text.strip(),
        pillar_id=brief.pillar_id,
        fact_ids=tuple(dict.fromkeys(written.fact_ids)),
        language=brief.client.language,
        content_format=brief.content_format,
        prompt_version=written.prompt_version,
        model=written.model,
    )


def _accepted(candidates: Iterator[Draft], brief: Brief, seen: SeenTexts, drafts: Sequence[Draft]) -> Iterator[Draft]:
    """Candidates that pass every check, each also unlike those before it."""
    siblings = SeenTexts(draft.text for draft in drafts)
    for candidate in candidates:
        if (
            why_rejected(candidate, brief) is None
            and seen.closest(candidate.text) < NEAR_DUPLICATE
            and siblings.closest(candidate.text) < _SIBLING_DUPLICATE
        ):
            siblings.add(candidate.text)
            yield candidate


_SIBLING_DUPLICATE = 0.8
"""Variants of one brief share its facts, so more common wording is natural among them."""


def why_rejected(draft: Draft, brief: Brief) -> str | None:
    """Why a text is no draft for this brief, or None. These are checks of honesty and form; policy has the last word."""
    brand = brief.client.brand
    if not draft.text:
        return "empty"
    if length(draft.text) > brief.max_characters:
        return "too long"
    if not draft.fact_ids or not set(draft.fact_ids) <= set(brief.fact_ids):
        return "names facts that the brief does not hold"
    guess = identify_language(draft.text)
    if guess.language not in (None, brief.client.language):
        return f"written in {guess.language}"
    folded = " ".join(fold(word) for word in words(draft.text))
    for banned in brand.banned_words:
        if f" {' '.join(fold(word) for word in words(banned))} " in f" {folded} " and words(banned):
            return f"banned word {banned}"
    sources = " ".join(fact.text for fact in brand.facts if fact.fact_id in draft.fact_ids)
    sources += " ".join((*brand.calls_to_action, *brand.hashtags, brief.client.name, brand.link or ""))
    if unknown := set(_DIGITS.findall(_LINK.sub(" ", draft.text))) - set(_DIGITS.findall(sources)):
        return f"claims a figure that no fact states: {', '.join(sorted(unknown))}"
    if any(link.rstrip(".,)") != brand.link for link in _LINK.findall(draft.text)):
        return "links to an address that is not the client's"
    return None
