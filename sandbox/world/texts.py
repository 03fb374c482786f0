"""Writes what brands and their audience say: templates with many slots, so that no two posts need be alike.

Belongs here: filling templates, and reading from any text the features that the law of engagement uses.
Does not belong here: what those features are worth (`effects.py`).
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import regex
import yaml

from sandbox.world.laws import LAWS

_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[^\W\d_]{4,}")
_URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_HASHTAG = re.compile(r"#\w+")
_EMOJI = regex.compile(r"\p{Extended_Pictographic}")
_OCCASION = re.compile(
    r"\b(giveaway|launch|anniversary|big news|we won|championship|second shop"
    r"|sorteo|estrenamos|inauguraci[oó]n|aniversario|premio|segundo local"
    r"|sorteio|lan[cç]amento|inaugura[cç][aã]o|anivers[aá]rio|ganhamos)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Traits:
    """What an audience notices in a text."""

    length: int
    has_question: bool
    has_number: bool
    has_link: bool
    emoji: int
    hashtags: int
    words: tuple[str, ...]
    pillar: str | None
    is_occasion: bool


@cache
def content(sector: str) -> Mapping[str, Any]:
    """Templates of a sector (`coffee`, `cocina`, `surf`) or of the `audience`."""
    text = resources.files("sandbox.world").joinpath("content", f"{sector}.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def _keyword_pattern(sector: str, pillar: str) -> re.Pattern[str]:
    words = content(sector)["pillars"][pillar]["keywords"]
    return re.compile(r"\b(?:" + "|".join(re.escape(word) for word in words) + r")\b", re.IGNORECASE)


def pillars(sector: str) -> tuple[str, ...]:
    """Ids of the themes that a sector's brands write about."""
    return tuple(content(sector)["pillars"])


def _fill(template: str, slots: Sequence[Mapping[str, Sequence[str]]], brand: str, rng: random.Random) -> str:
    used: set[str] = set()

    def choose(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "brand":
            return brand
        for source in slots:
            if name in source:
                options = [option for option in source[name] if option not in used] or list(source[name])
                chosen = str(rng.choice(options))
                used.add(chosen)
                return _fill(chosen, slots, brand, rng) if "{" in chosen else chosen
        raise KeyError(f"no slot {name!r} for template {template!r}")

    return _SLOT.sub(choose, template)


def _sentence(template: str, slots: Sequence[Mapping[str, Sequence[str]]], brand: str, rng: random.Random) -> str:
    """The filled template, starting with a capital (also after ¿ and ¡) like a sentence."""
    filled = _fill(template, slots, brand, rng)
    lead = 1 if filled[:1] in "¿¡" else 0
    return filled[:lead] + filled[lead : lead + 1].upper() + filled[lead + 1 :]


def brand_post(sector: str, pillar: str, network: str, brand: str, *, is_occasion: bool, rng: random.Random) -> str:
    """A post as the brand itself would have written it, within the network's limits."""
    book = content(sector)
    theme = book["pillars"][pillar]
    slots = (theme.get("slots", {}), book["slots"])
    body = _sentence(rng.choice(book["occasions"] if is_occasion else theme["bodies"]), slots, brand, rng)
    hook = _sentence(rng.choice(book["hooks"]), slots, brand, rng)
    closing = _sentence(rng.choice(book["calls_to_action"]), slots, brand, rng)
    emoji = rng.choice(book["emoji"])
    has_hook, has_closing, has_emoji = rng.random() < 0.35, rng.random() < 0.55, rng.random() < 0.45
    shared = [*book["hashtags"], "".join(letter for letter in brand.lower() if letter.isalnum())]
    tags = [f"#{tag}" for tag in rng.sample(theme["hashtags"], 2) + rng.sample(shared, 4)]
    longest = LAWS[network].longest_text
    if longest < 500:
        parts = [body, closing if has_closing else "", rng.choice(tags[:2]) if rng.random() < 0.3 else ""]
        while len(" ".join(part for part in parts if part)) > longest:
            parts.pop()
        text = " ".join(part for part in parts if part)
        return f"{text} {emoji}" if has_emoji else text
    lines = [hook if has_hook else "", f"{body} {emoji}" if has_emoji else body, closing if has_closing else ""]
    text = "\n\n".join(line for line in lines if line)
    count = rng.choice((0, 2, 3, 4, 5, 6))
    return f"{text}\n\n{' '.join(rng.sample(tags, count))}" if count else text


def comment(language: str, kind: str, brand: str, rng: random.Random) -> str:
    """What one of the audience writes."""
    book = content("audience")[language]
    return _sentence(rng.choice(book[kind]), (book["slots"],), brand, rng)


def traits(text: str, sector: str) -> Traits:
    """Read a text as the audience does. The pillar is the theme with most keyword hits; None without any hit."""
    link = _URL.search(text)
    hits = {name: len(_keyword_pattern(sector, name).findall(text)) for name in pillars(sector)}
    best = max(hits, key=lambda name: hits[name])
    plain = _HASHTAG.sub(" ", _URL.sub(" ", text))
    return Traits(
        length=len(text),
        has_question="?" in plain,
        has_number=any(character.isdigit() for character in plain),
        has_link=link is not None,
        emoji=len(_EMOJI.findall(text)),
        hashtags=len(_HASHTAG.findall(text)),
        words=tuple(sorted({word.lower() for word in _WORD.findall(plain)})),
        pillar=best if hits[best] else None,
        is_occasion=_OCCASION.search(plain) is not None,
    )
