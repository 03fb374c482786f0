"""The bronze boundary: Great Expectations decide which rows enter a table and which go into quarantine, with the reason.

Belongs here: running a suite over a frame and splitting it. The rules themselves stand in `checks/expectations.py`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from contracts.tables import TableSpec

ROW = "__row"
CHECK_NAME = "boundary"


@dataclass(frozen=True)
class Rule:
    """One expectation, whose problem a broken one is, and what to do about it."""

    name: str
    expectation: str
    """Its class in `great_expectations.expectations`, made with `arguments`."""
    arguments: Mapping[str, Any]
    owner: str
    remedy: str


@dataclass(frozen=True)
class Inspected:
    """A frame split at the boundary. `good` and `quarantined` together hold every row that came in."""

    good: pl.DataFrame
    quarantined: pl.DataFrame
    """Columns of `table.quarantine()`; one row for each broken rule of each bad row."""
    broken: dict[str, int]
    """Rows by broken rule."""


def inspect(frame: pl.DataFrame, table: TableSpec, rules: Sequence[Rule], *, now: datetime) -> Inspected:
    """Run the rules over `frame` and split it. An empty frame passes every rule."""
    spec = table.quarantine()
    empty = pl.DataFrame(schema=spec.schema)
    if frame.is_empty():
        return Inspected(frame, empty, {})
    broken_rows = _broken_rows(frame, table, rules)
    parts = []
    for rule in rules:
        rows = broken_rows.get(rule.name, [])
        if rows:
            reason = f"{rule.name}: {rule.remedy} ({rule.owner})"
            parts.append(quarantine_rows(frame[rows], table, rule=rule.name, reason=reason, now=now))
    bad = sorted({row for rows in broken_rows.values() for row in rows})
    good = frame.with_row_index(ROW).filter(~pl.col(ROW).is_in(bad)).drop(ROW)
    return Inspected(
        good, pl.concat(parts) if parts else empty, {name: len(rows) for name, rows in broken_rows.items()}
    )


def quarantine_rows(frame: pl.DataFrame, table: TableSpec, *, rule: str, reason: str, now: datetime) -> pl.DataFrame:
    """Rows as they stand in quarantine: their own columns, the rule, the reason, the moment."""
    spec = table.quarantine()
    return frame.with_columns(
        rule=pl.lit(rule), reason=pl.lit(reason), quarantined_at=pl.lit(now).cast(spec.schema["quarantined_at"])
    ).select(list(spec.schema))


def _broken_rows(frame: pl.DataFrame, table: TableSpec, rules: Sequence[Rule]) -> dict[str, list[int]]:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    columns = [name for name in frame.columns if name != "raw" and frame.schema[name] != pl.List(pl.String)]
    batch = (
        context.data_sources.add_pandas("boundary")
        .add_dataframe_asset(table.name)
        .add_batch_definition_whole_dataframe("rows")
        .get_batch({"dataframe": frame.select(columns).to_pandas()})
    )
    expectations = [getattr(gxe, rule.expectation)(**rule.arguments, meta={"rule": rule.name}) for rule in rules]
    suite = gx.ExpectationSuite(name=table.key, expectations=expectations)
    outcome = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    broken: dict[str, list[int]] = {}
    for result in outcome.results:
        raised: Any = result.exception_info
        if raised and raised.get("raised_exception"):
            raise RuntimeError(f"{table.key}: expectation {result.expectation_config} could not run: {raised}")
        if not result.success:
            rows = result.result.get("unexpected_index_list") or []
            broken[result.expectation_config.meta["rule"]] = [int(row) for row in rows]
    return broken


def boundary_check(
    table: TableSpec, broken: dict[str, int], *, rows: int, rules: Sequence[Rule], extra: str = ""
) -> dg.AssetCheckResult:
    """The boundary as an asset check: how many rows stayed out, by rule, whose problem that is and what to do."""
    by_name = {rule.name: rule for rule in rules}
    lines = [
        f"{count} rows break `{name}`"
        + (f": {by_name[name].remedy} ({by_name[name].owner})" if name in by_name else "")
        for name, count in sorted(broken.items())
    ]
    return dg.AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=[table.stage, table.name],
        passed=not broken,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(lines) + extra if lines else f"All {rows} rows passed.",
        metadata={
            "rows": rows,
            "quarantine": f"{table.stage}/quarantined_{table.name}",
            **{f"rule/{k}": v for k, v in broken.items()},
        },
    )
