"""The type of a language's lexicon, and finding its entries in a text.

Belongs here: entries and matching. An entry is written without accents in lower case; `word*` also stands for longer words, and an
entry of several words for the phrase. Does not belong here: what a found entry means (sentiment, understanding).
"""

from dataclasses import dataclass
from functools import cached_property

import regex

from ml.language import fold


@dataclass(frozen=True)
class Lexicon:
    """One language. All fields are entries separated by commas."""

    positive: str
    negative: str
    negators: str
    amplifiers: str
    question: str
    """Openings of questions, which many people leave without a question mark."""
    purchase: str
    support: str
    complaint: str
    sensitive: str
    """Money back, law, health, safety, insults: always for a person."""
    spam: str
    urgent: str

    @cached_property
    def patterns(self) -> dict[str, regex.Pattern[str]]:
        return {name: _compile(entries) for name, entries in self.__dict__.items() if isinstance(entries, str)}

    def find(self, name: str, folded: str) -> list[str]:
        """Entries of the field `name` that stand in an already folded text."""
        return self.patterns[name].findall(folded)


def _compile(entries: str) -> regex.Pattern[str]:
    parts = sorted((" ".join(entry.split()) for entry in entries.split(",") if entry.strip()), key=len, reverse=True)
    alternatives = "|".join(
        regex.escape(part.removesuffix("*")).replace(r"\ ", r"\s+") + (r"\p{L}*" if part.endswith("*") else "")
        for part in parts
    )
    return regex.compile(rf"(?<![\p{{L}}\p{{N}}])(?:{alternatives})(?![\p{{L}}\p{{N}}])")


def fold_text(text: str) -> str:
    """Lower case, no accents, plain apostrophes; letters drawn out ("sooo goood") are shortened to two."""
    return regex.sub(r"(\p{L})\1{2,}", r"\1\1", fold(text.replace("’", "'")))
