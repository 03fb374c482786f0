"""Mastodon's shapes, as far as Pulso reads them.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, RootModel

from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Time, Title, WebAddress

Part = BeforeValidator(lambda value: value if isinstance(value, dict) else {})
"""For nested objects whose fields may all be missing: something else in their place is as good as an empty one."""


class Actor(Shape):
    """Whoever wrote something. `acct` has no domain where the person lives on the answering server."""

    id: Id = None
    acct: Id = None


class Profile(Shape):
    """`verify_credentials`: the account that the token belongs to."""

    id: RequiredId
    acct: Id = None
    display_name: Id = None
    followers_count: Count = None
    following_count: Count = None
    statuses_count: Count = None


class Attachment(Shape):
    """A picture or a film: of a status, or just uploaded (then without `url` until it is processed)."""

    id: RequiredId
    type: Text = ""
    url: Id = None


class Words(Shape):
    """What somebody wrote, and to whom: as much of a status as an answer is read for."""

    id: RequiredId
    created_at: Time = None
    content: Text = ""
    text: Id = None
    """The words as they were written, where the server shows them."""
    visibility: Text = ""
    in_reply_to_id: Id = None
    account: Annotated[Actor, Part] = Actor()
    favourites_count: Count = None


class Card(Shape):
    """What the server found behind the first link of a status."""

    url: WebAddress = None
    title: Title = None


class Status(Words):
    """A post, an answer, or somebody's post passed on (`reblog`). `quotes_count` is missing on older and other servers."""

    url: Id = None
    uri: Id = None
    reblog: Annotated[dict[str, Any] | None, Object] = None
    poll: Annotated[dict[str, Any] | None, Object] = None
    card: Annotated[Card | None, Object] = None
    media_attachments: Items = ()
    replies_count: Count = None
    reblogs_count: Count = None
    quotes_count: Count = None


class Context(Shape):
    """`/statuses/{id}/context`: what a status answers, and what answers it."""

    ancestors: Items = ()
    descendants: Items = ()


class Conversation(Shape):
    """`/conversations`: a thread of direct statuses, by its newest one."""

    id: RequiredId
    accounts: Items = ()
    """Everybody in it but the account itself."""
    last_status: Annotated[dict[str, Any] | None, Object] = None


class StatusLimits(Shape):
    max_characters: Count = None
    max_media_attachments: Count = None
    characters_reserved_per_url: Count = None


class MediaLimits(Shape):
    image_size_limit: Count = None
    video_size_limit: Count = None
    description_limit: Count = None
    supported_mime_types: Items = ()


class PollLimits(Shape):
    max_options: Count = None
    max_characters_per_option: Count = None
    min_expiration: Count = None
    max_expiration: Count = None


class Configuration(Shape):
    statuses: Annotated[StatusLimits, Part] = StatusLimits()
    media_attachments: Annotated[MediaLimits, Part] = MediaLimits()
    polls: Annotated[PollLimits, Part] = PollLimits()


class Instance(Shape):
    """`/api/v2/instance`, or `/api/v1/instance` of servers that have only that. Every limit may be missing."""

    version: Text = ""
    configuration: Annotated[Configuration, Part] = Configuration()
    max_toot_chars: Count = None
    """Where servers without `configuration` say how long a status may be [K]."""

    @property
    def max_characters(self) -> int | None:
        return self.configuration.statuses.max_characters or self.max_toot_chars


class StatedLimits(Shape):
    """The same answer, with the limits as the server words them: policy reads them."""

    configuration: Annotated[dict[str, Any], Part, Field(default_factory=dict)]
    max_toot_chars: Count = None


class Listing(RootModel[tuple[Any, ...]]):
    """A page of a listing: a bare list; where it goes on is said in the `Link` header."""
