"""Public data sets of posts as rows of bronze, so that benchmarks and tests build gold from real texts, times and counts.

Belongs here: reading, renaming, writing into a lake. Does not belong here: posts as gold knows them (reference_posts.py), builds, figures.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from benchmarks.reference_posts import facebook_address, facebook_headline
from contracts import tables
from lakehouse import DeltaLake

OBSERVED_AT = datetime(2026, 5, 30, 6, tzinfo=UTC)
"""When the posts and their counts are said to have been read: long after publication, as in an import."""

INSTAGRAM_COUNTS = ("likes", "comments")
FACEBOOK_COUNTS = ("likes", "comments", "shares")


def instagram_posts(reference_data: Path) -> pl.DataFrame:
    """Posts of Brazilian state governments in the columns of `bronze/posts`, and their likes and comments. Two have negative counts.

    The file's times carry no zone and are taken as UTC.
    """
    raw = pl.read_parquet(reference_data / "instagram_br_state_gov" / "instagram_br_state_gov.parquet")
    return raw.select(
        client_id=pl.col("account").str.to_lowercase(),
        account_id="instagram:" + pl.col("profile_id"),
        network=pl.lit("instagram"),
        native_id="message_id",
        post_id="instagram:" + pl.col("message_id"),
        permalink="link",
        text="text",
        link_url=pl.lit(None, pl.String),
        link_title=pl.lit(None, pl.String),
        content_format=pl.col("media_kind").replace({"p": "image", "reel": "video", "tv": "video"}),
        media_count=pl.lit(1, pl.Int32),
        published_at=pl.col("published_at").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
        observed_at=pl.lit(OBSERVED_AT),
        is_reply=pl.lit(value=False),
        content_sha256=pl.lit(""),
        raw=pl.lit("{}"),
        day=pl.lit(OBSERVED_AT.date()),
        likes="likes",
        comments="comments",
    )


def facebook_posts(reference_data: Path) -> pl.DataFrame:
    """Posts of public pages in the columns of `bronze/posts`, and their reactions (as likes), comments and shares."""
    raw = pl.read_parquet(reference_data / "facebook_pages_2016" / "facebook_pages_2016.parquet")
    formats = {"photo": "image", "status": "text", "note": "text", "event": "link"}
    return raw.unique("status_id", keep="first", maintain_order=True).select(
        client_id=pl.col("page").str.to_lowercase(),
        account_id="facebook:" + pl.col("page_id"),
        network=pl.lit("facebook"),
        native_id="status_id",
        post_id="facebook:" + pl.col("status_id"),
        permalink="status_link",
        text="status_message",
        link_url=facebook_address(),
        link_title=facebook_headline(),
        content_format=pl.col("status_type").replace(formats),
        media_count=pl.lit(1, pl.Int32),
        published_at="published_at_utc",
        observed_at=pl.lit(OBSERVED_AT),
        is_reply=pl.lit(value=False),
        content_sha256=pl.lit(""),
        raw=pl.lit("{}"),
        day=pl.lit(OBSERVED_AT.date()),
        likes="num_reactions",
        comments="num_comments",
        shares="num_shares",
    )


def possible(posts: pl.DataFrame, counts: Sequence[str]) -> pl.DataFrame:
    """The posts that the boundary lets pass: no count below zero."""
    return posts.filter(pl.all_horizontal(pl.col(counts) >= 0))


def write(lake: DeltaLake, posts: pl.DataFrame, counts: Sequence[str], *, time_zone: str, language: str) -> None:
    """Append posts, their counts and their clients, all of whom have this clock and language. A client is written once a lake."""
    clients = (
        posts.select("client_id")
        .unique()
        .with_columns(
            name="client_id",
            time_zone=pl.lit(time_zone),
            language=pl.lit(language),
            autonomy=pl.lit("manual"),
            is_active=pl.lit(value=True),
            exported_at=pl.lit(OBSERVED_AT),
        )
    )
    metrics = pl.concat(
        posts.with_columns(
            metric=pl.lit(count), value=pl.col(count), is_backfilled=pl.lit(value=True), source=pl.lit("media")
        )
        for count in counts
    )
    for table, frame in ((tables.CLIENTS, clients), (tables.POSTS, posts), (tables.POST_METRICS, metrics)):
        lake.append(table, frame.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items()))
