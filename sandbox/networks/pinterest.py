"""Pinterest's API v5 under `/pinterest/v5`: account, boards, pins, analytics, films, tokens.

It takes no key and guards against no duplicate: what is sent twice is there twice. A token sees its own account only. Statements
tagged [K] are not in the official description and were seen nowhere: believed, not known.
"""

import base64
import binascii
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.credentials import LIFETIMES, BadTokenError, Credentials
from sandbox.host import Host
from sandbox.limits import Window
from sandbox.networks.pinterest_analytics import PinterestAnalytics
from sandbox.networks.pinterest_boards import PRIVACIES, PinterestBoards
from sandbox.networks.pinterest_films import PinterestFilms
from sandbox.networks.pinterest_wire import (
    ORG_ANALYTICS,
    ORG_READ,
    ORG_WRITE,
    Category,
    board_id_of,
    bookmark_of,
    error,
    invalid,
    page_of,
    position_of,
    truth_of,
    wire_time,
)
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.wire import Answer, Refusal
from sandbox.world.model import DAY_MS, Account, Post

_PER_SECOND = 100
_LONGEST = {"title": 100, "description": 800, "alt_text": 500, "link": 2048}
_NEW_PIN_FIELDS = frozenset(
    {*_LONGEST, "board_id", "board_section_id", "dominant_color", "media_source", "parent_pin_id", "sponsor_id"}
)
_PICTURES = frozenset({"image/jpeg", "image/png"})
_MEDIA_TYPES = {"carousel": "multiple_images", "video": "video"}
_CREATIVE_TYPES = {"carousel": "CAROUSEL", "video": "VIDEO"}
_SIZES = {"150x150": (150, 150), "400x300": (400, 300), "600x": (600, 900), "1200x": (1200, 1800)}
_SCOPE = "boards:read,boards:write,pins:read,pins:write,user_accounts:read"


