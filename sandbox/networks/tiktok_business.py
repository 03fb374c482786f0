"""TikTok's API for Business below `/tiktok/business-api`: daily figures, reach, comments and replies.

Its token stands in a header of its own, and it says no with HTTP 200. Belongs here: this product's paths and bodies. Does not belong
here: the first product (`tiktok.py`).
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from starlette.routing import BaseRoute

from sandbox.credentials import TIKTOK_BUSINESS, BadTokenError, Credentials
from sandbox.host import Host
from sandbox.limits import Window
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.networks.tiktok_errors import LOG_ID, refused_by_number
from sandbox.wire import Answer, Refusal
from sandbox.world.model import DAY_MS, Account, Comment, Post, to_ms

_API = "/business-api/open_api/v1.3"
LONGEST_SPAN_DAYS = 60
MOST_COMMENTS, MOST_VIDEOS = 30, 20
REPLIES_SHOWN = 3
REPLY_CHARACTERS = 150
CALLS_PER_MINUTE = 600
_GROWING_DAYS = 30
_DAY_METRICS = {"likes": "likes", "comments": "comments", "shares": "shares", "video_views": "views"}
_VIDEO_METRICS = {**_DAY_METRICS, "reach": "reach"}
_PROFILE_FIELDS = ("username", "display_name", "profile_image", "followers_count", "is_business_account")
_DAY_FIELDS = (*_DAY_METRICS, "followers_count", "profile_views")


def _ok(data: Any) -> Answer:
    return Answer({"code": 0, "message": "OK", "request_id": LOG_ID, "data": data})


def _invalid(message: str) -> Refusal:
    return refused_by_number(40002, message)


class TikTokBusiness(RestNetwork):
    """The second product. It answers on its own paths only: all others are the first product's."""

    network = "tiktok"
    issuer = TIKTOK_BUSINESS

    def __init__(self, host: Host, credentials: Credentials) -> None:
        super().__init__(host, credentials)
        self._gains: dict[tuple[str, date, int], Mapping[str, int]] = {}

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("POST", f"{_API}/tt_user/oauth2/refresh_token/", "token", self._renew, is_public=True),
            Endpoint("GET", f"{_API}/business/get/", "read", self._profile),
            Endpoint("GET", f"{_API}/business/video/list/", "read", self._videos),
            Endpoint("GET", f"{_API}/business/comment/list/", "read", self._comments),
            Endpoint("GET", f"{_API}/business/comment/reply/list/", "read", self._replies),
            Endpoint("POST", f"{_API}/business/comment/create/", "reply", self._write),
            Endpoint("POST", f"{_API}/business/comment/reply/create/", "reply", self._write),
        )

    def routes(self) -> list[BaseRoute]:
        return super().routes()[:-1]

    # --- what it says ---

    def token_of(self, call: RestCall) -> str | None:
        return call.request.headers.get("access-token")

    def bad_token(self, reason: str) -> Refusal:
        if reason == "missing":
            return refused_by_number(40104, "Access token is missing.")
        return refused_by_number(40105, "Access token is incorrect or has been revoked.")

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        del call, window
        return refused_by_number(40100, "Too many requests. Please retry in some time.")

    def server_error(self, status: int) -> Refusal:
        return refused_by_number(50000, "System error", status=status)

    def not_found(self) -> Refusal:
        return refused_by_number(40006, "The requested path does not exist.")

    def spend(self, call: RestCall) -> Window | None:
        return self.host.limits.spend(f"tiktok:business:{call.token}", 1, CALLS_PER_MINUTE, 60)

    async def _renew(self, call: RestCall) -> Answer:
        body = call.json()
        body = body if isinstance(body, dict) else {}
        if (body.get("client_id"), body.get("client_secret")) != (
            self.credentials.client_id,
            self.credentials.app_secret,
        ):
            raise refused_by_number(40001, "The app or its secret is invalid.")
        try:
            account_id, grant = self.credentials.renew(TIKTOK_BUSINESS, str(body.get("refresh_token", "")))
        except BadTokenError:
            raise refused_by_number(40110, "The refresh token is invalid or was used before.") from None
        return _ok(
            {
                "access_token": grant.access,
                "expires_in": round((grant.expires_at or 0) - time.time()),
                "open_id": account_id,
                "refresh_token": grant.refresh,
                "refresh_token_expires_in": 365 * 86_400,
                "scope": "user.info.basic,video.list,video.insights,comment.list,comment.list.manage,user.insights",
                "token_type": "Bearer",
            }
        )

    # --- figures ---

    async def _profile(self, call: RestCall) -> Answer:
        account = self._own(call)
        names = _fields(call, known=(*_PROFILE_FIELDS, *_DAY_FIELDS), default=("display_name", "profile_image"))
        facts: dict[str, Any] = {
            "username": account.handle,
            "display_name": account.display_name,
            "profile_image": f"{self.host.base_url}/tiktok/avatar/{account.handle}.webp",
            "followers_count": self.host.world.followers(account, self.host.clock.now_ms),
            "is_business_account": True,
        }
        data = {name: facts[name] for name in names if name in facts}
        if "start_date" in call.params or "end_date" in call.params:
            data["metrics"] = [self._day(account, day, names) for day in self._days(call)]
        return _ok(data)

    def _days(self, call: RestCall) -> list[date]:
        try:
            first, last = (date.fromisoformat(call.params.get(name, "")) for name in ("start_date", "end_date"))
        except ValueError:
            raise _invalid("start_date and end_date must be dates: YYYY-MM-DD.") from None
        if not first <= last < first + timedelta(days=LONGEST_SPAN_DAYS):
            raise _invalid(f"The span must have 1 to {LONGEST_SPAN_DAYS} days.")
        return [first + timedelta(days=i) for i in range((last - first).days + 1)]

    def _day(self, account: Account, day: date, names: Sequence[str]) -> dict[str, Any]:
        """One day's figures; a day that is not over has its date only."""
        start_ms = to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))
        end_ms = start_ms + DAY_MS
        if end_ms > self.host.clock.now_ms:
            return {"date": day.isoformat()}
        gained = self._gained(account, day, start_ms, end_ms)
        figures = {name: gained.get(ours) for name, ours in _DAY_METRICS.items()}
        figures["followers_count"] = self.host.world.followers(account, end_ms)
        figures["profile_views"] = self.host.world.idle_reach(account, end_ms)
        found = {name: figures[name] for name in names if figures.get(name) is not None}
        return {"date": day.isoformat(), **found}

    def _gained(self, account: Account, day: date, start_ms: int, end_ms: int) -> Mapping[str, int]:
        """What all posts of the account gained within a day."""
        key = (account.native_id, day, self.host.revision)
        if key not in self._gains:
            total: Counter[str] = Counter(dict.fromkeys(_DAY_METRICS.values(), 0))
            for post in self.host.feed(account).posts:
                if start_ms - _GROWING_DAYS * DAY_MS <= post.created_ms < end_ms:
                    total.update(self.host.world.counts(post, end_ms))
                    total.subtract(self.host.world.counts(post, start_ms))
            self._gains[key] = dict(total)
        return self._gains[key]

    async def _videos(self, call: RestCall) -> Answer:
        account = self._own(call)
        retired = (
            {str(call.effects.param("retired_metric", "metric", ""))} if "retired_metric" in call.effects else set()
        )
        known = {"item_id", "create_time", "caption", "share_url", "thumbnail_url", *_VIDEO_METRICS} - retired
        names = _fields(call, known=tuple(known), default=("item_id",))
        posts = [post for post in reversed(self.feed(call, account).posts) if _is_public(self.host, post)]
        wanted = _json_of(call, "filters", {}).get("video_ids")
        if wanted is not None:
            posts = [post for post in posts if post.native_id in wanted]
        cursor, limit = _cursor(call), _limit(call, MOST_VIDEOS)
        page = [post for post in posts if cursor == 0 or post.created_ms < cursor]
        shown = [] if "empty_page" in call.effects else page[:limit]
        last = shown[-1].created_ms if shown else cursor
        data = {
            "videos": _doubled(call, [self._video(call, post, names) for post in shown]),
            "has_more": len(page) > len(shown),
            "cursor": last,
        }
        return _ok(data)

    def _video(self, call: RestCall, post: Post, names: Sequence[str]) -> dict[str, Any]:
        counts = self.counts(call, post)
        facts: dict[str, Any] = {
            "item_id": post.native_id,
            "create_time": str(post.created_ms // 1000),
            "caption": post.text,
            "share_url": f"https://www.tiktok.com/@{call.caller.handle}/video/{post.native_id}",
            "thumbnail_url": f"{self.host.base_url}/tiktok/cover/{post.native_id}.webp",
            **{name: counts.get(ours) for name, ours in _VIDEO_METRICS.items()},
        }
        return {name: facts[name] for name in ("item_id", *names) if facts[name] is not None}

    # --- comments ---

    async def _comments(self, call: RestCall) -> Answer:
        post = self._own_post(call, call.params.get("video_id", ""))
        own = self._own_comments(call, post)
        shows_replies = call.params.get("include_replies", "").lower() == "true"
        found = []
        for comment in self.host.comments(post):
            replies = [row for row in own if row["parent_id"] == comment.native_id]
            entry = self._of_audience(comment, replies=len(replies))
            if shows_replies:
                entry["reply_list"] = [self._by_account(call, row) for row in replies[:REPLIES_SHOWN]]
            found.append(entry)
        found += [self._by_account(call, row) for row in own if row["parent_id"] is None]
        found.sort(key=lambda entry: (entry["create_time"], entry["comment_id"]), reverse=True)
        return self._page(call, found)

    async def _replies(self, call: RestCall) -> Answer:
        post = self._own_post(call, call.params.get("video_id", ""))
        wanted = call.params.get("comment_id", "")
        rows = [row for row in self._own_comments(call, post) if row["parent_id"] == wanted]
        return self._page(call, [self._by_account(call, row) for row in rows])

    def _page(self, call: RestCall, entries: list[dict[str, Any]]) -> Answer:
        start, limit = _cursor(call), _limit(call, MOST_COMMENTS)
        if "empty_page" in call.effects:
            return _ok({"comments": [], "cursor": start, "has_more": True})
        shown = entries[start : start + limit]
        more = {"cursor": start + len(shown), "has_more": start + len(shown) < len(entries)}
        return _ok({"comments": _doubled(call, shown), **more})

    def _own_comments(self, call: RestCall, post: Post) -> list[Mapping[str, Any]]:
        youngest = time.time() - call.lag_seconds
        rows = self.host.own_comments(post.native_id)
        return [row for row in rows if not call.lag_seconds or row["committed_at"] <= youngest]

    def _of_audience(self, comment: Comment, *, replies: int) -> dict[str, Any]:
        return {
            "comment_id": comment.native_id,
            "video_id": comment.post_id,
            "unique_identifier": comment.author_id,
            "username": comment.author_handle,
            "display_name": comment.author_name,
            "create_time": comment.created_ms // 1000,
            "text": comment.text,
            "likes": comment.likes,
            "replies": replies,
            "owner": False,
            "liked": False,
            "pinned": False,
            "status": "PUBLIC",
        }

    def _by_account(self, call: RestCall, row: Mapping[str, Any]) -> dict[str, Any]:
        account = self.host.accounts[row["account_id"]]
        entry = {
            "comment_id": row["comment_id"],
            "video_id": row["media_id"],
            "unique_identifier": account.native_id,
            "username": account.handle,
            "display_name": account.display_name,
            "create_time": row["created_ms"] // 1000,
            "text": row["text"],
            "likes": 0,
            "replies": 0,
            "owner": row["account_id"] == call.caller.native_id,
            "liked": False,
            "pinned": False,
            "status": "PUBLIC",
        }
        return entry | ({"parent_comment_id": row["parent_id"]} if row["parent_id"] else {})

    async def _write(self, call: RestCall) -> Answer:
        body = call.json()
        body = body if isinstance(body, dict) else {}
        if body.get("business_id") != call.caller.native_id:
            raise refused_by_number(40001, "No permission to this account.")
        post = self._own_post(call, str(body.get("video_id", "")))
        text = body.get("text")
        if not isinstance(text, str) or not 1 <= len(text) <= REPLY_CHARACTERS:
            raise _invalid(f"text must have 1 to {REPLY_CHARACTERS} characters.")
        parent_id = None
        if call.endpoint.path.endswith("/reply/create/"):
            parent_id = str(body.get("comment_id", ""))
            if parent_id not in {comment.native_id for comment in self.host.comments(post)}:
                raise _invalid("The comment does not exist.")
        native_id = self.host.write_comment(call.caller, post.native_id, parent_id, text)
        row = next(row for row in self.host.own_comments(post.native_id) if row["comment_id"] == native_id)
        return _ok(self._by_account(call, row))

    # --- whose ---

    @staticmethod
    def _own(call: RestCall) -> Account:
        if call.params.get("business_id") != call.caller.native_id:
            raise refused_by_number(40001, "No permission to this account.")
        return call.caller

    def _own_post(self, call: RestCall, native_id: str) -> Post:
        post = self.host.post("tiktok", native_id)
        if post is None or post.account_id != call.caller.native_id:
            raise _invalid("The video does not exist or is not this account's.")
        return post


def _is_public(host: Host, post: Post) -> bool:
    published = host.published_post(post.native_id, post.account_id)
    return published is None or published.details.get("privacy_level") == "PUBLIC_TO_EVERYONE"


def _json_of(call: RestCall, name: str, default: Any) -> Any:
    try:
        value = orjson.loads(call.params[name]) if name in call.params else default
    except orjson.JSONDecodeError:
        raise _invalid(f"{name} must be JSON.") from None
    if not isinstance(value, type(default)):
        raise _invalid(f"{name} has another form.")
    return value


def _fields(call: RestCall, *, known: Sequence[str], default: Sequence[str]) -> list[str]:
    names = _json_of(call, "fields", list(default))
    if unknown := [name for name in names if name not in known]:
        raise _invalid(f"Unknown fields: {unknown}")
    return list(names)


def _cursor(call: RestCall) -> int:
    text = call.params.get("cursor", "0")
    if not text.isdecimal():
        raise _invalid("cursor must be a number.")
    return int(text)


def _limit(call: RestCall, most: int) -> int:
    text = call.params.get("max_count", str(most))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise _invalid(f"max_count must lie between 1 and {most}.")
    return int(text)


def _doubled(call: RestCall, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in items for _ in range(2)] if "duplicate_answer" in call.effects else items
