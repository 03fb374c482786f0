"""The networks that Pulso speaks to, the formats a post can have, and what a connector declares it can do."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Network(StrEnum):
    """A social network. The value is the name used in keys, tables and folders."""

    BLUESKY = "bluesky"
    FACEBOOK = "facebook"
    INSTAGRAM = "instagram"
    LINKEDIN = "linkedin"
    MASTODON = "mastodon"
    PINTEREST = "pinterest"
    TIKTOK = "tiktok"
    X = "x"
    YOUTUBE = "youtube"


class Grant(StrEnum):
    """Which of an account's credentials: a network with several products may want one for each."""

    MAIN = "main"
    """For everything that has none of its own. Without it an account is not connected."""
    BUSINESS = "business"
    """TikTok's API for Business: another app and other tokens, for comments, replies and daily metrics."""


GRANTS: Mapping[Network, frozenset[Grant]] = {
    network: frozenset({Grant.MAIN, Grant.BUSINESS} if network is Network.TIKTOK else {Grant.MAIN})
    for network in Network
}
"""The credentials that an account of each network can have."""


class ContentFormat(StrEnum):
    """The form of a post, in one vocabulary for all networks."""

    TEXT = "text"
    IMAGE = "image"
    CAROUSEL = "carousel"
    VIDEO = "video"
    STORY = "story"
    LINK = "link"
    SHORT_VIDEO = "short_video"
    """Vertical and brief: a reel, a short."""
    THREAD = "thread"
    """Several posts, each an answer to the one before, published as one."""
    POLL = "poll"
    ARTICLE = "article"
    """A link with a title, description and picture of our own choosing."""


class Capabilities(BaseModel):
    """What one network can do. A capability that a network lacks is declared here, never discovered by failure."""

    model_config = ConfigDict(frozen=True)

    network: Network
    formats: frozenset[ContentFormat]
    has_account_metrics: bool
    """The network reports past days of account metrics (a *reported* table); otherwise only snapshots exist."""
    has_comments: bool
    can_reply: bool
    is_commit_idempotent: bool
    """A second commit with the same staging is a no-op on the network (it has a native key)."""
    is_reply_idempotent: bool
    has_messages: bool = False
    """Direct messages can be read (the connector is a `contracts.ports.ReadsMessages`)."""
    can_message: bool = False
    """Direct messages can be answered (`PublishRequest.message_to`)."""
    post_metrics: tuple[str, ...]
    """Names, in Pulso's vocabulary, of the metrics that a post of this network can carry."""
    account_metrics: tuple[str, ...] = ()
    can_delete: bool = True
    options: frozenset[str] = frozenset()
    """Fields of `contracts.records.PublishOptions` that this network's posts can carry; all others are refused."""
    refuses_duplicates: bool = False
    """The network refuses a text that the account has just published (class `duplicate`): a second commit can double nothing."""
    read_lag_seconds: float = 0.0
    """How long a write may stay invisible to the reads that reconciliation uses."""
