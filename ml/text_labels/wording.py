"""How a post or comment is written for a text model: what only the network knows is replaced, and emoji get their names.

Belongs here: the one form in which texts are learned from and asked about. Does not belong here: splitting it into tokens.
"""

import html
import unicodedata

import regex

_ADDRESS = regex.compile(r"https?://\S+|www\.\S+")
_MENTIONS = regex.compile(r"(?:@[\p{L}\p{N}_.]*[\p{L}\p{N}_]\s*)+")
_EMOJI = regex.compile(r"(\p{Extended_Pictographic})[\p{Emoji_Modifier}\uFE0F\u200D\p{Extended_Pictographic}]*")
_SPACE = regex.compile(r"\s+")


def plain_wording(text: str) -> str:
    """One line: addresses become `http`, runs of mentions one `@user`, a run of emoji the Unicode name of its first.

    Whoever is mentioned, and how often, says nothing about what is meant; and the encoder's vocabulary knows hardly any emoji.
    """
    text = _ADDRESS.sub("http", html.unescape(text))
    text = _MENTIONS.sub("@user ", text)
    text = _EMOJI.sub(lambda found: f" {unicodedata.name(found[1], '').lower()} ", text)
    return _SPACE.sub(" ", text).strip()
