"""Kept vectors find the rows whose client wrote that very text, and no others."""

import polars as pl

from contracts.tables import TEXT_EMBEDDINGS
from ml.encoder import DIMENSIONS, VERSION
from ml.kept_texts import text_sha256
from ml.text_embeddings import VECTOR, with_kept_vectors

ROWS = pl.DataFrame({"client_id": ["a", "b", "a", "a"], "text": ["one", "one", "two", None]})


def kept(client_id: str, text: str, value: float, version: str = VERSION) -> pl.DataFrame:
    row = (client_id, text_sha256(pl.Series([text]))[0], version, [value] * DIMENSIONS)
    return pl.DataFrame([row], schema=TEXT_EMBEDDINGS.schema, orient="row")


def test_a_vector_is_its_clients_its_texts_and_its_encoders() -> None:
    embeddings = pl.concat([kept("a", "one", 1.0), kept("a", "two", 2.0, "another version"), kept("c", "two", 3.0)])
    joined = with_kept_vectors(ROWS, embeddings)
    assert joined.drop(VECTOR).equals(ROWS)
    assert joined[VECTOR].arr.first().to_list() == [1.0, None, None, None]


def test_where_nothing_was_kept_rows_stay_as_they_are() -> None:
    assert with_kept_vectors(ROWS, kept("a", "one", 1.0, "another version")).columns == ROWS.columns
