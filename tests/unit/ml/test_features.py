"""Features: right by hand on small cases, and free of leaks on random ones (what catches leaks: `test_leakage.py`)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from contracts.errors import SchemaMismatchError
from contracts.tables import POST_FEATURES
from ml.account_history import EFFECT_PRIOR
from ml.features import draft_features, post_features
from ml.leakage import columns_that_move

LABELS = ["log_engagement", "label_known_at", "is_label_mature"]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 0.95))
def test_no_feature_knows_anything_that_became_known_later(
    posts_factory: Callable[..., pl.DataFrame], seed: int, share: float
) -> None:
    posts = posts_factory(accounts=2, per_account=30, seed=seed)
    moment = posts["published_at"].sort()[int(share * posts.height)]
    assert columns_that_move(post_features, posts, moment, seed=seed) == ()


def test_an_account_never_reads_another_account(posts: pl.DataFrame) -> None:
    first = pl.col("account_id") == "instagram:0"
    louder = posts.with_columns(
        pl.when(first)
        .then("mature_engagements")
        .otherwise(pl.col("mature_engagements") * 50)
        .alias("mature_engagements"),
        pl.when(first).then("text").otherwise(pl.lit("gold")).alias("text"),
    )
    assert_frame_equal(post_features(posts).filter(first), post_features(louder).filter(first))
    assert_frame_equal(post_features(posts).filter(first), post_features(posts.filter(first)))


def test_schema_is_the_declared_one_and_row_order_of_the_input_does_not_matter(posts: pl.DataFrame) -> None:
    featured = post_features(posts)
    assert featured.schema == POST_FEATURES.schema
    assert featured.height == posts.height
    assert_frame_equal(featured, post_features(posts.sample(fraction=1.0, shuffle=True, seed=3)))


def test_a_draft_gets_the_features_that_it_would_have_had_as_a_post(posts: pl.DataFrame) -> None:
    last = posts.group_by("account_id", maintain_order=True).last().select(posts.columns)
    rest = posts.join(last, on="post_id", how="anti")
    as_posts = post_features(posts).filter(pl.col("post_id").is_in(last["post_id"].implode())).drop(LABELS)
    as_drafts = draft_features(last.sort("account_id"), rest).drop(LABELS)
    assert_frame_equal(as_drafts, as_posts, rel_tol=1e-5)


def test_drafts_come_back_in_order_and_do_not_see_each_other(posts: pl.DataFrame) -> None:
    newest = posts["published_at"].max()
    assert isinstance(newest, datetime)
    draft = posts.filter(pl.col("account_id") == "instagram:1").tail(1).drop("mature_engagements", "mature_at")
    slots = [newest + timedelta(hours=hours) for hours in (90, 30, 60)]
    drafts = pl.concat(
        [draft.with_columns(post_id=pl.lit(f"draft:{n}"), published_at=pl.lit(at)) for n, at in enumerate(slots)]
    )
    together = draft_features(drafts, posts)
    assert together["post_id"].to_list() == ["draft:0", "draft:1", "draft:2"]
    for number in range(3):
        assert_frame_equal(together[number], draft_features(drafts[number], posts), rel_tol=1e-5)
    assert together["log_engagement"].null_count() == 3
    assert not together["is_label_mature"].any()


def test_a_draft_of_an_account_without_any_past_has_no_history_and_no_error(posts: pl.DataFrame) -> None:
    draft = posts.head(1).with_columns(account_id=pl.lit("bluesky:new"), post_id=pl.lit("draft"))
    row = draft_features(draft, posts).row(0, named=True)
    assert (row["history_count"], row["history_median_30"], row["hours_since_previous_post"]) == (0, None, None)


def small_past() -> pl.DataFrame:
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    counts = [10, 20, 40, 80, 5]
    return pl.DataFrame(
        {
            "post_id": [f"p{n}" for n in range(5)],
            "account_id": "a",
            "client_id": "c",
            "network": "bluesky",
            "published_at": [start + timedelta(days=2 * n) for n in range(5)],
            "content_format": ["text", "image", "text", "text", "text"],
            "text": ["Hola #sol", "x", "y", "¿Vale? 100 €!", None],
            "local_hour": 8,
            "local_weekday": 0,
            "mature_engagements": counts,
            "mature_at": [start + timedelta(days=2 * n + 3) for n in range(5)],
            "followers_at_post": [100, None, 300, 400, 500],
        }
    )


def test_history_by_hand() -> None:
    featured = post_features(small_past())
    # Three days to mature, two days apart: post n sees posts 0 .. n - 2.
    assert featured["history_count"].to_list() == [0, 0, 1, 2, 3]
    logs = np.log1p([10, 20, 40])
    assert featured["history_median_30"][2] == pytest.approx(logs[0])
    assert featured["history_median_30"][3] == pytest.approx(np.median(logs[:2]))
    assert featured["history_mean_10"][4] == pytest.approx(np.mean(logs))
    assert featured["history_std_30"][4] == pytest.approx(np.std(logs, ddof=1))
    assert featured["hours_since_previous_post"].to_list() == [None, 48.0, 48.0, 48.0, 48.0]
    assert featured["days_since_first_post"].to_list() == [None, 2.0, 4.0, 6.0, 8.0]
    assert featured["posts_last_7d"].to_list() == [0, 1, 2, 3, 3]
    # Followers may have been observed up to seven days after their post: only then are they used.
    assert featured["log_followers"].to_list() == [None, None, None, None, pytest.approx(np.log1p(100))]
    assert featured["log_engagement"].to_list() == pytest.approx(np.log1p([10, 20, 40, 80, 5]).tolist())


def test_text_is_counted() -> None:
    row = post_features(small_past()).row(3, named=True)
    assert row["has_question"]
    assert (row["exclamation_count"], row["digit_count"], row["word_count"], row["hashtag_count"]) == (1, 3, 3, 0)
    assert post_features(small_past())["hashtag_count"][0] == 1
    assert post_features(small_past())["text_length"][4] == 0


def test_the_headline_of_a_link_card_is_read_with_the_text_and_its_address_as_words_of_its_own() -> None:
    linked = small_past().with_columns(
        link_url=pl.when(pl.col("post_id") == "p0").then(pl.lit("https://example.com/sol")),
        link_title=pl.when(pl.col("post_id").is_in(["p0", "p4"])).then(pl.lit("Un titular")),
    )
    featured = post_features(linked)
    assert featured["text"].to_list() == ["Hola #sol\nUn titular", "x", "y", "¿Vale? 100 €!", "Un titular"]
    assert featured["link_words"].to_list() == ["link_host_example_com link_path_sol", None, None, None, None]
    assert featured["word_count"].to_list() == [4, 1, 1, 3, 2]
    blank = linked.with_columns(text=pl.col("text").fill_null(""))  # as gold writes a post without words
    assert_frame_equal(post_features(blank), featured)
    nothing_linked = small_past().with_columns(link_url=None, link_title=None)  # columns of no type, as from records
    assert_frame_equal(post_features(nothing_linked), post_features(small_past()))
    assert post_features(small_past())["link_words"].null_count() == 5


def test_impossible_counts_are_unknown_and_replies_are_left_out() -> None:
    past = small_past().with_columns(
        pl.when(pl.col("post_id") == "p0").then(-1).otherwise("mature_engagements").alias("mature_engagements"),
        (pl.col("post_id") == "p3").alias("is_reply"),
    )
    featured = post_features(past)
    assert featured["post_id"].to_list() == ["p0", "p1", "p2", "p4"]
    assert featured["is_label_mature"].to_list() == [False, True, True, True]
    assert featured["history_count"].to_list() == [0, 0, 0, 2]


def test_no_posts_give_no_features_in_the_same_schema() -> None:
    assert post_features(small_past().clear()).schema == POST_FEATURES.schema


def test_a_missing_column_is_named() -> None:
    with pytest.raises(SchemaMismatchError, match="mature_at"):
        post_features(small_past().drop("mature_at"))


def test_an_effect_is_shrunk_towards_the_level() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    past = pl.DataFrame(
        {
            "post_id": [f"{n:03}" for n in range(41)],
            "account_id": "a",
            "client_id": "c",
            "network": "x",
            "published_at": [start + timedelta(days=4 * n) for n in range(41)],
            "content_format": ["video" if n % 2 else "image" for n in range(41)],
            "text": "same",
            "local_hour": 9,
            "local_weekday": 1,
            "mature_engagements": [90 if n % 2 else 10 for n in range(41)],
            "mature_at": [start + timedelta(days=4 * n + 3) for n in range(41)],
        }
    )
    last = post_features(past).filter(pl.col("post_id") == "040")
    image_gap = np.log1p(10) - last["history_median_30"][0]
    assert image_gap < last["history_format_effect"][0] < 0
    assert EFFECT_PRIOR > 0
