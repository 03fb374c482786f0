"""What in a text is more than its letters: links, mentions, hashtags, cashtags. Found, never changed.

Belongs here: where such things begin and end. Does not belong here: how a network counts them (text_measures), how many it
accepts (network_limits).
"""

from collections.abc import Iterator

import regex

Span = tuple[int, int]
"""First character and the one after the last, as in a slice."""

HASHTAG = regex.compile(r"(?<![\p{L}\p{N}_&/])[#＃][\p{L}\p{N}\p{M}_]*[\p{L}\p{M}_][\p{L}\p{N}\p{M}_]*")
MENTION = regex.compile(
    r"""(?<![\p{L}\p{N}_.@/])@
    (?P<name>[\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_])?)
    (?P<server>@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?)?  # a Mastodon account of another server
    """,
    regex.VERBOSE,
)
CASHTAG = regex.compile(r"(?<![\p{L}\p{N}_$])\$[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?(?![\p{L}\p{N}_])")

_REST = r"""
    (?::\d{1,5})?
    (?:[/?\#](?:
        (?:[\p{Latin}\p{Cyrillic}\p{Greek}\p{N}\-_~%$&*+=@/|\#.,;:!?'\[\]]|\([^()\s]*\))*
        (?:[\p{Latin}\p{Cyrillic}\p{Greek}\p{N}\-_~%$&*+=@/|\#]|\([^()\s]*\))  # never ends in a sentence's own punctuation
    )?)?
"""

_LINK = regex.compile(
    r"""(?<![\p{Latin}\p{N}_@\#$])https?://
    (?:[\p{L}\p{N}_](?:[\p{L}\p{N}_-]*[\p{L}\p{N}_])?\.)+
    (?:xn--[a-z0-9-]+|[a-z]{2,63})(?![a-z0-9_-])"""
    + _REST,
    regex.VERBOSE | regex.IGNORECASE,
)

_GENERIC_DOMAINS = (  # [K] the usual ones of some 1,200: a rarer one without https:// counts by its letters
    "academy|agency|app|art|audio|bar|beauty|beer|bike|biz|blog|boutique|business|cafe|camp|care|casa|catering|center|charity|"
    "church|city|cloud|club|coach|coffee|com|community|company|cooking|cool|dance|deals|delivery|dental|design|dev|digital|dog|"
    "domains|earth|eco|edu|email|energy|events|expert|express|family|farm|fashion|finance|fish|fitness|flowers|fm|football|"
    "fund|fun|furniture|gallery|games|garden|gift|gifts|global|gov|green|group|guide|guru|health|help|holiday|host|hotel|house|"
    "info|ink|int|jobs|kitchen|land|legal|life|link|live|love|ltd|market|marketing|media|menu|mil|mobi|money|museum|music|name|"
    "net|network|news|ngo|one|online|org|page|partners|party|pet|photo|photography|photos|pizza|plus|press|pro|pub|recipes|"
    "rent|restaurant|review|reviews|rocks|run|sale|school|science|shop|shopping|show|site|ski|social|software|solar|solutions|"
    "space|store|studio|style|support|surf|systems|tax|team|tech|tips|today|tools|top|tours|town|toys|training|travel|vegas|"
    "ventures|vet|video|villas|vin|vip|vision|website|wedding|wiki|wine|work|works|world|wtf|xyz|yoga|zone"
)

_BARE_LINK = regex.compile(
    r"""(?<![\p{Latin}\p{N}_@\#$./-])
    (?P<labels>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+)
    (?P<top>"""
    + _GENERIC_DOMAINS
    + r"""|[a-z]{2})(?![\p{Latin}\p{N}_@-])(?!\.[a-z0-9])
    (?P<rest>"""
    + _REST
    + ")",
    regex.VERBOSE | regex.IGNORECASE,
)
_SHORT_COUNTRIES_THAT_LINK = frozenset({"co", "tv"})


def links(text: str, *, is_scheme_optional: bool) -> list[Span]:
    """Links in the order in which they stand. `is_scheme_optional`: `example.com` is a link too, as X sees it.

    A bare name with a country's two letters is one only with a further part (`example.co.uk`, `example.es/menu`): otherwise a
    missing space after a full stop ("at five.It") would be read as a link.
    """
    found = [match.span() for match in _LINK.finditer(text)]
    if not is_scheme_optional:
        return found
    for match in _BARE_LINK.finditer(text):
        top = match["top"].lower()
        is_short = len(top) == 2 and match["labels"].count(".") == 1 and not match["rest"]
        if is_short and top not in _SHORT_COUNTRIES_THAT_LINK:
            continue
        if not any(start < match.end() and match.start() < end for start, end in found):
            found.append(match.span())
    return sorted(found)


def indivisible(text: str) -> list[Span]:
    """Spans that no cut may go through, merged where they overlap: links, mentions, hashtags and cashtags."""
    merged: list[Span] = []
    for start, end in sorted(_entities(text)):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _entities(text: str) -> Iterator[Span]:
    yield from links(text, is_scheme_optional=True)
    for pattern in (MENTION, HASHTAG, CASHTAG):
        for match in pattern.finditer(text):
            yield match.span()
