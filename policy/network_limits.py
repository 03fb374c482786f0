"""What each network accepts: text, hashtags, mentions, pictures, and how many posts in a day.

Belongs here: limits that can be checked before anything is sent. Sources: docs/platforms and the networks' own documentation.
Does not belong here: quotas that a network reports while running (the connector reads them), limits that a client sets itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import regex

from contracts.networks import ContentFormat, Network
from contracts.records import ContentItem, Media, Violation

_GRAPHEME = regex.compile(r"\X")
_HASHTAG = regex.compile(r"(?<![\p{L}\p{N}_&/])#[\p{L}\p{N}\p{M}_]*[\p{L}\p{M}_][\p{L}\p{N}\p{M}_]*")
_MENTION = regex.compile(r"(?<![\p{L}\p{N}_.@/])@[\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_])?")

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class NetworkLimits:
    """Limits of one network. None: the network sets no such limit."""

    media_counts: Mapping[ContentFormat, tuple[int, int]]
    """Formats that can be published, each with its smallest and largest number of pictures."""
    max_graphemes: int | None = None
    max_bytes: int | None = None
    max_characters: int | None = None
    max_hashtags: int | None = None
    max_mentions: int | None = None
    mime_types: frozenset[str] = frozenset({"image/jpeg", "image/png"})
    max_media_bytes: int = 2 * MEGABYTE
    min_ratio: float | None = None
    """Width divided by height."""
    max_ratio: float | None = None
    max_posts_per_24_hours: int = 0
    """Strictest figure known for any account, over a sliding day."""


LIMITS: Mapping[Network, NetworkLimits] = {
    Network.BLUESKY: NetworkLimits(
        media_counts={
            ContentFormat.TEXT: (0, 0),
            ContentFormat.LINK: (0, 0),
            ContentFormat.IMAGE: (1, 4),
            ContentFormat.CAROUSEL: (2, 4),
        },
        max_graphemes=300,
        max_bytes=3_000,
        mime_types=frozenset({"image/jpeg", "image/png", "image/webp"}),
        max_posts_per_24_hours=11_666,  # 35,000 points a day, 3 for each creation
    ),
    Network.INSTAGRAM: NetworkLimits(
        media_counts={ContentFormat.IMAGE: (1, 1), ContentFormat.CAROUSEL: (2, 10)},
        max_characters=2_200,
        max_hashtags=30,
        max_mentions=20,
        mime_types=frozenset({"image/jpeg"}),
        max_media_bytes=8 * MEGABYTE,
        min_ratio=4 / 5,
        max_ratio=1.91,
        max_posts_per_24_hours=25,  # recorded quotas range from 25 to 100; the connector reads the account's own
    ),
}


def count_graphemes(text: str) -> int:
    """Characters as a reader sees them (extended grapheme clusters, Unicode TR 29)."""
    return len(_GRAPHEME.findall(text))


def check(item: ContentItem) -> Iterator[Violation]:
    """All limits on the item's own content."""
    limits = LIMITS[item.network]
    is_reply = bool(item.reply_to_comment_id or item.reply_to_post_id)
    yield from _check_text(item, limits)
    if is_reply and not item.media:
        return  # an answer is text on every network
    yield from _check_media(item, limits)


def check_platform_cap(network: Network, moment: datetime, published_times: Sequence[datetime]) -> Iterator[Violation]:
    """Posts of the account in the 24 hours that end at `moment`."""
    cap = LIMITS[network].max_posts_per_24_hours
    moment = moment.astimezone(UTC)
    recent = sum(timedelta(0) <= moment - other.astimezone(UTC) < timedelta(hours=24) for other in published_times)
    if recent >= cap:
        yield Violation(
            rule="platform_cap",
            message=f"{recent} posts in 24 hours: {network.value} accepts {cap}.",
            remedy="Move it to a later day.",
        )


def _check_text(item: ContentItem, limits: NetworkLimits) -> Iterator[Violation]:
    text = item.text
    if not text.strip() and not item.media:
        yield Violation(rule="empty_text", message="There is no text.", remedy="Write one.")
    measures = (
        ("text_length", "characters as seen", count_graphemes(text), limits.max_graphemes),
        ("text_bytes", "bytes (UTF-8)", len(text.encode("utf-8", "surrogatepass")), limits.max_bytes),
        ("text_length", "characters", len(text), limits.max_characters),
        ("hashtag_count", "hashtags", len(_HASHTAG.findall(text)), limits.max_hashtags),
        ("mention_count", "mentions", len(_MENTION.findall(text)), limits.max_mentions),
    )
    for rule, unit, size, limit in measures:
        if limit is not None and size > limit:
            yield Violation(
                rule=rule,
                message=f"{size} {unit}; {item.network.value} accepts {limit}.",
                remedy=f"Remove {size - limit} {unit}.",
            )


def _check_media(item: ContentItem, limits: NetworkLimits) -> Iterator[Violation]:
    network, count = item.network.value, len(item.media)
    if item.content_format not in limits.media_counts:
        yield Violation(
            rule="content_format",
            message=f"Pulso does not publish the format “{item.content_format.value}” on {network}.",
            remedy="Use one of: " + ", ".join(sorted(f.value for f in limits.media_counts)) + ".",
        )
        return
    low, high = limits.media_counts[item.content_format]
    if not low <= count <= high:
        wanted = str(low) if low == high else f"{low} to {high}"
        yield Violation(
            rule="media_count",
            message=f"{count} pictures; a {item.content_format.value} post on {network} has {wanted}.",
            remedy=f"Attach {wanted} pictures, or choose another format.",
        )
    for media in item.media:
        yield from _check_picture(media, network, limits)


def _check_picture(media: Media, network: str, limits: NetworkLimits) -> Iterator[Violation]:
    if media.mime_type not in limits.mime_types:
        yield Violation(
            rule="media_type",
            message=f"{media.path} is {media.mime_type}, which {network} does not accept.",
            remedy="Convert it to one of: " + ", ".join(sorted(limits.mime_types)) + ".",
        )
    if media.size_bytes > limits.max_media_bytes:
        yield Violation(
            rule="media_size",
            message=f"{media.path} has {media.size_bytes:,} bytes; {network} accepts {limits.max_media_bytes:,}.",
            remedy="Make the picture smaller or compress it more.",
        )
    ratio = media.width / media.height if media.height > 0 else 0.0
    is_too_tall = limits.min_ratio is not None and ratio < limits.min_ratio - 0.005
    is_too_wide = limits.max_ratio is not None and ratio > limits.max_ratio + 0.005
    if is_too_tall or is_too_wide:
        yield Violation(
            rule="media_ratio",
            message=f"{media.path} is {media.width} x {media.height}; {network} accepts 4:5 to 1.91:1.",
            remedy="Crop it to a ratio between 4:5 and 1.91:1.",
        )
    if not media.alt_text.strip():
        yield Violation(
            rule="alt_text",
            message=f"{media.path} has no description for people who cannot see it.",
            remedy="Describe the picture in a sentence.",
            severity="warn",
        )
