"""Vectors of the public sets' texts, kept in a folder between runs, as the lake keeps those of posts.

Belongs here: encoding what is new and keeping it. Does not belong here: the encoder (`ml/encoder.py`), what is learned from vectors.
"""

import sys
from pathlib import Path

import polars as pl

from contracts.tables import TEXT_EMBEDDINGS
from ml.encoder import MiniLm
from ml.text_embeddings import new_embeddings, with_kept_vectors

TEXTS_AT_ONCE = 5_000
"""Kept after so many: encoding a whole set takes an hour and may be interrupted."""


def with_vectors(rows: pl.DataFrame, kept: Path, *, newest: int | None) -> pl.DataFrame:
    """`rows` (POST_FEATURES) and the vectors of their texts, which the Parquet file `kept` holds from then on (rows of TEXT_EMBEDDINGS).

    Texts of so many of the newest posts are encoded where they have no vector yet; of all, where `newest` is None.
    """
    known = pl.read_parquet(kept) if kept.exists() else pl.DataFrame(schema=TEXT_EMBEDDINGS.schema)
    wanted = rows.sort("published_at", descending=True).head(rows.height if newest is None else newest)
    encoder = MiniLm()
    while (new := new_embeddings(wanted, known, encoder, at_most=TEXTS_AT_ONCE)).height:
        known = pl.concat([known, new])
        part = kept.with_suffix(".part")
        known.write_parquet(part)
        part.replace(kept)
        sys.stderr.write(f"{kept.name}: {known.height:,} vectors\n")
    return with_kept_vectors(rows, known)
