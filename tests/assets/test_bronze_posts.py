"""bronze/posts and bronze/post_metrics: what enters, what stays out, and what a rerun does."""

from datetime import timedelta
from hashlib import sha256

from assets.bronze.accounts import account_metrics, accounts
from assets.bronze.posts import posts_and_metrics
from contracts.clock import FixedClock
from tests.assets.fakes import NOW, House, checks, count, post


def test_posts_and_counts_enter_with_their_payload_and_tenant(house: House) -> None:
    result = house.materialize(posts_and_metrics)

    assert result.success
    assert {(r["client_id"], r["raw"]) for r in house.rows("bronze/posts")} == {
        ("ana", '{"kept": true}'),
        ("ben", '{"kept": true}'),
    }
    assert sorted(r["value"] for r in house.rows("bronze/post_metrics")) == [2, 2, 10, 10]
    assert all(e.passed for e in checks(result).values())


def test_running_twice_adds_nothing(house: House) -> None:
    house.materialize(posts_and_metrics)
    first = house.rows("bronze/posts"), house.rows("bronze/post_metrics")

    house.materialize(posts_and_metrics)

    assert (house.rows("bronze/posts"), house.rows("bronze/post_metrics")) == first


def test_a_later_observation_adds_counts_but_no_unchanged_post(house: House) -> None:
    house.materialize(posts_and_metrics)
    later = NOW + timedelta(hours=1)
    house.clock.at = later
    house.collector.all_posts = [p.model_copy(update={"observed_at": later}) for p in house.collector.all_posts]
    house.collector.metrics = [
        m.model_copy(update={"observed_at": later, "value": m.value + 1}) for m in house.collector.metrics
    ]

    house.materialize(posts_and_metrics)

    assert len(house.rows("bronze/posts")) == 2
    assert len(house.rows("bronze/post_metrics")) == 8


def test_a_post_that_gets_a_link_card_is_observed_again_and_others_are_not(house: House) -> None:
    house.materialize(posts_and_metrics)
    plain = house.rows("bronze/posts")
    carded, other = house.collector.all_posts
    parts = (other.text, other.content_format.value, str(other.media_count), "None")  # as before cards were kept
    assert sha256("\x1f".join(parts).encode()).hexdigest() in {row["content_sha256"] for row in plain}
    card = {"link_url": "https://example.com/news", "link_title": "News"}
    later = NOW + timedelta(hours=1)
    house.clock.at = later
    house.collector.all_posts = [carded.model_copy(update={**card, "observed_at": later}), other]

    house.materialize(posts_and_metrics)

    [added] = [row for row in house.rows("bronze/posts") if row not in plain]
    assert {name: added[name] for name in ("post_id", *card)} == {"post_id": carded.post_id, **card}


def test_a_failing_account_stops_no_other_and_shows_with_its_reason(house: House) -> None:
    house.collector.broken = frozenset({"instagram:a1"})

    result = house.materialize(posts_and_metrics)

    assert result.success
    assert {r["client_id"] for r in house.rows("bronze/posts")} == {"ben"}
    failed = checks(result)["bronze/posts", "all_accounts_read"]
    assert not failed.passed
    assert "instagram:a1" in (failed.description or "")
    assert "connect the account again" in (failed.description or "")


def test_a_post_with_an_impossible_count_is_quarantined_as_a_whole_and_named(house: House) -> None:
    bad = house.collector.all_posts[0]
    house.collector.metrics = [
        m.model_copy(update={"value": -3}) if m.post_id == bad.post_id and m.metric == "comments" else m
        for m in house.collector.metrics
    ]

    result = house.materialize(posts_and_metrics)

    assert {r["post_id"] for r in house.rows("bronze/posts")} == {house.collector.all_posts[1].post_id}
    [quarantined] = house.rows("bronze/quarantined_posts")
    assert (quarantined["post_id"], quarantined["rule"]) == (bad.post_id, "counts_plausible")
    assert "value_not_negative" in quarantined["reason"]
    rules = {r["metric"]: r["rule"] for r in house.rows("bronze/quarantined_post_metrics")}
    assert rules == {"comments": "value_not_negative", "likes": "post_in_quarantine"}
    assert not checks(result)["bronze/posts", "boundary"].passed


