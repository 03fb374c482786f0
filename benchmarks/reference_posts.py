"""Public data sets of posts as rows of `gold/fct_posts`, so that benchmarks and model tests run Pulso's own code path.

Belongs here: reading and renaming. Does not belong here: features, models, figures.
"""

from pathlib import Path

import polars as pl

BACKFILL_MATURE_AFTER_HOURS = 168
"""Only final counts are known in these files, so a post may serve as history once it is a week old, as in gold."""


def instagram_posts(reference_data: Path, *, mature_after_hours: int = BACKFILL_MATURE_AFTER_HOURS) -> pl.DataFrame:
    """Posts of 27 Brazilian state governments. Times carry no zone and are taken as UTC; negative counts are left out."""
    raw = pl.read_parquet(reference_data / "instagram_br_state_gov" / "instagram_br_state_gov.parquet")
    formats = {"p": "image", "reel": "video", "tv": "video"}
    return _as_gold(
        raw.filter((pl.col("likes") >= 0) & (pl.col("comments") >= 0)).select(
            post_id="instagram:" + pl.col("message_id"),
            account_id="instagram:" + pl.col("profile_id"),
            client_id="account",
            network=pl.lit("instagram"),
            published_at=pl.col("published_at").dt.replace_time_zone("UTC"),
            content_format=pl.col("media_kind").replace_strict(formats),
            text="text",
            mature_engagements=pl.col("likes") + pl.col("comments"),
        ),
        mature_after_hours,
    )


def facebook_posts(reference_data: Path, *, mature_after_hours: int = BACKFILL_MATURE_AFTER_HOURS) -> pl.DataFrame:
    """Posts of public Facebook pages, without those from 2016-06-19 on, which were too young when they were counted."""
    raw = pl.read_parquet(reference_data / "facebook_pages_2016" / "facebook_pages_2016.parquet")
    return _as_gold(
        raw.filter(pl.col("published_at_utc") < pl.datetime(2016, 6, 19, time_zone="UTC")).select(
            post_id="facebook:" + pl.col("status_id"),
            account_id="facebook:" + pl.col("page_id"),
            client_id="page",
            network=pl.lit("facebook"),
            published_at="published_at_utc",
            content_format="status_type",
            text="status_message",
            link_url=facebook_address(),
            link_title=facebook_headline(),
            mature_engagements=pl.col("num_reactions") + pl.col("num_comments") + pl.col("num_shares"),
        ),
        mature_after_hours,
    )


def facebook_address() -> pl.Expr:
    """Where what is attached leads, as the connector maps it: a page's own photos and films are the post itself."""
    medium = r"(?i)facebook\.com/(?:([^/?#]+)/)?(?:photos?|videos?|photo\.php|video\.php)(?:[/?#]|$)"
    address = pl.col("status_link")
    owner = address.str.extract(medium).str.to_lowercase()
    is_own = owner.is_null() | (owner == pl.col("page").str.to_lowercase()) | (owner == pl.col("page_id"))
    return pl.when(~(address.str.contains(medium) & is_own)).then(address)


def facebook_headline() -> pl.Expr:
    """The headline of what is attached, as the connector maps it: a photo's is its album's name."""
    return pl.when(pl.col("status_type") != "photo").then("link_name")


def _as_gold(posts: pl.DataFrame, mature_after_hours: int) -> pl.DataFrame:
    return posts.unique("post_id", keep="first", maintain_order=True).with_columns(
        pl.col("published_at").dt.hour().cast(pl.Int32).alias("local_hour"),
        (pl.col("published_at").dt.weekday() - 1).cast(pl.Int32).alias("local_weekday"),
        (pl.col("published_at") + pl.duration(hours=mature_after_hours)).alias("mature_at"),
    )
