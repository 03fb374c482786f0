"""Whom an alarm names: clients in its words, accounts in its metadata.

Does not belong here: what is wrong with them (the checks).
"""

import polars as pl

LISTED = 1000
"""More accounts are not kept with a check: Dagster's record is no lake."""
_SAID_CLIENTS = 5
"""More are counted; all of them are in the metadata and in the app."""


def clients_of(rows: pl.DataFrame) -> str:
    """The clients of rows with `client_id`, by name; only the first ones when they are many."""
    names: list[str] = rows["client_id"].unique().sort().to_list()
    more = len(names) - _SAID_CLIENTS
    return ", ".join(names[:_SAID_CLIENTS]) + (f" and {more} more clients" if more > 0 else "")
