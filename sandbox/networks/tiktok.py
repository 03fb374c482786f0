"""TikTok's first product (Display and Content Posting) under `/tiktok`, with the upload host below `/tiktok/upload`.

HTTP 200 is no success here until `error.code` says `ok`. Belongs here: paths, profile, listings, limits. Does not belong here: publishing
(`tiktok_posting.py`), API for Business (`tiktok_business.py`), which answers below `/tiktok/business-api`.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from sandbox.credentials import BadTokenError, Credentials
from sandbox.host import Host
from sandbox.limits import Window
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.networks.tiktok_business import TikTokBusiness
from sandbox.networks.tiktok_errors import LOG_ID, OK, refused, refused_token, unknown_fields
from sandbox.networks.tiktok_posting import EVERYBODY, Posting, completes, ended_upload
from sandbox.wire import Answer, Refusal
from sandbox.world.model import Account, Post

MOST_VIDEOS = 20
TITLE_UNITS = 150
FOLLOWING = 48
_LIMITS = {
    "/v2/post/publish/video/init/": ("init", 6),
    "/v2/post/publish/content/init/": ("init", 6),
    "/v2/post/publish/status/fetch/": ("status", 30),
    "/v2/post/publish/creator_info/query/": ("creator_info", 20),
    "/v2/user/info/": ("user_info", 600),
    "/v2/video/list/": ("video_list", 600),
    "/v2/video/query/": ("video_query", 600),
}
"""Calls a minute for each token. TikTok says nothing about them in headers."""
_USER_FIELDS = frozenset(
    {
        "open_id",
        "union_id",
        "display_name",
        "username",
        "avatar_url",
        "bio_description",
        "profile_deep_link",
        "is_verified",
        "follower_count",
        "following_count",
        "likes_count",
        "video_count",
    }
)
_COUNTS = {"like_count": "likes", "comment_count": "comments", "share_count": "shares", "view_count": "views"}
_VIDEO_FIELDS = frozenset(
    {
        "id",
        "create_time",
        "cover_image_url",
        "share_url",
        "video_description",
        "duration",
        "height",
        "width",
        "title",
        "embed_link",
        *_COUNTS,
    }
)
_UPLOAD = "/upload/video/"


class TikTok(RestNetwork):
    """The first product; brings the second one along."""

    network = "tiktok"

    def __init__(self, host: Host, credentials: Credentials) -> None:
        super().__init__(host, credentials)
        self._posting = Posting(host, secret=credentials.app_secret)

    def endpoints(self) -> Sequence[Endpoint]:
        posting = self._posting
        return (
            Endpoint("POST", "/v2/oauth/token/", "token", self._renew, is_public=True),
            Endpoint("GET", "/v2/user/info/", "read", self._user),
            Endpoint("POST", "/v2/video/list/", "read", self._list),
            Endpoint("POST", "/v2/video/query/", "read", self._query),
            Endpoint("POST", "/v2/post/publish/creator_info/query/", "read", posting.creator_info),
            Endpoint("POST", "/v2/post/publish/video/init/", "stage", posting.begin_film),
            Endpoint("POST", "/v2/post/publish/content/init/", "publish", posting.publish_pictures),
            Endpoint("POST", "/v2/post/publish/status/fetch/", "read", posting.status),
            Endpoint("PUT", _UPLOAD, "stage", posting.take_part, is_public=True),
        )

    def routes(self) -> list[BaseRoute]:
        return [*TikTokBusiness(self.host, self.credentials).routes(), *super().routes()]

    def _serve(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """As for all, but that the last part of a film is a publish and not a staging, for the faults."""
        serve = super()._serve(endpoint)
        if endpoint.path != _UPLOAD:
            return serve
        serve_last = super()._serve(replace(endpoint, operation="publish", duplicate=ended_upload))

        async def by_range(request: Request) -> Response:
            is_last = completes(request.headers.get("content-range", ""))
            return await (serve_last if is_last else serve)(request)

        return by_range

    def _identify(self, call: RestCall) -> str | None:
        """As for all; the address of an upload tells whose it is."""
        if call.endpoint.path != _UPLOAD:
            return super()._identify(call)
        row = self._posting.upload_row(call.params)
        call.account = self.host.accounts[row["account_id"]] if row else None
        return None

    # --- what it says ---

    def bad_token(self, reason: str) -> Refusal:
        said = "missing" if reason == "missing" else "invalid or has expired"
        return refused(401, "access_token_invalid", f"The access token is {said}.")

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        del call, window
        return refused(429, "rate_limit_exceeded", "The API rate limit was exceeded. Please try again later.")

    def server_error(self, status: int) -> Refusal:
        return refused(status, "internal_error", "Something is wrong. Please try again later.")

    def not_found(self) -> Refusal:
        return refused(404, "invalid_api", "Unsupported path")

    def spend(self, call: RestCall) -> Window | None:
        if call.endpoint.path not in _LIMITS:
            return None
        name, calls = _LIMITS[call.endpoint.path]
        return self.host.limits.spend(f"tiktok:{name}:{call.token}", 1, calls, 60)

    def headers(self, call: RestCall, window: Window | None) -> Mapping[str, str]:
        del call, window
        return {"x-tt-logid": LOG_ID}

    async def _renew(self, call: RestCall) -> Answer:
        form = await call.form()
        if (form.get("client_key"), form.get("client_secret")) != (
            self.credentials.client_id,
            self.credentials.app_secret,
        ):
            raise refused_token("invalid_client", "Client key or secret is incorrect.")
        if form.get("grant_type") != "refresh_token":
            raise refused_token("unsupported_grant_type", "The grant type is not supported.")
        try:
            account_id, grant = self.credentials.renew("tiktok", str(form.get("refresh_token", "")))
        except BadTokenError:
            raise refused_token("invalid_grant", "Refresh token is invalid or expired.") from None
        return Answer(
            {
                "access_token": grant.access,
                "expires_in": round((grant.expires_at or 0) - time.time()),
                "open_id": account_id,
                "refresh_expires_in": 365 * 86_400,
                "refresh_token": grant.refresh,
                "scope": "user.info.basic,user.info.profile,user.info.stats,video.list,video.publish",
                "token_type": "Bearer",
            }
        )

    # --- reading ---

    async def _user(self, call: RestCall) -> Answer:
        names = self._fields(call, _USER_FIELDS)
        account, now_ms = call.caller, self.host.clock.now_ms
        facts: dict[str, Callable[[], Any]] = {
            "open_id": lambda: account.native_id,
            "union_id": lambda: f"u{account.native_id}",
            "display_name": lambda: account.display_name,
            "username": lambda: account.handle,
            "avatar_url": lambda: f"{self.host.base_url}/tiktok/avatar/{account.handle}.webp",
            "bio_description": lambda: account.biography,
            "profile_deep_link": lambda: f"https://www.tiktok.com/@{account.handle}",
            "is_verified": lambda: False,
            "follower_count": lambda: self.host.world.followers(account, now_ms),
            "following_count": lambda: FOLLOWING,
            "likes_count": lambda: sum(self.host.counts(p)["likes"] for p in self.host.feed(account).posts),
            "video_count": lambda: sum(1 for _ in self._public(call, account)),
        }
        user = {name: value for name in names if (value := facts[name]()) is not None}
        return Answer({"data": {"user": user}, "error": OK})

    async def _list(self, call: RestCall) -> Answer:
        names = self._fields(call, _VIDEO_FIELDS)
        body = call.json() or {}
        limit, cursor = body.get("max_count", 10), body.get("cursor")
        if not isinstance(limit, int) or not 1 <= limit <= MOST_VIDEOS:
            raise refused(400, "invalid_params", f"max_count must lie between 1 and {MOST_VIDEOS}.")
        if cursor is not None and not isinstance(cursor, int):
            raise refused(400, "invalid_params", "cursor must be a number.")
        posts: list[Post] = []
        for post in self._public(call, call.caller, before_ms=cursor):
            posts.append(post)
            if len(posts) > limit:
                break
        shown = [] if "empty_page" in call.effects else posts[:limit]
        # An empty page in the middle names a next one that skips nothing.
        last = shown[-1].created_ms if shown else posts[0].created_ms + 1 if posts else cursor or 0
        videos = [self._video(call, post, names) for post in shown]
        if "duplicate_answer" in call.effects:
            videos = [video for video in videos for _ in range(2)]
        data = {"videos": videos, "cursor": last, "has_more": len(posts) > len(shown)}
        return Answer({"data": data, "error": OK})

    async def _query(self, call: RestCall) -> Answer:
        names = self._fields(call, _VIDEO_FIELDS)
        filters = (call.json() or {}).get("filters")
        wanted = filters.get("video_ids") if isinstance(filters, dict) else None
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= MOST_VIDEOS:
            raise refused(400, "invalid_params", f"filters.video_ids must hold 1 to {MOST_VIDEOS} ids.")
        listed = {post.native_id: post for post in self._public(call, call.caller)}
        found = [listed[str(native_id)] for native_id in wanted if str(native_id) in listed]
        return Answer({"data": {"videos": [self._video(call, post, names) for post in found]}, "error": OK})

    def _public(self, call: RestCall, account: Account, *, before_ms: int | None = None) -> Iterator[Post]:
        """The account's posts for everybody, newest first, older than a moment."""
        feed = self.feed(call, account)
        position = None if before_ms is None else (before_ms, "")
        while page := feed.before(position, MOST_VIDEOS):
            for post in page:
                published = self.host.published_post(post.native_id, account.native_id)
                if published is None or published.details.get("privacy_level") == EVERYBODY:
                    yield post
            position = (page[-1].created_ms, page[-1].native_id)

    def _fields(self, call: RestCall, known: frozenset[str]) -> list[str]:
        names = [name for name in call.params.get("fields", "").split(",") if name]
        if not names:
            raise refused(400, "invalid_params", "The fields query parameter is required.")
        if "retired_metric" in call.effects:
            known -= {str(call.effects.param("retired_metric", "metric", ""))}
        if unknown := set(names) - known:
            raise unknown_fields(unknown)
        return names

    def _video(self, call: RestCall, post: Post, names: Sequence[str]) -> dict[str, Any]:
        is_film = post.content_format not in ("image", "carousel")
        published = self.host.published_post(post.native_id, post.account_id)
        title = str(published.details.get("title") or "") if published else ""
        kind = "video" if is_film else "photo"
        facts: dict[str, Any] = {
            "id": post.native_id,
            "create_time": post.created_ms // 1000,
            "cover_image_url": f"{self.host.base_url}/tiktok/cover/{post.native_id}.webp",
            "share_url": post.permalink or f"https://www.tiktok.com/@{call.caller.handle}/{kind}/{post.native_id}",
            "video_description": post.text,
            "duration": 12 if is_film else 0,
            "height": 1280 if is_film else 0,
            "width": 720 if is_film else 0,
            "title": (title or post.text)[:TITLE_UNITS],
            "embed_link": f"https://www.tiktok.com/embed/v2/{post.native_id}",
        }
        if set(names) & set(_COUNTS):
            counts = self.counts(call, post)
            facts |= {name: counts[ours] for name, ours in _COUNTS.items() if ours in counts}
        return {name: facts[name] for name in names if name in facts}
