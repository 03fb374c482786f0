"""A process that writes to a lake: what the tests of concurrency and of kill -9 start. Not a test itself.

Usage: python lake_writer.py ROOT WRITER OPERATION ROUNDS, with the project root on PYTHONPATH. Prints READY, waits for a
line, then writes. Each round adds or replaces rows that name the writer and the round.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from contracts.tables import TableKind, TableSpec
from lakehouse import DeltaLake

ROWS = TableSpec(
    "bronze",
    "rows",
    TableKind.REPORTED,
    pl.Schema({"key": pl.String, "client_id": pl.String, "writer": pl.String, "round": pl.Int64, "day": pl.Date}),
    ("key",),
    "Rows that say who wrote them.",
)
FIRST = date(2026, 5, 1)


def frame(keys: list[str], writer: str, number: int, day: date) -> pl.DataFrame:
    return pl.DataFrame(
        {"key": keys, "client_id": "acme", "writer": writer, "round": number, "day": day}, schema=ROWS.schema
    )


def write(lake: DeltaLake, operation: str, writer: str, number: int) -> None:
    own_day = FIRST + timedelta(days=int(writer))
    match operation:
        case "append":  # a key of its own, one that all writers race for, on days in turn
            keys = [f"{writer}-{number}", f"shared-{number}"]
            lake.append(ROWS, frame(keys, writer, number, FIRST + timedelta(days=(number + int(writer)) % 3)))
        case "merge":  # the same, but the race is for who is last
            keys = [f"{writer}-{number}", "shared"]
            lake.merge(ROWS, frame(keys, writer, number, FIRST + timedelta(days=(number + int(writer)) % 3)))
        case "replace-same-day":
            lake.replace_partition(ROWS, frame([f"{n}" for n in range(5)], writer, number, FIRST), day=FIRST)
        case "replace-own-day":
            lake.replace_partition(
                ROWS, frame([f"{writer}-{n}" for n in range(5)], writer, number, own_day), day=own_day
            )
        case "replace-table":
            lake.replace(ROWS, frame([f"{n}" for n in range(5)], writer, number, FIRST))
        case "replace-large":  # many files, so that a kill lands between the first of them and the commit
            days = pl.DataFrame({"day": [FIRST + timedelta(days=n) for n in range(300)]})
            rows = days.join(pl.DataFrame({"number": range(1000)}), how="cross")
            rows = rows.with_row_index("key").select(
                pl.col("key").cast(pl.String),
                client_id=pl.lit("acme"),
                writer=pl.lit(writer),
                round=pl.lit(0),
                day="day",
            )
            lake.replace(ROWS, rows)
        case _:
            raise ValueError(operation)


if __name__ == "__main__":
    root, writer, operation, rounds = sys.argv[1:]
    lake = DeltaLake(Path(root), declared=(ROWS,))
    print("READY", flush=True)
    sys.stdin.readline()
    for number in range(int(rounds)):
        write(lake, operation, writer, number)
