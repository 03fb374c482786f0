"""An item that its network refuses becomes one that it takes, with every change told and nothing else touched."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from contracts.errors import ProviderError
from contracts.media import FilmLimits, Mended, PictureLimits
from contracts.networks import ContentFormat, Network
from contracts.records import ContentItem, Media, PublishOptions
from operations.mending import is_mendable, mend
from policy import mastodon_limits
from policy.network_limits import check
from providers.media import LocalMedia
from providers.transcode import LocalMender

SENTENCE = "We bake at five in the morning, and the rye rests for a day. "


def item(network: Network, content_format: ContentFormat = ContentFormat.TEXT, **fields: Any) -> ContentItem:
    return ContentItem(
        **{
            "content_item_id": "c1",
            "client_id": "bakery",
            "account_id": f"{network.value}:1",
            "network": network,
            "text": "We bake at five.",
            "content_format": content_format,
            "language": "en",
            "created_at": datetime(2026, 5, 1, tzinfo=UTC),
            **fields,
        }
    )


def rules(of: ContentItem) -> set[str]:
    return {violation.rule for violation in check(of)}


@pytest.fixture
def library(tmp_path: Path) -> LocalMedia:
    return LocalMedia(tmp_path)


def picture(library: LocalMedia, width: int, height: int, kind: str = "PNG") -> Media:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, kind)
    return library.save(buffer.getvalue(), alt_text="A loaf")


class Films:
    """Keeps what it was asked for; a film of 99 seconds cannot be mended."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, FilmLimits, bool]] = []

    def mend_picture(self, media: Media, limits: PictureLimits) -> Mended:
        raise AssertionError("there is no picture to mend")

    def mend_film(self, media: Media, limits: FilmLimits, *, may_shorten: bool = False) -> Mended:
        self.asked.append((media.path, limits, may_shorten))
        if not may_shorten:
            raise ProviderError("It is too long: shorten it.")
        return Mended(media.model_copy(update={"duration_seconds": 1.0, "path": "media/short.mp4"}), ("Cut.",))


def film(seconds: float) -> Media:
    return Media(
        media_id="f",
        path="media/f.mp4",
        mime_type="video/mp4",
        alt_text="",
        width=720,
        height=720,
        size_bytes=10**6,
        sha256="0" * 64,
        duration_seconds=seconds,
    )


def test_pictures_are_refitted_and_the_others_left_alone(library) -> None:
    good, tall = picture(library, 800, 800, "JPEG"), picture(library, 500, 1000)
    before = item(Network.INSTAGRAM, ContentFormat.CAROUSEL, media=(good, tall))
    assert rules(before) == {"media_type", "media_ratio"}
    assert is_mendable(before)
    after = mend(before, LocalMender(library))
    assert rules(after.item) == set()
    assert after.item.media[0] == good
    assert after.item.media[1].alt_text == "A loaf"
    assert after.changes == (
        f"{tall.path}: Cropped around its middle from 500 x 1000 to 500 x 625 (4:5).",
        f"{tall.path}: Converted from PNG to JPEG.",
    )
    assert after.failures == ()
    assert after.item.model_copy(update={"media": before.media}) == before


@pytest.mark.parametrize("network", [Network.X, Network.BLUESKY, Network.MASTODON])
def test_a_text_that_is_too_long_becomes_a_thread_of_the_same_words(network, library) -> None:
    before = item(network, text=SENTENCE * 14)
    assert rules(before) == {"text_length"}
    assert is_mendable(before)
    after = mend(before, LocalMender(library))
    assert rules(after.item) - {"thread_part"} == set()
    assert after.item.content_format is ContentFormat.THREAD
    parts = (after.item.text, *after.item.options.thread)
    assert " ".join(parts).split() == before.text.split()
    assert after.changes == (f"Split into a thread of {len(parts)} posts.",)


def test_pictures_stay_with_the_first_post_of_a_thread(library) -> None:
    media = (picture(library, 500, 500),)
    after = mend(item(Network.BLUESKY, ContentFormat.IMAGE, text=SENTENCE * 8, media=media), LocalMender(library))
    assert (after.item.content_format, after.item.media) == (ContentFormat.THREAD, media)
    assert rules(after.item) == set()


def test_a_part_that_is_too_long_is_split_where_it_stands(library) -> None:
    options = PublishOptions(thread=(SENTENCE * 8, "The end."))
    after = mend(item(Network.BLUESKY, ContentFormat.THREAD, text="The start.", options=options), LocalMender(library))
    assert after.item.text == "The start."
    assert len(after.item.options.thread) == 3
    assert after.item.options.thread[-1] == "The end."


def test_an_instance_s_own_limits_count(library) -> None:
    long = item(Network.MASTODON, text=SENTENCE * 14)
    roomy = mastodon_limits({"statuses": {"max_characters": 5_000}})
    assert mend(long, LocalMender(library), limits=roomy).item == long
    assert is_mendable(long)
    assert not is_mendable(long, limits=roomy)


@pytest.mark.parametrize(
    "left_alone",
    [
        item(Network.X),
        item(Network.LINKEDIN, text="a " * 4_000),  # no threads there
        item(Network.PINTEREST, text="a"),  # no such format
        item(Network.X, text="a " * 400, reply_to_comment_id="x:1"),  # an answer is one post
        item(Network.X, ContentFormat.VIDEO, text="a " * 400, media=(film(20),)),  # a thread carries no film
        item(Network.INSTAGRAM, ContentFormat.IMAGE, media=(film(20),)),  # no tool makes a picture of a film
    ],
)
def test_what_cannot_be_mended_comes_back_as_it_was(left_alone, library) -> None:
    assert not is_mendable(left_alone)
    after = mend(left_alone, LocalMender(library))
    assert (after.item, after.changes, after.failures) == (left_alone, (), ())


def test_a_failure_is_told_and_stops_no_other_mending() -> None:
    films = Films()
    before = item(Network.X, ContentFormat.VIDEO, media=(film(200),))
    after = mend(before, films)
    assert (after.item, after.changes, after.failures) == (before, (), ("It is too long: shorten it.",))
    shortened = mend(before, films, may_shorten=True)
    assert shortened.changes == ("media/f.mp4: Cut.",)
    assert rules(shortened.item) == set()
    assert [asked[2] for asked in films.asked] == [False, True]
    assert films.asked[0][1].max_seconds == 140


def test_a_word_that_fits_nowhere_is_told(library) -> None:
    before = item(Network.BLUESKY, text="See https://example.org/" + "a" * 400)
    after = mend(before, LocalMender(library))
    assert after.item == before
    assert "fits into no post" in after.failures[0]
