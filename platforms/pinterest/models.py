"""Pinterest's shapes, as far as Pulso reads them.

Belongs here: what the wire looks like. Does not belong here: what it means to Pulso (`mapping.py`).
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from platforms._shapes import Count, Id, Items, Object, RequiredId, Shape, Text, Time


def _dict_or_empty(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


Fields = Annotated[dict[str, Any], BeforeValidator(_dict_or_empty), Field(default_factory=dict)]
"""Values by name; anything else in their place is as good as none."""


class Page(Shape):
    """Any listing. A null `bookmark` is the end."""

    items: Items = ()
    bookmark: Id = None


class PinMedia(Shape):
    """`items` only where a pin shows several pictures or films."""

    media_type: Text = ""
    items: Items = ()


class PinMetrics(Shape):
    """Counts that a listing carries on demand; `90d` is left alone, because it falls again as days drop out of it."""

    lifetime_metrics: Fields


class Pin(Shape):
    """A pin. `created_at` carries no time zone; it is UTC."""

    id: RequiredId
    title: Text = ""
    description: Text = ""
    link: Id = None
    board_id: Id = None
    created_at: Time = None
    media: Annotated[PinMedia | None, Object] = None
    pin_metrics: Annotated[PinMetrics | None, Object] = None


class UserAccount(Shape):
    id: Id = None
    username: Id = None
    business_name: Id = None
    follower_count: Count = None
    following_count: Count = None
    pin_count: Count = None
    monthly_views: Count = None


class DailyMetrics(Shape):
    """One day of analytics. Only a row whose `data_status` is READY says anything."""

    date: Text = ""
    data_status: Text = ""
    metrics: Fields


class Analytics(Shape):
    """Analytics of an account or a pin."""

    daily_metrics: Items = ()


class ListedBoard(Shape):
    """`privacy`: PUBLIC, PROTECTED or SECRET."""

    id: RequiredId
    name: Text = ""
    privacy: Text = ""


class MediaRegistration(Shape):
    """Where and how to upload a film: every parameter goes into the form, the film itself last."""

    media_id: RequiredId
    upload_url: RequiredId
    upload_parameters: Fields


class MediaUpload(Shape):
    """`status`: registered, processing, succeeded or failed."""

    status: Text = ""


class NewToken(Shape):
    """A continuous refresh token is replaced with every renewal; a legacy one is not sent again and stays good."""

    access_token: RequiredId
    refresh_token: Id = None
    expires_in: Count = None