class Pinterest(RestNetwork):
    """The network behind one address."""

    network = "pinterest"

    def __init__(self, host: Host, credentials: Credentials) -> None:
        super().__init__(host, credentials)
        self._films = PinterestFilms(host)
        self._analytics = PinterestAnalytics(host)
        self._account_boards = PinterestBoards(host)

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("POST", "/v5/oauth/token", "token", self._token, is_public=True),
            Endpoint("GET", "/v5/user_account", "read", self._account),
            Endpoint("GET", "/v5/user_account/analytics", "read", self._account_analytics),
            Endpoint("GET", "/v5/boards", "read", self._boards),
            Endpoint("POST", "/v5/boards", "stage", self._make_board),
            Endpoint("GET", "/v5/boards/{board_id}/pins", "read", self._pins_on_board),
            Endpoint("GET", "/v5/pins", "read", self._pins),
            Endpoint("POST", "/v5/pins", "publish", self._create),
            Endpoint("GET", "/v5/pins/analytics", "read", self._pins_analytics),
            Endpoint("GET", "/v5/pins/{pin_id}", "read", self._pin),
            Endpoint("PATCH", "/v5/pins/{pin_id}", "publish", self._move),
            Endpoint("DELETE", "/v5/pins/{pin_id}", "delete", self._delete),
            Endpoint("GET", "/v5/pins/{pin_id}/analytics", "read", self._pin_analytics),
            Endpoint("POST", "/v5/media", "stage", self._register),
            Endpoint("GET", "/v5/media/{media_id}", "read", self._film),
            Endpoint("POST", "/media-upload", "stage", self._upload, is_public=True),
        )

    # --- refusals and limits ---

    def bad_token(self, reason: str) -> Refusal:  # noqa: ARG002 - Pinterest says the same of all of them
        return error(401, 2, "Authentication failed.")

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        refusal = error(429, 8, "This request exceeded a rate limit. You have made too many calls.")
        if window is None:
            seconds = int(call.effects.param("rate_limit", "retry_after_seconds", 60))
            refusal.answer.headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(seconds)}
        return refusal

    def server_error(self, status: int) -> Refusal:
        return error(status, 0, "Something went wrong on our end. Sorry about that.")

    def not_found(self) -> Refusal:
        return error(404, 404, "API method not found.")

    def spend(self, call: RestCall) -> Window | None:
        if call.account is None:
            return None
        # A hundred calls in a second for everything, and the category's own number in a minute; the tighter one is told.
        category = _category(call)
        overall = self.host.limits.spend(f"pinterest:user:{call.account.native_id}", 1, _PER_SECOND, 1)
        if overall.is_exceeded:
            return overall
        key = f"pinterest:{category.name}:{call.account.native_id}"
        return self.host.limits.spend(key, 1, category.per_minute, 60)

    def headers(self, call: RestCall, window: Window | None) -> Mapping[str, str]:
        """Limits in the form of a draft standard: a number, then the policies [K]; the reset in seconds from now [K]."""
        if window is None:
            return {}
        policy = f'{window.limit}, {window.limit};w={window.window_seconds};name="{_category(call).name}"'
        return {
            "x-ratelimit-limit": policy,
            "x-ratelimit-remaining": str(window.remaining),
            "x-ratelimit-reset": str(max(0, round(window.resets_at - time.time()))),
        }

    # --- tokens ---

    async def _token(self, call: RestCall) -> Answer:
        form = await call.form()
        scheme, _, pair = call.request.headers.get("authorization", "").partition(" ")
        own = f"{self.credentials.client_id}:{self.credentials.app_secret}".encode()
        if scheme.lower() != "basic" or not hmac.compare_digest(_decoded(pair) or b"", own):
            raise error(401, 2, "Authentication failed.")
        if form.get("grant_type") != "refresh_token":
            raise invalid("grant_type: only refresh_token is served here")
        try:
            _, grant = self.credentials.renew(self.network, str(form.get("refresh_token", "")))
        except BadTokenError:
            raise error(400, 1, "The refresh token is invalid or has expired.") from None  # [K]
        life = LIFETIMES[self.network]
        return Answer(
            {
                "access_token": grant.access,
                "refresh_token": grant.refresh,
                "response_type": "refresh_token",
                "token_type": "bearer",
                "expires_in": life.access_seconds,
                "refresh_token_expires_in": life.refresh_seconds,
                "refresh_token_expires_at": int(time.time()) + life.refresh_seconds,
                "scope": _SCOPE,
            }
        )

    # --- account ---

    async def _account(self, call: RestCall) -> Answer:
        account = call.caller
        return Answer(
            {
                "id": account.native_id,
                "username": account.handle,
                "account_type": "BUSINESS",
                "business_name": account.display_name,
                "about": account.biography,
                "profile_image": f"https://i.pinimg.com/280x280_RS/{account.native_id}.jpg",
                "website_url": "",
                "follower_count": self.host.world.followers(account, self.host.clock.now_ms),
                "following_count": 0,
                "board_count": len(self._account_boards.of(account)),
                "pin_count": len(self.feed(call, account).posts),
                "monthly_views": None,
            }
        )

    async def _boards(self, call: RestCall) -> Answer:
        privacy = call.params.get("privacy")
        if privacy not in (None, *PRIVACIES):
            raise invalid(f"privacy: one of {', '.join(PRIVACIES)} is expected")
        boards = [b for b in self._account_boards.of(call.caller) if privacy in (None, b["privacy"])]
        return Answer({"items": [self._board(call, board) for board in boards], "bookmark": None})

    async def _make_board(self, call: RestCall) -> Answer:
        body = call.json()
        if not isinstance(body, dict) or not isinstance(body.get("name"), str) or not body["name"]:
            raise invalid("name: a text is expected")
        privacy = body.get("privacy", "PUBLIC")
        if privacy not in PRIVACIES:
            raise invalid(f"privacy: one of {', '.join(PRIVACIES)} is expected")
        return Answer(self._board(call, self._account_boards.make(call.caller, body["name"], privacy)), 201)

    def _board(self, call: RestCall, board: Mapping[str, Any]) -> dict[str, Any]:
        account = call.caller
        is_first = board["id"] == board_id_of(account)
        return {
            "id": board["id"],
            "name": board["name"],
            "description": account.biography if is_first else None,
            "owner": {"username": account.handle},
            "privacy": board["privacy"],
            "pin_count": len(self.feed(call, account).posts) if is_first else 0,
            "follower_count": 0,
            "collaborator_count": 0,
        }

    async def _pins_on_board(self, call: RestCall) -> Answer:
        """Secret boards: all at once, as few pins wait there. The first board: as `GET /v5/pins` has them."""
        account, board_id = call.caller, call.path("board_id")
        privacy = self._account_boards.privacy(account, board_id)
        if privacy is None:
            raise error(404, 40, "Board not found.")
        if board_id == board_id_of(account):
            return await self._pins(call)
        pins = self._account_boards.pins_on(account, board_id)
        return Answer({"items": [self._hidden(call, pin) for pin in pins], "bookmark": None})

    # --- pins ---

    async def _pins(self, call: RestCall) -> Answer:
        size, position = page_of(call.params), position_of(call.params.get("bookmark"))
        chosen = call.params.get("pin_filter")
        if chosen not in (None, "exclude_native", "exclude_repins", "has_been_promoted"):
            raise invalid(f"pin_filter: {chosen} is none of exclude_native, exclude_repins, has_been_promoted")
        has_metrics = truth_of(call.params, "pin_metrics")
        truth_of(call.params, "include_protected_pins")
        if "empty_page" in call.effects:
            here = call.params.get("bookmark") or bookmark_of((self.host.clock.now_ms + DAY_MS, ""))
            return Answer({"items": [], "bookmark": here})
        if chosen in ("exclude_native", "has_been_promoted"):  # nobody here saves others' pins or pays
            return Answer({"items": [], "bookmark": None})
        feed = self.feed(call, call.caller)
        page = feed.before(position, size)
        items = [self._shown(call, post, has_metrics=has_metrics) for post in page]
        if "duplicate_answer" in call.effects:
            items = [item for item in items for _ in range(2)]
        has_more = bool(page) and feed.has_before(page[-1])
        following = bookmark_of((page[-1].created_ms, page[-1].native_id)) if has_more else None
        return Answer({"items": items, "bookmark": following})

    async def _pin(self, call: RestCall) -> Answer:
        has_metrics = truth_of(call.params, "pin_metrics")
        if (hidden := self._account_boards.pin(call.caller, call.path("pin_id"))) is not None:
            return Answer(self._hidden(call, hidden))
        return Answer(self._shown(call, self._own_pin(call, call.path("pin_id")), has_metrics=has_metrics))

    async def _create(self, call: RestCall) -> Answer:
        account, body = call.caller, call.json()
        if not isinstance(body, dict):
            raise invalid("the body must be a JSON object")
        if unknown := body.keys() - _NEW_PIN_FIELDS:
            raise invalid(f"unknown fields: {', '.join(sorted(unknown))}")
        for name, longest in _LONGEST.items():
            value = body.get(name)
            if value is not None and (not isinstance(value, str) or len(value) > longest):
                raise invalid(f"{name}: a text of at most {longest} characters is expected")
        privacy = self._account_boards.privacy(account, str(body.get("board_id")))
        if privacy is None:
            raise error(404, 40, "Board not found.")
        content_format, media_count = self._media_of(account, body.get("media_source"))
        details = {name: body.get(name) for name in (*_LONGEST, "board_id")}
        if privacy == "SECRET":
            pin = self._account_boards.hide(
                account, content_format=content_format, media_count=media_count, details=details
            )
            return Answer(self._hidden(call, pin), 201)
        published, _ = self.host.publish(
            account,
            body.get("description") or body.get("title") or "",
            content_format=content_format,
            media_count=media_count,
            details=details,
        )
        return Answer(self._shown(call, published.post, has_metrics=False), 201)

    async def _move(self, call: RestCall) -> Answer:
        """`PATCH` in its one use that makes something visible: a pin's board. A pin that is there already stays."""
        account, pin_id, body = call.caller, call.path("pin_id"), call.json()
        if not isinstance(body, dict) or body.keys() != {"board_id"}:
            raise invalid("only a pin's board_id can be changed here")
        privacy = self._account_boards.privacy(account, str(body["board_id"]))
        if privacy is None:
            raise error(404, 40, "Board not found.")
        hidden = self._account_boards.pin(account, pin_id)
        if hidden is None:
            post = self._own_pin(call, pin_id)
            if privacy == "SECRET":
                raise invalid("board_id: a pin that others see stays visible here")
            return Answer(self._shown(call, post, has_metrics=False))
        if privacy == "SECRET":
            raise invalid("board_id: from one secret board to another is not served here")
        published = self._account_boards.show(account, hidden, str(body["board_id"]))
        return Answer(self._shown(call, published.post, has_metrics=False))

    async def _delete(self, call: RestCall) -> Answer:
        if not self._account_boards.drop(call.caller, call.path("pin_id")):
            self.host.delete(self._own_pin(call, call.path("pin_id")))
        return Answer(None, 204, content=b"")

    def _own_pin(self, call: RestCall, pin_id: str) -> Post:
        post = self.host.post(self.network, pin_id)
        if post is None or post.account_id != call.caller.native_id:
            raise error(404, 50, "Pin not found.")
        return post

    def _media_of(self, account: Account, source: Any) -> tuple[str, int]:
        """Format and number of media of a new pin. Raises Refusal."""
        source = source if isinstance(source, dict) else {}
        kind = source.get("source_type")
        if kind == "image_base64":
            _check_picture(source)
            return "image", 1
        if kind == "image_url":
            _check_url(source)
            return "image", 1
        if kind in ("multiple_image_base64", "multiple_image_urls"):
            items = source.get("items")
            if not isinstance(items, list) or not 2 <= len(items) <= 5:
                raise invalid("media_source.items: 2 to 5 pictures are expected")
            for item in items:
                (_check_picture if kind == "multiple_image_base64" else _check_url)(item)
            return "carousel", len(items)
        if kind == "video_id":
            if self._films.status(account, str(source.get("media_id"))) != "succeeded":
                raise invalid("media_source.media_id: the film is not processed")
            if not any(source.get(f"cover_image_{name}") is not None for name in ("url", "data", "key_frame_time")):
                raise invalid("media_source: a video pin needs a cover image")
            return "video", 1
        raise invalid("media_source.source_type is unknown")

    def _shown(self, call: RestCall, post: Post, *, has_metrics: bool) -> dict[str, Any]:
        published = self.host.published_post(post.native_id, post.account_id)
        account = self.host.accounts[post.account_id]
        told = {
            "description": post.text,
            "link": post.link_url,
            "title": post.link_title,
            "board_id": board_id_of(account),
        }
        details = published.details if published else told
        pin = _wire_pin(account, post.native_id, post.created_ms, details, post.content_format, post.media_count)
        return {**pin, "pin_metrics": self._analytics.listed(self.counts(call, post)) if has_metrics else None}

    def _hidden(self, call: RestCall, pin: Mapping[str, Any]) -> dict[str, Any]:
        """A pin on a secret board, as its owner sees it."""
        return _wire_pin(
            call.caller, pin["id"], pin["created_ms"], pin["details"], pin["content_format"], pin["media_count"]
        )

    # --- analytics ---

    async def _pins_analytics(self, call: RestCall) -> Answer:
        ids = call.request.query_params.getlist("pin_ids")
        if not 1 <= len(ids) <= 100:
            raise invalid("pin_ids: 1 to 100 are expected")
        posts = [self._own_pin(call, pin_id) for pin_id in ids]
        return Answer({post.native_id: self._analytics.of_pin(call, post) for post in posts})

    async def _pin_analytics(self, call: RestCall) -> Answer:
        return Answer(self._analytics.of_pin(call, self._own_pin(call, call.path("pin_id"))))

    async def _account_analytics(self, call: RestCall) -> Answer:
        return Answer(self._analytics.of_account(call, self.feed(call, call.caller).posts))

    # --- films ---

    async def _register(self, call: RestCall) -> Answer:
        body = call.json()
        if not isinstance(body, dict) or body.get("media_type") != "video":
            raise invalid("media_type: only video is known")
        return Answer(self._films.register(call.caller), 201)

    async def _film(self, call: RestCall) -> Answer:
        media_id = call.path("media_id")
        status = self._films.poll(call.caller, media_id)
        if status is None:
            raise error(404, 50, "Media not found.")
        return Answer({"media_id": media_id, "media_type": "video", "status": status})

    async def _upload(self, call: RestCall) -> Answer:
        return await self._films.upload(await call.form())


