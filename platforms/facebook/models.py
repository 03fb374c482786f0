"""Facebook's shapes, as far as Pulso reads them.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).
"""

from typing import Annotated

from platforms._graph import Page, Part
from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Time, Title, WebAddress, read_as


class Profile(Shape):
    id: RequiredId
    name: Id = None
    username: Id = None
    followers_count: Count = None


class Target(Shape):
    """What an attachment shows: the photo or film itself."""

    id: Id = None


class Attachment(Shape):
    media_type: Text = ""
    type: Text = ""
    title: Title = None
    unshimmed_url: WebAddress = None
    """Where it leads, without Facebook's own address in between."""
    target: Annotated[Target, Part] = Target()
    subattachments: Annotated[Page | None, Object] = None


class Summary(Shape):
    total_count: Count = None


class Counted(Shape):
    """An edge asked for with `summary(true)`."""

    summary: Annotated[Summary | None, Object] = None

    @property
    def total(self) -> int | None:
        return self.summary.total_count if self.summary else None


class Shares(Shape):
    count: Count = None


class FbPost(Shape):
    """A post of a Page. `shares` is absent where there are none."""

    id: RequiredId
    message: Text = ""
    created_time: Time = None
    permalink_url: Id = None
    status_type: Text = ""
    attachments: Annotated[Page, Part] = Page()
    reactions: Annotated[Counted, Part] = Counted()
    comments: Annotated[Counted, Part] = Counted()
    shares: Annotated[Shares, Part] = Shares()

    @property
    def attached(self) -> tuple[Attachment, ...]:
        """Its attachments, without their parts."""
        return tuple(a for raw in self.attachments.data if (a := read_as(Attachment, raw)) is not None)

    @property
    def media_ids(self) -> frozenset[str]:
        """Ids of the photos and films that it shows, also of those within an album."""
        parts = [*self.attached, *(part for whole in self.attached for part in parts_of(whole))]
        return frozenset(part.target.id for part in parts if part.target.id and part.media_type != "link")


def parts_of(attachment: Attachment) -> tuple[Attachment, ...]:
    """The pictures of an album."""
    raws: Items = attachment.subattachments.data if attachment.subattachments else ()
    return tuple(part for raw in raws if (part := read_as(Attachment, raw)) is not None)


class Parent(Shape):
    id: Id = None


class FbComment(Shape):
    id: RequiredId
    message: Text = ""
    created_time: Time = None
    like_count: Count = None
    parent: Annotated[Parent, Part] = Parent()


class Commenter(Shape):
    """Who wrote a comment, where the permission to see it was granted."""

    id: Id = None
    name: Id = None


class Phase(Shape):
    status: Text = ""
    bytes_transferred: Count = None
    """What the network holds of the film."""


class FilmStatus(Shape):
    video_status: Text = ""
    uploading_phase: Annotated[Phase, Part] = Phase()
    processing_phase: Annotated[Phase, Part] = Phase()
    publishing_phase: Annotated[Phase, Part] = Phase()


class Film(Shape):
    """A film is a thing of its own: its id is not its post's."""

    id: Id = None
    status: Annotated[FilmStatus, Part] = FilmStatus()
    post_id: Id = None
    permalink_url: Id = None
    created_time: Time = None


class FilmSession(Shape):
    """The answer that opens an upload: `upload_session_id` and offsets for chunks, or `upload_url` for the whole."""

    video_id: RequiredId
    upload_session_id: Id = None
    upload_url: Id = None
    start_offset: Count = None
    end_offset: Count = None


class Chunk(Shape):
    """The part of the film that the network wants next; both offsets equal: it has everything."""

    start_offset: Count = None
    end_offset: Count = None


class Finished(Shape):
    """The answer to the call that publishes a film or a story."""

    success: bool | None = None
    post_id: Id = None


class StoryItem(Shape):
    post_id: Id = None
    media_id: Id = None
    creation_time: Id = None
    url: Id = None


class PageToken(Shape):
    """One Page of a user, with the token that speaks for it."""

    id: RequiredId
    access_token: Id = None
