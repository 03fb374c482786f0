"""Hashtags that rise among the posts that a client sees: its own and its rivals'. One judged row a hashtag, with who uses it.

Belongs here: from posts to counts by the day, the settings for days, and what is evidence. Does not belong here: growth and stages
(`growth`, `stages`), relevance (`relevance`), where posts come from (assets).

A handful of accounts uses a hashtag a few times a week, so what is judged are days, not hours. What only the client itself uses is its own
doing and no trend.
"""

from datetime import datetime, timedelta

import polars as pl

from contracts.errors import NotReadyError
from contracts.tables import TRENDS
from ml.trends.growth import GrowthSettings
from ml.trends.relevance import CONTEXTS_SCHEMA, OWN_TEXTS_SCHEMA, RELEVANCE_SCHEMA, Interests
from ml.trends.stages import COUNTS_SCHEMA, Stage, StageSettings, trends

DAY = timedelta(days=1)
HISTORY_DAYS = 84
BY_DAY = StageSettings(
    period=DAY,
    growth=GrowthSettings(windows=(1, 2, 3, 7), season_periods=7, half_life_periods=28.0, min_count=3),
    compared_periods=3,
)
MIN_SOURCES = 2
"""Accounts that use it in the week; one account's habit is no trend."""
SHOWN_DAYS = 28
MOST_POSTS = 10

POSTS_SCHEMA = pl.Schema(
    {
        "client_id": pl.String(),
        "source_id": pl.String(),
        "is_own": pl.Boolean(),
        "post_id": pl.String(),
        "published_at": pl.Datetime("us", "UTC"),
        "text": pl.String(),
    }
)
"""One row per client and post that it sees; a rival's post is there for each client that watches the rival."""

# As gold/kpi_hashtags_weekly has it: a sign at the start of a word, and a letter in what follows.
_HASHTAG = r"(?:^|[^\p{L}\p{N}_/&#])#[\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*"


def hashtags(posts: pl.DataFrame) -> pl.DataFrame:
    """POSTS_SCHEMA with `term` and `day`: one row per post and hashtag in it, in lower case without the sign."""
    found = pl.col("text").str.to_lowercase().str.extract_all(_HASHTAG)
    terms = found.list.eval(pl.element().str.split("#").list.last()).list.unique(maintain_order=True)
    return (
        posts.with_columns(terms.alias("term"), pl.col("published_at").dt.date().alias("day"))
        .filter(pl.col("term").list.len() > 0)
        .explode("term")
    )


def hashtag_trends(posts: pl.DataFrame, wishes: pl.DataFrame, *, at: datetime) -> pl.DataFrame:
    """What rises, peaks or declines at the end of the last whole day (UTC) before `at`, the surest first; rows of TRENDS.

    `posts`: POSTS_SCHEMA, the last HISTORY_DAYS days. `wishes`: OWN_TEXTS_SCHEMA, what clients want to write about beyond their posts.
    Evidence is of the last seven days: `sources`, `own_posts`, `rival_posts`, and the newest `post_ids`. `daily_posts` are the counts of the
    last SHOWN_DAYS days. Hashtags that are as usual have no row.
    """
    today = at.date()
    uses = hashtags(posts.match_to_schema(POSTS_SCHEMA)).filter(
        pl.col("day").is_between(today - HISTORY_DAYS * DAY, today - DAY)
    )
    week = uses.filter(pl.col("day") >= today - 7 * DAY)
    keys = ["client_id", "term"]
    evidence = (
        week.sort("published_at", "post_id", descending=[True, False])
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("source_id").n_unique().cast(pl.Int64).alias("sources"),
            pl.col("is_own").sum().cast(pl.Int64).alias("own_posts"),
            (~pl.col("is_own")).sum().cast(pl.Int64).alias("rival_posts"),
            pl.col("post_id").head(MOST_POSTS).alias("post_ids"),
        )
        .filter(pl.col("sources") >= MIN_SOURCES, pl.col("rival_posts") > 0)
    )
    if evidence.is_empty():
        return TRENDS.schema.to_frame()
    counts = (
        uses.group_by(*keys, pl.col("day").cast(COUNTS_SCHEMA["period_start"]).alias("period_start"))
        .agg(pl.len().cast(pl.Int64).alias("count"))
        .filter(pl.col("count").sum().over(keys) >= BY_DAY.growth.min_count)
        .select(COUNTS_SCHEMA.names())
    )
    judged = trends(counts, at=at, settings=BY_DAY).filter(pl.col("stage") != Stage.DORMANT.value)
    judged = judged.join(evidence, on=keys, how="inner", maintain_order="left")
    if judged.is_empty():
        return TRENDS.schema.to_frame()
    relevance = _relevance(judged, posts, wishes, uses)
    daily = _daily(judged, counts, today=at)
    rows = judged.join(relevance, on=keys, how="left", maintain_order="left").join(
        daily, on=keys, maintain_order="left"
    )
    return rows.with_columns(
        pl.col("count").alias("posts"),
        pl.col("expected").alias("expected_posts"),
        (pl.col("window_hours") / 24).round(0).alias("window_days"),
        pl.col("peak_at").alias("peak_day"),
        pl.col("last_seen_at").alias("last_seen_day"),
        pl.lit(at).alias("judged_at"),
        pl.lit(today).alias("day"),
    ).select(pl.col(name).cast(kind) for name, kind in TRENDS.schema.items())


def _relevance(judged: pl.DataFrame, posts: pl.DataFrame, wishes: pl.DataFrame, uses: pl.DataFrame) -> pl.DataFrame:
    """How near each term's posts are to what the client writes and wants to write about."""
    own = posts.filter("is_own").select("client_id", "text", pl.lit(1.0).alias("weight"))
    texts = pl.concat([own, wishes.match_to_schema(OWN_TEXTS_SCHEMA)])
    contexts = uses.join(judged, on=["client_id", "term"], how="semi").select(CONTEXTS_SCHEMA.names())
    try:
        relevance = Interests.fit(texts).relevance(contexts)
    except NotReadyError:  # nobody has written anything yet that it could be compared with
        relevance = RELEVANCE_SCHEMA.to_frame()
    return relevance.select("client_id", "term", "relevance", "similarity", "shared_words")


def _daily(judged: pl.DataFrame, counts: pl.DataFrame, *, today: datetime) -> pl.DataFrame:
    """`daily_posts`: the counts of the last SHOWN_DAYS whole days, oldest first."""
    days = pl.DataFrame({"back": range(SHOWN_DAYS, 0, -1)}).select(
        (pl.lit(today).dt.truncate("1d") - pl.duration(days="back")).alias("period_start")
    )
    return (
        judged.select("client_id", "term")
        .join(days.cast(COUNTS_SCHEMA["period_start"]), how="cross", maintain_order="left_right")
        .join(counts, on=["client_id", "term", "period_start"], how="left", maintain_order="left")
        .group_by("client_id", "term", maintain_order=True)
        .agg(pl.col("count").fill_null(0).alias("daily_posts"))
    )
