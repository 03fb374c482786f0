"""What forecasts of growing posts were worth, once the posts are final.

Belongs here: the table `learning/popularity_scores`, and the rows by which the model is watched (`ml/drift.py`). Does not belong here: forecasts (`model.py`), the figures of a training round (`training.py`).
"""

from datetime import datetime

import polars as pl

from contracts.tables import POPULARITY_SCORES


def popularity_scores(said: pl.DataFrame, outcomes: pl.DataFrame, *, computed_at: datetime) -> pl.DataFrame:
    """One row per client, model version and age of comparison, schema POPULARITY_SCORES; empty where no outcome is known.

    `said`: rows of `decisions/posts_taking_off`; `outcomes`: `post_id`, `mature_engagements`. An alert counts once, at the age of comparison at
    which it was told; it came true if the post ended where it was then said to be on top.
    """
    final, expected = pl.col("mature_engagements"), pl.col("expected_engagements")
    # Counts are whole: bounds are rounded outwards, so that one that equals the outcome holds it.
    is_covered = final.is_between(
        pl.col("lower_engagements").round(6).floor(), pl.col("upper_engagements").round(6).ceil()
    )
    was_told, age = pl.col("told_at").is_not_null(), pl.col("compared_at_hours")
    is_told = was_told & (age == pl.col("told_from_age"))
    known = said.join(outcomes.drop_nulls("mature_engagements"), on="post_id")
    # Looks that came after the alert carry it too.
    known = known.with_columns(told_from_age=age.filter(was_told).min().over("post_id"))
    rows = known.group_by("client_id", "model_version", "compared_at_hours")
    scores = rows.agg(
        scored_forecasts=pl.len(),
        interval_level=pl.col("interval_level").mean(),
        coverage_ratio=is_covered.mean(),
        mean_absolute_error=(expected.log1p() - final.log1p()).abs().mean(),
        bias=(expected.log1p() - final.log1p()).mean(),
        told_posts=is_told.sum(),
        told_came_true=(is_told & (final >= pl.col("threshold_engagements"))).sum(),
    )
    return (
        scores.with_columns(computed_at=pl.lit(computed_at))
        .select(pl.col(name).cast(kind) for name, kind in POPULARITY_SCORES.schema.items())
        .sort(POPULARITY_SCORES.keys)
    )


def watched(said: pl.LazyFrame, outcomes: pl.LazyFrame) -> pl.LazyFrame:
    """One row a post whose outcome is known, columns `ml.drift.SCORES` and `client_id`, in log(1 + count): what one model version said at
    the youngest age of comparison, and what the median curve says there.

    `said`: rows of `decisions/posts_taking_off` of one version; `outcomes`: `post_id`, `mature_at`, `mature_engagements`. Later looks at a
    post say less of the model, and would make a witness twice of one outcome.
    """
    youngest = said.sort("compared_at_hours").unique("post_id", keep="first")
    return youngest.join(outcomes.drop_nulls(["mature_at", "mature_engagements"]), on="post_id").select(
        "client_id",
        "account_id",
        known_at="mature_at",
        log_engagement=pl.col("mature_engagements").log1p(),
        expected_log_engagement=pl.col("expected_engagements").log1p(),
        rule_log_engagement=pl.col("curve_engagements").log1p(),
    )
