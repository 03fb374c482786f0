"""Rows of `gold/fct_posts` as features read them: the used columns in their types, and from when on an outcome was known.

Belongs here: what a post is to every feature. Does not belong here: features.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml.columns import demand
from ml.text import wording

REQUIRED_COLUMNS = (
    "post_id",
    "account_id",
    "client_id",
    "network",
    "published_at",
    "content_format",
    "text",
    "local_hour",
    "local_weekday",
    "mature_engagements",
    "mature_at",
)
OPTIONAL_COLUMNS: dict[str, pl.DataType] = {
    "media_count": pl.Int32(),
    "link_url": pl.String(),
    "link_title": pl.String(),
    "is_reply": pl.Boolean(),
    "followers_at_post": pl.Int64(),
    "matured_observed_at": pl.Datetime("us", "UTC"),
    "is_backfilled": pl.Boolean(),
}
OUTCOME_COLUMNS = ("mature_engagements", "mature_at", "matured_observed_at", "is_backfilled")
HOUR_BLOCK = 4


def prepared(posts: pl.DataFrame, *, is_draft: bool = False) -> pl.DataFrame:
    """The used columns without replies, sorted by account and publication; impossible outcomes (negative counts) are unknown.

    Raises SchemaMismatchError when a required column is missing (of drafts: any but the outcome's).
    """
    required = [name for name in REQUIRED_COLUMNS if not (is_draft and name in OUTCOME_COLUMNS)]
    demand(posts, required, by="post features", of="rows of gold/fct_posts")
    defaults = {**OPTIONAL_COLUMNS, "mature_engagements": pl.Int64(), "mature_at": pl.Datetime("us", "UTC")}
    complete = with_columns_of(posts, defaults).filter(~pl.col("is_reply").fill_null(value=False))
    is_known = (pl.col("mature_engagements") >= 0) & (pl.col("mature_at") > pl.col("published_at"))
    return complete.select(
        pl.col("post_id", "account_id", "client_id", "network", "content_format", "link_url").cast(pl.String),
        wording(pl.col("text").cast(pl.String), pl.col("link_title").cast(pl.String)).alias("text"),
        pl.col("published_at", "mature_at").cast(pl.Datetime("us", "UTC")),
        outcome_known_at().cast(pl.Datetime("us", "UTC")),
        pl.col("local_hour", "local_weekday", "media_count").cast(pl.Int32),
        (pl.col("local_hour") // HOUR_BLOCK).cast(pl.Int32).alias("hour_block"),
        pl.col("followers_at_post").cast(pl.Float64),
        pl.when(is_known).then(pl.col("mature_engagements").cast(pl.Float64)).log1p().alias("log_engagement"),
    ).sort("account_id", "published_at", "post_id", maintain_order=True)


def outcome_known_at() -> pl.Expr:
    """When an outcome could first be used: the post had matured and its counts had been observed.

    Of a backfilled post only today's counts exist; they stand in from `mature_at` on. Null while the post has not matured.
    """
    observed_at = pl.when(~pl.col("is_backfilled").fill_null(value=False)).then("matured_observed_at")
    known_at = pl.when(pl.col("mature_at").is_not_null()).then(pl.max_horizontal("mature_at", observed_at))
    return known_at.alias("outcome_known_at")


def with_columns_of(posts: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The posts with null in those of the columns that they lack."""
    return posts.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in posts.columns
    )


def account_codes(posts: pl.DataFrame) -> NDArray[np.int64]:
    """Each row's account as a number; 0 where it has none."""
    return posts["account_id"].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()


def floats(columns: dict[str, NDArray[np.float64]]) -> list[pl.Series]:
    """Named arrays as columns, not-a-number as null."""
    return [pl.Series(name, values).fill_nan(None) for name, values in columns.items()]


def as_declared(schema: pl.Schema) -> list[pl.Expr]:
    """Exactly the declared columns in their types; moments may come as whole microseconds in floats."""
    return [
        pl.col(name).cast(pl.Int64).cast(dtype) if isinstance(dtype, pl.Datetime) else pl.col(name).cast(dtype)
        for name, dtype in schema.items()
    ]