def _wire_pin(
    account: Account,
    pin_id: str,
    created_ms: int,
    details: Mapping[str, Any],
    content_format: str,
    media_count: int,
) -> dict[str, Any]:
    images = {
        name: {"width": width, "height": height, "url": f"https://i.pinimg.com/{name}/{pin_id}.jpg"}
        for name, (width, height) in _SIZES.items()
    }
    media: dict[str, Any] = {"media_type": _MEDIA_TYPES.get(content_format, "image")}
    if content_format == "carousel":
        media["items"] = [{"item_type": "image", "images": images} for _ in range(media_count)]
    else:
        media["images"] = images
    if content_format == "video":
        media |= {"cover_image_url": images["600x"]["url"], "duration": None, "height": None, "width": None}
    return {
        "id": pin_id,
        "created_at": wire_time(created_ms),
        "title": details.get("title"),
        "description": details.get("description"),
        "link": details.get("link"),
        "alt_text": details.get("alt_text"),
        "board_id": details["board_id"],
        "board_section_id": None,
        "board_owner": {"username": account.handle},
        "parent_pin_id": None,
        "dominant_color": "#6e7874",
        "creative_type": _CREATIVE_TYPES.get(content_format, "REGULAR"),
        "has_been_promoted": False,
        "is_owner": True,
        "is_standard": True,
        "media": media,
        "pin_metrics": None,
    }


def _category(call: RestCall) -> Category:
    if call.endpoint.path.endswith("analytics"):
        return ORG_ANALYTICS
    return ORG_READ if call.endpoint.method == "GET" else ORG_WRITE


def _decoded(text: Any) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None


def _check_picture(item: Any) -> None:
    if not isinstance(item, dict) or item.get("content_type") not in _PICTURES or not _decoded(item.get("data")):
        raise invalid("media_source: JPEG or PNG in base64 is expected")


def _check_url(item: Any) -> None:
    url = item.get("url") if isinstance(item, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid("media_source: a web address is expected")
