"""A text that is too long for one post, as a thread of posts that each fit.

Belongs here: where a text may be cut. Does not belong here: publishing the parts (platforms), judging them (option_rules).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import regex

from contracts.networks import ContentFormat, Network
from policy.limit_shapes import NetworkLimits
from policy.network_limits import LIMITS
from policy.text_entities import indivisible

_GRAPHEME = regex.compile(r"\X")
_SENTENCE_END = regex.compile(r"(?:[.!?…]+[\p{Pe}\p{Pf}\"']*(?=\s)|[。！？]+[\p{Pe}\p{Pf}]*|\S(?=[^\S\n]*\n))")

_FULL_ENOUGH = 0.5
"""A part ends with a sentence if that leaves it at least this full; otherwise with a word."""


def split_into_thread(
    text: str, network: Network, *, is_numbered: bool = False, limits: NetworkLimits | None = None
) -> tuple[str, ...]:
    """The parts of a thread, in order; the text alone when it fits one post.

    Parts end after a sentence where that leaves none nearly empty, else after a word, and only within a word that is longer
    than a post after a character as seen: never inside a link, mention, hashtag or cashtag. Only white space between parts is
    lost. `is_numbered` ends each of several parts with ` (2/5)`. `limits`: in place of the network's usual ones.

    Raises ValueError for a network without threads, an empty text, or a link (or the like) that fits into no post.
    """
    limits = limits or LIMITS[network]
    if ContentFormat.THREAD not in limits.formats:
        raise ValueError(f"{network.value} has no threads: shorten the text instead.")
    borders = _Borders(text)
    if not borders.words:
        raise ValueError("There is no text to split.")

    def fits(part: str) -> bool:
        return not any(limit.excess(part) for limit in limits.text)

    parts = borders.cut(fits)
    digits = 1
    while is_numbered and len(parts) > 1:  # the numbers need room, and how much depends on how many parts there are
        widest = f" ({'9' * digits}/{'9' * digits})"
        parts = borders.cut(lambda part, widest=widest: fits(part + widest))  # type: ignore[misc]
        if len(str(len(parts))) <= digits:
            return tuple(f"{part} ({number}/{len(parts)})" for number, part in enumerate(parts, 1))
        digits += 1
    return tuple(parts)


class _Borders:
    """The places in one text where a part may end, best kind first: sentences, words, characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        graphemes = [match.span() for match in _GRAPHEME.finditer(text)]
        visible = [span for span in graphemes if not text[slice(*span)].isspace()]
        inside = {place for start, end in indivisible(text) for place in range(start + 1, end)}
        self.starts = [start for start, _ in visible]
        self.characters = [end for _, end in visible if end not in inside]
        after = set(self.starts)
        ends = {match.end() for match in _SENTENCE_END.finditer(text)}
        self.sentences = [end for end in self.characters if end in ends]
        self.words = [end for end in self.characters if end not in after or end in ends]  # Han sentences need no space

    def cut(self, fits: Callable[[str], bool]) -> list[str]:
        """Slices of the text that each fit, with nothing but white space between them."""
        parts: list[str] = []
        start, last = self.starts[0], self.words[-1]
        while True:
            end = self._end_of_part(start, fits)
            parts.append(self._text[start:end])
            if end == last:
                return parts
            start = self.starts[bisect_left(self.starts, end)]

    def _end_of_part(self, start: int, fits: Callable[[str], bool]) -> int:
        end = self._last_fitting(self.words, start, fits)
        if end is None:
            end = self._last_fitting(self.characters, start, fits)
        if end is None:
            piece = self._text[start:].split(maxsplit=1)[0]
            raise ValueError(f"“{piece[:60]}” fits into no post and cannot be cut: use a shorter one.")
        if end == self.words[-1]:
            return end
        full_enough = start + (end - start) * _FULL_ENOUGH
        last = bisect_right(self.sentences, end) - 1
        return self.sentences[last] if last >= 0 and self.sentences[last] >= full_enough else end

    def _last_fitting(self, places: Sequence[int], start: int, fits: Callable[[str], bool]) -> int | None:
        """The last place up to which the text from `start` fits.

        Longer texts never measure less: doubling finds a place that is too far, halving the last one that is not.
        """
        first = bisect_right(places, start)
        reach = 1
        while first + reach <= len(places) and fits(self._text[start : places[first + reach - 1]]):
            reach *= 2
        low, high = reach // 2, min(reach - 1, len(places) - first)
        while low < high:
            middle = (low + high + 1) // 2
            if fits(self._text[start : places[first + middle - 1]]):
                low = middle
            else:
                high = middle - 1
        return places[first + low - 1] if low else None
