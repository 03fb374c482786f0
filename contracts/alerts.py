"""Which alerts somebody should still look at: one rule, for the check and for the app.

Does not belong here: when an alert is raised (ml/streams), words for people.
"""

from datetime import datetime, timedelta

import polars as pl

OPEN_FOR = timedelta(days=2)
"""Over or not, an alert is looked at for so long."""
HIGH_FOR = timedelta(days=14)
"""A stream that has been unusual for longer has become the usual; or nobody reads it any more."""
SEVERE = ("warning", "critical")
"""Severities of an alert that an alarm names: what comes no more often than once in eight weeks."""


def is_open(now: datetime) -> pl.Expr:
    """Of rows of `learning/alerts`: told within OPEN_FOR, or not over yet."""
    age = pl.lit(now) - pl.col("told_at")
    return (age <= OPEN_FOR) | (pl.col("ended_at").is_null() & (age <= HIGH_FOR))
