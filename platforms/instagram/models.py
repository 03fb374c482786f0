"""Instagram's shapes, as far as Pulso reads them.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).
"""

from typing import Annotated

from platforms._graph import Page, Part
from platforms._shapes import Count, Id, Object, RequiredId, Shape, Text, Time


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


class IgComment(Shape):
    id: RequiredId
    text: Text = ""
    timestamp: Time = None
    username: Id = None
    like_count: Count = None
    replies: Annotated[Page | None, Object] = None


class Container(Shape):
    id: Id = None
    status_code: Text = ""
    status: Text = ""


class QuotaConfig(Shape):
    quota_total: Count = None


class Quota(Shape):
    quota_usage: Count = None
    config: Annotated[QuotaConfig, Part] = QuotaConfig()
