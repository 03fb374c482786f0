"""Training sets: row by row what an as-of join of another library says, and what the model's own features say."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.reference_posts import instagram_posts
from contracts.errors import LeakageError, NotReadyError, SchemaMismatchError, TenantScopeError
from contracts.scope import TenantScope
from contracts.tables import ACCOUNT_HISTORIES
from ml.engagement import NUMERIC_FEATURES
from ml.features import post_features
from ml.leakage import refuse_leaks
from ml.timing.effects import hour_effects
from tests.unit.feature_store.conftest import EVERYONE, Shop

Asking = Callable[[pl.DataFrame], pl.DataFrame]

OF_THE_TEXTS = {"history_text_effect", "history_text_nearest"}
"""Features of the past that no store can hold: they need the new text."""
HISTORY = [n for n in NUMERIC_FEATURES if n.startswith("history_") and n not in OF_THE_TEXTS] + ["log_followers"]
LEVEL = [name for name in HISTORY if name in ACCOUNT_HISTORIES.schema]


def by_as_of_join(asking: pl.DataFrame, histories: pl.DataFrame) -> pl.DataFrame:
    """The newest history row of the account that was known at each moment, by Polars, in the order of asking."""
    numbered = asking.with_row_index("row").sort("published_at")
    joined = numbered.join_asof(
        histories.sort("known_at"),
        left_on="published_at",
        right_on="known_at",
        by=["client_id", "account_id"],
        coalesce=False,
        check_sortedness=False,
    )
    return joined.sort("row").drop("row")


def assert_point_in_time(shop: Shop, asking: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """The store's training set, equal row by row to an as-of join over the lake's table and to the posts' own features."""
    found = shop.store().training_set(asking, service="engagement", scope=EVERYONE)
    assert_frame_equal(found.select(asking.columns), asking)
    expected = by_as_of_join(asking, shop.lake.scan(ACCOUNT_HISTORIES, scope=EVERYONE).collect())
    assert_frame_equal(found.select(LEVEL), expected.select(LEVEL), check_exact=True)
    assert_frame_equal(
        found.select(known_at="account_history_known_at"), expected.select("known_at"), check_dtypes=True
    )
    own = asking.select("post_id").join(post_features(posts), on="post_id", how="left", maintain_order="left")
    own = own.select(pl.col(HISTORY).cast(pl.Float64))
    assert_frame_equal(found.select(pl.col(HISTORY).cast(pl.Float64)), own, check_exact=True)
    return found


def test_the_service_holds_all_that_the_engagement_model_reads_of_the_past(
    shop: Shop, asking: Asking, posts: pl.DataFrame
) -> None:
    found = shop.store().training_set(asking(posts.head(1)), service="engagement", scope=EVERYONE)
    assert set(found.columns) - set(asking(posts).columns) == {*HISTORY, "account_history_known_at"}


