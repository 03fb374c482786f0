"""What counts as the same gold: exact values, doubles within a tolerance, columns and types."""

import math

import polars as pl
import pytest

from contracts.errors import NotReadyError
from lakehouse import DeltaLake
from lakehouse.agreement import agreement, gold_agreement

ONE = pl.DataFrame(
    {"key": ["a", "b", None], "count": [1, 2, None], "rate": [0.1, None, 0.0], "tags": [["x"], [], None]}
)


def test_the_order_of_rows_means_nothing() -> None:
    same = agreement(ONE, ONE.reverse())

    assert same.is_equal
    assert (same.rows, same.columns, same.max_relative_difference) == ((3, 3), 4, 0.0)


@pytest.mark.parametrize(("factor", "is_equal"), [(1 + 1e-10, True), (1 + 1e-8, False), (-1.0, False)])
def test_doubles_may_differ_by_what_their_order_of_addition_does(factor: float, is_equal: bool) -> None:
    found = agreement(ONE, ONE.with_columns(pl.col("rate") * factor))

    assert found.is_equal == is_equal
    assert found.max_relative_difference == pytest.approx(abs(1 - factor), rel=1e-3)
    assert dict(found.differences) == ({} if is_equal else {"rate": 1})


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("count", [1, 3, None]),
        ("count", [1, 2, 0]),
        ("rate", [0.1, 0.0, 0.0]),
        ("rate", [0.1, math.nan, 0.0]),
        ("tags", [["x"], [], []]),
        ("key", ["a", "c", None]),
    ],
)
def test_one_value_that_differs_is_found(column: str, values: list[object]) -> None:
    other = ONE.with_columns(pl.Series(column, values, dtype=ONE.schema[column]))
    found = agreement(ONE, other)

    assert not found.is_equal
    assert set(found.differences) == {column}


def test_columns_and_types_have_to_be_the_same() -> None:
    other = ONE.with_columns(pl.col("count").cast(pl.Int32), more=1).drop("tags")
    found = agreement(ONE, other)

    assert not found.is_equal
    assert dict(found.types) == {"count": ("Int64", "Int32"), "tags": ("List(String)", None), "more": (None, "Int32")}


def test_rows_that_are_missing_are_a_difference() -> None:
    found = agreement(ONE, ONE.head(2))

    assert not found.is_equal
    assert found.rows == (3, 2)


def test_nothing_is_not_compared_with_nothing(tmp_path) -> None:
    with pytest.raises(NotReadyError, match="build the warehouse first"):
        gold_agreement(DeltaLake(tmp_path / "one"), DeltaLake(tmp_path / "other"))
