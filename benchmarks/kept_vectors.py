"""Vectors of the public sets' texts, kept in a folder between runs, as the lake keeps those of posts.

Belongs here: encoding what is new and keeping it. Does not belong here: the encoder (`ml/encoder.py`), what is learned from vectors.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.ports import TextEncoder
from contracts.tables import TEXT_EMBEDDINGS
from ml.encoder import MiniLm
from ml.kept_texts import with_kept, with_key
from ml.text_embeddings import new_embeddings, with_kept_vectors

TEXTS_AT_ONCE = 5_000
"""Kept after so many: encoding a whole set takes an hour and may be interrupted."""
PUBLIC = "public"
"""In place of a client, where texts are nobody's."""


def with_vectors(rows: pl.DataFrame, kept: Path, *, newest: int | None) -> pl.DataFrame:
    """`rows` (POST_FEATURES) and the vectors of their texts, which the Parquet file `kept` holds from then on (rows of TEXT_EMBEDDINGS).

    Texts of so many of the newest posts are encoded where they have no vector yet; of all, where `newest` is None.
    """
    wanted = rows.sort("published_at", descending=True).head(rows.height if newest is None else newest)
    return with_kept_vectors(rows, _kept(wanted, kept, MiniLm()))


def vectors_of(texts: Sequence[str], kept: Path | None, encoder: TextEncoder) -> NDArray[np.float32]:
    """The encoder's vector of each text (none of them empty), from the Parquet file `kept` where it has them; None keeps nothing."""
    if kept is None:
        return encoder.encode(texts)
    asked = pl.DataFrame({"client_id": PUBLIC, "text": list(texts)})
    known = _kept(asked, kept, encoder).filter(pl.col("encoder_version") == encoder.version)
    return np.array(with_kept(with_key(asked), known)["vector"].to_list(), dtype=np.float32)


def _kept(texts: pl.DataFrame, kept: Path, encoder: TextEncoder) -> pl.DataFrame:
    """What the file holds once it has the vectors of all `texts` (`client_id`, `text`)."""
    known = pl.read_parquet(kept) if kept.exists() else pl.DataFrame(schema=TEXT_EMBEDDINGS.schema)
    kept.parent.mkdir(parents=True, exist_ok=True)
    while (new := new_embeddings(texts, known, encoder, at_most=TEXTS_AT_ONCE)).height:
        known = pl.concat([known, new])
        part = kept.with_suffix(".part")
        known.write_parquet(part)
        part.replace(kept)
        sys.stderr.write(f"{kept.name}: {known.height:,} vectors\n")
    return known
