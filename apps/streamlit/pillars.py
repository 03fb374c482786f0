"""Which theme a post is about, as far as can be told: by Pulso's own draft, else by the words that the brand kit names.

Pure. A plot's grouping, not a KPI and not a model's feature.
"""

import re
from collections.abc import Mapping, Sequence

from contracts.records import Pillar


def pillar_of(text: str, pillars: Sequence[Pillar]) -> str | None:
    """The pillar with most of its keywords in `text` (whole words, any case); the first named wins a tie, None without a hit."""
    hits = {
        pillar.pillar_id: sum(bool(_word(keyword).search(text)) for keyword in pillar.keywords) for pillar in pillars
    }
    best = max(hits, key=lambda pillar_id: hits[pillar_id], default=None)
    return best if best is not None and hits[best] else None


def pillars_of(
    texts: Sequence[str | None],
    content_item_ids: Sequence[str | None],
    *,
    pillars: Sequence[Pillar],
    drafted: Mapping[str, str],
) -> list[str | None]:
    """The pillar of each post: what its draft was written for (`drafted`), else what its words say."""
    return [
        drafted.get(content_item_id or "") or pillar_of(text or "", pillars)
        for text, content_item_id in zip(texts, content_item_ids, strict=True)
    ]


def _word(keyword: str) -> re.Pattern[str]:
    # `re` keeps the compiled pattern; a keyword may be several words and may be inflected at its end.
    return re.compile(rf"\b{re.escape(keyword)}\w{{0,2}}\b", re.IGNORECASE)
