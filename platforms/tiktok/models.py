"""TikTok's shapes, as far as Pulso reads them, in both products.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).

Ids are JSON numbers beyond 2^53 in places and strings in others; here they are strings.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, count_or_none
from platforms.tiktok.errors import OK


def _ok(value: Any) -> Any:
    """`ok` for each way in which TikTok says so; anything else is left to be refused."""
    return "ok" if not isinstance(value, bool) and str(value) in OK else value


def _moment(value: Any) -> datetime | None:
    """A time out of Unix seconds."""
    seconds = count_or_none(value)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds is not None and seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _ids(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list | tuple) else ()
    return tuple(str(item) for item in listed if isinstance(item, str | int) and not isinstance(item, bool) and item)


def _flag(value: Any) -> bool:
    return value is True or value == 1 or value == "true"


Ok = Annotated[Literal["ok"], BeforeValidator(_ok)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Ids = Annotated[tuple[str, ...], BeforeValidator(_ids)]
Flag = Annotated[bool, BeforeValidator(_flag)]
"""True where the network says so in any way; anything else is no."""


class Word(Shape):
    """The part of an answer that says whether it is one."""

    code: Ok


class Answered(Shape):
    """Any answer of the first product. HTTP 200 is no success until the code says so, so an answer without it is none."""

    error: Word


class User(Shape):
    open_id: Id = None
    display_name: Id = None
    username: Id = None
    follower_count: Count = None
    following_count: Count = None
    likes_count: Count = None
    video_count: Count = None


class UserData(Shape):
    user: User


class UserInfo(Answered):
    data: UserData


class Video(Shape):
    """A post, a film or pictures. Counts are absent where they were not asked for or not granted."""

    id: RequiredId
    title: Text = ""
    video_description: Text = ""
    create_time: Moment = None
    share_url: Id = None
    duration: Count = None
    height: Count = None
    width: Count = None
    like_count: Count = None
    comment_count: Count = None
    share_count: Count = None
    view_count: Count = None


class VideosData(Shape):
    videos: Items = ()
    cursor: Count = None
    has_more: Flag = False


class Videos(Answered):
    data: Annotated[VideosData | None, Object] = None


class Creator(Shape):
    """What the account may publish now."""

    privacy_level_options: Ids = ()
    comment_disabled: Flag = False
    duet_disabled: Flag = False
    stitch_disabled: Flag = False
    max_video_post_duration_sec: Count = None


class CreatorInfo(Answered):
    data: Creator


class Begun(Shape):
    publish_id: RequiredId
    upload_url: Id = None


class Initiated(Answered):
    data: Begun


class Progress(Shape):
    """How far a post got. Published is not the same as having an id: that comes after moderation, and only for public posts."""

    status: Text = ""
    fail_reason: Text = ""
    publicaly_available_post_id: Ids = ()
    uploaded_bytes: Count = None


class Status(Answered):
    data: Progress


class NewToken(Shape):
    """Either product's new token; the refresh token changes with it."""

    access_token: RequiredId
    refresh_token: Id = None
    expires_in: Count = None


# --- API for Business --------------------------------------------------------------------------------------------------


class BusinessAnswered(Shape):
    """Any answer of the second product: code 0, or it is none."""

    code: Ok


class BusinessToken(BusinessAnswered):
    data: NewToken


class BusinessDay(Shape):
    date: Text = ""
    followers_count: Count = None
    profile_views: Count = None
    video_views: Count = None
    likes: Count = None
    comments: Count = None
    shares: Count = None


class BusinessAccount(Shape):
    username: Id = None
    display_name: Id = None
    followers_count: Count = None
    metrics: Items = ()


class BusinessProfile(BusinessAnswered):
    data: BusinessAccount


class BusinessVideo(Shape):
    item_id: RequiredId
    reach: Count = None


class BusinessVideosData(Shape):
    videos: Items = ()
    cursor: Count = None
    has_more: Flag = False


class BusinessVideos(BusinessAnswered):
    data: Annotated[BusinessVideosData | None, Object] = None


class BusinessComment(Shape):
    comment_id: RequiredId
    text: Text = ""
    create_time: Moment = None
    likes: Count = None
    replies: Count = None
    owner: Flag = False
    username: Id = None
    unique_identifier: Id = None
    user_id: Id = None
    reply_list: Items = ()


class BusinessCommentsData(Shape):
    comments: Items = ()
    cursor: Count = None
    has_more: Flag = False


class BusinessComments(BusinessAnswered):
    data: Annotated[BusinessCommentsData | None, Object] = None


class Commented(Shape):
    comment_id: RequiredId


class BusinessCommented(BusinessAnswered):
    data: Commented
