"""What differs between two sets of rows, by key. Used by merge, to write only what changes, and by `diff`, to show it."""

from collections.abc import Sequence

import polars as pl


def compare(old: pl.DataFrame, new: pl.DataFrame, *, keys: Sequence[str]) -> pl.DataFrame:
    """One row per key whose row was added, removed or changed: the keys, `change`, and `changed_columns`.

    Columns that both frames have in the same type are compared; a null equals a null. Keys must be unique in each frame.
    """
    columns = [name for name in new.columns if name not in keys and old.schema.get(name) == new.schema[name]]
    sides = [
        frame.select(*keys, pl.lit(True).alias(f"{side}:"), *(pl.col(name).alias(f"{side}:{name}") for name in columns))
        for side, frame in (("old", old), ("new", new))
    ]
    changed = [pl.when(pl.col(f"old:{name}").ne_missing(pl.col(f"new:{name}"))).then(pl.lit(name)) for name in columns]
    empty = pl.lit([], dtype=pl.List(pl.String))
    return (
        sides[0]
        .join(sides[1], on=keys, how="full", coalesce=True, nulls_equal=True)
        .with_columns(changed_columns=pl.concat_list(changed).list.drop_nulls() if changed else empty)
        .with_columns(
            change=pl.when(pl.col("old:").is_null())
            .then(pl.lit("added"))
            .when(pl.col("new:").is_null())
            .then(pl.lit("removed"))
            .when(pl.col("changed_columns").list.len() > 0)
            .then(pl.lit("changed"))
        )
        .filter(pl.col("change").is_not_null())
        .select(*keys, "change", pl.when(pl.col("change") == "changed").then("changed_columns").otherwise(empty))
    )
