"""Bluesky's shapes, as far as Pulso reads them (lexicons `app.bsky.*` and `com.atproto.*`).

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).
"""

from typing import Annotated, Any

from pydantic import AliasChoices, Field, model_validator

from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Time, Title, WebAddress


class RecordRef(Shape):
    """`com.atproto.repo.strongRef`: a record and its exact version."""

    uri: RequiredId
    cid: RequiredId


class ReplyRefs(Shape):
    """What a reply answers, and the post at the top of the thread."""

    root: Annotated[RecordRef | None, Object] = None
    parent: Annotated[RecordRef | None, Object] = None


class Card(Shape):
    """`app.bsky.embed.external#external`: a page that the post leads to."""

    uri: WebAddress = None
    title: Title = None


class PostRecord(Shape):
    """`app.bsky.feed.post`, written by any client: nothing in it can be relied on."""

    text: Text = ""
    created_at: Time = Field(default=None, alias="createdAt")
    reply: Annotated[ReplyRefs | None, Object] = None
    embed: Annotated[dict[str, Any] | None, Object] = None


class Actor(Shape):
    did: Id = None
    handle: Id = None


class PostView(Shape):
    """A post as the AppView shows it, or as `listRecords` returns it (then without counts and `indexedAt`)."""

    uri: RequiredId
    cid: Id = None
    author: Annotated[Actor, Object] = Actor()
    record: PostRecord = Field(default=PostRecord(), validation_alias=AliasChoices("record", "value"))
    indexed_at: Time = Field(default=None, alias="indexedAt")
    like_count: Count = Field(default=None, alias="likeCount")
    repost_count: Count = Field(default=None, alias="repostCount")
    reply_count: Count = Field(default=None, alias="replyCount")
    quote_count: Count = Field(default=None, alias="quoteCount")
    bookmark_count: Count = Field(default=None, alias="bookmarkCount")


class Feed(Shape):
    """`getAuthorFeed`: items are `{post, reply?, reason?}`; a `reason` means somebody's repost."""

    feed: Items = ()
    cursor: Id = None


class Posts(Shape):
    posts: Items = ()


class Records(Shape):
    """`listRecords`."""

    records: Items = ()
    cursor: Id = None


class Profile(Shape):
    did: Id = None
    handle: Id = None
    display_name: Id = Field(default=None, alias="displayName")
    followers_count: Count = Field(default=None, alias="followersCount")
    follows_count: Count = Field(default=None, alias="followsCount")
    posts_count: Count = Field(default=None, alias="postsCount")


class RepoDescription(Shape):
    """`describeRepo`: what a PDS knows of an account without an AppView."""

    did: RequiredId
    handle: Id = None


class ThreadNode(Shape):
    """`threadViewPost`. Blocked and missing posts are nodes without `post`."""

    post: Annotated[dict[str, Any] | None, Object] = None
    replies: Items = ()


class Thread(Shape):
    thread: ThreadNode


class UploadedBlob(Shape):
    blob: dict[str, Any]


class ResolvedHandle(Shape):
    did: RequiredId


class Session(Shape):
    """`refreshSession`."""

    access_jwt: RequiredId = Field(alias="accessJwt")
    refresh_jwt: RequiredId = Field(alias="refreshJwt")


class Written(Shape):
    """`putRecord`."""

    uri: RequiredId
    cid: RequiredId


class StoredRecord(Shape):
    """`getRecord`."""

    uri: RequiredId
    cid: RequiredId
    value: PostRecord = PostRecord()


class ServerDescription(Shape):
    """`describeServer`: the server's own identity."""

    did: RequiredId


class ServiceToken(Shape):
    """`getServiceAuth`."""

    token: RequiredId


class Job(Shape):
    """`app.bsky.video.defs#jobStatus`. Any state that is neither completed nor failed means that it is in process."""

    job_id: RequiredId = Field(alias="jobId")
    state: Text = ""
    blob: Annotated[dict[str, Any] | None, Object] = None
    failure_code: Id = Field(default=None, alias="failureCode")
    error: Text = ""
    message: Text = ""


class JobAnswer(Shape):
    """`uploadVideo`, `getJobStatus`. The upload is said to answer the status itself, without the lexicon's wrapper [K]."""

    job: Job = Field(alias="jobStatus")

    @model_validator(mode="before")
    @classmethod
    def _wrapped(cls, value: Any) -> Any:
        is_bare = isinstance(value, dict) and "jobStatus" not in value
        return {"jobStatus": value} if is_bare else value
