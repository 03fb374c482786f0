"""YouTube on one address: the Data API, its upload host, the Analytics API and Google's token endpoint, under their own paths.

`/youtube/v3`, `/upload/youtube/v3` (also `/resumable/upload/youtube/v3`), `/v2/reports` and `/token` begin differently, so nothing
stands between them and `/youtube`. Belongs here: endpoints and who may do what. Does not belong here: sessions
(`youtube_uploads.py`), resources (`youtube_views.py`), reports (`youtube_reports.py`).
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.credentials import BadTokenError, Credentials
from sandbox.host import Host
from sandbox.limits import Window
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.networks.youtube_reports import Reports
from sandbox.networks.youtube_uploads import Uploads, span_of
from sandbox.networks.youtube_views import (
    CHANNEL_PARTS,
    OWNER_PARTS,
    VIDEO_PARTS,
    Views,
    channel_of,
    own_comment_id,
    stored_comment_id,
)
from sandbox.networks.youtube_wire import (
    LIST_UNITS,
    WRITE_UNITS,
    PageToken,
    listing,
    missing,
    page_size,
    parts_of,
    refusal,
    spend,
    tagged,
)
from sandbox.wire import Answer, Refusal
from sandbox.world.model import Account, Post

DATA = "/youtube/v3"
UPLOADS = ("/upload/youtube/v3/videos", "/resumable/upload/youtube/v3/videos")
MOST_REPLIES_IN_A_THREAD = 5
MOST_IDS = 50
LONGEST_COMMENT = 10_000


class YouTube(RestNetwork):
    """YouTube as one Google project sees it."""

    network = "youtube"
    content_type = "application/json; charset=UTF-8"

    def __init__(self, host: Host, credentials: Credentials) -> None:
        super().__init__(host, credentials)
        self._views = Views(host)
        self._reports = Reports(host, self._views)
        self._uploads = Uploads(host, lambda account, post, parts: self._shown(account, post, parts))

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("GET", f"{DATA}/channels", "read", self._channels),
            Endpoint("GET", f"{DATA}/playlistItems", "read", self._playlist_items),
            Endpoint("GET", f"{DATA}/videos", "read", self._videos),
            Endpoint("DELETE", f"{DATA}/videos", "stage", self._delete_video),
            Endpoint("GET", f"{DATA}/commentThreads", "read", self._threads),
            Endpoint("POST", f"{DATA}/commentThreads", "reply", self._write_thread),
            Endpoint("GET", f"{DATA}/comments", "read", self._comments),
            Endpoint("POST", f"{DATA}/comments", "reply", self._write_comment),
            Endpoint("DELETE", f"{DATA}/comments", "stage", self._delete_comment),
            Endpoint("GET", "/v2/reports", "read", self._reports.query),
            Endpoint("POST", "/token", "token", self._token, is_public=True),
            *(Endpoint("POST", path, "stage", self._uploads.open) for path in UPLOADS),
        )

    def routes(self) -> list[BaseRoute]:
        """One address of a session takes three kinds of calls, which faults have to tell apart: asking, sending, publishing."""
        serve = {
            kind: self._serve(Endpoint("PUT", UPLOADS[0], kind, self._uploads.put))
            for kind in ("read", "stage", "publish")
        }

        async def put(request: Request) -> Response:
            span = span_of(request.headers.get("content-range"), int(request.headers.get("content-length", "0")))
            is_asking = span is None or span.first is None
            return await serve["read" if is_asking else "publish" if span and span.is_last else "stage"](request)

        return [*(Route(f"/{self.network}{path}", put, methods=["PUT"]) for path in UPLOADS), *super().routes()]

    # --- refusals and limits ---

    def bad_token(self, reason: str) -> Refusal:
        message = "Request had invalid authentication credentials."
        listed = {
            "message": "Invalid Credentials",
            "domain": "global",
            "reason": "authError",
            "location": "Authorization",
        }
        if reason == "missing":
            listed |= {"message": "Login Required.", "reason": "required"}
        body = {"code": 401, "message": message, "errors": [listed], "status": "UNAUTHENTICATED"}
        return Refusal(401, {"error": body}, {"www-authenticate": 'Bearer realm="https://accounts.google.com/"'})

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        if window is not None:
            message = "The request cannot be completed because you have exceeded your quota."
            return refusal(403, "quotaExceeded", message, domain="youtube.quota")
        answer = refusal(403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits")
        seconds = round(float(call.effects.param("rate_limit", "retry_after_seconds", 60)))
        answer.answer.headers = {"retry-after": str(seconds)}
        return answer

    def server_error(self, status: int) -> Refusal:
        return refusal(status, "backendError", "Backend Error", domain="global")

    def not_found(self) -> Refusal:
        return Refusal(404, {"error": {"code": 404, "message": "Not Found", "status": "NOT_FOUND"}})

    def spend(self, call: RestCall) -> Window | None:
        path, method = call.endpoint.path, call.endpoint.method
        if path in UPLOADS and method == "POST":
            return spend(self.host, "uploads", 1)
        if path.startswith(DATA):
            return spend(self.host, "units", LIST_UNITS if method == "GET" else WRITE_UNITS)
        return None

    # --- tokens ---

    async def _token(self, call: RestCall) -> Answer:
        form = await call.form()
        if (
            form.get("client_id") != self.credentials.client_id
            or form.get("client_secret") != self.credentials.app_secret
        ):
            raise Refusal(401, {"error": "invalid_client", "error_description": "The OAuth client was not found."})
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type."})
        try:
            _, grant = self.credentials.renew(self.network, str(form.get("refresh_token", "")))
        except BadTokenError:
            message = "Token has been expired or revoked."
            raise Refusal(400, {"error": "invalid_grant", "error_description": message}) from None
        scope = "https://www.googleapis.com/auth/youtube.force-ssl"
        return Answer({"access_token": grant.access, "expires_in": 3599, "scope": scope, "token_type": "Bearer"})

    # --- channels and videos ---

    async def _channels(self, call: RestCall) -> Answer:
        parts = parts_of(call, CHANNEL_PARTS)
        if call.params.get("mine") == "true":
            found = [call.caller]
        elif call.params.get("id"):
            known = (self.host.account(self.network, name) for name in call.params["id"].split(","))
            found = [account for account in known if account is not None]
        else:
            raise missing("id")
        items = [self._views.channel(account, parts) for account in found]
        return listing(call, "channelListResponse", items, size=5, total=len(items), following=None)

    async def _playlist_items(self, call: RestCall) -> Answer:
        parts = parts_of(call, ("snippet", "contentDetails", "status"))
        playlist_id = call.params.get("playlistId")
        if playlist_id is None:
            raise missing("playlistId")
        account = self.host.account(self.network, channel_of(playlist_id)) if playlist_id.startswith("UU") else None
        if account is None:
            message = "The playlist identified with the request's playlistId parameter cannot be found."
            raise refusal(404, "playlistNotFound", message, domain="youtube.playlistItem")
        size, place = page_size(call, 5, 50), PageToken.of(call)
        feed = self.feed(call, account)
        after = (int(place.after[0]), str(place.after[1])) if place.after else None
        posts = feed.before(after, size)
        seen = [post for post in posts if self._may_see(call.caller, post)]
        items = [self._views.playlist_item(account, post, index, parts) for index, post in enumerate(seen)]
        is_more = bool(posts) and feed.has_before(posts[-1])
        following = [posts[-1].created_ms, posts[-1].native_id] if is_more else None
        return listing(call, "playlistItemListResponse", items, size=size, total=len(feed.posts), following=following)

    async def _videos(self, call: RestCall) -> Answer:
        parts = parts_of(call, VIDEO_PARTS)
        ids = [name for value in call.request.query_params.getlist("id") for name in value.split(",") if name]
        if not ids:
            raise missing("id")
        if len(ids) > MOST_IDS:
            raise refusal(400, "invalidFilters", "The request specifies too many ids.")
        height = call.params.get("maxHeight", "")
        found = [
            post for name in ids if (post := self.host.post(self.network, name)) and self._may_see(call.caller, post)
        ]
        items = [
            self._shown(
                call.caller,
                post,
                parts,
                self.counts(call, post),
                max_height=int(height) if height.isdecimal() else None,
            )
            for post in found
        ]
        return listing(call, "videoListResponse", items, size=len(items), total=len(items), following=None)

    async def _delete_video(self, call: RestCall) -> Answer:
        post = self.host.post(self.network, call.params.get("id", ""))
        if post is None:
            raise self._no_video()
        if post.account_id != call.caller.native_id:
            raise refusal(403, "forbidden", "The video cannot be deleted by this user.", domain="youtube.video")
        self.host.delete(post)
        return Answer(None, 204, content=b"")

    def _shown(
        self,
        reader: Account,
        post: Post,
        parts: list[str],
        counts: Mapping[str, int] | None = None,
        *,
        max_height: int | None = None,
    ) -> dict[str, Any]:
        """A video as this reader may see it: some parts are its owner's only."""
        owner = self.host.accounts[post.account_id]
        allowed = [part for part in parts if part not in OWNER_PARTS or owner.native_id == reader.native_id]
        known = counts if counts is not None else self.host.counts(post)
        return self._views.video(owner, post, allowed, known, max_height=max_height)

    def _may_see(self, reader: Account, post: Post) -> bool:
        return post.account_id == reader.native_id or self._views.privacy(post) != "private"

    @staticmethod
    def _no_video() -> Refusal:
        message = "The video that you are trying to reach cannot be found."
        return refusal(404, "videoNotFound", message, domain="youtube.video", location="id", locationType="parameter")

    # --- comments ---

    async def _threads(self, call: RestCall) -> Answer:
        parts = parts_of(call, ("snippet", "replies"))
        if "videoId" not in call.params:
            raise missing("videoId")
        post = self.host.post(self.network, call.params["videoId"])
        if post is None or not self._may_see(call.caller, post):
            raise self._no_video()
        tops, answers = self._conversation(call, post)
        size, offset = page_size(call, 20, 100), int(PageToken.of(call).after or 0)
        page = tops[offset : offset + size]
        items = [self._thread(post, top, answers.get(top["id"], []), parts) for top in page]
        following = offset + size if offset + size < len(tops) else None
        return listing(call, "commentThreadListResponse", items, size=size, total=len(page), following=following)

    def _thread(
        self, post: Post, top: dict[str, Any], answers: list[dict[str, Any]], parts: list[str]
    ) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "snippet": {
                "channelId": post.account_id,
                "videoId": post.native_id,
                "topLevelComment": top,
                "canReply": True,
                "totalReplyCount": len(answers),
                "isPublic": True,
            }
        }
        if answers:
            shown["replies"] = {"comments": answers[:MOST_REPLIES_IN_A_THREAD]}
        chosen = {name: value for name, value in shown.items() if name in parts}
        return tagged({"kind": "youtube#commentThread", "id": top["id"], **chosen})

    async def _comments(self, call: RestCall) -> Answer:
        parts_of(call, ("snippet",))
        parent_id = call.params.get("parentId")
        if parent_id is None:
            raise missing("parentId")
        post = self._post_of(parent_id)
        if post is None:
            raise self._no_comment("parentId")
        _, answers = self._conversation(call, post)
        size, offset = page_size(call, 20, 100), int(PageToken.of(call).after or 0)
        found = answers.get(parent_id, [])
        following = offset + size if offset + size < len(found) else None
        items = found[offset : offset + size]
        return listing(call, "commentListResponse", items, size=size, total=None, following=following)

    def _conversation(self, call: RestCall, post: Post) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        """Comments under a video, newest first, and the answers to each, oldest first."""
        is_plain = call.params.get("textFormat") == "plainText"
        tops = [
            (comment.created_ms, self._views.audience_comment(comment, is_plain=is_plain))
            for comment in self.host.comments(post)
        ]
        answers: dict[str, list[dict[str, Any]]] = {}
        for row in self._own_rows(call, post):
            shown = self._views.own_comment(row, is_plain=is_plain, reader=call.caller)
            if row["parent_id"]:
                answers.setdefault(row["parent_id"], []).append(shown)
            else:
                tops.append((row["created_ms"], shown))
        tops.sort(key=lambda top: top[0], reverse=True)
        return [shown for _, shown in tops], answers

    def _own_rows(self, call: RestCall, post: Post) -> list[Mapping[str, Any]]:
        ends = time.time() - call.lag_seconds
        return [
            row for row in self.host.own_comments(post.native_id) if not call.lag_seconds or row["committed_at"] <= ends
        ]

    async def _write_thread(self, call: RestCall) -> Answer:
        parts = parts_of(call, ("snippet", "replies"))
        snippet = _object(_object(call.json()).get("snippet"))
        top = _object(_object(snippet.get("topLevelComment")).get("snippet"))
        post = self.host.post(self.network, str(snippet.get("videoId", "")))
        if post is None:
            raise self._no_video()
        written = self._written(call, post, None, top.get("textOriginal"))
        return Answer(self._thread(post, written, [], parts))

    async def _write_comment(self, call: RestCall) -> Answer:
        parts_of(call, ("snippet",))
        snippet = _object(_object(call.json()).get("snippet"))
        parent_id = snippet.get("parentId")
        if not isinstance(parent_id, str) or not parent_id:
            raise refusal(400, "parentIdMissing", "The comment must answer another.", domain="youtube.comment")
        post = self._post_of(parent_id)
        if post is None:
            raise self._no_comment("parentId")
        return Answer(self._written(call, post, parent_id, snippet.get("textOriginal")))

    def _written(self, call: RestCall, post: Post, parent_id: str | None, text: Any) -> dict[str, Any]:
        if not isinstance(text, str) or not text.strip():
            raise refusal(400, "commentTextRequired", "The comment text is empty.", domain="youtube.comment")
        if len(text) > LONGEST_COMMENT:
            raise refusal(400, "commentTextTooLong", "The comment text is too long.", domain="youtube.comment")
        native_id = self.host.write_comment(call.caller, post.native_id, parent_id, text)
        row = self.host.state.one("comments", comment_id=native_id)
        assert row is not None, "it was just written"
        return self._views.own_comment(row, is_plain=False, reader=call.caller)

    async def _delete_comment(self, call: RestCall) -> Answer:
        """An account's own comment. Somebody else's can only be moderated."""
        wire_id = call.params.get("id", "")
        row = self.host.state.one("comments", comment_id=stored_comment_id(wire_id))
        if row is None or own_comment_id(row) != wire_id:
            if self.host.comment(self.network, wire_id) is not None:
                raise refusal(403, "forbidden", "The comment is not yours.", domain="youtube.comment")
            raise self._no_comment("id")
        if row["account_id"] != call.caller.native_id:
            raise refusal(403, "forbidden", "The comment is not yours.", domain="youtube.comment")
        self.host.state.delete("comments", comment_id=row["comment_id"])
        return Answer(None, 204, content=b"")

    def _post_of(self, top_comment_id: str) -> Post | None:
        """The video under which a comment stands; None for a comment that is not there, or that is itself an answer."""
        row = self.host.state.one("comments", comment_id=top_comment_id)
        if row is not None and row["parent_id"] is None:
            return self.host.post(self.network, row["media_id"])
        comment = self.host.comment(self.network, top_comment_id)
        return self.host.post(self.network, comment.post_id) if comment is not None else None

    @staticmethod
    def _no_comment(where: str) -> Refusal:
        message = "The comment identified with the request cannot be found."
        return refusal(
            404, "commentNotFound", message, domain="youtube.comment", location=where, locationType="parameter"
        )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
