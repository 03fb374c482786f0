"""All posts of a public file, through bronze, dbt and publishing: rows in = rows out, and the same sums."""

import re
from dataclasses import dataclass
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import reference_bronze
from contracts.scope import TenantScope
from lakehouse.warehouse import WarehousePublisher
from tests.dbt.conftest import Home

pytestmark = [pytest.mark.reference_data, pytest.mark.slow]
HASHTAG = re.compile(r"(?<![\w/&#])#(\w+)")


@dataclass(frozen=True)
class Real:
    """The file's posts, those that the boundary lets pass, and what dbt made of them."""

    source: pl.DataFrame
    possible: pl.DataFrame
    home: Home
    posts: pl.DataFrame


@pytest.fixture(scope="module")
def real(tmp_path_factory, reference_data) -> Real:
    home = Home(tmp_path_factory.mktemp("real"))
    source = reference_bronze.instagram_posts(reference_data)
    possible = reference_bronze.possible(
        source, reference_bronze.INSTAGRAM_COUNTS
    )  # the rest is quarantined at the boundary
    reference_bronze.write(
        home.lake, possible, reference_bronze.INSTAGRAM_COUNTS, time_zone="America/Sao_Paulo", language="pt"
    )
    outcome = home.build("--exclude-resource-type", "unit_test")
    assert outcome.returncode == 0, outcome.stdout
    WarehousePublisher(home.settings.warehouse_path, home.settings.lake_path).publish(["fct_posts"], invocation_id="b")
    posts = home.lake.scan("gold/fct_posts", scope=TenantScope.all_clients("a test")).collect()
    return Real(source, possible, home, posts)


@pytest.fixture(scope="module")
def known(real) -> pl.DataFrame:
    """The file's posts as marts group them, from the file alone."""
    local = pl.col("published_at").dt.convert_time_zone("America/Sao_Paulo")
    return real.possible.with_columns(
        engagements=pl.col("likes") + pl.col("comments"),
        published_day=local.dt.date(),
        week=local.dt.date().dt.truncate("1w"),
        local_hour=local.dt.hour().cast(pl.Int32),
        local_weekday=(local.dt.weekday() - 1).cast(pl.Int32),
    )


def assert_same(mart: pl.DataFrame, expected: pl.DataFrame, *, key: list[str]) -> None:
    """The mart has these rows and no others, in all columns of `expected`."""
    assert_frame_equal(
        mart.select(expected.columns).sort(key), expected.sort(key), check_dtypes=False, rel_tol=1e-9, abs_tol=0
    )


PERFORMANCE = {
    "posts_published": pl.len(),
    "engagements": pl.col("engagements").sum(),
    "mean_engagements_per_post": pl.col("engagements").mean(),
    "median_engagements_per_post": pl.col("engagements").median(),
}


def test_every_post_of_the_file_is_in_gold(real) -> None:
    source, possible, posts = real.source, real.possible, real.posts
    assert posts.height == posts["post_id"].n_unique() == possible.height
    assert possible.height + source.filter(pl.min_horizontal("likes", "comments") < 0).height == source.height
    assert posts["engagements"].sum() == possible["likes"].sum() + possible["comments"].sum()
    assert posts["mature_engagements"].null_count() == 0
    assert posts["followers_at_post"].null_count() == posts.height
    local = posts["published_at"].dt.convert_time_zone("America/Sao_Paulo")
    assert (local.dt.date() == posts["published_day"]).all()
    assert (local.dt.hour() == posts["local_hour"]).all()
    daily = real.home.mart("kpi_account_daily")
    assert daily["posts_published"].sum() == possible.height
    assert daily["engagements"].sum() == posts["engagements"].sum()


def test_the_content_mix(real, known) -> None:
    key = ["client_id", "network", "week", "content_format"]
    mix = known.group_by(key).agg(**PERFORMANCE)
    mix = mix.with_columns(share_of_posts=pl.col("posts_published") / pl.col("posts_published").sum().over(key[:3]))
    assert_same(real.home.mart("kpi_content_mix_weekly"), mix, key=key)


def test_hashtags_by_week(real, known) -> None:
    words = known.with_columns(
        hashtag=pl.col("text")
        .map_elements(
            lambda text: sorted({tag.casefold() for tag in HASHTAG.findall(text) if any(map(str.isalpha, tag))}),
            return_dtype=pl.List(pl.String),
        )
        .fill_null([])
    ).explode("hashtag")
    key = ["client_id", "network", "week", "hashtag"]
    expected = words.drop_nulls("hashtag").group_by(key).agg(**PERFORMANCE)
    assert expected["posts_published"].sum() > 100_000
    assert_same(real.home.mart("kpi_hashtags_weekly"), expected, key=key)


def test_posting_times_of_the_last_quarter(real, known) -> None:
    known = known.filter(pl.col("week") > pl.col("week").max().over("client_id") - timedelta(weeks=13))
    usual = known.group_by("account_id").agg(usual=pl.col("engagements").median())
    key = ["account_id", "local_weekday", "local_hour"]
    multiple = pl.col("engagements") / pl.when(pl.col("usual") > 0).then(pl.col("usual"))
    expected = (
        known.join(usual, on="account_id")
        .group_by(key)
        .agg(
            posts_published=pl.len(),
            median_mature_engagements=pl.col("engagements").median(),
            median_relative_engagement=multiple.median(),
        )
    )
    assert_same(real.home.mart("kpi_posting_times"), expected, key=key)


def test_kinds_of_answers(real, known) -> None:
    key = ["account_id", "week"]
    expected = known.group_by(key).agg(
        posts_published=pl.len(),
        applause_per_post=pl.col("likes").mean(),
        conversation_per_post=pl.col("comments").mean(),
    )
    mart = real.home.mart("kpi_account_weekly").filter(pl.col("posts_published") > 0)
    assert_same(mart, expected, key=key)
    assert mart["follower_growth_rate"].null_count() == mart.height, "the file has no followers"


def test_the_rollup_report(real, known) -> None:
    expected = known.select(
        "client_id",
        created_timestamp="published_at",
        post_id="native_id",
        post_message=pl.col("text").fill_null(""),
        likes="likes",
        comments="comments",
        clicks=pl.lit(None, pl.Int64),
    )
    assert_same(real.home.mart("social_media_reporting__rollup_report"), expected, key=["post_id"])
