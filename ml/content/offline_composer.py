"""Writes a post from the client's own facts, without any model: structures, phrases, habits, and a seed.

Belongs here: putting phrases and facts together in many grammatical ways, within a length. Facts are quoted, never reworded, so
that a draft cannot say more than the client stated. Does not belong here: choosing the facts (ideas), judging the result (compose).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import regex

from contracts.networks import ContentFormat, Network
from contracts.ports import Brief
from contracts.records import Fact
from ml.content.affinity import affinity
from ml.content.habits import learn_habits
from ml.content.phrasebook import NUMBER, Angle, Phrasebook, angles_of, is_event
from ml.content.phrases_en import PHRASES as ENGLISH
from ml.content.phrases_es import PHRASES as SPANISH
from ml.content.phrases_pt import PHRASES as PORTUGUESE
from ml.language import FUNCTION_WORDS

PHRASEBOOKS: dict[str, Phrasebook] = {"en": ENGLISH, "es": SPANISH, "pt": PORTUGUESE}

_GRAPHEME = regex.compile(r"\X")
_HASHTAG_LIMIT = {Network.INSTAGRAM: 10}
_USUAL_HASHTAG_LIMIT = 4
"""House style, far under the networks' own limits."""


@dataclass(frozen=True)
class Composition:
    """A text, the facts that it really used, and the structure it was built by."""

    text: str
    fact_ids: tuple[str, ...]
    structure: str


@dataclass(frozen=True)
class _Parts:
    """A text before it is put together. `blocks` are facts, each with what leads over to it."""

    opening: str
    blocks: tuple[tuple[str, Fact], ...]
    ending: str
    hashtags: tuple[str, ...]
    emoji: str


