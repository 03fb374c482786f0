"""How much of one text stands in another.

Belongs here: a measure of shared wording and an index that answers it against many texts at once.
Does not belong here: similarity of meaning.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from ml.language import fold, words

SHINGLE_WORDS = 3

NEAR_DUPLICATE = 0.6
"""Share of common shingles from which a text counts as one that was there before. Two texts around the same sentence of fact,
with different openings and endings, share 0.2 to 0.5 (measured on the demo clients' drafts)."""


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Runs of three words, without case, accents, hashtags, links and emoji. Shorter texts are one run."""
    folded = [fold(word) for word in words(text)]
    if len(folded) <= SHINGLE_WORDS:
        return frozenset({tuple(folded)}) if folded else frozenset()
    return frozenset(tuple(folded[i : i + SHINGLE_WORDS]) for i in range(len(folded) - SHINGLE_WORDS + 1))


def similarity(first: str, second: str) -> float:
    """Jaccard index of the two texts' shingles, 0 to 1."""
    one, two = shingles(first), shingles(second)
    return len(one & two) / len(one | two) if one or two else 0.0


class SeenTexts:
    """Texts that must not come again, indexed by shingle, so that a question costs what the text shares, not what was seen."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._sizes: list[int] = []
        self._where: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return len(self._sizes)

    def add(self, text: str) -> None:
        parts = shingles(text)
        for part in parts:
            self._where[part].append(len(self._sizes))
        self._sizes.append(len(parts))

    def closest(self, text: str) -> float:
        """Greatest similarity to any seen text; a seen text that stands in this one whole counts as the same (1.0)."""
        parts = shingles(text)
        shared = Counter(index for part in parts for index in self._where.get(part, ()))
        best = 0.0
        for index, common in shared.items():
            size = self._sizes[index]
            is_whole = common == size and size >= SHINGLE_WORDS * 2
            best = max(best, 1.0 if is_whole else common / (len(parts) + size - common))
        return best
