"""The shape of a language's phrases: how a post opens, goes on, asks and ends.

Belongs here: the type that `phrases_en`, `phrases_es` and `phrases_pt` fill. Does not belong here: anything about one client; what a
phrase may not do is claim something, because only facts claim.
"""

from dataclasses import dataclass
from enum import StrEnum

import regex


class Angle(StrEnum):
    """From which side a fact is told."""

    INSIGHT = "insight"
    HOW_TO = "how_to"
    BEHIND_THE_SCENES = "behind_the_scenes"
    INVITATION = "invitation"
    CONVERSATION = "conversation"
    NUMBER = "number"
    ROUND_UP = "round_up"


@dataclass(frozen=True)
class Phrasebook:
    """Phrases of one language. `{pillar}` stands for a pillar's name, `{number}` for a figure that stands in the fact."""

    hooks: dict[Angle, tuple[str, ...]]
    bridges: tuple[str, ...]
    """Between two facts."""
    questions: tuple[str, ...]
    """At the end; true to any fact."""
    practical_questions: tuple[str, ...]
    """At the end; only after advice."""
    event_questions: tuple[str, ...]
    """At the end; only after something that one can come to."""
    instruction: regex.Pattern[str]
    """Advice: the text tells the reader to do something."""
    schedule: regex.Pattern[str]
    """Something that happens at a time."""
    event: regex.Pattern[str]
    """Something that one can come to, where it also has a time."""
    first_person: regex.Pattern[str]
    """The brand speaks of itself."""


NUMBER = regex.compile(
    r"(?<![\p{L}\d.,:/-])\d+(?:[.,]\d+)*(?!\s*(?:a|to|e|y|and|-|:|h)\s*\d|[\d:/hªº]|\p{L})"
    r"(?:\s?(?:%|°C|(?:gram(?:o|a)?s|kil(?:o|ó)metros|quilômetros|miles|minut(?:e|o)s|seconds|segundos|horas|hours|tonnes|quilos"
    r"|litros|days|dias|días|weeks|semanas|metres|metros)\b))?"
)
"""A figure that can stand alone, with its unit; not a clock time, not one end of a range."""


def is_event(fact: str, phrases: Phrasebook) -> bool:
    """True for something that happens at a time and that one can come to."""
    return bool(phrases.schedule.search(fact) and phrases.event.search(fact))


def angles_of(fact: str, phrases: Phrasebook) -> tuple[Angle, ...]:
    """The sides from which this fact can be told without saying more than it says."""
    angles = [Angle.INSIGHT, Angle.CONVERSATION]
    has_schedule = bool(phrases.schedule.search(fact))
    if phrases.instruction.search(fact):
        angles.append(Angle.HOW_TO)
    if phrases.first_person.search(fact) and not has_schedule:
        angles.append(Angle.BEHIND_THE_SCENES)
    if is_event(fact, phrases):
        angles.append(Angle.INVITATION)
    if not has_schedule and NUMBER.search(fact):
        angles.append(Angle.NUMBER)
    return tuple(angles)
