"""LinkedIn's "little text": what a plain text looks like as a post's `commentary`, and back.

Belongs here: escaping and reading. Does not belong here: how long a text may be (a rule of policy).

A reserved character that is not escaped is read as the beginning of a mention or a hashtag, and where that makes no sense LinkedIn
drops the rest of the text **without saying so**. So all of them are escaped, and only a hashtag becomes an element of its own: escaped,
it would be shown as plain text that nobody can follow.
"""

import re

RESERVED = "\\|{}@[]()<>#*_~"

_HASHTAG = re.compile(r"(?<![\w#])#(\w*[^\W\d_]\w*)")
"""A number sign with a word that is no mere number behind it and none before."""
_ELEMENT = re.compile(
    r"\\(?P<escaped>.)"
    r"|\{hashtag\|\\?[#＃]\|(?P<hashtag>[^{}|]*)\}"
    r"|@\[(?P<name>(?:\\.|[^\]\\])*)\]\(urn:li:[^()]*\)",
    re.DOTALL,
)


def escape(text: str) -> str:
    """The text as little text. `unescape` gives back exactly what went in."""
    parts, end = [], 0
    for match in _HASHTAG.finditer(text):
        parts += [
            _escape_plain(text[end : match.start()]),
            f"{{hashtag|\\#|{match.group(1)}}}",
        ]  # [K] the template's form
        end = match.end()
    return "".join([*parts, _escape_plain(text[end:])])


def unescape(commentary: str) -> str:
    """The text as people see it: hashtags with their sign, mentions as the name mentioned."""
    return _ELEMENT.sub(_shown, commentary)


def _escape_plain(text: str) -> str:
    return "".join(f"\\{character}" if character in RESERVED else character for character in text)


def _shown(match: re.Match[str]) -> str:
    if (hashtag := match.group("hashtag")) is not None:
        return f"#{hashtag}"
    if (name := match.group("name")) is not None:
        return unescape(name)
    escaped = match.group("escaped")
    return escaped if escaped in RESERVED else match.group()
