"""Kept vectors of texts: which texts have none yet, and whose vector is whose.

Belongs here: rows of `contracts.tables.TEXT_EMBEDDINGS` from texts, and vectors joined to rows that have a text. Does not belong here: the
encoder (`ml/encoder.py`), what is learned from vectors (`ml/engagement.py`).
"""

import polars as pl

from contracts.ports import TextEncoder
from contracts.tables import TEXT_EMBEDDINGS
from ml.encoder import DIMENSIONS, VERSION
from ml.kept_texts import KEY, new_texts, with_kept, with_key

VECTOR = "text_vector"
"""Column of a text's vector beside its features; null where the text has none."""
_VECTORS = pl.Array(pl.Float32, DIMENSIONS)


def new_embeddings(
    texts: pl.DataFrame, known: pl.DataFrame, encoder: TextEncoder, *, at_most: int | None = None
) -> pl.DataFrame:
    """Rows of TEXT_EMBEDDINGS for those of `texts` (`client_id`, `text`) that `known` (the table's rows) lacks, the first `at_most` of them.

    The same text is encoded once, and kept once for each client that wrote it. Empty texts have no row.
    """
    here = known.filter(pl.col("encoder_version") == encoder.version)
    new = new_texts(texts.select("client_id", "text"), here, at_most=at_most)
    distinct = new["text"].unique(maintain_order=True)
    vectors = pl.DataFrame([distinct, pl.Series("vector", encoder.encode(distinct.to_list())).arr.to_list()])
    return (
        new.join(vectors, on="text", how="left", maintain_order="left")
        .with_columns(encoder_version=pl.lit(encoder.version))
        .select(pl.col(name).cast(kind) for name, kind in TEXT_EMBEDDINGS.schema.items())
    )


def with_kept_vectors(rows: pl.DataFrame, embeddings: pl.DataFrame) -> pl.DataFrame:
    """`rows` (`client_id`, `text`) and the column VECTOR, from rows of TEXT_EMBEDDINGS of the present encoder.

    Where nothing was ever kept, `rows` as they are: the column would cost 1.5 kB a row and say nothing.
    """
    kept = embeddings.filter(pl.col("encoder_version") == VERSION)
    if kept.is_empty():
        return rows
    return with_kept(with_key(rows), kept.select(*KEY, pl.col("vector").cast(_VECTORS).alias(VECTOR)))


def with_new_vectors(rows: pl.DataFrame, encoder: TextEncoder) -> pl.DataFrame:
    """`rows` (`text`) and the column VECTOR. Each distinct text is encoded once, all in one call; empty ones are not."""
    distinct = rows.select("text").filter(pl.col("text").str.len_chars() > 0)["text"].unique(maintain_order=True)
    vectors = pl.Series(VECTOR, encoder.encode(distinct.to_list()), dtype=_VECTORS)
    return rows.join(pl.DataFrame([distinct, vectors]), on="text", how="left", maintain_order="left")
