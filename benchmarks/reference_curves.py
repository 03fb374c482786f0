"""Public growth curves as the snapshots that the popularity model reads.

Belongs here: reading and renaming. Does not belong here: models, figures.
"""

from pathlib import Path

import polars as pl

SLICES = 144
SLICES_PER_HOUR = 3
FINAL_AGE_HOURS = SLICES / SLICES_PER_HOUR
_FOLDER = "news_popularity_palestine_fb_gplus_linkedin"
_FILES = {"facebook": "facebook", "google_plus": "googleplus", "linkedin": "linkedin"}


def news_curves(reference_data: Path) -> pl.DataFrame:
    """Snapshots of news items on three networks, with `item_id` in the order of the files' ids; a network is one account.

    Slice n ends n x 20 minutes after publication. -1 stands for slices before an item was found; items never found are left out.
    """
    return pl.concat([_curves(reference_data, network, name) for network, name in _FILES.items()])


def _curves(reference_data: Path, network: str, name: str) -> pl.DataFrame:
    wide = pl.read_parquet(reference_data / _FOLDER / f"{name}_palestine_ts144.parquet")
    return (
        wide.unpivot(index="IDLink", variable_name="slice", value_name="value")
        .filter(pl.col("value") >= 0)
        .select(
            pl.lit(network).alias("account_id"),
            pl.lit(network).alias("network"),
            pl.format("{}:{}", pl.lit(network), "IDLink").alias("post_id"),
            (pl.col("slice").str.strip_prefix("TS").cast(pl.Int32) / SLICES_PER_HOUR).alias("age_hours"),
            pl.col("value").cast(pl.Float64),
            pl.col("IDLink").alias("item_id"),
        )
    )
