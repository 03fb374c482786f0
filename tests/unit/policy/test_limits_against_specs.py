"""The figures of the table against the networks' own machine-readable descriptions, where those are at hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.networks import ContentFormat, Network
from policy import LIMITS
from policy.text_measures import BYTES, GRAPHEMES


@pytest.fixture
def spec(reference_data: Path) -> Callable[[str], Any]:
    """An official description by its path in the folder `specs` beside the reference data."""
    folder = reference_data.parent / "specs"
    if not folder.is_dir():
        pytest.skip(f"no folder `specs` beside PULSO_REFERENCE_DATA ({reference_data})")
    return lambda name: json.loads((folder / name).read_text(encoding="utf-8"))


def test_pinterest(spec) -> None:
    limits, schemas = LIMITS[Network.PINTEREST], spec("pinterest-openapi.json")["components"]["schemas"]
    pin = schemas["PinCreate"]["properties"]
    (text,) = limits.text
    assert limits.title is not None
    assert (text.most, limits.title.most, limits.max_alt_text) == (
        pin["description"]["maxLength"],
        pin["title"]["maxLength"],
        pin["alt_text"]["maxLength"],
    )
    assert limits.max_link_characters is not None
    assert 40 <= pin["link"]["maxLength"] - limits.max_link_characters <= 100  # room for the id that Pulso adds
    pictures = schemas["PinMediaSourceImagesURL"]["properties"]["items"]
    assert limits.formats[ContentFormat.CAROUSEL].media_count == (pictures["minItems"], pictures["maxItems"])


def test_x(spec) -> None:
    limits, schemas = LIMITS[Network.X], spec("x-openapi.json")["components"]["schemas"]
    poll, media = schemas["CreatePostsPoll"]["properties"], schemas["CreatePostsMedia"]["properties"]
    assert limits.poll is not None
    assert limits.poll.most_choices == poll["options"]["maxItems"]
    assert limits.poll.choice.most == poll["options"]["items"]["maxLength"]
    duration = poll["duration_minutes"]
    assert (limits.poll.min_minutes, limits.poll.max_minutes) == (duration["minimum"], duration["maximum"])
    assert limits.formats[ContentFormat.CAROUSEL].media_count[1] == media["media_ids"]["maxItems"]
    assert limits.max_user_tags == media["tagged_user_ids"]["maxItems"]
    alt_text = schemas["CreateMediaMetadataMetadataAltText"]["properties"]["text"]
    assert limits.max_alt_text == alt_text["maxLength"]
    uploads = set(schemas["InitializeMediaUploadRequest"]["properties"]["media_type"]["enum"])
    for form in limits.formats.values():
        for accepted in (form.picture, form.film):
            assert accepted is None or accepted.mime_types <= uploads


def test_bluesky(spec) -> None:
    limits, lexicons = LIMITS[Network.BLUESKY], "bluesky-lexicons/lexicons/app/bsky"
    text = spec(f"{lexicons}/feed/post.json")["defs"]["main"]["record"]["properties"]["text"]
    assert {limit.measure: limit.most for limit in limits.text} == {
        GRAPHEMES: text["maxGraphemes"],
        BYTES: text["maxLength"],
    }
    images = spec(f"{lexicons}/embed/images.json")["defs"]
    picture = limits.formats[ContentFormat.CAROUSEL]
    assert picture.media_count[1] == images["main"]["properties"]["images"]["maxLength"]
    assert picture.picture is not None
    assert picture.picture.max_bytes == images["image"]["properties"]["image"]["maxSize"]
    video = spec(f"{lexicons}/embed/video.json")["defs"]["main"]["properties"]["video"]
    film = limits.formats[ContentFormat.VIDEO].film
    assert film is not None
    assert (film.mime_types, film.max_bytes) == (frozenset(video["accept"]), video["maxSize"])


def test_youtube(spec) -> None:
    description = spec("youtube.v3.json")
    largest = int(description["resources"]["videos"]["methods"]["insert"]["mediaUpload"]["maxSize"])
    limits = LIMITS[Network.YOUTUBE]
    assert {form.film.max_bytes for form in limits.formats.values() if form.film} == {largest}
    assert limits.privacy == set(description["schemas"]["VideoStatus"]["properties"]["privacyStatus"]["enum"])
