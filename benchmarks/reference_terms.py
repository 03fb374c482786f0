"""Public data sets as sightings of terms and as streams of counts, so that benchmarks run Pulso's own code path.

Belongs here: reading and renaming. Does not belong here: features, models, figures.
"""

from pathlib import Path

import polars as pl

from ml.text import wording
from ml.trends.sightings import SIGHTINGS_SCHEMA

HASHTAG_PATTERN = r"#[\p{L}\p{N}_]+"


def weibo_topics(reference_data: Path) -> pl.DataFrame:
    """Topics of Weibo's hot search list, one row per topic and day. The file of a day begins with what was on the list last."""
    raw = pl.read_parquet(reference_data / "weibo_hot_search_daily" / "weibo_hot_search_daily.parquet")
    day = pl.col("date").dt.date()
    return (
        raw.unique(["date", "title"], keep="first", maintain_order=True)
        .select(
            client_id=pl.lit("weibo"),
            term="title",
            source_id=pl.lit("hot search"),
            day=day,
            count=pl.lit(1, pl.Int64),
            rank=pl.col("band_rank_last_seen").cast(pl.Int64),
            recency=1 - (pl.col("order_in_file") - 1) / pl.col("order_in_file").max().over("date"),
        )
        .match_to_schema(SIGHTINGS_SCHEMA)
    )


def instagram_hashtags(reference_data: Path) -> pl.DataFrame:
    """Hashtags in the posts of Brazilian state governments: one row per tag, account and day, counted in posts."""
    return (
        hashtag_uses(reference_data)
        .group_by(
            pl.lit("states").alias("client_id"),
            "term",
            pl.col("account").alias("source_id"),
            pl.col("published_at").dt.date().alias("day"),
        )
        .agg(pl.len().cast(pl.Int64).alias("count"))
        .with_columns(rank=pl.lit(None, pl.Int64), recency=pl.lit(None, pl.Float64))
        .match_to_schema(SIGHTINGS_SCHEMA)
    )


def hashtag_uses(reference_data: Path) -> pl.DataFrame:
    """`account`, `published_at`, `text`, `term`: one row per post and hashtag in it."""
    raw = pl.read_parquet(reference_data / "instagram_br_state_gov" / "instagram_br_state_gov.parquet")
    return (
        raw.unique("message_id", keep="first", maintain_order=True)
        .with_columns(term=pl.col("text").str.to_lowercase().str.extract_all(HASHTAG_PATTERN).list.unique())
        .explode("term", empty_as_null=False)
        .select("account", "published_at", "text", "term")
        .drop_nulls("term")
    )


def brand_mentions(reference_data: Path) -> pl.DataFrame:
    """Mentions of brands in 5-minute bins (Numenta's labelled windows): `series`, `timestamp`, `value`, `in_window`."""
    (path,) = sorted((reference_data / "nab_realtweets").glob("*.parquet"))
    return pl.read_parquet(path).sort("series", "timestamp")


def facebook_texts(reference_data: Path) -> pl.DataFrame:
    """`post` (a number), `account`, `day`, `text` of public Facebook pages of many kinds."""
    raw = pl.read_parquet(reference_data / "facebook_pages_2016" / "facebook_pages_2016.parquet")
    text = wording(pl.col("status_message"), pl.col("link_name"))
    return (
        raw.unique("status_id", keep="first", maintain_order=True)
        .select(account="page", day=pl.col("published_at_utc").dt.date(), text=text)
        .filter(pl.col("text") != "")
        .with_row_index("post")
    )


def word_uses(texts: pl.DataFrame) -> pl.DataFrame:
    """`post`, `account`, `day`, `term`: words of five letters or more that at least four accounts use, but not in 2,000 posts."""
    uses = (
        texts.select(
            "post", "account", "day", term=pl.col("text").str.to_lowercase().str.extract_all(r"\p{L}{5,}").list.unique()
        )
        .explode("term", empty_as_null=False)
        .drop_nulls("term")
    )
    kept = uses.group_by("term").agg(pl.len(), pl.col("account").n_unique().alias("accounts"))
    kept = kept.filter(pl.col("accounts") >= 4, pl.col("len").is_between(8, 1999))
    return uses.join(kept.select("term"), on="term", how="semi")


def word_sightings(uses: pl.DataFrame) -> pl.DataFrame:
    """The uses of words as sightings of one client that watches all pages."""
    return (
        uses.group_by(pl.lit("pages").alias("client_id"), "term", pl.col("account").alias("source_id"), "day")
        .agg(pl.len().cast(pl.Int64).alias("count"))
        .with_columns(rank=pl.lit(None, pl.Int64), recency=pl.lit(None, pl.Float64))
        .match_to_schema(SIGHTINGS_SCHEMA)
    )
