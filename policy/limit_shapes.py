"""The shape of a network's limits: what can be limited at all.

Belongs here: dataclasses without any network's figures. Does not belong here: the figures (network_limits), the checks (the
`_rules` modules), what a media file must be (contracts.media, which the media tools share).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from contracts.media import FilmLimits, PictureLimits
from contracts.networks import ContentFormat
from policy.text_measures import Measure


@dataclass(frozen=True)
class TextLimit:
    """At most `most` of what `measure` counts."""

    measure: Measure
    most: int

    def excess(self, text: str) -> int:
        """By how much the text is too long; 0 when it fits."""
        return max(0, self.measure.count(text) - self.most)


@dataclass(frozen=True)
class PollLimits:
    """What a poll may be."""

    most_choices: int
    choice: TextLimit
    min_minutes: int
    max_minutes: int
    exact_minutes: frozenset[int] = frozenset()
    """The only durations accepted; empty: any between the bounds."""
    allows_several: bool = False


@dataclass(frozen=True)
class FormatLimits:
    """What a post of one format carries."""

    media_count: tuple[int, int] = (0, 0)
    """Smallest and largest number of media files."""
    picture: PictureLimits | None = None
    """None: no pictures. With `film` as well, both kinds may stand in one post."""
    film: FilmLimits | None = None
    film_count: tuple[int, int] | None = None
    """How many of the media are films; None: as many as there are media of a kind that is accepted."""
    text: tuple[TextLimit, ...] | None = None
    """In place of the network's own."""
    options: frozenset[str] = frozenset()
    """Fields of PublishOptions that only this format carries, beside the network's."""
    required: frozenset[str] = frozenset()
    """Options without which the post is refused."""
    title: TextLimit | None = None
    """In place of the network's own."""

    def allows_media(self) -> str:
        """`2 to 4 pictures`, `1 film`: for people."""
        low, high = self.media_count
        if self.film_count:
            films = self.film_count[1]
            rest = _count((max(0, low - films), high - films), ["picture"])
            return f"{_count(self.film_count, ['film'])} and {rest}"
        kinds = [name for name, limits in (("picture", self.picture), ("film", self.film)) if limits]
        return _count((low, high), kinds or ["picture"])


def _count(bounds: tuple[int, int], kinds: list[str]) -> str:
    low, high = bounds
    words = " or ".join(kinds if high == 1 else [f"{kind}s" for kind in kinds])
    if high == 0:
        return f"no {words}"
    if low == 0:
        return f"at most {high} {words}"
    return f"{low} {words}" if low == high else f"{low} to {high} {words}"


@dataclass(frozen=True)
class MessageLimits:
    """Limits of direct messages."""

    text: tuple[TextLimit, ...] = ()
    """Empty: those of a post."""
    window: timedelta | None = None
    """How long after a person last wrote the account may answer; None: for ever."""
    person_window: timedelta | None = None
    """The same where a person of the account answers; None: no longer than others."""


@dataclass(frozen=True)
class NetworkLimits:
    """Limits of one network. None: the network sets no such limit."""

    formats: Mapping[ContentFormat, FormatLimits]
    """Formats that can be published."""
    text: tuple[TextLimit, ...]
    draft_graphemes: int
    """What a writer is told to stay under, in characters as seen: no more than the limit, and less where the network counts
    what a writer cannot see (bytes, escapes, double weights)."""
    replies: tuple[TextLimit, ...] | None = ()
    """Limits of an answer to a comment; empty: those of a post; None: the network takes no answers."""
    messages: MessageLimits | None = None
    """Limits of an answer to a direct message; None: the network takes none."""
    max_hashtags: int | None = None
    max_mentions: int | None = None
    max_cashtags: int | None = None
    forbidden_characters: str = ""
    """Refused anywhere in text and title."""
    options: frozenset[str] = frozenset()
    """Fields of PublishOptions that a post of any format carries. A format may add its own; all others are refused."""
    title: TextLimit | None = None
    max_link_characters: int | None = None
    max_user_tags: int | None = None
    max_alt_text: int | None = None
    privacy: frozenset[str] = frozenset()
    """The network's names of who can see a post; empty: the connector asks the network."""
    poll: PollLimits | None = None
    refuses_repeats: bool = False
    """No two posts of a thread may say the same."""
    max_posts_per_24_hours: int | None = None
    """Strictest figure known for any account, over a sliding day."""
