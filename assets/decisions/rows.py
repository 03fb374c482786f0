"""Evidence of a decision as the columns that every decision table shares."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from contracts.records import Decision
from contracts.tables import TableSpec


def evidence_columns(decision: Decision) -> dict[str, Any]:
    """The columns of a decision; `candidates` as JSON."""
    columns = decision.model_dump(exclude={"kind", "candidates"})
    candidates = json.dumps(decision.candidates, ensure_ascii=False, separators=(",", ":"), default=str)
    return {**columns, "candidates": candidates, "day": decision.decided_at.date()}


def decision_frame(rows: list[Mapping[str, Any]], table: TableSpec) -> pl.DataFrame:
    """Rows with exactly the table's columns; empty when nothing was decided."""
    return pl.DataFrame([{n: row.get(n) for n in table.schema} for row in rows], schema=table.schema)
