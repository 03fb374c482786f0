"""Rich text: which bytes of a post are a link, a tag or a mention. Bluesky links nothing by itself.

Belongs here: detection, and positions in UTF-8 bytes as the lexicon `app.bsky.richtext.facet` counts them.
Does not belong here: finding out whose handle a mention is (`client.py`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import regex

_LINK = regex.compile(r"(?<![\w@])https?://[^\s<>\"“”«»]+", regex.IGNORECASE)
_TAG = regex.compile(
    r"(?<![\w&/#＃])[#＃](?=[^\W\d_]|\w*[^\W\d_]|\p{Extended_Pictographic})[\w\p{Extended_Pictographic}\u200d\ufe0f]+"
)
_MENTION = regex.compile(
    r"(?<![\w@.])@((?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)"
)
_TRAILING = ".,;:!?'’…"
_LONGEST_TAG_GRAPHEMES = 64


def mentions(text: str) -> tuple[str, ...]:
    """Handles that the text mentions, lower-case, each once, in order."""
    links = [span for span, _ in _links(text)]
    found = (m.group(1).lower() for m in _MENTION.finditer(text) if not _overlaps(m.span(), links))
    return tuple(dict.fromkeys(found))


def facets(text: str, dids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Facets of the text, ordered and disjoint. `dids` maps handles to DIDs; a mention of anyone else stays plain text."""
    links = list(_links(text))
    spans = [span for span, _ in links]
    found: list[tuple[int, int, dict[str, Any]]] = [
        (start, end, {"$type": "app.bsky.richtext.facet#link", "uri": uri}) for (start, end), uri in links
    ]
    for match in _TAG.finditer(text):
        tag = match.group()[1:]
        if not _overlaps(match.span(), spans) and len(regex.findall(r"\X", tag)) <= _LONGEST_TAG_GRAPHEMES:
            found.append((*match.span(), {"$type": "app.bsky.richtext.facet#tag", "tag": tag}))
    for match in _MENTION.finditer(text):
        did = dids.get(match.group(1).lower())
        if did and not _overlaps(match.span(), spans):
            found.append((*match.span(), {"$type": "app.bsky.richtext.facet#mention", "did": did}))
    return [
        {
            "index": {"byteStart": len(text[:start].encode()), "byteEnd": len(text[:end].encode())},
            "features": [feature],
        }
        for start, end, feature in sorted(found, key=lambda f: f[:2])
    ]


def _links(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    for match in _LINK.finditer(text):
        uri = match.group().rstrip(_TRAILING)
        while uri.endswith(")") and uri.count(")") > uri.count("("):
            uri = uri[:-1].rstrip(_TRAILING)  # the bracket belongs to the sentence, not to the address
        if len(uri.partition("://")[2]) > 0:
            yield (match.start(), match.start() + len(uri)), uri


def _overlaps(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)
