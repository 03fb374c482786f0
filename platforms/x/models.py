"""X's shapes, as far as Pulso reads them.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).

X renamed tweets to posts in its description 2.167 (`repost_count` was `retweet_count`, `referenced_posts` was `referenced_tweets`,
`note_post` was `note_tweet`). Kept payloads and recorded answers hold the old names, so both are read.
"""

from typing import Annotated, Any

from pydantic import AliasChoices, Field

from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Time, Title, WebAddress


class Reference(Shape):
    """Another post that this one answers (`replied_to`), quotes (`quoted`) or repeats (`retweeted`)."""

    type: Text = ""
    id: RequiredId


class Url(Shape):
    """A link in a text: X shows a short one (`url`) in place of what was written (`expanded_url`). Where X has looked
    at the page, it says where redirects end (`unwound_url`) and the page's title."""

    url: Id = None
    expanded_url: Id = None
    unwound_url: WebAddress = None
    title: Title = None
    media_key: Id = None


class Entities(Shape):
    urls: Items = ()


class Note(Shape):
    """The whole text of a post longer than 280 characters, whose `text` is cut."""

    text: Text = ""
    entities: Annotated[Entities | None, Object] = None


class Attachments(Shape):
    media_keys: Items = ()
    poll_ids: Items = ()


class XPost(Shape):
    id: RequiredId
    text: Text = ""
    created_at: Time = None
    author_id: Id = None
    conversation_id: Id = None
    in_reply_to_user_id: Id = None
    attachments: Annotated[Attachments | None, Object] = None
    entities: Annotated[Entities | None, Object] = None
    note: Annotated[Note | None, Object] = Field(
        default=None, validation_alias=AliasChoices("note_post", "note_tweet", "note")
    )
    references: Items = Field(
        default=(), validation_alias=AliasChoices("referenced_posts", "referenced_tweets", "references")
    )


class ProfileCounts(Shape):
    followers_count: Count = None
    following_count: Count = None
    post_count: Count = Field(default=None, validation_alias=AliasChoices("post_count", "tweet_count"))


class User(Shape):
    id: RequiredId
    username: Id = None
    name: Id = None
    public_metrics: Annotated[ProfileCounts | None, Object] = None


class MediaItem(Shape):
    media_key: Id = None
    type: Text = ""


class Includes(Shape):
    """What the answer's posts refer to."""

    users: Items = ()
    media: Items = ()


class Meta(Shape):
    next_token: Id = None
    result_count: Count = None


class Page(Shape):
    """Any list. `data` is absent when the page is empty; `errors` may stand beside data: both are as they are meant."""

    data: Items = ()
    includes: Annotated[Includes | None, Object] = None
    meta: Annotated[Meta | None, Object] = None
    errors: Items = ()

    @property
    def following(self) -> str | None:
        """The token of the next page, None at the end."""
        return self.meta.next_token if self.meta else None


class One(Shape):
    """One object. Without `data` it is a refusal that came with status 200; `errors` says which."""

    data: Annotated[dict[str, Any] | None, Object] = None
    errors: Items = ()


class CreatedData(Shape):
    id: RequiredId
    text: Text = ""


class Created(Shape):
    """A new post. Without an id nobody knows whether there is one."""

    data: CreatedData


class Processing(Shape):
    """How far the network is with a film or an animation."""

    state: Text = ""
    check_after_secs: Count = None


class UploadData(Shape):
    id: RequiredId
    expires_after_secs: Count = None
    processing_info: Annotated[Processing | None, Object] = None


class Upload(Shape):
    """A media object at any step of its upload. `processing_info` is absent where there is nothing to process."""

    data: UploadData


class NewToken(Shape):
    """Both tokens are new: the old refresh token is worth nothing once this was answered."""

    access_token: RequiredId
    refresh_token: Id = None
    expires_in: Count = None
