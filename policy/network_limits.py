"""What each network accepts: formats, text, media, options, and how many posts in a day. The table, and the check against it.

Belongs here: figures that can be checked before anything is sent, for any account. A figure marked `# [K]` is common knowledge
that no source at hand confirms: correct it here. `docs/networks.md` shows this table; a test fails when they differ.
Does not belong here: quotas that a network reports while running (the connector reads them), limits that a client sets itself,
limits of one Mastodon instance (instance_limits).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from contracts.media import FilmLimits, PictureLimits
from contracts.networks import ContentFormat, Network
from contracts.records import ContentItem, Violation
from policy import media_rules, message_rules, option_rules, text_rules
from policy.limit_shapes import FormatLimits, MessageLimits, NetworkLimits, PollLimits, TextLimit
from policy.text_measures import (
    BYTES,
    CHARACTERS,
    GRAPHEMES,
    LINKEDIN_ESCAPED,
    UTF16,
    X_WEIGHT,
    count_graphemes,
    mastodon_measure,
)

__all__ = ["LIMITS", "NetworkLimits", "check", "check_platform_cap", "count_graphemes"]

A_DAY, A_WEEK = timedelta(days=1), timedelta(days=7)
MEGABYTE = 1_000_000
GIGABYTE = 1_000_000_000
JPEG, PNG, WEBP, GIF = "image/jpeg", "image/png", "image/webp", "image/gif"
MP4, MOV, WEBM = "video/mp4", "video/quicktime", "video/webm"
DAY_MINUTES = 24 * 60

_WRITTEN = FormatLimits()


def _bluesky() -> NetworkLimits:
    picture = PictureLimits(frozenset({JPEG, PNG, WEBP}), 2 * MEGABYTE)
    of_card = PictureLimits(frozenset({JPEG, PNG, WEBP}), MEGABYTE)
    film = FilmLimits(frozenset({MP4}), 300 * MEGABYTE, max_seconds=180)  # [K] the duration
    return NetworkLimits(
        formats={
            ContentFormat.TEXT: _WRITTEN,
            ContentFormat.LINK: FormatLimits(options=frozenset({"link", "title"})),
            ContentFormat.ARTICLE: FormatLimits((0, 1), of_card, required=frozenset({"link", "title"})),
            ContentFormat.IMAGE: FormatLimits((1, 4), picture),
            ContentFormat.CAROUSEL: FormatLimits((2, 4), picture),
            ContentFormat.VIDEO: FormatLimits((1, 1), film=film),
            ContentFormat.THREAD: FormatLimits((0, 4), picture, required=frozenset({"thread"})),
        },
        text=(TextLimit(GRAPHEMES, 300), TextLimit(BYTES, 3_000)),
        draft_graphemes=300,
        max_posts_per_24_hours=11_666,  # 35,000 points a day, 3 for each creation
    )


def _facebook() -> NetworkLimits:
    picture = PictureLimits(frozenset({JPEG, PNG}), 4 * MEGABYTE)
    film = FilmLimits(frozenset({MP4, MOV}), GIGABYTE, min_seconds=1, max_seconds=20 * 60)  # [K] size and duration
    story = FilmLimits(frozenset({MP4, MOV}), GIGABYTE, min_seconds=3, max_seconds=60)  # [K]
    return NetworkLimits(
        formats={
            ContentFormat.TEXT: _WRITTEN,
            ContentFormat.LINK: FormatLimits(required=frozenset({"link"})),
            ContentFormat.IMAGE: FormatLimits((1, 1), picture),
            ContentFormat.CAROUSEL: FormatLimits((2, 10), picture),
            ContentFormat.VIDEO: FormatLimits((1, 1), film=film, options=frozenset({"title"})),
            ContentFormat.STORY: FormatLimits((1, 1), picture, story),
        },
        text=(TextLimit(CHARACTERS, 63_206),),
        draft_graphemes=10_000,
        replies=(TextLimit(CHARACTERS, 8_000),),  # [K]
        messages=MessageLimits((TextLimit(CHARACTERS, 2_000),), A_DAY, A_WEEK),  # [K]
        options=frozenset({"place_id"}),
        title=TextLimit(CHARACTERS, 255),  # [K]
    )


def _instagram() -> NetworkLimits:
    # Widths outside 320 to 1440 pixels are scaled by the network itself, so they are no reason to refuse a picture.
    picture = PictureLimits(frozenset({JPEG}), 8 * MEGABYTE, min_ratio=4 / 5, max_ratio=1.91)
    reel = FilmLimits(frozenset({MP4, MOV}), 300 * MEGABYTE, min_seconds=3, max_seconds=15 * 60)  # some say 1 GB
    story_picture = PictureLimits(frozenset({JPEG}), 8 * MEGABYTE)
    story_film = FilmLimits(frozenset({MP4, MOV}), 100 * MEGABYTE, min_seconds=3, max_seconds=60)  # [K]
    place = frozenset({"place_id"})
    pictured = place | {"user_tags"}
    return NetworkLimits(
        formats={
            ContentFormat.IMAGE: FormatLimits((1, 1), picture, options=pictured),
            ContentFormat.CAROUSEL: FormatLimits((2, 10), picture, reel, options=pictured),
            ContentFormat.VIDEO: FormatLimits((1, 1), film=reel, options=place),  # published as a reel
            ContentFormat.SHORT_VIDEO: FormatLimits((1, 1), film=reel, options=place),
            ContentFormat.STORY: FormatLimits((1, 1), story_picture, story_film),
        },
        text=(TextLimit(CHARACTERS, 2_200),),
        draft_graphemes=2_200,
        max_hashtags=30,
        max_mentions=20,
        messages=MessageLimits((TextLimit(CHARACTERS, 1_000),), A_DAY, A_WEEK),  # [K]
        max_user_tags=20,  # [K]
        max_alt_text=1_000,  # [K]
        max_posts_per_24_hours=25,  # recorded quotas range from 25 to 100; the connector reads the account's own
    )


def _linkedin() -> NetworkLimits:
    picture = PictureLimits(frozenset({JPEG, PNG, GIF}), 8 * MEGABYTE, max_pixels=36_152_320)  # [K]
    film = FilmLimits(  # [K] all but the type
        frozenset({MP4}), 500 * MEGABYTE, min_bytes=75_000, min_seconds=3, max_seconds=30 * 60
    )
    return NetworkLimits(
        formats={
            ContentFormat.TEXT: _WRITTEN,
            ContentFormat.LINK: FormatLimits(options=frozenset({"link", "title"})),
            ContentFormat.ARTICLE: FormatLimits((0, 1), picture, required=frozenset({"link", "title"})),
            ContentFormat.IMAGE: FormatLimits((1, 1), picture, options=frozenset({"title"})),
            ContentFormat.CAROUSEL: FormatLimits((2, 20), picture),  # [K] the 20
            ContentFormat.VIDEO: FormatLimits((1, 1), film=film, options=frozenset({"title"})),
            ContentFormat.POLL: FormatLimits(required=frozenset({"poll"}), options=frozenset({"title"})),
        },
        text=(TextLimit(LINKEDIN_ESCAPED, 3_000),),
        draft_graphemes=2_800,
        replies=(TextLimit(CHARACTERS, 1_250),),  # [K]
        options=frozenset({"privacy"}),
        title=TextLimit(CHARACTERS, 400),  # [K]
        max_alt_text=4_086,  # [K]
        privacy=frozenset({"PUBLIC", "CONNECTIONS", "LOGGED_IN"}),  # [K] all but PUBLIC
        poll=PollLimits(
            4,
            TextLimit(CHARACTERS, 30),
            DAY_MINUTES,
            14 * DAY_MINUTES,
            exact_minutes=frozenset(days * DAY_MINUTES for days in (1, 3, 7, 14)),
        ),
    )


def _mastodon() -> NetworkLimits:
    # What an instance has that changed nothing; its own figures, once read, take their place (instance_limits).
    picture = PictureLimits(frozenset({JPEG, PNG, GIF, WEBP}), 16_777_216, max_pixels=33_177_600)
    film = FilmLimits(frozenset({MP4, MOV, WEBM}), 103_809_024, max_pixels=8_294_400)
    return NetworkLimits(
        formats={
            ContentFormat.TEXT: _WRITTEN,
            ContentFormat.IMAGE: FormatLimits((1, 4), picture),
            ContentFormat.CAROUSEL: FormatLimits((2, 4), picture),
            ContentFormat.VIDEO: FormatLimits((1, 1), film=film),
            ContentFormat.POLL: FormatLimits(required=frozenset({"poll"})),
            ContentFormat.THREAD: FormatLimits((0, 4), picture, required=frozenset({"thread"})),
        },
        text=(TextLimit(mastodon_measure(), 500),),
        draft_graphemes=500,
        messages=MessageLimits(),
        options=frozenset({"privacy"}),
        max_alt_text=1_500,  # [K] of older instances; newer ones state 10,000
        privacy=frozenset({"public", "unlisted", "private", "direct"}),
        poll=PollLimits(4, TextLimit(GRAPHEMES, 50), 5, 43_829, allows_several=True),
    )


def _pinterest() -> NetworkLimits:
    picture = PictureLimits(frozenset({JPEG, PNG}), 20 * MEGABYTE)  # [K] size
    board = frozenset({"board_id"})
    film = FilmLimits(  # [K]
        frozenset({MP4, MOV}), 2 * GIGABYTE, min_seconds=4, max_seconds=15 * 60, min_ratio=1 / 2, max_ratio=1.91
    )
    return NetworkLimits(
        formats={
            ContentFormat.IMAGE: FormatLimits((1, 1), picture, required=board),
            ContentFormat.CAROUSEL: FormatLimits((2, 5), picture, required=board),
            ContentFormat.VIDEO: FormatLimits((1, 2), picture, film, film_count=(1, 1), required=board),
        },
        text=(TextLimit(CHARACTERS, 800),),
        draft_graphemes=760,
        replies=None,
        options=frozenset({"title", "link"}),
        title=TextLimit(CHARACTERS, 100),
        max_link_characters=1_960,  # of 2,048: Pulso adds an id to the link, by which it finds the pin again
        max_alt_text=500,
        max_posts_per_24_hours=1_000,  # of an app on trial
    )


def _tiktok() -> NetworkLimits:
    film = FilmLimits(  # the account's own longest film is asked from the network before sending; [K] the sides
        frozenset({MP4, MOV, WEBM}), 4 * GIGABYTE, min_seconds=3, max_seconds=600, min_side=360, max_side=4_096
    )
    picture = PictureLimits(frozenset({JPEG, WEBP}), 20 * MEGABYTE)  # [K] size
    description = (TextLimit(UTF16, 4_000),)  # [K]
    title = TextLimit(UTF16, 90)  # [K]
    photo_options = frozenset({"title"})
    return NetworkLimits(
        formats={
            ContentFormat.VIDEO: FormatLimits((1, 1), film=film),
            ContentFormat.SHORT_VIDEO: FormatLimits((1, 1), film=film),
            ContentFormat.IMAGE: FormatLimits((1, 1), picture, text=description, options=photo_options, title=title),
            ContentFormat.CAROUSEL: FormatLimits(
                (2, 35), picture, text=description, options=photo_options, title=title
            ),
        },
        text=(TextLimit(UTF16, 2_200),),
        draft_graphemes=2_000,
        replies=(TextLimit(CHARACTERS, 150),),
        options=frozenset({"privacy", "is_ai_made", "is_paid_partnership"}),
        max_posts_per_24_hours=15,  # [K]
    )


def _x() -> NetworkLimits:
    sizes = {GIF: 15 * MEGABYTE}
    alone = PictureLimits(frozenset({JPEG, PNG, WEBP, GIF}), 5 * MEGABYTE, sizes)
    among_others = PictureLimits(frozenset({JPEG, PNG, WEBP}), 5 * MEGABYTE)  # a GIF stands alone
    film = FilmLimits(
        frozenset({MP4, MOV}),
        512 * MEGABYTE,
        min_seconds=0.5,
        max_seconds=140,
        min_ratio=1 / 3,  # [K]
        max_ratio=3.0,  # [K]
    )
    people = frozenset({"user_tags"})
    return NetworkLimits(
        formats={
            ContentFormat.TEXT: _WRITTEN,
            ContentFormat.IMAGE: FormatLimits((1, 1), alone, options=people),
            ContentFormat.CAROUSEL: FormatLimits((2, 4), among_others, options=people),
            ContentFormat.VIDEO: FormatLimits((1, 1), film=film),
            ContentFormat.POLL: FormatLimits(required=frozenset({"poll"})),
            ContentFormat.THREAD: FormatLimits((0, 4), among_others, required=frozenset({"thread"})),
        },
        text=(TextLimit(X_WEIGHT, 280),),
        draft_graphemes=240,
        messages=MessageLimits((TextLimit(CHARACTERS, 10_000),)),  # [K]
        max_cashtags=1,
        options=frozenset({"place_id", "is_ai_made", "is_paid_partnership"}),
        max_user_tags=10,
        max_alt_text=1_000,
        poll=PollLimits(4, TextLimit(CHARACTERS, 25), 5, 7 * DAY_MINUTES),
        refuses_repeats=True,
        max_posts_per_24_hours=2_400,  # [K] of an account; an app has 10,000
    )


def _youtube() -> NetworkLimits:
    types = frozenset({MP4, MOV, WEBM})  # [K] it takes more; these are what Pulso makes and tests
    film = FilmLimits(types, 274_877_906_944, max_seconds=12 * 60 * 60)  # [K] the duration
    short = FilmLimits(types, 274_877_906_944, max_seconds=180, max_ratio=1.0)  # [K] what makes a short
    title = frozenset({"title"})
    return NetworkLimits(
        formats={
            ContentFormat.VIDEO: FormatLimits((1, 1), film=film, required=title),
            ContentFormat.SHORT_VIDEO: FormatLimits((1, 1), film=short, required=title),
        },
        text=(TextLimit(BYTES, 5_000),),
        draft_graphemes=2_400,
        replies=(TextLimit(CHARACTERS, 10_000),),  # [K]
        forbidden_characters="<>",  # [K]
        options=frozenset({"privacy", "is_ai_made", "is_paid_partnership"}),
        title=TextLimit(CHARACTERS, 100),
        privacy=frozenset({"public", "unlisted", "private"}),
        max_posts_per_24_hours=100,  # insertions a day of a whole project
    )


LIMITS: Mapping[Network, NetworkLimits] = {
    Network.BLUESKY: _bluesky(),
    Network.FACEBOOK: _facebook(),
    Network.INSTAGRAM: _instagram(),
    Network.LINKEDIN: _linkedin(),
    Network.MASTODON: _mastodon(),
    Network.PINTEREST: _pinterest(),
    Network.TIKTOK: _tiktok(),
    Network.X: _x(),
    Network.YOUTUBE: _youtube(),
}


def check(item: ContentItem, limits: NetworkLimits | None = None) -> Iterator[Violation]:
    """All limits on the item's own content. `limits`: in place of the network's usual ones."""
    limits = limits or LIMITS[item.network]
    if item.reply_to_message_id and limits.messages is None:
        yield from message_rules.check_support(item, limits)
        return
    if item.is_reply and not item.reply_to_message_id and limits.replies is None:
        yield Violation(
            rule="reply_unsupported",
            message=f"{item.network.value} takes no answers from other programs.",
            remedy="Answer on the network itself.",
        )
        return
    yield from text_rules.check(item, limits)
    if item.is_reply and not item.media:
        return  # an answer is text on every network
    yield from media_rules.check(item, limits)
    yield from option_rules.check(item, limits)


def check_platform_cap(network: Network, moment: datetime, published_times: Sequence[datetime]) -> Iterator[Violation]:
    """Posts of the account in the 24 hours that end at `moment`."""
    cap = LIMITS[network].max_posts_per_24_hours
    if cap is None:
        return
    moment = moment.astimezone(UTC)
    recent = sum(timedelta(0) <= moment - other.astimezone(UTC) < timedelta(hours=24) for other in published_times)
    if recent >= cap:
        yield Violation(
            rule="platform_cap",
            message=f"{recent} posts in 24 hours: {network.value} accepts {cap}.",
            remedy="Move it to a later day.",
        )
