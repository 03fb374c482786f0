"""A small made-up past: accounts with a level, a format effect, a word effect and noise, in the columns of gold/fct_posts."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from ml.encoder import DIMENSIONS
from ml.text_embeddings import VECTOR

WORDS = ("mar", "ola", "tabla", "café", "tueste", "semana", "hoy", "equipo", "playa", "norte", "luz", "día")


def make_posts(
    *, accounts: int = 3, per_account: int = 60, seed: int = 0, noise: float = 0.5, mature_after_hours: int = 72
) -> pl.DataFrame:
    """Posts about 12 hours apart; `gold` as a word adds 1.0 to log engagement, video adds 0.5."""
    rng = np.random.default_rng(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = []
    for account in range(accounts):
        level, hours = 3.0 + account, 0.0
        for number in range(per_account):
            hours += float(rng.exponential(12.0)) + 0.1
            is_video, is_gold = rng.random() < 0.4, rng.random() < 0.3
            text = " ".join(rng.choice(WORDS, size=6)) + (" gold" if is_gold else "")
            log = level + 0.5 * is_video + 1.0 * is_gold + noise * rng.standard_normal()
            rows.append(
                {
                    "post_id": f"instagram:{account}-{number}",
                    "account_id": f"instagram:{account}",
                    "client_id": f"client-{account}",
                    "network": "instagram",
                    "hours": hours,
                    "content_format": "video" if is_video else "image",
                    "text": text,
                    "media_count": 1,
                    "is_reply": False,
                    "followers_at_post": 1000 * (account + 1) + number,
                    "mature_engagements": max(round(float(np.expm1(log))), 0),
                }
            )
    frame = pl.DataFrame(rows).with_columns(
        (pl.lit(start) + pl.duration(seconds=(pl.col("hours") * 3600).cast(pl.Int64)))
        .cast(pl.Datetime("us", "UTC"))
        .alias("published_at")
    )
    return frame.drop("hours").with_columns(
        pl.col("published_at").dt.hour().cast(pl.Int32).alias("local_hour"),
        (pl.col("published_at").dt.weekday() - 1).cast(pl.Int32).alias("local_weekday"),
        (pl.col("published_at") + pl.duration(hours=mature_after_hours)).alias("mature_at"),
    )


def with_topics(features: pl.DataFrame) -> pl.DataFrame:
    """Half of the posts are about something that gathers e times as much, which only their vectors say."""
    rng = np.random.default_rng(5)
    is_wanted = rng.random(features.height) < 0.5
    vectors = rng.normal(scale=0.01, size=(features.height, DIMENSIONS))
    vectors[:, 0] += np.where(is_wanted, 1.0, -1.0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return features.with_columns(
        (pl.col("log_engagement") + pl.Series(is_wanted.astype(float))).alias("log_engagement"),
        pl.Series(VECTOR, vectors.astype(np.float32), dtype=pl.Array(pl.Float32, DIMENSIONS)),
    )
