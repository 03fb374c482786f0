"""The nouns of a world: accounts, posts, comments, and what every kind of world can be asked.

Times are integer milliseconds since 1970 (UTC): the networks disagree about formats, and integers compare fast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    return round(moment.timestamp() * 1000)


def to_datetime(moment_ms: int) -> datetime:
    """Aware UTC datetime of milliseconds since 1970."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Account:
    """An account on a network. Competitors have public pages only: nobody holds their credentials."""

    network: str
    native_id: str
    handle: str
    display_name: str
    biography: str
    client_slug: str | None
    language: str
    time_zone: str
    is_competitor: bool = False
    watched_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """A post of a brand. `origin` is `history` when the brand made it by itself, `api` when it came over the wire."""

    native_id: str
    network: str
    account_id: str
    text: str
    created_ms: int
    content_format: str
    media_count: int
    origin: str
    is_reply: bool = False
    posts_before: int = 0
    """Posts of the account in the 24 hours before."""
    previous_ms: int | None = None
    """When the account last posted."""
    pillar: str | None = None
    """Known for posts that the world wrote; for others it is read from the text."""
    is_occasion: bool | None = None
    permalink: str | None = None
    """Where a real post stands; None for made-up ones, whose network derives it from the id."""
    link_url: str | None = None
    """The page that its card leads to, as far as known: a real post may be a link without it. What came over the wire has it
    among its network's own details."""
    link_title: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """Something that one of the audience wrote under a post."""

    native_id: str
    post_id: str
    author_id: str
    author_handle: str
    author_name: str
    text: str
    kind: str
    created_ms: int
    likes: int


@dataclass(frozen=True, slots=True)
class DirectMessage:
    """Something that one of the audience wrote to an account alone, or that the account answered."""

    native_id: str
    person_id: str
    person_handle: str
    person_name: str
    text: str
    created_ms: int
    is_own: bool = False
    committed_at: float = 0.0
    """Machine time at which the account's own came over the wire."""


Counts = Mapping[str, int]
"""Metric -> count. A metric that the world does not know is absent: never zero."""


class World(Protocol):
    """What stands behind the wire. All answers are functions of the arguments: nothing is remembered."""

    kind: str
    seed: int
    start_ms: int

    @property
    def accounts(self) -> Sequence[Account]: ...

    def posts(self, account: Account, until_ms: int) -> Sequence[Post]:
        """The brand's own posts up to a moment, oldest first."""
        ...

    def counts(self, post: Post, now_ms: int) -> Counts:
        """Counts of a post at a moment: likes, comments, shares, saves, quotes, reach, views, as far as known."""
        ...

    def comments(self, post: Post, now_ms: int) -> Sequence[Comment]:
        """The audience's comments under a post that have arrived by a moment, oldest first."""
        ...

    def direct_messages(self, account: Account, now_ms: int) -> Sequence[DirectMessage]:
        """What people wrote to the account alone by a moment, oldest first."""
        ...

    def followers(self, account: Account, now_ms: int) -> int | None: ...

    def new_followers(self, account: Account, start_ms: int, end_ms: int) -> int | None: ...

    def idle_reach(self, account: Account, now_ms: int) -> int | None:
        """Accounts reached in a day on which nothing was posted; None when the world knows no reach."""
        ...

    def truth(self, post: Post) -> dict[str, Any]:
        """What only the world knows about a post, for scoring policies; empty when no law stands behind it."""
        ...

    def describe(self, now_ms: int) -> dict[str, Any]:
        """Kind, seed, parameters, and what is served."""
        ...