def length(text: str) -> int:
    """Characters as a reader sees them (extended grapheme clusters)."""
    return len(_GRAPHEME.findall(text))


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` graphemes: cut after a word, with an ellipsis; never inside a character."""
    graphemes = _GRAPHEME.findall(text)
    if len(graphemes) <= limit:
        return text
    if limit < 1:
        return ""
    cut = "".join(graphemes[: limit - 1])
    at_word = cut if graphemes[limit - 1].isspace() else regex.sub(r"\s+\S*$", "", cut)
    return (at_word if length(at_word) > limit // 2 else cut).rstrip(" \n\t,;:") + "…"


def compositions(brief: Brief, *, seed: int) -> Iterator[Composition]:
    """An endless, seeded stream of texts for a brief, each within `max_characters`.

    Empty when the brief names no fact that the client has, or when even its first fact alone would not fit.
    """
    writer = _Writer(brief)
    random = Random(f"{brief.client.client_id}:{brief.network.value}:{brief.seed}:{seed}")
    while writer.facts and writer.fits_at_all:
        yield writer.write(random)


class _Writer:
    """One brief's material: facts, phrases, habits."""

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.brand = brief.client.brand
        self.phrases = PHRASEBOOKS[brief.client.language]
        known = {fact.fact_id: fact for fact in self.brand.facts}
        self.facts = [known[fact_id] for fact_id in brief.fact_ids if fact_id in known]
        self.habits = learn_habits(brief.best_past_texts, brief.network)
        pillar = next((p for p in self.brand.pillars if p.pillar_id == brief.pillar_id), None)
        name = pillar.name if pillar else brief.pillar_id
        self.pillar_name = name[:1].lower() + name[1:]
        self.link = (self.brand.link or "") if brief.content_format is ContentFormat.LINK else ""
        self.calls = self._suitable(self.brand.calls_to_action)
        self.hashtags = self._suitable(self.brand.hashtags)

    @property
    def fits_at_all(self) -> bool:
        return length(f"{self.facts[0].text} {self.link}".strip()) <= self.brief.max_characters

    def _suitable(self, phrases: Sequence[str]) -> list[tuple[int, str]]:
        """Phrases that do not belong to another pillar, each with its affinity to this one."""
        rated = [(affinity(phrase, self.brief.pillar_id, self.brand), phrase) for phrase in phrases]
        return [(rating, phrase) for rating, phrase in rated if rating >= 0]

    def write(self, random: Random) -> Composition:
        angle = self._angle(random)
        opening = self._opening(angle, random)
        blocks = self._blocks(angle, opening, random)
        opens_with_fact = angle in (Angle.INSIGHT, Angle.BEHIND_THE_SCENES) and random.random() < 0.3
        asks = (opens_with_fact or not opening.endswith("?")) and random.random() < (
            0.35 + 0.5 * self.habits.question_opening_share
        )
        parts = _Parts(
            opening="" if opens_with_fact else opening,
            blocks=blocks,
            ending=self._ending(asks, random),
            hashtags=self._hashtags(random),
            emoji=self._emoji(random),
        )
        text, kept = self._fit(
            parts, is_list=angle is Angle.ROUND_UP, has_breaks=random.random() < self.habits.line_break_share
        )
        shape = "round_up" if angle is Angle.ROUND_UP else ("one_fact", "two_facts")[len(kept) > 1]
        return Composition(
            text=text,
            fact_ids=tuple(fact.fact_id for fact in kept),
            structure=f"{angle.value}/{'fact_first_' * opens_with_fact}{shape}_{'question' if asks else 'call'}",
        )

    def _angle(self, random: Random) -> Angle:
        """The brief's angle where its facts bear it, else one that they do; questions as often as the past asked them."""
        possible = angles_of(self.facts[0].text, self.phrases)
        wanted = self.brief.angle
        if wanted == Angle.ROUND_UP and self._list_length() > 1:
            return Angle.ROUND_UP
        if wanted in {angle.value for angle in possible} and random.random() < 0.75:
            return Angle(wanted)
        weights = [0.5 + 2 * self.habits.question_opening_share if a is Angle.CONVERSATION else 1.0 for a in possible]
        return random.choices(possible, weights)[0]

    def _list_length(self) -> int:
        """How many facts a list can hold beside the longest opening and the link."""
        room = self.brief.max_characters - 65 - length(self.link)
        sizes = [length(fact.text) + 3 for fact in self.facts]
        return sum(sum(sizes[: i + 1]) <= room for i in range(len(sizes)))

    def _opening(self, angle: Angle, random: Random) -> str:
        found = NUMBER.search(self.facts[0].text)
        template = random.choice(self.phrases.hooks[angle])
        return template.format(pillar=self.pillar_name, number=found.group() if found else "")

    def _blocks(self, angle: Angle, opening: str, random: Random) -> tuple[tuple[str, Fact], ...]:
        main, others = self.facts[0], list(self.facts[1:])
        if angle is Angle.ROUND_UP:
            return tuple(("• ", fact) for fact in self.facts[: min(3, self._list_length())])
        random.shuffle(others)
        # A second fact as often as the client's usual length leaves room for one.
        room = self.habits.characters - length(opening) - length(main.text) - 60
        if others and random.random() < min(0.85, max(0.05, room / 160)):
            return (("", main), (random.choice(self.phrases.bridges) + " ", others[0]))
        return (("", main),)

    def _ending(self, asks: bool, random: Random) -> str:
        """A question or a request: together they compete for the reader. A link is never left without words."""
        calls = [phrase for _, phrase in self.calls]
        call = random.choices(calls, [1 + 2 * rating for rating, _ in self.calls])[0] if calls else ""
        if self.link:
            # Without its full stop, which would become part of the address.
            call = f"{call.rstrip('.')}: {self.link}" if call else self.link
        if not asks:
            return call
        fact = self.facts[0].text
        questions = self.phrases.questions
        if is_event(fact, self.phrases):
            questions = self.phrases.event_questions
        elif self.phrases.instruction.search(fact):
            questions = (*questions, *self.phrases.practical_questions)
        question = random.choice(questions)
        return f"{question} {call}" if self.link else question

    def _hashtags(self, random: Random) -> tuple[str, ...]:
        """As many as the best posts carry: the pillar's own first, then the brand's first, then any that fit."""
        wanted = round(self.habits.hashtags + random.uniform(-0.9, 0.9))
        count = max(0, min(len(self.hashtags), _HASHTAG_LIMIT.get(self.brief.network, _USUAL_HASHTAG_LIMIT), wanted))
        lead = self.brand.hashtags[:1]
        ranked = sorted(self.hashtags, key=lambda tag: (tag[1] not in lead, -tag[0], random.random()))
        return tuple(tag for _, tag in ranked[:count])

    def _emoji(self, random: Random) -> str:
        if not self.brand.emoji or random.random() > min(0.95, self.habits.emoji):
            return ""
        return random.choice(self.brand.emoji)

    def _fit(self, parts: _Parts, *, is_list: bool, has_breaks: bool) -> tuple[str, list[Fact]]:
        """The parts put together; what does not fit is left off, the least important first. A link always stays."""
        one = parts.blocks if is_list else parts.blocks[:1]
        short = self.link
        plans = (
            (parts.opening, parts.blocks, parts.ending, parts.hashtags),
            (parts.opening, parts.blocks, parts.ending, parts.hashtags[:1]),
            (parts.opening, parts.blocks, parts.ending, ()),
            (parts.opening, parts.blocks, short, parts.hashtags[:1]),
            (parts.opening, one, parts.ending, ()),
            (parts.opening, one, short, ()),
            ("", parts.blocks[:1], short, ()),
        )
        for opening, blocks, ending, hashtags in plans:
            text = self._join(_Parts(opening, blocks, ending, hashtags, parts.emoji), has_breaks=has_breaks or is_list)
            if length(text) <= self.brief.max_characters:
                return text, [fact for _, fact in blocks]
        fact = parts.blocks[0][1]
        return f"{fact.text} {self.link}".strip(), [fact]

    def _led_by(self, lead: str, text: str) -> str:
        """`text` after its lead. Spanish and Portuguese go on in lower case after a colon, unless the word may be a name."""
        if not lead.endswith(": ") or self.brief.client.language == "en":
            return lead + text
        first = text.split(maxsplit=1)[0].strip(",.:").casefold()
        is_common = first in FUNCTION_WORDS[self.brief.client.language] or any(
            pattern.match(text) for pattern in (self.phrases.instruction, self.phrases.first_person)
        )
        return lead + (text[:1].lower() + text[1:] if is_common else text)

    def _join(self, parts: _Parts, *, has_breaks: bool) -> str:
        gap = "\n\n" if has_breaks else " "
        opening, ending = parts.opening, parts.ending
        if opening and not opening.endswith(":"):
            opening = f"{opening} {parts.emoji}".rstrip()
        elif ending and "://" not in ending:
            ending = f"{ending} {parts.emoji}".rstrip()
        between = "\n" if any(lead == "• " for lead, _ in parts.blocks) else gap
        body = between.join(self._led_by(lead, fact.text) for lead, fact in parts.blocks)
        if opening.endswith(":") and not has_breaks:
            body = self._led_by(f"{opening} ", body).removeprefix(f"{opening} ")
        text = gap.join(part for part in (opening, body, ending) if part)
        if not parts.hashtags:
            return text
        tail = "\n\n" if has_breaks or self.brief.network is Network.INSTAGRAM else " "
        return text + tail + " ".join(parts.hashtags)
