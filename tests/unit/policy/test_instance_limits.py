"""A Mastodon instance's own description becomes its limits; nonsense in it changes nothing and breaks nothing."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from contracts.networks import ContentFormat, Network
from contracts.records import Poll, PublishOptions
from policy import LIMITS, mastodon_limits, may_send

USUAL = LIMITS[Network.MASTODON]
OWN = {
    "statuses": {"max_characters": 5000, "max_media_attachments": 8, "characters_reserved_per_url": 30},
    "media_attachments": {
        "description_limit": 10_000,
        "supported_mime_types": ["image/png", "video/webm", "audio/mpeg"],
        "image_size_limit": 1_000,
        "image_matrix_limit": 4_000_000,
        "video_size_limit": 2_000,
        "video_matrix_limit": 3_000,
    },
    "polls": {"max_options": 9, "max_characters_per_option": 70, "min_expiration": 61, "max_expiration": 7_200},
}


def test_an_instance_s_own_figures_replace_the_usual_ones() -> None:
    limits = mastodon_limits(OWN)
    (text,) = limits.text
    assert text.most == 5_000
    assert text.measure.count("https://example.org") == 30
    assert (limits.draft_graphemes, limits.max_alt_text) == (5_000, 10_000)
    carousel, image, film = (
        limits.formats[f] for f in (ContentFormat.CAROUSEL, ContentFormat.IMAGE, ContentFormat.VIDEO)
    )
    assert (carousel.media_count, image.media_count, film.media_count) == ((2, 8), (1, 8), (1, 1))
    assert (image.picture.mime_types, image.picture.max_bytes, image.picture.max_pixels) == (
        {"image/png"},
        1_000,
        4_000_000,
    )
    assert (film.film.mime_types, film.film.max_bytes, film.film.max_pixels) == ({"video/webm"}, 2_000, 3_000)
    assert (limits.poll.most_choices, limits.poll.choice.most) == (9, 70)
    assert (limits.poll.min_minutes, limits.poll.max_minutes) == (2, 120)  # whole minutes, inside the bounds


def test_what_an_instance_does_not_say_stays_as_usual() -> None:
    for configuration in ({}, {"statuses": {}}, {"statuses": None, "media_attachments": [], "polls": "x"}):
        assert mastodon_limits(configuration).formats == USUAL.formats
        assert mastodon_limits(configuration).poll == USUAL.poll
        assert mastodon_limits(configuration).text[0].most == 500


def test_numbers_written_as_strings_are_read() -> None:
    assert mastodon_limits({"statuses": {"max_characters": "640"}}).text[0].most == 640


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
garbage = st.fixed_dictionaries(
    {},
    optional={
        section: json_values | st.fixed_dictionaries({}, optional=dict.fromkeys(OWN[section], json_values))
        for section in OWN
    },
)


@given(garbage)
def test_nonsense_gives_limits_all_the_same(configuration) -> None:
    limits = mastodon_limits(configuration)
    assert limits.text[0].most > 0
    assert set(limits.formats) == set(USUAL.formats)
    for form in limits.formats.values():
        assert form.media_count[0] <= form.media_count[1]
        assert form.picture is None or (form.picture.mime_types and form.picture.max_bytes > 0)


def test_sending_is_judged_by_the_limits_that_are_given(make_item, client) -> None:
    item = make_item(network=Network.MASTODON, account_id="mastodon:1", text="a" * 600)
    now = item.created_at
    assert [v.rule for v in may_send(item, client, now=now).violations] == ["text_length"]
    assert may_send(item, client, now=now, limits=mastodon_limits(OWN)).is_allowed
    poll = make_item(
        network=Network.MASTODON,
        account_id="mastodon:1",
        content_format=ContentFormat.POLL,
        options=PublishOptions(poll=Poll(choices=tuple("abcdefghi"), open_minutes=60)),
    )
    assert not may_send(poll, client, now=now).is_allowed
    assert may_send(poll, client, now=now, limits=mastodon_limits(OWN)).is_allowed


def configurations(value: object) -> list[dict]:
    """Every `configuration` of an instance in a recorded exchange, wherever it stands (bodies are kept as text too)."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return configurations(json.loads(value))
        except json.JSONDecodeError:
            return []
    if isinstance(value, list):
        return [found for element in value for found in configurations(element)]
    if isinstance(value, dict):
        own = value.get("configuration")
        here = [own] if isinstance(own, dict) and "statuses" in own else []
        return here + [
            found for name, element in value.items() if name != "configuration" for found in configurations(element)
        ]
    return []


def test_recorded_instances_are_read_as_they_say(recorded_exchanges: Path) -> None:
    files = sorted((recorded_exchanges / "mastodon").glob("*.json"))
    found = [c for file in files for c in configurations(json.loads(file.read_text(encoding="utf-8")))]
    assert len(found) >= 5
    for configuration in found:
        limits = mastodon_limits(configuration)
        assert limits.text[0].most == configuration["statuses"]["max_characters"]
        reserved = configuration["statuses"]["characters_reserved_per_url"]
        assert limits.text[0].measure.count("https://example.org/a") == reserved
        assert (
            limits.formats[ContentFormat.IMAGE].picture.max_bytes
            == configuration["media_attachments"]["image_size_limit"]
        )
