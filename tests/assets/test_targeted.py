"""Runs with targets: only the accounts and posts that a network has called about are read, and only today."""

from datetime import timedelta
from typing import Any

import dagster as dg

from assets.bronze.audience import comments
from assets.bronze.posts import posts_and_metrics
from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.records import Comment, Post
from tests.assets.fakes import NOW, House, count, post


def comment(of: Post, number: int) -> Comment:
    return Comment(
        comment_id=f"{of.post_id}-c{number}",
        post_id=of.post_id,
        account_id=of.account_id,
        client_id=of.client_id,
        network=Network.INSTAGRAM,
        native_id=f"{of.native_id}-c{number}",
        parent_comment_id=None,
        author_native_id="7",
        author_handle="someone",
        text="hello",
        likes=0,
        commented_at=NOW,
        observed_at=NOW,
        is_own=False,
        raw="{}",
    )


def observe(house: House, targets: dict[str, list[str]] | None = None, **more: Any) -> dg.ExecuteInProcessResult:
    config = {"config": {"targets": targets or {}}}
    return house.materialize(
        posts_and_metrics, comments, config={"posts_and_metrics": config, "bronze__comments": config}, **more
    )


def test_no_other_account_is_read(house: House) -> None:
    ana, ben = house.collector.all_posts
    house.collector.all_comments = [comment(ana, 1), comment(ben, 1)]

    assert observe(house, {"instagram:a1": []}).success

    assert {r["account_id"] for r in house.rows("bronze/posts")} == {"instagram:a1"}
    assert {r["account_id"] for r in house.rows("bronze/comments")} == {"instagram:a1"}
    assert house.collector.asked_comments_of == [ana.post_id]


def test_a_post_that_is_named_is_asked_whatever_its_count_says_and_no_other(house: House) -> None:
    ana = house.collector.all_posts[0]
    older = post(house.store.known_accounts[0], 2, at=NOW - timedelta(days=2))
    house.collector.all_posts.append(older)
    house.collector.metrics.append(count(older, "comments", 5))
    house.materialize(posts_and_metrics)
    house.collector.all_comments = [comment(ana, 1), comment(older, 1)]

    assert observe(house, {"instagram:a1": [ana.post_id]}).success

    assert house.collector.asked_comments_of == [ana.post_id]
    assert house.collector.since["instagram:a1"] == ana.published_at, "no further back than the post that is named"
    assert house.collector.detail_of == {"instagram:a1": [ana.post_id]}


def test_old_posts_are_asked_too_but_their_listing_is_not_read_to_the_bottom(house: House) -> None:
    old = post(house.store.known_accounts[0], 2, at=NOW - timedelta(days=300))
    house.collector.all_posts.append(old)
    house.materialize(posts_and_metrics)
    house.collector.all_comments = [comment(old, 1)]

    assert observe(house, {"instagram:a1": [old.post_id]}).success

    assert [r["post_id"] for r in house.rows("bronze/comments")] == [old.post_id]
    assert house.collector.since["instagram:a1"] == NOW - timedelta(hours=20, days=14)


def test_a_name_that_is_not_known_means_the_account_as_a_whole(house: House) -> None:
    ana = house.collector.all_posts[0]
    house.materialize(posts_and_metrics)
    house.collector.all_comments = [comment(ana, 1)]

    assert observe(house, {"instagram:a1": ["instagram:someone-elses"]}).success

    assert house.collector.asked_comments_of == [ana.post_id], "its count says that there are new ones"
    assert house.collector.since["instagram:a1"] == NOW - timedelta(hours=20, days=14)


def test_a_name_that_belongs_to_another_account_reads_nothing_of_that_account(house: House) -> None:
    _, ben = house.collector.all_posts
    house.materialize(posts_and_metrics)
    house.collector.asked_comments_of.clear()

    observe(house, {"instagram:a1": [ben.post_id]})

    assert ben.post_id not in house.collector.asked_comments_of


def test_a_day_that_is_over_is_refused_so_that_nothing_passes_for_read(house: House) -> None:
    house.clock = FixedClock(NOW + timedelta(days=1))
    calls = house.collector.calls

    assert not observe(house, {"instagram:a1": []}, day=NOW.date()).success

    assert house.collector.calls == calls
    assert observe(house, day=NOW.date()).success, "without targets it maps its payloads again, as ever"
