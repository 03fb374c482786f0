"""How the audience's comments read: each one's mood, how surely, and who said so.

Belongs here: rows of `contracts.tables.COMMENT_MOODS`, and which of them are to be read again. Does not belong here: labelling texts
(`labeller`), what moods say about an account (`ml/streams`).
"""

from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from contracts.tables import COMMENT_MOODS
from ml.replies.lexicons import LEXICON_CONFIDENCE, LEXICONS_VERSION, by_lexicon

UNLABELLED = f"{LEXICONS_VERSION}/unlabelled"
"""Says of a mood that it is the lexicon's because nobody had labelled the text yet; it is read again once somebody has."""


def settled(known: pl.DataFrame, versions: Collection[str], *, since: date) -> pl.DataFrame:
    """The rows of COMMENT_MOODS that stay as they are: by present labellers, or of days before `since`."""
    return known.filter(pl.col("labelled_by").is_in(versions).fill_null(value=False) | (pl.col("day") < since))


def moods(comments: pl.DataFrame, languages: Mapping[str, str]) -> pl.DataFrame:
    """Rows of COMMENT_MOODS. `comments`: rows of COMMENTS with `kept.COLUMNS`; `languages`: of each client. A text without labels is read by lexicon."""
    by_words = [
        by_lexicon(text or "", client_language=languages[client]).sentiment if labelled_by is None else None
        for client, text, labelled_by in comments.select("client_id", "text", "labelled_by").iter_rows()
    ]
    empty = pl.col("text").fill_null("").str.len_chars() == 0
    stated = pl.when(empty).then(pl.lit(LEXICONS_VERSION)).otherwise(pl.lit(UNLABELLED))
    read = comments.with_columns(
        mood=pl.coalesce("sentiment", pl.Series(by_words, dtype=pl.String)),
        mood_confidence=pl.coalesce("sentiment_confidence", pl.lit(LEXICON_CONFIDENCE)),
        labelled_by=pl.coalesce("labelled_by", stated),
    )
    return read.select(pl.col(name).cast(kind) for name, kind in COMMENT_MOODS.schema.items())
