"""Finding a phrase in a text as a reader would see it, whatever its case, accents or hidden characters.

Belongs here: folding and whole-word search in any script. Does not belong here: which phrases matter.
"""

import unicodedata
from functools import lru_cache

import regex

_MARKS = regex.compile(r"(?V1)[\p{Mn}&&\p{Script=Inherited}--[\u3099\u309A]]")
"""Accents. Vowel signs of Indic scripts and the Japanese voicing marks are letters to a reader, so they stay."""

_INVISIBLE = regex.compile(r"\p{Cf}|[\uFE00-\uFE0F]")
"""Soft hyphens, zero-width characters, variation selectors: a banned word must not hide behind them."""

_UNDECOMPOSED = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "ŧ": "t"})
"""Letters with a stroke that Unicode does not decompose into letter and accent."""

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
"""Scripts that put no space between words: a word has no visible edge there."""

_WORD = r"[\p{L}\p{N}\p{M}]"


def fold(text: str) -> str:
    """Lower case without accents, compatibility forms and invisible characters (Unicode casefold over NFKD)."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = _INVISIBLE.sub("", _MARKS.sub("", decomposed)).translate(_UNDECOMPOSED)
    return unicodedata.normalize("NFC", bare)  # what is left of the marks belongs to its letter again


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> regex.Pattern[str] | None:
    words = fold(phrase).split()
    if not words:
        return None
    body = r"[\s\p{P}]+".join(regex.escape(word) for word in words)
    first, last = words[0][0], words[-1][-1]
    before = f"(?<!{_WORD})" if _has_edge(first) else ""
    after = f"(?!{_WORD})" if _has_edge(last) else ""
    return regex.compile(before + body + after)


def _has_edge(character: str) -> bool:
    return bool(regex.match(_WORD, character)) and not _UNSPACED.match(character)


def find_phrase(text: str, phrase: str) -> bool:
    """True if `phrase` stands in `text` as whole words, ignoring case and accents.

    Spaces in the phrase match any run of spaces and punctuation, so that "risk free" also finds "risk-free". In scripts without
    spaces between words any occurrence counts. An empty phrase is found nowhere.
    """
    pattern = _pattern(phrase)
    return pattern is not None and pattern.search(fold(text)) is not None
