"""Texts as Mastodon shows, counts and changes them.

Belongs here: HTML to plain words, length in the server's measure, and when two texts are the same. Does not belong here: limits.
"""

import re
from html.parser import HTMLParser

import regex

_GRAPHEME = regex.compile(r"\X")
_URL = re.compile(r"https?://[^\s<>\"]+[^\s<>\"'.,;:!?)\]}]", re.IGNORECASE)
_REMOTE_MENTION = re.compile(r"(?<![\w/@])(@[\w.-]*\w)@[\w-]+(?:\.[\w-]+)*(?::\d+)?", re.UNICODE)
_BLOCKS = frozenset({"p", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "div"})
_LINES = frozenset({"br", "li"})
_ONE_PARAGRAPH = re.compile(r"<p>([^<&\n]*)</p>")
"""What most answers are: nothing in it needs a parser."""
_QUOTE_LINE = "quote-inline"
"""A paragraph that servers add for readers who know no quotes: its author did not write it."""


class _PlainWords(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._is_skipping = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "p" and _QUOTE_LINE in (dict(attrs).get("class") or "").split():
            self._is_skipping = True
        elif tag in _LINES:
            self.pieces.append("\n")
        elif tag in _BLOCKS:
            self.pieces.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self._is_skipping = False
        if tag in _BLOCKS:
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._is_skipping:
            self.pieces.append(data)


def plain(html: str) -> str:
    """The words of a status: paragraphs and lines kept, everything else of the markup dropped."""
    if simple := _ONE_PARAGRAPH.fullmatch(html):
        return simple[1].strip()
    parser = _PlainWords()
    parser.feed(html)
    parser.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(parser.pieces)).strip()


def is_same(left: str, right: str) -> bool:
    """Equal but for what servers do to a text: white space, and the domain that they drop from a mention."""
    return _folded(left) == _folded(right)


def _folded(text: str) -> str:
    return "".join(_REMOTE_MENTION.sub(r"\1", text).split()).casefold()


def length(text: str, *, characters_per_url: int | None) -> int:
    """Characters as the server counts them: as a reader sees them, a link as a fixed number, a mention without its domain."""
    if characters_per_url is not None:
        text = _URL.sub("x" * characters_per_url, text)
    return len(_GRAPHEME.findall(_REMOTE_MENTION.sub(r"\1", text)))


def mentions(text: str, acct: str) -> bool:
    """Whether the text names this person already, with or without the domain."""
    name = acct.partition("@")[0]
    return re.search(rf"(?<![\w/@])@{re.escape(name)}(?![\w.-]*\w)", _REMOTE_MENTION.sub(r"\1", text), re.I) is not None
