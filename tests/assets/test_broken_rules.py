"""Every rule of the bronze boundary, broken on purpose: the row with the fault stays out under that rule's name, its neighbour enters.

A rule that is added to `checks/expectations.py` is broken here too, by its name, or this file fails and asks how.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import polars as pl
import pytest

from assets.bronze.split import IMPLAUSIBLE_COUNTS, POST_IN_QUARANTINE, split_observation
from assets.checks.boundary import Inspected, boundary_check, inspect
from assets.checks.expectations import _RULES, FIRST_POST_EVER, rules_for
from contracts.tables import ALL_TABLES, POST_METRICS, POSTS, TableSpec
from tests.assets.fakes import NOW

BY_KEY = {table.key: table for table in ALL_TABLES}
RULES = [(BY_KEY[key], rule.name) for key in _RULES for rule in rules_for(BY_KEY[key])]
PLANTS: dict[str, Callable[[str], Any]] = {
    "_not_null": lambda _: None,
    "_not_negative": lambda _: -1,
    "_plausible": lambda _: FIRST_POST_EVER - timedelta(seconds=1),
    "_not_after_observation": lambda _: NOW + timedelta(seconds=1),
}
"""What breaks a rule, by how its name ends; the rest of the name is the column."""
OTHERS = {"metric_known": ("metric", "vibes")}
MARK = {key: "raw" if "raw" in BY_KEY[key].schema else "native_id" for key in _RULES}
"""A column without a rule, in which a row says which rule it breaks."""


def sound(table: TableSpec) -> dict[str, Any]:
    """A row that breaks nothing."""
    samples: dict[Any, Any] = {pl.String: "x", pl.Int64: 1, pl.Int32: 1, pl.Boolean: False, pl.Date: NOW.date()}
    moment = NOW - timedelta(hours=1)
    row = {name: samples.get(kind, moment) for name, kind in table.schema.items()}
    return (
        row | {name: NOW for name in ("observed_at",) if name in row} | ({"metric": "likes"} if "metric" in row else {})
    )


def fault(rule: str) -> tuple[str, Any]:
    """The column to spoil and the value to spoil it with."""
    if rule in OTHERS:
        return OTHERS[rule]
    for ending, plant in PLANTS.items():
        if rule.endswith(ending):
            column = rule.removesuffix(ending)
            return column, plant(column)
    raise AssertionError(f"say here what breaks {rule}")


@cache
def inspected(key: str) -> Inspected:
    """A frame of the table with a sound row and, for each of its rules, a row that breaks it, at the boundary."""
    table = BY_KEY[key]
    rows = [sound(table)]
    for rule in rules_for(table):
        column, value = fault(rule.name)
        rows.append(sound(table) | {MARK[key]: f"breaks {rule.name}"} | {column: value})
    return inspect(pl.DataFrame(rows, schema=table.schema), table, rules_for(table), now=NOW)


@pytest.mark.parametrize(("table", "rule"), RULES, ids=[f"{t.name}-{rule}" for t, rule in RULES])
def test_a_row_that_breaks_the_rule_stays_out_under_its_name_and_under_no_other(table: TableSpec, rule: str) -> None:
    part = inspected(table.key)
    mark = MARK[table.key]
    kept_out = part.quarantined.filter(pl.col(mark) == f"breaks {rule}")

    assert kept_out["rule"].to_list() == [rule]
    assert part.broken[rule] == 1
    assert part.good[mark].to_list() == ["x"], "the sound row, and it alone, enters"
    (broken,) = (r for r in rules_for(table) if r.name == rule)
    check = boundary_check(table, part.broken, rows=2, rules=rules_for(table))
    assert not check.passed
    for told in (kept_out["reason"][0], check.description or ""):
        assert f"{rule}" in told
        assert broken.owner in told
        assert broken.remedy in told


@pytest.mark.parametrize("table", [BY_KEY[key] for key in _RULES], ids=lambda t: t.name)
def test_sound_rows_all_enter(table: TableSpec) -> None:
    frame = pl.DataFrame([sound(table)] * 3, schema=table.schema)
    part = inspect(frame, table, rules_for(table), now=NOW)
    assert part.good.equals(frame)
    assert part.quarantined.is_empty()
    assert boundary_check(table, part.broken, rows=3, rules=rules_for(table)).passed


def test_edges_are_allowed() -> None:
    """Zero is a count, and a post may be observed in the second of its publication."""
    first = sound(POSTS) | {"published_at": FIRST_POST_EVER}
    same = sound(POSTS) | {"published_at": NOW}
    assert inspect(pl.DataFrame([first, same], schema=POSTS.schema), POSTS, rules_for(POSTS), now=NOW).broken == {}
    zero = pl.DataFrame([sound(POST_METRICS) | {"value": 0}], schema=POST_METRICS.schema)
    assert inspect(zero, POST_METRICS, rules_for(POST_METRICS), now=NOW).broken == {}


def test_rules_between_posts_and_counts_break_too() -> None:
    """The two that no expectation holds: a post with a bad count, and the counts of a post that stays out."""
    posts = [
        sound(POSTS) | {"post_id": name, "published_at": at} for name, at in (("p", NOW), ("q", NOW + timedelta(1)))
    ]
    counts = [
        sound(POST_METRICS) | {"post_id": name, "metric": metric, "value": value}
        for name, metric, value in (("p", "likes", -1), ("p", "shares", 2), ("q", "likes", 3))
    ]
    of_posts, of_counts = split_observation(
        pl.DataFrame(posts, schema=POSTS.schema), pl.DataFrame(counts, schema=POST_METRICS.schema), now=NOW
    )
    assert dict(of_posts.quarantined.select("post_id", "rule").iter_rows()) == {
        "p": IMPLAUSIBLE_COUNTS,
        "q": "published_at_not_after_observation",
    }
    assert set(of_counts.quarantined.select("post_id", "metric", "rule").iter_rows()) == {
        ("p", "likes", "value_not_negative"),
        ("p", "shares", POST_IN_QUARANTINE),
        ("q", "likes", POST_IN_QUARANTINE),
    }
    assert of_posts.good.is_empty()
    assert of_counts.good.is_empty()
