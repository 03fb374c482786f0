"""What a client's best past posts look like from the outside: length, hashtags, emoji, questions, line breaks.

Belongs here: counts over texts. Does not belong here: their words (nothing is copied), their engagement (the caller chose them).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import regex

from contracts.networks import Network

HASHTAG = regex.compile(r"(?<![\p{L}\p{N}_&/])#[\p{L}\p{N}_]+")
EMOJI = regex.compile(r"(?V1)[\p{Extended_Pictographic}--[©®™0-9#*]]")


@dataclass(frozen=True)
class Habits:
    """Typical figures of a set of texts; shares are 0 to 1."""

    characters: float
    hashtags: float
    emoji: float
    question_opening_share: float
    line_break_share: float


DEFAULT_HABITS = {
    Network.BLUESKY: Habits(characters=190, hashtags=2, emoji=1, question_opening_share=0.2, line_break_share=0.5),
    Network.FACEBOOK: Habits(characters=240, hashtags=1, emoji=1, question_opening_share=0.2, line_break_share=0.6),
    Network.INSTAGRAM: Habits(characters=330, hashtags=5, emoji=2, question_opening_share=0.2, line_break_share=0.8),
    Network.LINKEDIN: Habits(characters=600, hashtags=3, emoji=1, question_opening_share=0.2, line_break_share=0.9),
    Network.MASTODON: Habits(characters=260, hashtags=3, emoji=1, question_opening_share=0.2, line_break_share=0.6),
    Network.PINTEREST: Habits(characters=220, hashtags=2, emoji=0, question_opening_share=0.1, line_break_share=0.2),
    Network.TIKTOK: Habits(characters=120, hashtags=4, emoji=1, question_opening_share=0.3, line_break_share=0.2),
    Network.X: Habits(characters=180, hashtags=1, emoji=1, question_opening_share=0.2, line_break_share=0.4),
    Network.YOUTUBE: Habits(characters=400, hashtags=3, emoji=1, question_opening_share=0.2, line_break_share=0.9),
}
"""Before there is a past to learn from: house style, not measured."""

PRIOR_TEXTS = 4
"""The defaults weigh as much as this many past texts."""


def learn_habits(texts: Sequence[str], network: Network) -> Habits:
    """Habits of these texts, drawn towards the network's defaults where there are few of them."""
    prior = DEFAULT_HABITS[network]
    texts = [text for text in texts if text.strip()]
    if not texts:
        return prior
    weight = len(texts) / (len(texts) + PRIOR_TEXTS)

    def blend(own: float, default: float) -> float:
        return weight * own + (1 - weight) * default

    openings = [regex.split(r"(?<=[.!?…])\s|\n", text.strip(), maxsplit=1)[0] for text in texts]
    return Habits(
        characters=blend(median(len(text) for text in texts), prior.characters),
        hashtags=blend(median(len(HASHTAG.findall(text)) for text in texts), prior.hashtags),
        emoji=blend(median(len(EMOJI.findall(text)) for text in texts), prior.emoji),
        question_opening_share=blend(
            sum(opening.endswith("?") for opening in openings) / len(texts), prior.question_opening_share
        ),
        line_break_share=blend(sum("\n" in text.strip() for text in texts) / len(texts), prior.line_break_share),
    )
