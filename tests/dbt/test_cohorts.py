"""Counts of posts at an age, and what became of the posts of a week, worked out again from bronze in Polars."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.dbt.conftest import Home

AGES = (1, 24, 48, 168, 672)
INTERACTIONS = ("likes", "comments", "shares", "saves", "quotes")
FINAL = ("engagements", "reach", "views", "impressions")
COHORT = ["client_id", "network", "week", "content_format"]


@pytest.fixture(scope="module")
def at_ages(built: Home) -> pl.DataFrame:
    """What gold/fct_post_counts_at_age should say: one row a post and age, a column a count."""
    counts = pl.DataFrame(built.bronze["post_metrics"], infer_schema_length=None)
    published = built.mart("fct_posts").select("post_id", "published_at")
    found = []
    for age in AGES:
        oldest, newest = timedelta(hours=age * 0.75), timedelta(hours=age)
        seen = counts.join(published, on="post_id").filter(
            (pl.col("observed_at") - pl.col("published_at")).is_between(oldest, newest)
        )
        values = seen.sort("observed_at").group_by("post_id", "metric").last()
        wide = values.pivot(on="metric", index="post_id", values="value")
        known = [name for name in INTERACTIONS if name in wide.columns]
        is_known = pl.any_horizontal(pl.col(known).is_not_null())
        found.append(
            wide.with_columns(
                age_hours=pl.lit(age, pl.Int32), engagements=pl.when(is_known).then(pl.sum_horizontal(known))
            ).join(seen.group_by("post_id").agg(observed_at=pl.col("observed_at").max()), on="post_id")
        )
    return pl.concat(found, how="diagonal")


def test_every_age_has_counts(at_ages: pl.DataFrame) -> None:
    assert set(at_ages["age_hours"]) == set(AGES)


def test_counts_at_an_age(built: Home, at_ages: pl.DataFrame) -> None:
    mart = built.mart("fct_post_counts_at_age")
    names = ["post_id", "age_hours", *INTERACTIONS, "engagements", "reach", "views", "impressions", "observed_at"]
    assert_frame_equal(
        mart.select(names).sort("post_id", "age_hours"),
        at_ages.select(names).sort("post_id", "age_hours"),
        check_dtypes=False,
    )


def test_cohorts(built: Home, at_ages: pl.DataFrame) -> None:
    posts = built.mart("fct_posts").filter(~pl.col("is_reply"))
    matured = pl.col("mature_at").is_not_null()
    final = posts.select(*COHORT, "post_id", *(pl.when(matured).then(n).alias(f"final_{n}") for n in FINAL))
    joined = at_ages.join(final, on="post_id")
    expected = joined.group_by(*COHORT, "age_hours").agg(
        posts_counted=pl.len(),
        **{n: pl.col(n).drop_nulls().sum() for n in FINAL},
        **{f"mean_{n}_per_post": pl.col(n).mean() for n in FINAL},
        **{f"share_of_final_{n}": _share(n) for n in FINAL},
        **{f"known_{n}": pl.col(n).count() for n in FINAL},
    )
    expected = expected.with_columns(pl.when(pl.col(f"known_{n}") > 0).then(n).alias(n) for n in FINAL)
    mart = built.mart("kpi_post_cohorts")
    names = [name for name in expected.columns if not name.startswith("known_")]
    actual = mart.filter(pl.col("posts_counted") > 0).select(names)
    key = [*COHORT, "age_hours"]
    assert_frame_equal(actual.sort(key), expected.select(names).sort(key), check_dtypes=False)
    assert mart["share_of_final_views"].drop_nulls().len() > 10

    sizes = posts.group_by(COHORT).agg(posts_published=pl.len())
    assert mart.height == sizes.height * len(AGES), "a row for each age, known or not"
    assert_frame_equal(
        mart.select(*COHORT, "posts_published").unique().sort(COHORT), sizes.sort(COHORT), check_dtypes=False
    )


def _share(name: str) -> pl.Expr:
    """Ratio of the sums over the posts that know both; null when there is none, or the final counts are zero."""
    both = pl.col(name).is_not_null() & (pl.col(f"final_{name}") > 0)
    under = pl.col(f"final_{name}").filter(both).sum()
    return pl.when(under > 0).then(pl.col(name).filter(both).sum() / under)
