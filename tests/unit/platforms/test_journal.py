"""The wire journal shows where a call went, and nothing with which somebody else could make it."""

import string
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms._journal import MASK, redact_url

TOKEN_CHARACTERS = string.ascii_letters + string.digits + "-_~.=+"
TOKENS = st.text(TOKEN_CHARACTERS, min_size=20, max_size=200).filter(
    lambda token: any(c.isdigit() for c in token[1:-1]) and any(c.isalpha() for c in token) and ".." not in token
)
"""What networks hand out: long, and letters and digits mixed."""
PLACES = st.sampled_from(
    [
        "https://www.linkedin.com/dms-uploads/{}/uploaded-video/0",
        "https://pinterest-media-upload.s3-accelerate.amazonaws.com/{}",
        "https://www.googleapis.com/upload/youtube/v3/videos/{}",
        "https://open-upload.tiktokapis.com/video/{}?upload_id=1",
        "https://graph.facebook.com/v25.0/{}/videos",
    ]
)


@given(PLACES, TOKENS)
def test_a_token_in_a_path_is_never_written(place: str, token: str) -> None:
    assert token not in redact_url(place.format(token))


@given(PLACES, st.text("abcdef0123456789", min_size=32, max_size=64).filter(lambda t: not t.isdigit()))
def test_a_key_of_hexadecimal_digits_is_never_written(place: str, token: str) -> None:
    assert token not in redact_url(place.format(token))


@given(st.text(string.ascii_lowercase, min_size=20, max_size=80))
def test_a_token_of_small_letters_is_no_word(token: str) -> None:
    assert token not in redact_url(f"https://example.org/upload/{token}")


@given(st.lists(st.text(TOKEN_CHARACTERS + "%:", min_size=0, max_size=60), max_size=6))
def test_what_is_left_has_the_same_shape_and_is_left_again(segments: list[str]) -> None:
    url = "https://example.org/" + "/".join(segments)
    redacted = redact_url(url)
    before, after = urlsplit(url).path.split("/"), urlsplit(redacted).path.split("/")
    assert len(before) == len(after)
    assert all(new in (old, MASK) for old, new in zip(before, after, strict=True))
    assert redact_url(redacted) == redacted


@pytest.mark.parametrize(
    "path",
    [
        "/v25.0/17841400008460056/media_publish",
        "/v25.0/104213562278_122113333330123456/comments",
        "/2/tweets/1846987139428634858",
        "/2/media/upload/initialize",
        "/xrpc/com.atproto.repo.createRecord",
        "/xrpc/app.bsky.notification.listNotifications",
        "/rest/organizationalEntityShareStatistics",
        "/rest/posts/urn%3Ali%3Ashare%3A7045020441609936896",
        "/v5/pins/813744226420795884/analytics",
        "/api/v1/statuses/117020565966271181/context",
        "/open_api/v1.3/business/comment/reply/create/",
        "/v2/post/publish/creator_info/query/",
        "/upload/youtube/v3/videos",
    ],
)
def test_where_a_call_went_stays_readable(path: str) -> None:
    assert urlsplit(redact_url(f"https://example.org{path}")).path == path
