"""A day's decisions are made once: what stands in the lake for a day is kept, and only what is missing is decided."""

import hashlib
from datetime import date

import polars as pl

from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import TableSpec


def standing(lake: Lake, table: TableSpec, scope: TenantScope, *, start: date, end: date) -> pl.DataFrame:
    """Decisions that were made for these days already."""
    return lake.scan(table, scope=scope).filter(pl.col("day").is_between(start, end)).collect()


def seed_of(*parts: object) -> int:
    """A seed from names and days: the same decision can be drawn again, and different ones are independent."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big")
