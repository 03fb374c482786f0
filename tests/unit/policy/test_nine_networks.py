"""Every network's limits at their edge: one more is blocked with a remedy, the limit itself is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.networks import ContentFormat, Network
from contracts.records import ContentItem, Media, Poll, PublishOptions, Violation
from policy import LIMITS
from policy.limit_shapes import FormatLimits
from policy.media_rules import ratio_words
from policy.network_limits import check, check_platform_cap
from policy.text_measures import BYTES, GRAPHEMES, LINKEDIN_ESCAPED, UTF16, X_WEIGHT

F, N = ContentFormat, Network
FILM: dict[str, Any] = {
    "path": "media/m1.mp4",
    "mime_type": "video/mp4",
    "width": 720,
    "height": 1280,
    "size_bytes": 5_000_000,
    "duration_seconds": 20.0,
}
REQUIRED: dict[str, Any] = {
    "title": "Five in the morning",
    "board_id": "1",
    "link": "https://example.org/",
    "poll": Poll(choices=("Rye", "Spelt"), open_minutes=1440),
    "thread": ("And the rye rests.",),
}


def films(form: FormatLimits) -> int:
    """How many of a format's fewest media have to be films."""
    return form.film_count[0] if form.film_count else 0 if form.picture else form.media_count[0]


@pytest.fixture
def item(make_item, make_media):
    """A good item of any network and format; what a test names is changed."""

    def make(network: Network, content_format: ContentFormat, **overrides: Any) -> ContentItem:
        form = LIMITS[network].formats[content_format]
        count = form.media_count[0]
        media = tuple(make_media(**(FILM if n < films(form) else {})) for n in range(count))
        options = PublishOptions(**{name: REQUIRED[name] for name in form.required})
        fields = {"text": "We bake at five.", "media": media, "options": options, **overrides}
        return make_item(network=network, content_format=content_format, account_id=f"{network.value}:1", **fields)

    return make


def rules(item: ContentItem) -> set[str]:
    return {violation.rule for violation in check(item)}


EVERY_FORMAT = [(network, form) for network in N for form in LIMITS[network].formats]


@pytest.mark.parametrize(("network", "content_format"), EVERY_FORMAT)
def test_a_good_post_of_every_format_breaks_no_rule(network, content_format, item) -> None:
    text = "We bake at five: https://example.org" if content_format is F.LINK else "We bake at five."
    assert list(check(item(network, content_format, text=text))) == []


