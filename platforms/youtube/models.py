"""YouTube's shapes, as far as Pulso reads them. Counts are strings on this wire.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Time


class Page(Shape):
    """Any listing. `items` is left out where nothing was found."""

    items: Items = ()
    following: Id = Field(default=None, alias="nextPageToken")


class ChannelSnippet(Shape):
    title: Id = None
    custom_url: Id = Field(default=None, alias="customUrl")


class ChannelStatistics(Shape):
    """`subscriberCount` is rounded to three figures, and means nothing where the channel hides it."""

    subscribers: Count = Field(default=None, alias="subscriberCount")
    videos: Count = Field(default=None, alias="videoCount")
    hides_subscribers: Any = Field(default=None, alias="hiddenSubscriberCount")


class RelatedPlaylists(Shape):
    uploads: Id = None


class ChannelContent(Shape):
    playlists: Annotated[RelatedPlaylists, Object] = Field(default=RelatedPlaylists(), alias="relatedPlaylists")


class Channel(Shape):
    id: RequiredId
    snippet: Annotated[ChannelSnippet | None, Object] = None
    statistics: Annotated[ChannelStatistics | None, Object] = None
    content: Annotated[ChannelContent | None, Object] = Field(default=None, alias="contentDetails")


class VideoRef(Shape):
    video_id: Id = Field(default=None, alias="videoId")


class PlaylistSnippet(Shape):
    title: Text = ""
    description: Text = ""
    published_at: Time = Field(default=None, alias="publishedAt")
    resource: Annotated[VideoRef | None, Object] = Field(default=None, alias="resourceId")


class PlaylistItem(Shape):
    """A video's place in a playlist. Which part names the video depends on the parts that were asked for."""

    snippet: Annotated[PlaylistSnippet | None, Object] = None
    content: Annotated[VideoRef | None, Object] = Field(default=None, alias="contentDetails")

    @property
    def video_id(self) -> str | None:
        refs = (self.content, self.snippet.resource if self.snippet else None)
        return next((ref.video_id for ref in refs if ref is not None and ref.video_id), None)


class VideoSnippet(Shape):
    published_at: Time = Field(default=None, alias="publishedAt")
    title: Text = ""
    description: Text = ""


class VideoStatus(Shape):
    upload: Text = Field(default="", alias="uploadStatus")
    privacy: Text = Field(default="", alias="privacyStatus")


class VideoContent(Shape):
    """`duration` is an ISO 8601 period such as PT1M3S."""

    duration: Text = ""


class VideoPlayer(Shape):
    """The player's size takes the film's shape when a largest height is asked for."""

    width: Count = Field(default=None, alias="embedWidth")
    height: Count = Field(default=None, alias="embedHeight")


class Video(Shape):
    id: RequiredId
    snippet: Annotated[VideoSnippet | None, Object] = None
    status: Annotated[VideoStatus | None, Object] = None
    content: Annotated[VideoContent | None, Object] = Field(default=None, alias="contentDetails")
    player: Annotated[VideoPlayer | None, Object] = None
    statistics: Annotated[dict[str, Any] | None, Object] = None

    @property
    def published_at(self) -> datetime | None:
        return self.snippet.published_at if self.snippet else None


class AuthorChannel(Shape):
    value: Id = None


class CommentSnippet(Shape):
    """`textOriginal` is sure to be there for one's own words only."""

    author_name: Id = Field(default=None, alias="authorDisplayName")
    author_channel: Annotated[AuthorChannel | None, Object] = Field(default=None, alias="authorChannelId")
    original: Id = Field(default=None, alias="textOriginal")
    display: Text = Field(default="", alias="textDisplay")
    likes: Count = Field(default=None, alias="likeCount")
    published_at: Time = Field(default=None, alias="publishedAt")
    parent_id: Id = Field(default=None, alias="parentId")

    @property
    def text(self) -> str:
        return self.original or self.display

    @property
    def author_id(self) -> str | None:
        return self.author_channel.value if self.author_channel else None


class YtComment(Shape):
    id: RequiredId
    snippet: Annotated[CommentSnippet | None, Object] = None


class ThreadSnippet(Shape):
    top: Any = Field(default=None, alias="topLevelComment")
    replies: Count = Field(default=None, alias="totalReplyCount")


class ThreadReplies(Shape):
    comments: Items = ()


class Thread(Shape):
    """A comment with some of the answers to it: how many is the network's choice."""

    id: Id = None
    snippet: Annotated[ThreadSnippet | None, Object] = None
    replies: Annotated[ThreadReplies, Object] = ThreadReplies()


class ColumnHeader(Shape):
    name: Text = ""


class Report(Shape):
    """A table of the Analytics API. `rows` is left out where there is none; `errors` in a 200 means that it failed."""

    headers: tuple[ColumnHeader, ...] = Field(default=(), alias="columnHeaders")
    rows: Items = ()
    errors: Any = None


class NewToken(Shape):
    """`refresh_token` comes only where Google replaces it, which it rarely does."""

    access_token: RequiredId
    refresh_token: Id = None
    expires_in: Count = None
