"""What webhook bodies say: whose account, which posts, what kind; and that nothing unknown ever costs more than precision."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.networks import Network
from contracts.records import Notice
from platforms.webhook_events import notices
from platforms.webhooks import WITH_WEBHOOKS


def said(network: Network, payload: Any) -> tuple[Notice, ...]:
    found = notices(network, json.dumps(payload).encode())
    assert found is not None
    return found


def test_meta_tells_of_several_accounts_at_once_and_each_gets_its_own_part_only() -> None:
    ann, ben = said(
        Network.FACEBOOK,
        {
            "object": "page",
            "entry": [
                {
                    "id": "1",
                    "changes": [
                        {
                            "field": "feed",
                            "value": {"item": "comment", "verb": "add", "post_id": "1_9", "message": "hi"},
                        },
                        {"field": "feed", "value": {"item": "reaction", "post_id": "1_8"}},
                    ],
                },
                {
                    "id": 2,
                    "time": 3,
                    "changes": [{"field": "mention", "value": {"item": "post", "unheard": {"of": 1}}}],
                },
            ],
        },
    )
    assert (ann.native_account_ids, ann.native_post_ids) == (("1",), ("1_9", "1_8"))
    assert ann.kinds == ("feed/comment", "feed/reaction")
    assert (ben.native_account_ids, ben.native_post_ids) == (("2",), ()), (
        "a number is an id, and no post means the account"
    )
    assert "hi" in ann.raw
    assert "hi" not in ben.raw
    assert json.loads(ben.raw)["time"] == 3


def test_instagram_names_the_medium_and_arrives_at_either_of_metas_addresses() -> None:
    change = {
        "field": "comments",
        "value": {"id": "18", "text": "?", "media": {"id": "179", "media_product_type": "FEED"}},
    }
    payload = {"object": "instagram", "entry": [{"id": "178", "changes": [change]}]}
    for address in (Network.INSTAGRAM, Network.FACEBOOK):
        [notice] = said(address, payload)
        assert (notice.network, notice.native_post_ids, notice.kinds) == (Network.INSTAGRAM, ("179",), ("comments",))


def test_messages_ask_for_no_reading_but_what_comes_with_them_does() -> None:
    messaging = {"id": "1", "messaging": [{"sender": {"id": "7"}, "message": {"text": "psst"}}]}
    [silent] = said(Network.FACEBOOK, {"object": "page", "entry": [messaging]})
    assert (silent.asks_to_read, silent.kinds) == (False, ("messaging",))
    changes = [{"field": "feed", "value": {"item": "comment", "post_id": "1_9"}}]
    [both] = said(Network.FACEBOOK, {"object": "page", "entry": [{**messaging, "changes": changes}]})
    assert (both.asks_to_read, both.native_post_ids) == (True, ("1_9",))


def test_one_event_without_a_post_means_the_whole_account() -> None:
    changes = [{"field": "feed", "value": {"post_id": "1_9"}}, {"field": "ratings", "value": "five stars"}]
    [notice] = said(Network.FACEBOOK, {"object": "page", "entry": [{"id": "1", "changes": changes}]})
    assert notice.native_post_ids == ()


X_CASES = {
    "a reply": ({"tweet_create_events": [{"user": {"id_str": "7"}, "in_reply_to_status_id_str": "50"}]}, ("50",), True),
    "a quote": ({"tweet_create_events": [{"user": {"id_str": "7"}, "quoted_status_id_str": "51"}]}, ("51",), True),
    "a repost": (
        {"tweet_create_events": [{"user": {"id_str": "7"}, "retweeted_status": {"id_str": "52"}}]},
        ("52",),
        True,
    ),
    "a like": ({"favorite_events": [{"user": {"id_str": "7"}, "favorited_status": {"id_str": "53"}}]}, ("53",), True),
    "a deletion": ({"tweet_delete_events": [{"status": {"id": "54", "user_id": "1"}}]}, ("54",), True),
    "a mention": ({"tweet_create_events": [{"user": {"id_str": "7"}, "text": "@me"}]}, (), True),
    "one's own post": ({"tweet_create_events": [{"user": {"id_str": "1"}, "id_str": "55"}]}, (), True),
    "typing": ({"direct_message_indicate_typing_events": [{"sender_id": "7"}]}, (), False),
    "access taken back": ({"user_event": {"revoke": {}}}, (), True),
    "something new": ({"hologram_events": [{"beam": 1}]}, (), True),
}


@pytest.mark.parametrize("case", X_CASES)
def test_x_names_the_account_it_sends_for(case: str) -> None:
    payload, posts, asks = X_CASES[case]
    [notice] = said(Network.X, {"for_user_id": "1", **payload})
    assert (notice.native_account_ids, notice.native_post_ids, notice.asks_to_read) == (("1",), posts, asks)


def test_linkedin_sends_up_to_ten_for_several_organizations() -> None:
    def one(organization: int, post: str) -> dict[str, Any]:
        urn = f"urn:li:organization:{organization}"
        return {"organizationalEntity": urn, "action": "COMMENT", "sourcePost": post, "notificationId": 2**60}

    notifications = [one(1, "urn:li:share:9"), one(2, "urn:li:ugcPost:8"), one(1, "urn:li:share:9"), {"action": "LIKE"}]
    first, second = said(Network.LINKEDIN, {"type": "ANY", "notifications": notifications})
    assert first.native_account_ids == ("urn:li:organization:1", "1"), "Pulso may know it by its number or its URN"
    assert first.native_post_ids == ("urn:li:share:9",)
    assert second.native_post_ids == ("urn:li:ugcPost:8",)
    assert str(2**60) in second.raw


def test_tiktok_writes_its_content_as_a_string_with_numbers_beyond_2_53() -> None:
    content = json.dumps({"comment_id": 7_380_000_000_000_000_001, "video_id": 7_380_000_000_000_000_003})
    [comment] = said(Network.TIKTOK, {"user_openid": "o", "event": "comment.update", "content": content})
    assert comment.native_post_ids == ("7380000000000000003",)
    content = json.dumps({"publish_id": "v_pub", "post_id": "9"})
    event = "post.publish.publicly_available"
    [public] = said(Network.TIKTOK, {"user_openid": "o", "event": event, "content": content})
    assert (public.native_account_ids, public.native_post_ids, public.kinds) == (("o",), ("9",), (event,))
    [complete] = said(Network.TIKTOK, {"user_openid": "o", "event": "post.publish.complete", "content": "no {json"})
    assert complete.native_post_ids == ()
    [message] = said(Network.TIKTOK, {"user_openid": "o", "event": "im_receive_msg", "content": "{}"})
    assert not message.asks_to_read


@pytest.mark.parametrize("network", sorted(WITH_WEBHOOKS))
def test_what_is_no_object_says_nothing_at_all(network: Network) -> None:
    for body in (b"", b"\xff\xfe", b"null", b"[]", b'"text"', b"[" * 100_000, b'{"a": ' + b"9" * 5_000 + b"}"):
        assert notices(network, body) is None
    assert notices(network, b"{}") == ()


FIELDS = [
    "object",
    "entry",
    "id",
    "changes",
    "field",
    "value",
    "post_id",
    "media",
    "messaging",
    "for_user_id",
    "user",
    "tweet_create_events",
    "favorite_events",
    "favorited_status",
    "id_str",
    "notifications",
    "sourcePost",
    "organizationalEntity",
    "action",
    "user_openid",
    "event",
    "content",
    "video_id",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["page", "instagram", "\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=30,
)


@given(payload=VALUES, network=st.sampled_from(sorted(WITH_WEBHOOKS)))
def test_no_shape_breaks_it_and_all_that_comes_out_can_be_stored(payload: Any, network: Network) -> None:
    for notice in notices(network, json.dumps(payload).encode()) or ():
        for text in (*notice.native_account_ids, *notice.native_post_ids, *notice.kinds, notice.raw):
            assert "\0" not in text
            text.encode()
