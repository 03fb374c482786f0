"""Instagram's shapes, as far as Pulso reads them.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).
"""

from typing import Annotated, Any

from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Time


class Cursors(Shape):
    after: Id = None


class Paging(Shape):
    """`next` is a full URL with the token in it: only its absence is used, which means the end."""

    cursors: Annotated[Cursors, Object] = Cursors()
    next: Id = None

    @property
    def following(self) -> str | None:
        """The cursor of the next page, None at the end."""
        return self.cursors.after if self.next else None


class Page(Shape):
    """Any listing."""

    data: Items = ()
    paging: Annotated[Paging | None, Object] = None

    @property
    def following(self) -> str | None:
        return self.paging.following if self.paging else None


class Profile(Shape):
    id: RequiredId
    username: Id = None
    name: Id = None
    followers_count: Count = None
    follows_count: Count = None
    media_count: Count = None


class Media(Shape):
    """A post. Counts are absent where the owner hides them."""

    id: RequiredId
    caption: Text = ""
    media_type: Text = ""
    media_product_type: Text = ""
    permalink: Id = None
    timestamp: Time = None
    like_count: Count = None
    comments_count: Count = None
    children: Annotated[Page | None, Object] = None


class Author(Shape):
    id: Id = None
    username: Id = None


class IgComment(Shape):
    id: RequiredId
    text: Text = ""
    timestamp: Time = None
    username: Id = None
    like_count: Count = None
    replies: Annotated[Page | None, Object] = None


class InsightValue(Shape):
    value: Count = None
    end_time: Time = None


class Insight(Shape):
    """One metric in either of its shapes: `values[]`, or the newer `total_value`."""

    name: Text = ""
    period: Text = ""
    values: Items = ()
    total_value: Annotated[InsightValue | None, Object] = None


class Created(Shape):
    """A container, a published media or a comment: only its id is answered."""

    id: RequiredId


class Container(Shape):
    id: Id = None
    status_code: Text = ""
    status: Text = ""


class QuotaConfig(Shape):
    quota_total: Count = None


class Quota(Shape):
    quota_usage: Count = None
    config: Annotated[QuotaConfig, Object] = QuotaConfig()


class NewToken(Shape):
    access_token: RequiredId
    expires_in: Count = None


def author_id(raw: dict[str, Any]) -> str | None:
    """`from.id` of a comment, where the permission to see it was granted."""
    source = raw.get("from")
    return Author.model_validate(source).id if isinstance(source, dict) else None
