"""Are the columns there that a computation reads?

Belongs here: that one question. Does not belong here: what a column holds.
"""

from collections.abc import Iterable

import polars as pl

from contracts.errors import SchemaMismatchError


def demand(frame: pl.DataFrame, columns: Iterable[str], *, by: str, of: str) -> None:
    """Raises SchemaMismatchError with what is missing, what needs it (`by`) and what to pass (`of`)."""
    if missing := [name for name in columns if name not in frame.columns]:
        raise SchemaMismatchError(f"{by} need {', '.join(missing)}; pass {of}")
