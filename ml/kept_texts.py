"""What is kept of a text by what it says, for each client that wrote or got it: which texts have nothing yet, and what is whose.

Belongs here: the key of such rows, and joining by it. Does not belong here: what is kept (`ml/text_embeddings.py`, `ml/text_labels/kept.py`).
"""

import hashlib

import polars as pl

KEY = ("client_id", "text_sha256")


def text_sha256(texts: pl.Series) -> pl.Series:
    """SHA-256 of each text's UTF-8 bytes, hexadecimal; null stays null."""
    digests = [None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in texts.to_list()]
    return pl.Series("text_sha256", digests, dtype=pl.String)


def with_key(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` (`text`) and the column `text_sha256`."""
    return rows.with_columns(text_sha256(rows["text"]))


def new_texts(texts: pl.DataFrame, known: pl.DataFrame, *, at_most: int | None = None) -> pl.DataFrame:
    """Those of `texts` (`client_id`, `text`), each once and with its key, that no row of `known` (KEY) is of; the first `at_most` of them.

    Empty texts are left out.
    """
    keyed = with_key(texts.filter(pl.col("text").str.len_chars() > 0).unique(maintain_order=True))
    new = keyed.join(known, on=KEY, how="anti", maintain_order="left")
    return new if at_most is None else new.head(at_most)


def with_kept(keyed: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Rows of `with_key` (`client_id`) and what `kept` (KEY, each once) has of their texts, in place of the key."""
    return keyed.join(kept, on=KEY, how="left", maintain_order="left").drop("text_sha256")
