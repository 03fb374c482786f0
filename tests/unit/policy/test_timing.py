from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.records import PostingRules, QuietHours
from policy import is_quiet, local_day, may_send
from policy.timing import check_daily_quota, check_min_gap

MADRID = ZoneInfo("Europe/Madrid")
ZONES = ("Europe/Madrid", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def at(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=MADRID, fold=fold)


def rules(item, client, **kw) -> set[str]:
    return {v.rule for v in may_send(item, client, **kw).violations}


def test_a_draft_without_a_slot_is_not_judged_by_time(make_item, client) -> None:
    midnight = at(2026, 5, 5, 0, 30)
    assert may_send(make_item(), client, now=midnight, published_times=[midnight] * 5).is_allowed


def test_a_plan_is_judged_at_its_slot_and_a_sending_at_now(make_item, client) -> None:
    item = make_item(scheduled_at=at(2026, 5, 5, 21, 30))
    assert may_send(item, client, now=at(2026, 5, 5, 3, 0)).is_allowed
    assert rules(item, client, now=at(2026, 5, 5, 22, 5)) == {"quiet_hours"}


def test_quiet_hours_wrap_midnight_and_stop_before_their_end(make_item, client) -> None:
    for hour, minute, quiet in [(21, 59, False), (22, 0, True), (0, 0, True), (6, 59, True), (7, 0, False)]:
        slot = at(2026, 5, 5, hour, minute)
        found = rules(make_item(scheduled_at=slot), client, now=slot)
        assert found == ({"quiet_hours"} if quiet else set())


@given(moments, st.integers(0, 23), st.integers(0, 23), st.sampled_from(ZONES))
def test_quiet_hours_and_their_complement_share_no_moment(moment, start, end, zone) -> None:
    if start == end:
        assert not is_quiet(moment, QuietHours(start_hour=start, end_hour=end), zone)
    else:
        quiet = is_quiet(moment, QuietHours(start_hour=start, end_hour=end), zone)
        assert quiet != is_quiet(moment, QuietHours(start_hour=end, end_hour=start), zone)


def test_the_gap_counts_elapsed_time_over_both_clock_changes() -> None:
    four = PostingRules(min_gap_hours=4)
    # Spring: 01:00 and 05:30 by the wall are 3.5 hours apart.
    assert list(check_min_gap(at(2026, 3, 29, 5, 30), four, [at(2026, 3, 29, 1, 0)]))
    assert not list(check_min_gap(at(2026, 3, 29, 6, 0), four, [at(2026, 3, 29, 1, 0)]))
    # Autumn: 01:00 and 04:30 by the wall are 4.5 hours apart.
    assert not list(check_min_gap(at(2026, 10, 25, 4, 30), four, [at(2026, 10, 25, 1, 0)]))
    assert list(check_min_gap(at(2026, 10, 25, 3, 30), four, [at(2026, 10, 25, 1, 0)]))
    # The repeated hour: the same wall time twice, an hour apart.
    half = PostingRules(min_gap_hours=0.5)
    assert not list(check_min_gap(at(2026, 10, 25, 2, 30, fold=1), half, [at(2026, 10, 25, 2, 30)]))


def test_quiet_hours_hold_on_the_wall_clock_over_both_clock_changes() -> None:
    quiet = QuietHours(start_hour=22, end_hour=7)
    for day in ((2026, 3, 29), (2026, 10, 25)):
        assert is_quiet(at(*day, 6, 59).astimezone(UTC), quiet, "Europe/Madrid")
        assert not is_quiet(at(*day, 7, 0).astimezone(UTC), quiet, "Europe/Madrid")
    assert is_quiet(at(2026, 10, 25, 2, 30, fold=1).astimezone(UTC), quiet, "Europe/Madrid")


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 5, 5), 24)])
def test_the_quota_covers_the_client_s_whole_day_and_nothing_else(day, hours) -> None:
    one = PostingRules(max_posts_per_day=1)
    start = at(*day).astimezone(UTC)
    inside = [start, start + timedelta(hours=hours) - timedelta(seconds=1)]
    outside = [start - timedelta(seconds=1), start + timedelta(hours=hours)]
    for moment in inside:
        assert list(check_daily_quota(at(*day, 12), one, "Europe/Madrid", [moment]))
    assert not list(check_daily_quota(at(*day, 12), one, "Europe/Madrid", outside))


def test_the_quota_follows_the_client_s_zone_not_utc(make_item, client) -> None:
    # 23:30 UTC on the 4th is 01:30 on the 5th in Madrid.
    taken = [datetime(2026, 5, 4, 23, 30, tzinfo=UTC), at(2026, 5, 5, 8, 0)]
    slot = at(2026, 5, 5, 14, 0)
    assert rules(make_item(scheduled_at=slot), client, now=slot, published_times=taken) == {"daily_quota"}


@given(moments, st.lists(moments, max_size=6), st.sampled_from(ZONES), st.integers(0, 4))
def test_the_quota_counts_each_post_of_the_same_local_day(moment, taken, zone, quota) -> None:
    broken = bool(list(check_daily_quota(moment, PostingRules(max_posts_per_day=quota), zone, taken)))
    assert broken == (sum(local_day(t, zone) == local_day(moment, zone) for t in taken) >= quota)


@given(moments, moments, st.floats(0, 48, allow_nan=False))
def test_the_gap_is_symmetric(first, second, hours) -> None:
    gap = PostingRules(min_gap_hours=hours)
    assert bool(list(check_min_gap(first, gap, [second]))) == bool(list(check_min_gap(second, gap, [first])))


def test_the_gap_also_looks_ahead(make_item, client) -> None:
    slot = at(2026, 5, 5, 12)
    found = rules(make_item(scheduled_at=slot), client, now=slot, published_times=[at(2026, 5, 5, 15, 59)])
    assert found == {"min_gap"}
    assert rules(make_item(scheduled_at=slot), client, now=slot, published_times=[at(2026, 5, 5, 16)]) == set()


def test_a_slot_fires_late_up_to_its_window(make_item, client) -> None:
    item = make_item(scheduled_at=at(2026, 5, 5, 12))
    assert may_send(item, client, now=at(2026, 5, 5, 13, 30)).is_allowed
    assert rules(item, client, now=at(2026, 5, 5, 13, 31)) == {"late_window"}


def test_a_reply_waits_for_no_gap_quota_or_quiet_hours(make_item, client) -> None:
    slot = at(2026, 5, 5, 23)
    reply = make_item(scheduled_at=slot, reply_to_comment_id="bluesky:x")
    assert may_send(reply, client, now=slot, published_times=[slot] * 3).is_allowed


def test_instagram_s_daily_cap_is_a_sliding_day(make_item, make_client) -> None:
    from contracts.networks import Network

    busy = make_client(
        posting_rules=PostingRules(
            min_gap_hours=0, max_posts_per_day=20, quiet_hours=QuietHours(start_hour=0, end_hour=0)
        )
    )
    slot = at(2026, 5, 6, 12)
    taken = [slot - timedelta(hours=13, minutes=i) for i in range(15)] + [
        slot - timedelta(hours=2, minutes=i) for i in range(10)
    ]
    item = make_item(network=Network.INSTAGRAM, scheduled_at=slot)
    assert rules(item, busy, now=slot, published_times=taken) == {"platform_cap"}
    assert rules(item, busy, now=slot, published_times=taken[1:]) == set()


def test_a_time_without_zone_is_an_error(make_item, client) -> None:
    with pytest.raises(ValueError, match="timezone-aware"):
        may_send(make_item(), client, now=datetime(2026, 5, 5))  # noqa: DTZ001