def longest(measure: object, most: int) -> str:
    """A text of exactly `most`, in the characters that this measure counts in its own way."""
    if measure is BYTES:
        return "é" * (most // 2) + "a" * (most % 2)
    if measure is UTF16:
        return "🍞" * (most // 2) + "a" * (most % 2)
    if measure is X_WEIGHT:
        return "https://example.org/" + "x" * 90 + " " + "漢" * ((most - 24) // 2)
    if measure is LINKEDIN_ESCAPED:
        return "(" * (most // 2)
    if measure is GRAPHEMES:
        return "e\u0301" * most
    return "a" * most


@pytest.mark.parametrize(("network", "content_format"), EVERY_FORMAT)
def test_the_longest_text_is_allowed_and_one_more_is_not(network, content_format, item) -> None:
    form = LIMITS[network].formats[content_format]
    for limit in form.text or LIMITS[network].text:
        if network is N.BLUESKY and limit.measure is BYTES:
            continue  # its graphemes end first
        text = longest(limit.measure, limit.most)
        assert limit.measure.count(text) == limit.most
        assert rules(item(network, content_format, text=text)) - {"link_missing"} == set()
        (violation,) = (v for v in check(item(network, content_format, text=text + "a")) if v.rule != "link_missing")
        assert violation.rule == ("text_bytes" if limit.measure is BYTES else "text_length")
        assert f"{limit.most + 1} {limit.measure.unit}" in violation.message
        assert violation.remedy.startswith(f"Remove 1 {limit.measure.unit}.")


@pytest.mark.parametrize(("network", "content_format"), EVERY_FORMAT)
def test_the_number_of_media_has_two_edges(network, content_format, item, make_media) -> None:
    form = LIMITS[network].formats[content_format]
    low, high = form.media_count
    few = films(form)
    for count in {max(0, low - 1), low, high, high + 1}:
        media = [make_media(**FILM)] * min(count, few if form.picture else count) + [make_media()] * (count - few)
        found = rules(item(network, content_format, media=media[:count])) - {
            "media_type",
            "link_missing",
            "empty_text",
        }
        assert found == (set() if low <= count <= high else {"media_count"}), count


ONE_KIND = [(n, f) for n, f in EVERY_FORMAT if bool(LIMITS[n].formats[f].picture) != bool(LIMITS[n].formats[f].film)]


@pytest.mark.parametrize(("network", "content_format"), ONE_KIND)
def test_a_file_of_the_wrong_kind_is_refused(network, content_format, item, make_media) -> None:
    form = LIMITS[network].formats[content_format]
    wrong = make_media(**FILM) if form.picture else make_media()
    assert rules(item(network, content_format, media=(wrong,) * max(1, form.media_count[0]))) == {"media_type"}


PICTURES = [(n, f) for n, f in EVERY_FORMAT if LIMITS[n].formats[f].picture]
FILMS = [(n, f) for n, f in EVERY_FORMAT if LIMITS[n].formats[f].film]


def with_media(item, network, content_format, media: Media) -> set[str]:
    form = LIMITS[network].formats[content_format]
    if form.film_count and not media.mime_type.startswith("video/"):
        cover = item(network, content_format).media
        return rules(item(network, content_format, media=(*cover, media)))
    return rules(item(network, content_format, media=(media,) * max(1, form.media_count[0])))


@pytest.mark.parametrize(("network", "content_format"), PICTURES)
def test_a_picture_s_size_type_and_shape_have_their_edges(network, content_format, item, make_media) -> None:
    limits = LIMITS[network].formats[content_format].picture

    def found(**fields: Any) -> set[str]:
        return with_media(item, network, content_format, make_media(**fields))

    for mime_type in limits.mime_types:
        assert found(mime_type=mime_type, size_bytes=limits.bytes_for(mime_type)) == set()
        assert found(mime_type=mime_type, size_bytes=limits.bytes_for(mime_type) + 1) == {"media_size"}
    assert found(mime_type="image/tiff") == {"media_type"}
    if limits.min_ratio:
        assert found(width=round(1000 * limits.min_ratio), height=1000) == set()
        assert found(width=round(1000 * limits.min_ratio) - 6, height=1000) == {"media_ratio"}
    if limits.max_ratio:
        assert found(width=round(1000 * limits.max_ratio), height=1000) == set()
        assert found(width=round(1000 * limits.max_ratio) + 6, height=1000) == {"media_ratio"}
    if limits.max_pixels:
        assert found(width=limits.max_pixels // 4096, height=4096) == set()
        assert found(width=limits.max_pixels // 4096 + 1, height=4096) == {"media_dimensions"}


@pytest.mark.parametrize(("network", "content_format"), FILMS)
def test_a_film_s_size_type_length_and_shape_have_their_edges(network, content_format, item, make_media) -> None:
    limits = LIMITS[network].formats[content_format].film

    def found(**fields: Any) -> set[str]:
        return with_media(item, network, content_format, make_media(**{**FILM, "height": 720, **fields}))

    for mime_type in limits.mime_types:
        assert found(mime_type=mime_type, size_bytes=limits.max_bytes) == set()
    assert found(size_bytes=limits.max_bytes + 1) == {"media_size"}
    assert found(mime_type="video/x-msvideo") == {"media_type"}
    if limits.min_bytes:
        assert found(size_bytes=limits.min_bytes) == set()
        assert found(size_bytes=limits.min_bytes - 1) == {"media_size"}
    if limits.min_seconds:
        assert found(duration_seconds=limits.min_seconds) == set()
        assert found(duration_seconds=limits.min_seconds - 0.01) == {"media_duration"}
    if limits.max_seconds:
        assert found(duration_seconds=limits.max_seconds) == set()
        assert found(duration_seconds=limits.max_seconds + 0.01) == {"media_duration"}
        assert found(duration_seconds=None) == {"media_duration"}
    if limits.min_ratio:
        assert found(width=720, height=round(720 / limits.min_ratio)) == set()
        assert found(width=720, height=round(720 / limits.min_ratio * 1.1)) == {"media_ratio"}
    if limits.max_ratio:
        assert found(width=round(720 * limits.max_ratio), height=720) == set()
        assert found(width=round(720 * limits.max_ratio * 1.1), height=720) == {"media_ratio"}
    if limits.min_side:
        assert found(width=limits.min_side) == set()
        assert found(width=limits.min_side - 1) == {"media_dimensions"}
    if limits.max_side:
        assert found(height=limits.max_side) == set()
        assert found(height=limits.max_side + 1) == {"media_dimensions"}
    if limits.max_pixels:
        assert found(width=limits.max_pixels // 2048, height=2048) == set()
        assert found(width=limits.max_pixels // 2048 + 1, height=2048) == {"media_dimensions"}


def test_x_takes_a_large_gif_alone_and_none_among_others(item, make_media) -> None:
    gif = make_media(mime_type="image/gif", size_bytes=15_000_000)
    assert rules(item(N.X, F.IMAGE, media=(gif,))) == set()
    assert rules(item(N.X, F.CAROUSEL, media=(gif, gif))) == {"media_type", "media_size"}


def test_instagram_takes_pictures_and_films_side_by_side_and_linkedin_does_not(item, make_media) -> None:
    both = (make_media(), make_media(**FILM))
    assert rules(item(N.INSTAGRAM, F.CAROUSEL, media=both)) == set()
    assert rules(item(N.LINKEDIN, F.CAROUSEL, media=both)) == {"media_type"}


@pytest.mark.parametrize(("network", "content_format"), EVERY_FORMAT)
def test_what_a_format_requires_is_missed_and_what_it_cannot_carry_is_refused(network, content_format, item) -> None:
    form = LIMITS[network].formats[content_format]
    for name in form.required:
        options = PublishOptions(**{other: REQUIRED[other] for other in form.required - {name}})
        assert "option_missing" in rules(item(network, content_format, options=options))
    everything = {
        **REQUIRED,
        "place_id": "9",
        "user_tags": ("ana",),
        "privacy": next(iter(LIMITS[network].privacy), "anything"),
        "is_ai_made": True,
        "is_paid_partnership": True,
    }
    assert set(everything) == set(PublishOptions.model_fields)
    carried = LIMITS[network].options | form.options | form.required
    for name, value in everything.items():
        needed = {other: REQUIRED[other] for other in form.required}
        found = rules(item(network, content_format, options=PublishOptions(**{**needed, name: value})))
        assert found - {"link_missing"} == (set() if name in carried else {"option_unsupported"}), name


def options_of(network: Network, content_format: ContentFormat, **changed: Any) -> dict[str, Any]:
    form = LIMITS[network].formats[content_format]
    return {"options": PublishOptions(**{**{name: REQUIRED[name] for name in form.required}, **changed})}


@pytest.mark.parametrize(
    ("network", "content_format", "good", "bad", "rule"),
    [
        (N.YOUTUBE, F.VIDEO, {"title": "a" * 100}, {"title": "a" * 101}, "title_length"),
        (N.YOUTUBE, F.SHORT_VIDEO, {"title": "a & b"}, {"title": "a < b"}, "text_characters"),
        (N.YOUTUBE, F.VIDEO, {"title": "a"}, {"title": " "}, "option_missing"),
        (N.PINTEREST, F.IMAGE, {"title": "a" * 100}, {"title": "a" * 101}, "title_length"),
        (
            N.PINTEREST,
            F.IMAGE,
            {"link": "https://e.org/" + "a" * 1946},
            {"link": "https://e.org/" + "a" * 1947},
            "link_length",
        ),
        (N.PINTEREST, F.IMAGE, {"link": "http://e.org"}, {"link": "e.org"}, "link_address"),
        (N.LINKEDIN, F.ARTICLE, {"link": "https://e.org/a"}, {"link": "https://e.org/a b"}, "link_address"),
        (N.FACEBOOK, F.LINK, {"link": "https://e.org/a"}, {"link": "http://[e.org/"}, "link_address"),
        (N.X, F.THREAD, {"thread": ("a", "b")}, {"thread": ("a", "b", "a ")}, "thread_part"),
        (N.X, F.THREAD, {"thread": ("a", "b")}, {"thread": ("We bake at five.",)}, "thread_part"),
        (N.TIKTOK, F.CAROUSEL, {"title": "🍞" * 45}, {"title": "🍞" * 45 + "a"}, "title_length"),
        (N.X, F.IMAGE, {"user_tags": tuple("abcdefghij")}, {"user_tags": tuple("abcdefghijk")}, "user_tag_count"),
        (
            N.INSTAGRAM,
            F.IMAGE,
            {"user_tags": tuple(map(str, range(20)))},
            {"user_tags": tuple(map(str, range(21)))},
            "user_tag_count",
        ),
        (N.MASTODON, F.TEXT, {"privacy": "unlisted"}, {"privacy": "PUBLIC"}, "privacy"),
        (N.YOUTUBE, F.VIDEO, {"privacy": "private"}, {"privacy": "friends"}, "privacy"),
        (N.X, F.THREAD, {"thread": ("a" * 280,)}, {"thread": ("a", "a" * 281)}, "text_length"),
        (N.X, F.THREAD, {"thread": ("a",)}, {"thread": ("a", " ")}, "thread_part"),
        (N.BLUESKY, F.THREAD, {"thread": ("e\u0301" * 300,)}, {"thread": ("a" * 301,)}, "text_length"),
        (N.MASTODON, F.THREAD, {"thread": ("a" * 500,)}, {"thread": ("a" * 501,)}, "text_length"),
    ],
)
def test_options_have_their_edges(network, content_format, good, bad, rule, item) -> None:
    assert (
        rules(item(network, content_format, **options_of(network, content_format, **good))) - {"link_missing"} == set()
    )
    broken = list(check(item(network, content_format, **options_of(network, content_format, **bad))))
    assert [v.rule for v in broken if v.rule != "link_missing"] == [rule]


def test_the_part_that_is_too_long_is_named(item) -> None:
    thread = item(N.X, F.THREAD, options=PublishOptions(thread=("short", "a" * 290)))
    (violation,) = check(thread)
    assert violation.message.startswith("Part 3: 290 ")
    assert violation.remedy.startswith("Remove 10 ")


@pytest.mark.parametrize(
    ("network", "poll", "rule"),
    [
        (N.X, {"choices": ("a" * 25, "b"), "open_minutes": 5}, None),
        (N.X, {"choices": ("a" * 26, "b"), "open_minutes": 5}, "poll_choices"),
        (N.X, {"choices": tuple("abcd"), "open_minutes": 10_080}, None),
        (N.X, {"choices": tuple("abcde"), "open_minutes": 10_080}, "poll_choices"),
        (N.X, {"choices": tuple("ab"), "open_minutes": 4}, "poll_duration"),
        (N.X, {"choices": tuple("ab"), "open_minutes": 10_081}, "poll_duration"),
        (N.X, {"choices": tuple("ab"), "open_minutes": 5, "allows_several": True}, "poll_choices"),
        (N.MASTODON, {"choices": tuple("ab"), "open_minutes": 5, "allows_several": True}, None),
        (N.MASTODON, {"choices": ("a" * 50, "b"), "open_minutes": 43_829}, None),
        (N.MASTODON, {"choices": ("a" * 51, "b"), "open_minutes": 43_829}, "poll_choices"),
        (N.MASTODON, {"choices": tuple("ab"), "open_minutes": 43_830}, "poll_duration"),
        (N.LINKEDIN, {"choices": ("a" * 30, "b"), "open_minutes": 3 * 1440}, None),
        (N.LINKEDIN, {"choices": ("a" * 31, "b"), "open_minutes": 3 * 1440}, "poll_choices"),
        (N.LINKEDIN, {"choices": tuple("ab"), "open_minutes": 2 * 1440}, "poll_duration"),
        (N.X, {"choices": ("a", "a "), "open_minutes": 5}, "poll_choices"),
        (N.X, {"choices": ("a", ""), "open_minutes": 5}, "poll_choices"),
    ],
)
def test_polls_have_their_edges(network, poll, rule, item) -> None:
    found = rules(item(network, F.POLL, options=PublishOptions(poll=Poll(**poll))))
    assert found == ({rule} if rule else set())


@pytest.mark.parametrize("network", [n for n in N if LIMITS[n].max_alt_text])
def test_descriptions_of_pictures_have_an_edge(network, item, make_media) -> None:
    most = LIMITS[network].max_alt_text
    content_format = next((f for f in LIMITS[network].formats if LIMITS[network].formats[f].picture), None)
    assert with_media(item, network, content_format, make_media(alt_text="a" * most)) == set()
    assert with_media(item, network, content_format, make_media(alt_text="a" * (most + 1))) == {"alt_text_length"}


def test_x_takes_one_cashtag(item) -> None:
    assert rules(item(N.X, F.TEXT, text="$TSLA costs $20 and #more")) == set()
    assert rules(item(N.X, F.TEXT, text="$TSLA and $AAPL")) == {"cashtag_count"}


def test_a_link_post_without_a_link_is_said_to_be_none(item) -> None:
    (violation,) = check(item(N.BLUESKY, F.LINK))
    assert (violation.rule, violation.severity) == ("link_missing", "warn")
    assert rules(item(N.BLUESKY, F.LINK, options=PublishOptions(link="https://example.org"))) == set()
    assert rules(item(N.FACEBOOK, F.LINK, options=PublishOptions())) == {"option_missing"}


def test_a_film_on_pinterest_may_have_a_cover(item, make_media) -> None:
    film, cover = make_media(**FILM), make_media()
    assert rules(item(N.PINTEREST, F.VIDEO, media=(film, cover))) == set()
    assert rules(item(N.PINTEREST, F.VIDEO, media=(film, film))) == {"media_count"}
    (violation,) = check(item(N.PINTEREST, F.VIDEO, media=(cover,)))
    assert "has 1 film and at most 1 picture" in violation.message


def test_a_long_text_is_told_that_it_can_be_a_thread_only_where_it_can(item) -> None:
    for network in (N.X, N.BLUESKY, N.MASTODON, N.LINKEDIN):
        too_long = item(network, F.TEXT, text="a " * 4_000)
        (violation,) = [violation for violation in check(too_long) if violation.rule == "text_length"]
        assert ("thread" in violation.remedy) == (network is not N.LINKEDIN)


@pytest.mark.parametrize(
    ("network", "longest_answer"),
    [(N.TIKTOK, 150), (N.LINKEDIN, 1_250), (N.YOUTUBE, 10_000), (N.FACEBOOK, 8_000), (N.X, 280), (N.MASTODON, 500)],
)
def test_answers_have_limits_of_their_own(network, longest_answer, make_item) -> None:
    def answer(text: str) -> ContentItem:
        return make_item(network=network, text=text, account_id="x:1", reply_to_comment_id="x:9")

    assert rules(answer("a" * longest_answer)) == set()
    assert rules(answer("a" * (longest_answer + 1))) == {"text_length"}


def test_pinterest_takes_no_answers(make_item) -> None:
    reply = make_item(network=N.PINTEREST, account_id="pinterest:1", reply_to_comment_id="x:9")
    assert rules(reply) == {"reply_unsupported"}


def test_a_network_without_a_daily_limit_has_none(make_item) -> None:
    now = make_item().created_at
    assert list(check_platform_cap(N.LINKEDIN, now, [now] * 9_999)) == []
    assert [v.rule for v in check_platform_cap(N.TIKTOK, now, [now] * 15)] == ["platform_cap"]


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.8, "4:5"), (1.91, "1.91:1"), (9 / 16, "9:16"), (1.0, "1:1"), (3.0, "3:1"), (1 / 3, "1:3")]
)
def test_ratios_are_written_as_people_say_them(ratio: float, words: str) -> None:
    assert ratio_words(ratio) == words


any_media = st.builds(
    Media,
    media_id=st.just("m"),
    path=st.just("media/m"),
    mime_type=st.sampled_from(["image/jpeg", "image/png", "image/gif", "video/mp4", "video/webm", "application/pdf"]),
    alt_text=st.text(max_size=20),
    width=st.integers(-1, 20_000),
    height=st.integers(-1, 20_000),
    size_bytes=st.integers(0, 10**12),
    sha256=st.just("0" * 64),
    duration_seconds=st.none() | st.floats(0.1, 10**5),
)
any_options = st.builds(
    PublishOptions,
    title=st.none() | st.text(max_size=200),
    link=st.none() | st.text(max_size=40) | st.just("https://example.org"),
    board_id=st.none() | st.just("1"),
    user_tags=st.lists(st.just("ana"), max_size=30).map(tuple),
    poll=st.none()
    | st.builds(
        Poll,
        choices=st.lists(st.text(max_size=60), min_size=2, max_size=7).map(tuple),
        open_minutes=st.integers(1, 10**6),
    ),
    thread=st.lists(st.text(max_size=600), max_size=3).map(tuple),
    privacy=st.none() | st.sampled_from(["public", "PUBLIC", "x"]),
)


@given(
    st.sampled_from(list(Network)),
    st.sampled_from(list(ContentFormat)),
    st.text(max_size=700),
    st.lists(any_media, max_size=6).map(tuple),
    any_options,
    st.booleans(),
)
def test_any_item_is_judged_and_every_refusal_says_what_to_change(
    network, content_format, text, media, options, is_reply
) -> None:
    item = ContentItem(
        content_item_id="c",
        client_id="c",
        account_id=f"{network.value}:1",
        network=network,
        text=text,
        content_format=content_format,
        media=media,
        options=options,
        language="en",
        reply_to_comment_id="x:1" if is_reply else None,
        created_at="2026-05-05T10:00:00Z",
    )
    violations = list(check(item))
    assert all(isinstance(v, Violation) and v.rule and v.message and v.remedy for v in violations)
    assert list(check(item)) == violations