def test_a_post_from_the_future_is_quarantined(house: House) -> None:
    house.collector.all_posts[0] = house.collector.all_posts[0].model_copy(
        update={"published_at": NOW + timedelta(days=2)}
    )

    house.materialize(posts_and_metrics)

    assert [r["rule"] for r in house.rows("bronze/quarantined_posts")] == ["published_at_not_after_observation"]


def test_an_unknown_metric_does_not_enter(house: House) -> None:
    house.collector.metrics.append(count(house.collector.all_posts[0], "vibes", 5))

    house.materialize(posts_and_metrics)

    assert "vibes" not in {r["metric"] for r in house.rows("bronze/post_metrics")}
    assert "vibes" in {r["metric"] for r in house.rows("bronze/quarantined_post_metrics")}


def test_a_past_day_is_mapped_again_from_its_payloads_without_asking_a_network(house: House) -> None:
    house.materialize(posts_and_metrics)
    calls = house.collector.calls
    house.clock.at = NOW + timedelta(days=3)
    before = house.rows("bronze/post_metrics")

    result = house.materialize(posts_and_metrics, day=NOW.date())

    assert result.success
    assert house.collector.calls == calls
    assert sorted(house.rows("bronze/post_metrics"), key=str) == sorted(before, key=str)


def test_a_day_that_has_not_come_is_refused_with_what_to_do(house: House) -> None:
    result = house.materialize(posts_and_metrics, day=(NOW + timedelta(days=1)).date())

    assert not result.success
    assert not house.rows("bronze/posts")


def test_only_posts_first_seen_late_are_marked_as_backfilled(house: House) -> None:
    old = post(house.store.known_accounts[0], 2, at=NOW - timedelta(days=40))
    house.collector.all_posts.append(old)
    house.collector.metrics.append(count(old, "likes", 7))

    house.materialize(posts_and_metrics)

    marks = {r["post_id"]: r["is_backfilled"] for r in house.rows("bronze/post_metrics")}
    assert marks == {"instagram:a1-1": False, "instagram:b1-1": False, "instagram:a1-2": True}


def test_listings_are_read_again_from_two_weeks_before_the_newest_known_post(house: House) -> None:
    house.materialize(posts_and_metrics)
    assert house.collector.since == {}

    house.materialize(posts_and_metrics)

    assert house.collector.since == dict.fromkeys(("instagram:a1", "instagram:b1"), NOW - timedelta(hours=20, days=14))


def test_a_run_can_be_narrowed_to_one_client(house: House) -> None:
    house.materialize(accounts, config={"bronze__accounts": {"config": {"client_ids": ["ana"]}}})

    assert {r["client_id"] for r in house.rows("bronze/accounts")} == {"ana"}


def test_accounts_of_a_past_day_are_left_as_they_were_observed(house: House) -> None:
    house.materialize(accounts)
    calls = house.collector.calls
    house.clock = FixedClock(NOW + timedelta(days=2))

    result = house.materialize(accounts, day=NOW.date())

    assert result.success
    assert house.collector.calls == calls
    assert len(house.rows("bronze/accounts")) == 2


def test_reported_figures_of_a_failing_account_survive_a_rerun(house: House) -> None:
    from contracts.records import AccountMetricPoint

    house.collector.points = [
        AccountMetricPoint(
            account_id=a.account_id,
            client_id=a.client_id,
            network=a.network,
            metric="reach",
            day=NOW.date(),
            value=50,
            fetched_at=NOW,
            raw="{}",
        )
        for a in house.store.known_accounts
    ]
    house.materialize(account_metrics)
    house.collector.broken = frozenset({"instagram:a1"})

    house.materialize(account_metrics)

    assert {r["account_id"] for r in house.rows("bronze/account_metrics")} == {"instagram:a1", "instagram:b1"}
