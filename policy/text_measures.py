"""How long a text is, in the way in which each network counts.

Belongs here: pure functions from a text to a number, and their names. Does not belong here: how much a network accepts.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import regex

from policy.text_entities import MENTION, links

_GRAPHEME = regex.compile(r"\X")

_EMOJI = regex.compile(
    r"""(?V1)
      \p{Regional_Indicator}{2}
    | [0-9\#*]\uFE0F?\u20E3
    | (?:[©®]\uFE0F|[\p{Extended_Pictographic}--[©®]](?!\uFE0E)\uFE0F?)\p{Emoji_Modifier}?[\U000E0020-\U000E007F]*
      (?:\u200D\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?)*
    """,
    regex.VERBOSE,
)

# X's published configuration of its counting library, version 3: single weight in these ranges, double elsewhere.
_X_DOUBLE_WEIGHT = regex.compile(r"[^\u0000-\u10FF\u2000-\u200D\u2010-\u201F\u2032-\u2037]")
X_LINK_LENGTH = 23
X_EMOJI_LENGTH = 2

MASTODON_LINK_LENGTH = 23
"""Where the instance does not say `characters_reserved_per_url`."""

_LINKEDIN_RESERVED = regex.compile(r"[\\|{}@\[\]()<>#*_~]")


@dataclass(frozen=True)
class Measure:
    """A way to count, with the name that a person reads: "312 characters as seen"."""

    unit: str
    count: Callable[[str], int]


def count_graphemes(text: str) -> int:
    """Characters as a reader sees them (extended grapheme clusters, Unicode TR 29)."""
    return len(_GRAPHEME.findall(text))


def count_bytes(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def count_utf16(text: str) -> int:
    """UTF-16 code units: what JavaScript calls the length."""
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def count_for_x(text: str) -> int:
    """Length as X counts it: composed text (NFC), any link 23, any emoji 2, most scripts of Asia 2 a character."""
    composed = unicodedata.normalize("NFC", text)
    total = position = 0
    for start, end in links(composed, is_scheme_optional=True):
        total += _x_weight(composed[position:start]) + X_LINK_LENGTH
        position = end
    return total + _x_weight(composed[position:])


def _x_weight(text: str) -> int:
    rest, emoji = _EMOJI.subn("", text)
    return X_EMOJI_LENGTH * emoji + len(rest) + len(_X_DOUBLE_WEIGHT.findall(rest))


def count_for_mastodon(text: str, *, link_length: int = MASTODON_LINK_LENGTH) -> int:
    """Characters as seen; any link with its scheme is `link_length`, and the server part of a mention is free."""
    pieces: list[str] = []
    position = 0
    for start, end in links(text, is_scheme_optional=False):
        pieces += (text[position:start], "x" * link_length)
        position = end
    pieces.append(text[position:])
    return count_graphemes(MENTION.sub(lambda match: f"@{match['name']}", "".join(pieces)))


def count_for_linkedin(text: str) -> int:
    """Characters once those that LinkedIn's text format reserves are escaped, each by one more."""
    return len(text) + len(_LINKEDIN_RESERVED.findall(text))


GRAPHEMES = Measure("characters as seen", count_graphemes)
CHARACTERS = Measure("characters", len)
BYTES = Measure("bytes (UTF-8)", count_bytes)
UTF16 = Measure("characters (UTF-16)", count_utf16)
X_WEIGHT = Measure("characters as X counts them", count_for_x)
LINKEDIN_ESCAPED = Measure("characters with LinkedIn's escapes", count_for_linkedin)


def mastodon_measure(link_length: int = MASTODON_LINK_LENGTH) -> Measure:
    """Mastodon's way to count, with the length that the instance reserves for a link."""
    return Measure("characters as Mastodon counts them", partial(count_for_mastodon, link_length=link_length))
