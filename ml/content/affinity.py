"""Which of a brand's hashtags and calls to action go with one of its pillars.

Belongs here: judging a phrase by the words that tell the pillars apart. Does not belong here: classifying posts (past).
"""

import regex

from contracts.records import BrandKit, Pillar
from ml.language import fold

_WORD = regex.compile(r"\p{Lu}?[\p{Ll}\p{N}]+|\p{Lu}+(?!\p{Ll})")
"""Also splits a hashtag in camel case into its words."""


def _stems(text: str) -> frozenset[str]:
    return frozenset(fold(word).rstrip("s")[:5] for word in _WORD.findall(text) if len(word) > 3)


def _vocabulary(pillar: Pillar) -> frozenset[str]:
    return _stems(" ".join((pillar.name, *pillar.keywords)))


def affinity(phrase: str, pillar_id: str, brand: BrandKit) -> int:
    """1: uses words that only this pillar has; -1: words of other pillars alone; 0: goes with any."""
    own = frozenset[str]().union(*(_vocabulary(p) for p in brand.pillars if p.pillar_id == pillar_id))
    others = frozenset[str]().union(*(_vocabulary(p) for p in brand.pillars if p.pillar_id != pillar_id))
    found = _stems(phrase)
    if found & (own - others):
        return 1
    return -1 if found & (others - own) else 0