def test_made_up_posts(shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    found = assert_point_in_time(shop, asking(posts.sample(fraction=1.0, shuffle=True, seed=4)), posts)
    assert found["account_history_known_at"].is_not_null().mean() > 0.8
    assert found.filter(pl.col("account_history_known_at").is_null())["history_count"].to_list().count(0) > 3


def test_outcomes_that_were_observed_late_and_out_of_order(
    empty_shop: Shop, asking: Asking, posts: pl.DataFrame
) -> None:
    delays = pl.Series(np.random.default_rng(9).exponential(6 * 24 * 3600, posts.height)).cast(pl.Int64)
    late = posts.with_columns((pl.col("mature_at") + pl.duration(seconds=delays)).alias("matured_observed_at"))
    empty_shop.know(late)
    found = assert_point_in_time(empty_shop, asking(posts), late)
    assert (found["account_history_known_at"] <= found["published_at"]).drop_nulls().all()
    empty_shop.know(posts)
    on_time = empty_shop.store().training_set(asking(posts), service="engagement", scope=EVERYONE)
    assert (on_time["history_count"] > found["history_count"]).mean() > 0.5


def test_what_arrives_late_is_not_seen_before_it_arrived(empty_shop: Shop) -> None:
    """The outcome of Monday's post was read on Friday of the week after: nobody knew it on the days between."""
    monday = datetime(2026, 3, 2, 8, tzinfo=UTC)
    post = pl.DataFrame(
        {
            "post_id": "p",
            "account_id": "a",
            "client_id": "c",
            "network": "bluesky",
            "published_at": [monday],
            "content_format": "text",
            "text": "words",
            "local_hour": 8,
            "local_weekday": 0,
            "mature_engagements": 10,
            "mature_at": monday + timedelta(days=3),
            "matured_observed_at": monday + timedelta(days=11),
            "is_backfilled": False,
        }
    )
    empty_shop.know(post)
    days = [3, 5, 10.999, 11, 12]
    asking = post.select("client_id", "account_id", "content_format", "local_hour", "local_weekday").join(
        pl.DataFrame({"published_at": [monday + timedelta(days=day) for day in days]}), how="cross"
    )
    found = empty_shop.store().training_set(asking, service="engagement", scope=EVERYONE)
    assert found["history_count"].to_list() == [0, 0, 0, 1, 1]
    assert found["history_median_30"].is_null().to_list() == [True, True, True, False, False]


@pytest.mark.reference_data
@pytest.mark.slow
def test_real_posts(empty_shop: Shop, asking: Asking, reference_data: Path) -> None:
    """Two years of four Brazilian state governments."""
    posts = instagram_posts(reference_data).filter(pl.col("published_at").dt.year() <= 2022)
    accounts = posts["account_id"].unique().sort().head(4)
    posts = posts.filter(pl.col("account_id").is_in(accounts.implode()))
    empty_shop.know(posts)
    found = assert_point_in_time(empty_shop, asking(posts), posts)
    assert found.height == posts.height > 5_000
    refuse_leaks(
        found.join(post_features(posts).select("post_id", pl.col("^(log_eng|label|is_label).*$")), on="post_id")
    )


def test_a_training_set_of_the_store_goes_through_the_leakage_check(
    shop: Shop, asking: Asking, posts: pl.DataFrame
) -> None:
    outcomes = post_features(posts).select("post_id", "log_engagement", "label_known_at", "is_label_mature")
    found = shop.store().training_set(asking(posts), service="engagement", scope=EVERYONE).join(outcomes, on="post_id")
    refuse_leaks(found)
    in_hindsight = found.with_columns(published_at=pl.col("published_at") - timedelta(hours=1))
    with pytest.raises(LeakageError, match="`account_history_known_at` is after publication in"):
        refuse_leaks(in_hindsight)


def test_the_posting_time_model_learns_the_same_from_the_store(shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    own = post_features(posts)
    found = shop.store().training_set(asking(posts), service="posting_time", scope=EVERYONE)
    rest = own.drop(name for name in own.columns if name in found.columns and name != "post_id")
    found = found.join(rest, on="post_id", maintain_order="left")
    accounts = own.select("client_id", "account_id", "network").unique().with_columns(time_zone=pl.lit("UTC"))
    until = posts["mature_at"].max()
    effects = hour_effects(found, accounts, computed_at=until)
    assert effects["posts"].sum() > 100
    assert_frame_equal(effects, hour_effects(own, accounts, computed_at=until))


def test_rows_that_ask_the_same_come_back_twice_in_their_order(shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    twice = pl.concat([asking(posts.tail(3)), asking(posts.tail(3))])
    found = shop.store().training_set(twice, service="engagement", scope=EVERYONE)
    assert found["post_id"].to_list() == twice["post_id"].to_list()
    assert_frame_equal(found.head(3), found.tail(3))


def test_the_newest_version_of_the_table_counts_also_when_older_files_are_gone(
    shop: Shop, asking: Asking, posts: pl.DataFrame
) -> None:
    store = shop.store()
    before = store.training_set(asking(posts), service="engagement", scope=EVERYONE)
    louder = posts.with_columns(pl.col("mature_engagements") * 10)
    shop.know(louder)
    delta = shop.lake.open(ACCOUNT_HISTORIES)
    assert delta is not None
    removed = delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    after = store.training_set(asking(posts), service="engagement", scope=EVERYONE)
    assert removed
    assert (after["history_mean_100"] > before["history_mean_100"] + 1).drop_nulls().all()
    assert_point_in_time(shop, asking(posts), louder)


def test_another_clients_account_is_unknown_under_ones_own_name(
    shop: Shop, asking: Asking, posts: pl.DataFrame
) -> None:
    mine = asking(posts.filter(pl.col("client_id") == "client-1").tail(1))
    theirs = mine.with_columns(client_id=pl.lit("client-2"))
    found = shop.store().training_set(pl.concat([mine, theirs]), service="engagement", scope=EVERYONE)
    assert found["history_median_30"].is_null().to_list() == [False, True]
    assert found["history_count"].to_list()[1] == 0


def test_a_client_outside_the_scope_is_refused_before_anything_is_read(
    empty_shop: Shop, asking: Asking, posts: pl.DataFrame
) -> None:
    with pytest.raises(TenantScopeError, match="client-0, client-2"):
        empty_shop.store().training_set(asking(posts), service="engagement", scope=TenantScope.of("client-1"))
    assert not empty_shop.folder.exists()


def test_what_is_asked_wrongly_is_said(shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    store, rows = shop.store(), asking(posts)
    with pytest.raises(SchemaMismatchError, match="missing: local_hour, published_at"):
        store.training_set(rows.drop("local_hour", "published_at"), service="engagement", scope=EVERYONE)
    gaps = rows.with_columns(pl.when(pl.int_range(pl.len()) > 2).then(pl.col("client_id", "local_hour")))
    with pytest.raises(SchemaMismatchError, match="no value in client_id, local_hour"):
        store.training_set(gaps, service="engagement", scope=EVERYONE)
    with pytest.raises(SchemaMismatchError, match="history_median_30 already: drop them"):
        store.training_set(rows.with_columns(history_median_30=1.0), service="engagement", scope=EVERYONE)
    with pytest.raises(NotReadyError, match="ask for engagement or posting_time"):
        store.training_set(rows, service="weather", scope=EVERYONE)


def test_an_empty_lake_and_no_rows(empty_shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    none = empty_shop.store().training_set(asking(posts).clear(), service="engagement", scope=EVERYONE)
    assert none.is_empty()
    with pytest.raises(NotReadyError, match="features/account_histories is not in the lake"):
        empty_shop.store().training_set(asking(posts), service="engagement", scope=EVERYONE)
    empty_shop.know(posts.clear())
    found = empty_shop.store().training_set(asking(posts), service="engagement", scope=EVERYONE)
    assert found.schema == none.schema
    assert found["history_median_30"].null_count() == posts.height
