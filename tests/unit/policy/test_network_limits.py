from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.networks import ContentFormat, Network
from contracts.records import ContentItem
from policy import LIMITS, may_send
from policy.network_limits import check, count_graphemes

NOW = datetime(2026, 5, 5, 10, tzinfo=UTC)


def rules(item, client) -> set[str]:
    return {v.rule for v in may_send(item, client, now=NOW).violations}


@pytest.mark.parametrize("network", [Network.BLUESKY, Network.FACEBOOK, Network.LINKEDIN, Network.MASTODON, Network.X])
def test_a_plain_draft_is_allowed_where_text_alone_is_a_post(network, make_item, client) -> None:
    verdict = may_send(make_item(network=network), client, now=NOW)
    assert verdict.is_allowed
    assert not verdict.violations


def test_a_plain_draft_is_allowed_on_both_first_networks(make_item, client) -> None:
    for network in (Network.BLUESKY, Network.INSTAGRAM):
        verdict = may_send(make_item(network=network), client, now=NOW)
        assert verdict.is_allowed
        assert not verdict.violations


def test_every_network_has_limits() -> None:
    assert set(LIMITS) == set(Network)


@pytest.mark.parametrize(
    ("network", "text", "rule"),
    [
        (Network.BLUESKY, "a" * 301, "text_length"),
        (Network.BLUESKY, "👩‍👩‍👧‍👦" * 130, "text_bytes"),
        (Network.INSTAGRAM, "a" * 2201, "text_length"),
        (Network.INSTAGRAM, " ".join(f"#tag{i}" for i in range(31)), "hashtag_count"),
        (Network.INSTAGRAM, " ".join(f"@user.{i}" for i in range(21)), "mention_count"),
        (Network.BLUESKY, "  \n ", "empty_text"),
    ],
)
def test_a_text_one_past_a_limit_is_blocked(network, text, rule, make_item, client) -> None:
    assert rules(make_item(network=network, text=text), client) == {rule}


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (Network.BLUESKY, "é" * 300),
        (Network.BLUESKY, "👩‍👩‍👧‍👦" * 120),  # 120 characters as seen, 3,000 bytes
        (Network.INSTAGRAM, "a" * 2200),
        (Network.INSTAGRAM, " ".join(f"#tag{i}" for i in range(30))),
        (Network.INSTAGRAM, "mail me@example.org, page https://example.org/#top, number #1 " * 21),
    ],
)
def test_a_text_at_a_limit_is_allowed(network, text, make_item, client) -> None:
    assert rules(make_item(network=network, text=text), client) == set()


@pytest.mark.parametrize(
    ("content_format", "count", "is_allowed"),
    [
        ("image", 0, False),
        ("image", 1, True),
        ("carousel", 1, False),
        ("carousel", 2, True),
        ("carousel", 10, True),
        ("carousel", 11, False),
        ("text", 0, False),
        ("video", 1, False),
    ],
)
def test_instagram_needs_pictures(content_format, count, is_allowed, make_item, make_media, client) -> None:
    item = make_item(
        network=Network.INSTAGRAM, content_format=ContentFormat(content_format), media=(make_media(),) * count
    )
    assert may_send(item, client, now=NOW).is_allowed is is_allowed


@pytest.mark.parametrize(("count", "is_allowed"), [(0, False), (1, True), (4, True), (5, False)])
def test_bluesky_takes_up_to_four_pictures(count, is_allowed, make_item, make_media, client) -> None:
    item = make_item(content_format=ContentFormat.IMAGE, media=(make_media(),) * count)
    assert may_send(item, client, now=NOW).is_allowed is is_allowed


@pytest.mark.parametrize(
    ("network", "overrides", "rule"),
    [
        (Network.INSTAGRAM, {"mime_type": "image/png"}, "media_type"),
        (Network.INSTAGRAM, {"size_bytes": 8_000_001}, "media_size"),
        (Network.BLUESKY, {"size_bytes": 2_000_001}, "media_size"),
        (Network.INSTAGRAM, {"width": 1080, "height": 1400}, "media_ratio"),
        (Network.INSTAGRAM, {"width": 2000, "height": 1000}, "media_ratio"),
        (Network.INSTAGRAM, {"height": 0}, "media_ratio"),
    ],
)
def test_a_picture_that_the_network_refuses_is_blocked(network, overrides, rule, make_item, make_media, client) -> None:
    item = make_item(network=network, content_format=ContentFormat.IMAGE, media=(make_media(**overrides),))
    assert rules(item, client) == {rule}


@pytest.mark.parametrize(("width", "height"), [(1080, 1350), (1080, 566), (1080, 1080)])
def test_the_edges_of_instagrams_ratio_are_allowed(width, height, make_item, make_media, client) -> None:
    item = make_item(network=Network.INSTAGRAM, media=(make_media(width=width, height=height),))
    assert may_send(item, client, now=NOW).is_allowed


def test_a_missing_description_warns_and_does_not_block(make_item, make_media, client) -> None:
    verdict = may_send(make_item(network=Network.INSTAGRAM, media=(make_media(alt_text=" "),)), client, now=NOW)
    assert verdict.is_allowed
    assert [v.rule for v in verdict.violations] == ["alt_text"]


def test_a_reply_is_text_on_every_network(make_item, client) -> None:
    reply = make_item(
        network=Network.INSTAGRAM, media=(), content_format=ContentFormat.TEXT, reply_to_comment_id="instagram:9"
    )
    assert may_send(reply, client, now=NOW).is_allowed


@given(st.text(max_size=400))
def test_any_text_is_judged_by_the_network_s_own_measures(text: str) -> None:
    item = ContentItem(
        content_item_id="c",
        client_id="c",
        account_id="bluesky:x",
        network=Network.BLUESKY,
        text=text,
        content_format=ContentFormat.TEXT,
        language="en",
        created_at=NOW,
    )
    found = {v.rule for v in check(item)}
    assert ("text_length" in found) == (count_graphemes(text) > 300)
    assert ("text_bytes" in found) == (len(text.encode()) > 3000)
    assert ("empty_text" in found) == (not text.strip())
