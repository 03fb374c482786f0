"""What a client's past posts say about what to write: which pillar each belongs to, and what worked.

Belongs here: reading gold's `fct_posts` for content decisions, from the matured past alone.
Does not belong here: forecasts of single posts (ml.engagement), choices (ideas).
"""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from contracts.networks import Network
from contracts.records import Pillar
from ml.language import fold, words

SHRINKAGE_POSTS = 10.0
"""An effect counts half at this many posts: residual variance of log engagement (about 1.1 squared) is some ten times that of
real differences between content groups (about 0.35 squared)."""


def classify_pillars(texts: Sequence[str | None], pillars: Sequence[Pillar]) -> list[str | None]:
    """The pillar whose words each text uses most; None where it uses none, or two equally."""
    vocabulary = {pillar.pillar_id: _vocabulary(pillar) for pillar in pillars}
    return [_classify(text or "", vocabulary) for text in texts]


def _vocabulary(pillar: Pillar) -> dict[str, float]:
    """Folded stems with weights: named keywords count fully, words of the description a third."""
    stems: dict[str, float] = {}
    for text, weight in ((pillar.description, 1 / 3), (pillar.name, 0.5), (" ".join(pillar.keywords), 1.0)):
        for word in words(text):
            if len(word) > 2:
                stems[_stem(word)] = max(weight, stems.get(_stem(word), 0.0))
    return stems


def _stem(word: str) -> str:
    """Six letters are enough to bring a word's singular, plural and verb forms together in en, es and pt."""
    return fold(word).rstrip("s")[:6]


def _classify(text: str, vocabulary: dict[str, dict[str, float]]) -> str | None:
    stems = {_stem(word) for word in words(text.replace("#", " ")) if len(word) > 2}
    scores = {
        pillar_id: sum(w for stem, w in stems_of.items() if stem in stems) for pillar_id, stems_of in vocabulary.items()
    }
    ranked = sorted(scores, key=lambda pillar_id: -scores[pillar_id])
    if not ranked or scores[ranked[0]] == 0:
        return None
    if len(ranked) > 1 and scores[ranked[0]] == scores[ranked[1]]:
        return None
    return ranked[0]


def matured(posts: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """Own posts whose outcome was known at `now`, with `log_engagement` relative to their account's mean (`lift`)."""
    return (
        posts.filter(
            (pl.col("mature_at") <= now)
            & pl.col("mature_engagements").is_not_null()
            & ~pl.col("is_reply").fill_null(False)
        )
        .with_columns(log_engagement=pl.col("mature_engagements").clip(0).cast(pl.Float64).log1p())
        .with_columns(lift=pl.col("log_engagement") - pl.col("log_engagement").mean().over("account_id"))
    )


def shrunken_lift(past: pl.DataFrame, group: str) -> dict[str, float]:
    """Mean lift of each value of `group`, drawn towards zero: sum of lifts / (posts + SHRINKAGE_POSTS), in log units."""
    if past.is_empty():
        return {}
    rows = (
        past.drop_nulls(group).group_by(group).agg(lift=pl.col("lift").sum() / (pl.len() + SHRINKAGE_POSTS)).sort(group)
    )
    return dict(zip(rows[group].to_list(), rows["lift"].to_list(), strict=True))


def best_past_texts(posts: pl.DataFrame, network: Network, *, now: datetime, count: int = 12) -> tuple[str, ...]:
    """Texts of the network's matured posts with the highest lift: at most `count`, and at most the best quarter."""
    past = matured(posts, now=now).filter((pl.col("network") == network.value) & (pl.col("text").str.len_chars() > 0))
    best = past.sort(["lift", "published_at"], descending=True).head(min(count, past.height // 4))
    return tuple(best["text"].to_list())
