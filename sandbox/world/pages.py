"""The web that posts lead to: a brand's own site, and what a network finds behind an address.

Belongs here: pure functions over texts and addresses; nothing is drawn. Does not belong here: how a network shows a card.
"""

import re
import unicodedata
from urllib.parse import unquote, urlsplit

import regex

LONGEST_HEADLINE = 80
_NOISE = regex.compile(r"https?://\S+|#\w+|[\p{Extended_Pictographic}\p{Regional_Indicator}\u200d\ufe0f]")
_SENTENCE = re.compile(r".+?[.!?…](?=\s|$)")
_RESERVED = re.compile(r"(?:^|\.)(?:example|test|example\.(?:com|net|org))$")


def headline(text: str) -> str:
    """The first sentence of a text as a page would carry it: without links, tags and pictograms, cut at a word. Empty where
    there are no words."""
    lines = (" ".join(_NOISE.sub(" ", line).split()) for line in text.splitlines())
    line = next((line for line in lines if line), "")
    sentence = _SENTENCE.match(line)
    said = (sentence[0] if sentence else line).rstrip(" .")
    if len(said) > LONGEST_HEADLINE:
        said = said[: LONGEST_HEADLINE - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
    return said


def address_on(brand: str, day: str, title: str) -> str:
    """Where the brand's own site has a page of this title, published on this day (`2026-03-04`)."""
    return f"https://www.{_slug(brand).replace('-', '') or 'brand'}.example/{day}/{_slug(title)}".rstrip("/")


def title_at(address: str) -> str | None:
    """The title of the page at an address, read off the address itself. Only addresses under names that are reserved for
    examples are the sandbox's web: of any other page it knows nothing."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not _RESERVED.search(host):
        return None
    last = unquote(parts.path).rstrip("/").rpartition("/")[2].partition(".")[0]
    words = " ".join(re.split(r"[-_+\s]+", last)).strip()
    return words[:1].upper() + words[1:] if words else host


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))
