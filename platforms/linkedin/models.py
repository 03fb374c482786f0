"""LinkedIn's shapes, as far as Pulso reads them.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from pydantic import AliasChoices, BeforeValidator, Field

from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Title, count_or_none


def _moment_or_none(value: Any) -> datetime | None:
    milliseconds = count_or_none(value)
    try:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


Moment = Annotated[datetime | None, BeforeValidator(_moment_or_none)]
"""Milliseconds since 1970."""


def _object_or_empty(value: Any) -> Any:
    return value if isinstance(value, Mapping | Shape) else {}


Part = BeforeValidator(_object_or_empty)
"""For nested objects that are asked right through: something else in their place is as good as an empty one."""


class Paging(Shape):
    start: Count = None
    count: Count = None
    links: Items = ()


class Page(Shape):
    """Any finder's answer."""

    elements: Items = ()
    paging: Annotated[Paging, Part] = Paging()

    def following(self, start: int, asked: int | None) -> int | None:
        """Where the next page starts: as the link `next` says, else behind a page that is full. None at the end. A page that
        brings something never leads to itself or back; an empty one may ask for itself again."""
        for link in self.paging.links:
            if isinstance(link, dict) and link.get("rel") == "next":
                named = parse_qs(urlsplit(str(link.get("href"))).query).get("start", [""])[0]
                following = count_or_none(named)
                least = start + 1 if self.elements else start
                return following if following is not None and following >= least else None
        size = self.paging.count or asked
        is_full = asked is not None and size is not None and len(self.elements) >= size > 0
        return start + len(self.elements) if is_full else None


class Organization(Shape):
    vanity_name: Id = Field(default=None, alias="vanityName")
    localized_name: Id = Field(default=None, alias="localizedName")


class NetworkSize(Shape):
    first_degree_size: Count = Field(default=None, alias="firstDegreeSize")


class Asset(Shape):
    """A picture, film or document in a post."""

    id: Id = None


class MultiImage(Shape):
    images: Items = ()


class Article(Shape):
    source: Text = ""
    title: Title = None
    thumbnail: Id = None


class Poll(Shape):
    question: Text = ""


class Content(Shape):
    """One of these, or something that Pulso does not know."""

    media: Annotated[Asset | None, Object] = None
    multi_image: Annotated[MultiImage | None, Object] = Field(default=None, alias="multiImage")
    article: Annotated[Article | None, Object] = None
    poll: Annotated[Poll | None, Object] = None

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Pictures of a post with several."""
        images = self.multi_image.images if self.multi_image else ()
        return tuple(str(image["id"]) for image in images if isinstance(image, dict) and image.get("id"))

    @property
    def asset_ids(self) -> frozenset[str]:
        """Everything that was uploaded for the post."""
        media = self.media.id if self.media else None
        thumbnail = self.article.thumbnail if self.article else None
        return frozenset(filter(None, (media, thumbnail, *self.image_ids)))


class WirePost(Shape):
    """A post. `commentary` is little text."""

    id: Id = None
    author: Text = ""
    commentary: Text = ""
    lifecycle_state: Text = Field(default="PUBLISHED", alias="lifecycleState")
    published_at: Moment = Field(default=None, alias="publishedAt")
    created_at: Moment = Field(default=None, alias="createdAt")
    last_modified_at: Moment = Field(default=None, alias="lastModifiedAt")
    content: Annotated[Content, Part] = Content()


class ShareStatistics(Shape):
    """Counts of a post, of a day, or of everything; the ratio `engagement` among them is derived and left out."""

    impressions: Count = Field(default=None, alias="impressionCount")
    reach: Count = Field(default=None, alias="uniqueImpressionsCount")
    clicks: Count = Field(default=None, alias="clickCount")
    likes: Count = Field(default=None, alias="likeCount")
    comments: Count = Field(default=None, alias="commentCount")
    shares: Count = Field(default=None, alias="shareCount")


class FollowerGains(Shape):
    organic: Count = Field(default=None, alias="organicFollowerGain")
    paid: Count = Field(default=None, alias="paidFollowerGain")


class PageViews(Shape):
    page_views: Count = Field(default=None, alias="pageViews")


class Views(Shape):
    all_page_views: Annotated[PageViews, Part] = Field(default=PageViews(), alias="allPageViews")


class PageStatistics(Shape):
    views: Annotated[Views, Part] = Views()


class TimeRange(Shape):
    start: Moment = None


class Statistics(Shape):
    """One element of any of the three statistics finders. Without a time range it is about all time."""

    post_urn: Id = Field(default=None, validation_alias=AliasChoices("share", "ugcPost"))
    time_range: Annotated[TimeRange, Part] = Field(default=TimeRange(), alias="timeRange")
    share_statistics: Annotated[ShareStatistics, Part] = Field(default=ShareStatistics(), alias="totalShareStatistics")
    follower_gains: Annotated[FollowerGains, Part] = Field(default=FollowerGains(), alias="followerGains")
    page_statistics: Annotated[PageStatistics, Part] = Field(default=PageStatistics(), alias="totalPageStatistics")


class Stamp(Shape):
    time: Moment = None


class CommentText(Shape):
    text: Text = ""


class LikesSummary(Shape):
    total: Count = Field(default=None, alias="totalLikes")


class CommentsSummary(Shape):
    total: Count = Field(
        default=None, validation_alias=AliasChoices("totalFirstLevelComments", "aggregatedTotalComments")
    )


class WireComment(Shape):
    """A comment. Its `id` is a number below its object; only the URN names it everywhere."""

    id: Id = None
    urn: Id = Field(default=None, alias="commentUrn")
    actor: Id = None
    created: Annotated[Stamp, Part] = Stamp()
    message: Annotated[CommentText, Part] = CommentText()
    likes: Annotated[LikesSummary, Part] = Field(default=LikesSummary(), alias="likesSummary")
    replies: Annotated[CommentsSummary, Part] = Field(default=CommentsSummary(), alias="commentsSummary")
    parent: Id = Field(default=None, alias="parentComment")


class UploadPart(Shape):
    url: RequiredId = Field(alias="uploadUrl")
    first_byte: Count = Field(default=None, alias="firstByte")
    last_byte: Count = Field(default=None, alias="lastByte")


class UploadTicket(Shape):
    """`initializeUpload` of a picture (one address) or a film (an address for each part)."""

    urn: RequiredId = Field(validation_alias=AliasChoices("image", "video"))
    url: Id = Field(default=None, alias="uploadUrl")
    parts: tuple[UploadPart, ...] = Field(default=(), alias="uploadInstructions")
    token: Text = Field(default="", alias="uploadToken")
    expires_at: Moment = Field(default=None, validation_alias=AliasChoices("uploadUrlExpiresAt", "uploadUrlsExpireAt"))


class Initialized(Shape):
    value: UploadTicket


class AssetState(Shape):
    status: Text = ""


class NewToken(Shape):
    access_token: RequiredId
    expires_in: Count = None
    refresh_token: Id = None
