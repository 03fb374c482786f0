"""Kept labels of texts: which texts have none yet, and whose labels are whose.

Belongs here: rows of `contracts.tables.TEXT_LABELS` from texts, and labels joined to rows that have a text. Does not belong here: who
labels (`labeller`), what to do about a label (`ml/replies`), how an audience's comments read (`moods`).
"""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from contracts.ports import TextLabeller
from contracts.records import TextLabels
from contracts.tables import TEXT_LABELS
from ml.kept_texts import KEY, new_texts, with_kept, with_key

COLUMNS = tuple(TextLabels.model_fields)
"""Columns of labels beside the text that they are of; null where the text has none."""
_SCHEMA = pl.Schema({name: TEXT_LABELS.schema[name] for name in COLUMNS})


def new_labels(texts: pl.DataFrame, known: pl.DataFrame, labeller: TextLabeller, *, at_most: int) -> pl.DataFrame:
    """Rows of TEXT_LABELS for those of `texts` that `known` (the table's rows) lacks, the first `at_most` of them.

    `texts`: `client_id`, `client_language`, `text`. The same text is labelled once for each language of clients, all of a language in one
    call, and kept once for each client that got it. Empty texts have no row.
    """
    here = known.filter(pl.col("labelled_by").is_in(labeller.versions))
    new = new_texts(texts.select("client_id", "client_language", "text"), here, at_most=at_most)
    distinct = new.select("client_language", "text").unique(maintain_order=True)
    labelled = [
        pl.concat([part, _frame(labeller.label(part["text"].to_list(), client_language=language))], how="horizontal")
        for (language,), part in distinct.group_by("client_language", maintain_order=True)
    ]
    if not labelled:
        return TEXT_LABELS.schema.to_frame()
    rows = new.join(pl.concat(labelled), on=["client_language", "text"], how="left", maintain_order="left")
    return rows.select(TEXT_LABELS.schema.names())


def _frame(labels: Collection[TextLabels]) -> pl.DataFrame:
    """One row per text."""
    return pl.DataFrame([one.model_dump() for one in labels], schema=_SCHEMA)


def with_kept_labels(rows: pl.DataFrame, labels: pl.LazyFrame, versions: Collection[str]) -> pl.DataFrame:
    """`rows` (`client_id`, `text`) and the COLUMNS, from rows of TEXT_LABELS by present labellers."""
    keyed = with_key(rows)
    asked = keyed["text_sha256"].drop_nulls().unique()
    kept = labels.filter(pl.col("labelled_by").is_in(versions) & pl.col("text_sha256").is_in(asked.implode())).collect()
    return with_kept(keyed, kept.unique(KEY, maintain_order=True))


def labels_in(row: Mapping[str, Any]) -> TextLabels | None:
    """The labels in a row of `with_kept_labels`."""
    return None if row["labelled_by"] is None else TextLabels(**{name: row[name] for name in COLUMNS})
