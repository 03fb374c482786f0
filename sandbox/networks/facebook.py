"""Facebook Pages under `/facebook/v<version>`: Page, posts, comments, insights, publishing, films, stories, tokens.

A Page token sees its own Page only: everything else answers code 100, subcode 33, as if it were not there. The real network's
film host is served at the same paths; addresses for whole uploads stand under `/facebook/rupload`.
"""

import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode

import orjson
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from sandbox.credentials import LIFETIMES, BadTokenError, Credentials
from sandbox.host import Feed, Host
from sandbox.limits import Window
from sandbox.networks.facebook_insights import Insights
from sandbox.networks.facebook_posts import as_post, permalink
from sandbox.networks.facebook_publishing import Films, Posts, duplicate_post
from sandbox.networks.facebook_remarks import Remarks
from sandbox.networks.graph import (
    Selection,
    decode_cursor,
    encode_cursor,
    graph_error,
    parse_fields,
    select,
    unknown_object,
)
from sandbox.networks.graph_messages import GraphMessages
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.wire import Answer, Refusal
from sandbox.world.model import DAY_MS, Account, Post

_DAILY_CALLS = 4800
"""Per Page and day: what Meta allows to a Page that one person a day engages with."""
_DEFAULT_POST_FIELDS = "id,message,created_time"
_UNSET_PAGE_FIELDS = (
    "category_list",
    "cover",
    "description",
    "description_html",
    "display_subtext",
    "emails",
    "engagement",
    "global_brand_page_name",
    "global_brand_root_id",
    "phone",
    "website",
)
"""Fields that Pages have and ours have no value for."""
_VERSION = re.compile(r"^v\d+\.\d+$")


class Facebook(RestNetwork):
    """The network behind one address."""

    network = "facebook"
    content_type = "application/json; charset=UTF-8"

    def __init__(self, host: Host, credentials: Credentials) -> None:
        super().__init__(host, credentials)
        self._posts, self._films = Posts(host), Films(host)
        self._remarks = Remarks(host)
        self._messages = GraphMessages(host)
        self._insights = Insights(host, self.counts)

    def endpoints(self) -> Sequence[Endpoint]:
        node, edge = "/{version}/{node}", "/{version}/{node}/"
        return (
            Endpoint("GET", edge.replace("{node}", "oauth") + "access_token", "token", self._exchange, is_public=True),
            Endpoint("GET", edge.replace("{node}", "me") + "accounts", "token", self._pages, is_public=True),
            *(Endpoint("GET", edge + name, "read", self._feed) for name in ("published_posts", "posts", "feed")),
            Endpoint("GET", edge + "stories", "read", self._stories),
            Endpoint("GET", edge + "comments", "read", self._comments),
            Endpoint("GET", edge + "conversations", "read", self._conversations),
            Endpoint("GET", edge + "messages", "read", self._messages_of),
            Endpoint("POST", edge + "messages", "reply", self._send_message),
            Endpoint("GET", edge + "insights", "read", self._insights_of),
            Endpoint("GET", node, "read", self._node),
            Endpoint("POST", edge + "feed", "publish", self._publish, duplicate=duplicate_post),
            Endpoint("POST", edge + "photo_stories", "publish", self._publish_story, duplicate=duplicate_post),
            Endpoint("POST", edge + "photos", "stage", self._upload_photo),
            Endpoint("POST", edge + "videos", "stage", self._film),
            Endpoint("POST", edge + "video_stories", "stage", self._film_story),
            Endpoint("POST", "/rupload/{upload}", "stage", self._take_film),
            Endpoint("POST", edge + "comments", "reply", self._comment),
            Endpoint("POST", node, "moderate", self._moderate),
            Endpoint("DELETE", node, "delete", self._delete),
        )

    def _serve(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """One path uploads films and publishes them: the phase tells which, and faults must know."""
        serve = super()._serve(endpoint)
        if endpoint.handler not in (self._film, self._film_story):
            return serve
        finish = super()._serve(replace(endpoint, operation="publish", duplicate=duplicate_post))

        async def by_phase(request: Request) -> Response:
            await request.body()
            is_last = (await request.form()).get("upload_phase") == "finish"
            return await (finish if is_last else serve)(request)

        return by_phase

    # --- refusals, tokens, limits ---

    def token_of(self, call: RestCall) -> str | None:
        """In the query or the form, or as a header `Bearer` or `OAuth`."""
        scheme, _, header = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() in ("bearer", "oauth"):
            return header.strip() or None
        return _either(call, "access_token")

    def _identify(self, call: RestCall) -> str | None:
        reason = super()._identify(call)
        proof = _either(call, "appsecret_proof")
        if reason is None and proof is not None and not self.credentials.is_proof(call.token or "", proof):
            return "unproven"
        return reason

    def bad_token(self, reason: str) -> Refusal:
        if reason == "missing":
            return graph_error("An access token is required to request this resource.", 104)
        if reason == "unproven":
            return graph_error("Invalid appsecret_proof provided in the API argument", 100)
        if reason == "expired":
            return graph_error("Error validating access token: Session has expired.", 190, subcode=463)
        return graph_error("Invalid OAuth access token - Cannot parse access token", 190)

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        code = int(call.effects.param("rate_limit", "code", 80001))
        seconds = float(call.effects.param("rate_limit", "retry_after_seconds", 60))
        if window is not None:
            seconds = window.resets_at - time.time()
        use = {"call_count": 100, "total_cputime": 25, "total_time": 25}
        if code != 80001:
            message = f"(#{code}) Application request limit reached"
            return graph_error(message, code, status=403, headers={"x-app-usage": orjson.dumps(use).decode()})
        headers = {"x-business-use-case-usage": _business(call, use, max(1, round(seconds / 60)))}
        return graph_error("(#80001) There have been too many calls to this Page account.", code, headers=headers)

    def server_error(self, status: int) -> Refusal:
        message = "An unexpected error has occurred. Please retry your request later."
        return graph_error(message, 2, status=status, is_transient=True)

    def not_found(self) -> Refusal:
        return graph_error("Unknown path components", 2500)

    def spend(self, call: RestCall) -> Window | None:
        if call.account is None:
            return None
        return self.host.limits.spend(f"facebook:{call.account.native_id}", 1, _DAILY_CALLS, 86_400)

    def headers(self, call: RestCall, window: Window | None) -> Mapping[str, str]:
        version = call.request.path_params.get("version", "v25.0")
        if window is None:
            return {"facebook-api-version": version}
        percent = round(100 * (window.limit - window.remaining) / window.limit)
        use = {"call_count": percent, "total_cputime": percent // 4, "total_time": percent // 4}
        return {
            "facebook-api-version": version,
            "x-app-usage": orjson.dumps(use).decode(),
            "x-business-use-case-usage": _business(call, use, 0),
        }

    async def _exchange(self, call: RestCall) -> Answer:
        """A living user token for a longer-lived one: the network gives back the same."""
        if call.params.get("grant_type") != "fb_exchange_token":
            raise graph_error("(#100) Invalid grant_type", 100)
        if not hmac.compare_digest(call.params.get("client_secret", "").encode(), self.credentials.app_secret.encode()):
            raise graph_error("Error validating client secret.", 1)
        user_token = call.params.get("fb_exchange_token", "")
        self._page_of(user_token)
        life = LIFETIMES[self.network].refresh_seconds
        return Answer({"access_token": user_token, "token_type": "bearer", "expires_in": life})

    async def _pages(self, call: RestCall) -> Answer:
        """The Pages of a user, each with a fresh token."""
        page = self._page_of(call.token or "")
        values: dict[str, Callable[[], Any]] = {
            "access_token": lambda: self.credentials.renew(self.network, call.token or "")[1].access,
            "category": lambda: "Brand",
            "category_list": lambda: [{"id": "1605186416478696", "name": "Brand"}],
            "name": lambda: page.display_name,
            "id": lambda: page.native_id,
            "tasks": lambda: ["ANALYZE", "MESSAGING", "MODERATE", "CREATE_CONTENT", "MANAGE"],
        }
        wanted = parse_fields(call.params.get("fields", ",".join(values)))
        shown = {"id": page.native_id} | select(values, wanted, "Page")
        return Answer({"data": [shown], "paging": {"cursors": {"before": "MA", "after": "MA"}}})

    def _page_of(self, user_token: str) -> Account:
        """The Page of a living user token; raises the network's refusal."""
        try:
            return self.host.accounts[self.credentials.holder_of(self.network, user_token)]
        except BadTokenError as error:
            raise self.bad_token(error.reason) from None

    # --- nodes ---

    async def _node(self, call: RestCall) -> Answer:
        name, me = self._named(call), call.caller
        if name in ("me", me.native_id):
            return Answer(self._profile(me, call.params.get("fields", "id,name")))
        wanted = parse_fields(call.params.get("fields", ""))
        if (post := self._own_post(me, name)) is not None:
            return Answer(self._show(call, post, wanted or parse_fields(_DEFAULT_POST_FIELDS)))
        if (remark := self._remarks.one(me, name)) is not None:
            return Answer(self._remarks.show(remark, wanted))
        if (photo := self._posts.photo(me, name)) is not None:
            return Answer(photo if not wanted else {k: v for k, v in photo.items() if k in wanted or k == "id"})
        if (film := self._films.show(me, name)) is not None:
            return Answer(film if not wanted else {k: v for k, v in film.items() if k in wanted or k == "id"})
        raise unknown_object(name)

    def _profile(self, page: Account, fields: str) -> dict[str, Any]:
        followers = self.host.world.followers(page, self.host.clock.now_ms)
        picture = f"{self.host.base_url}/public/facebook/{page.handle}/picture.jpg"
        values: dict[str, Callable[[], Any]] = {
            "id": lambda: page.native_id,
            "name": lambda: page.display_name,
            "username": lambda: page.handle,
            "about": lambda: page.biography or None,
            "category": lambda: "Brand",
            "link": lambda: f"https://www.facebook.com/{page.handle}",
            "followers_count": lambda: followers,
            "fan_count": lambda: None if followers is None else round(followers * 0.94),
            "verification_status": lambda: "not_verified",
            **dict.fromkeys(_UNSET_PAGE_FIELDS, lambda: None),
            "picture": lambda: {"data": {"height": 50, "width": 50, "is_silhouette": False, "url": picture}},
        }
        return {"id": page.native_id} | select(values, parse_fields(fields), "Page")

    def _show(self, call: RestCall, post: Post, wanted: Mapping[str, Selection]) -> dict[str, Any]:
        counts = dict(self.counts(call, post)) if {"comments", "reactions", "shares"} & wanted.keys() else {}
        if "comments" in counts:
            counts["comments"] += len(self.host.own_comments(post.native_id))
        published = self.host.published_post(post.native_id, post.account_id)
        return as_post(post, published.details if published else {}, counts, wanted, self.host.base_url)

    async def _feed(self, call: RestCall) -> Answer:
        me = self._me(call)
        shown = [p for p in self.feed(call, me).posts if p.content_format != "story" and not p.is_reply]
        since, until = _seconds(call, "since"), _seconds(call, "until")
        # The newest posts may lie a little after the world's now (`Host.publish`): only `until` bounds them.
        feed = Feed(
            [p for p in shown if p.created_ms >= (since or 0) * 1000 and not (until and p.created_ms > until * 1000)]
        )
        wanted = parse_fields(call.params.get("fields", _DEFAULT_POST_FIELDS))
        after = call.params.get("after")
        if "empty_page" in call.effects:
            here = after or encode_cursor((feed.posts[-1].created_ms + 1 if feed.posts else 0, ""))
            return self._listing(call, [], [here], has_next=True)
        page = feed.before(decode_cursor(after) if after else None, _limit(call))
        cursors = [encode_cursor((post.created_ms, post.native_id)) for post in page]
        items = [self._show(call, post, wanted) for post in page]
        return self._listing(call, items, cursors, has_next=bool(page) and feed.has_before(page[-1]))

    async def _stories(self, call: RestCall) -> Answer:
        since = self.host.clock.now_ms - DAY_MS
        items = [
            {
                "post_id": post.native_id,
                "status": "published",
                "creation_time": str(post.created_ms // 1000),
                "media_type": published.details["media_type"],
                "media_id": published.details["media_id"],
                "url": f"{permalink(post)}?story",
            }
            for post in reversed(self.feed(call, self._me(call)).posts)
            if post.content_format == "story"
            and post.created_ms > since
            and (published := self.host.published_post(post.native_id, post.account_id)) is not None
        ]
        return self._listing(call, items, ["MA"], has_next=False)

    async def _comments(self, call: RestCall) -> Answer:
        me, name = call.caller, self._named(call)
        remarks = self._remarks.below(me, self._own_post(me, name), name, call.params.get("filter", "toplevel"))
        if call.params.get("order") == "reverse_chronological":
            remarks.reverse()
        if call.lag_seconds:
            youngest = time.time() - call.lag_seconds
            remarks = [remark for remark in remarks if remark.committed_at < youngest]
        start = _offset(call.params.get("after"))
        if "empty_page" in call.effects:
            return self._listing(call, [], [_cursor(start)], has_next=True)
        page = remarks[start : start + _limit(call)]
        wanted = parse_fields(call.params.get("fields", "created_time,from,message,id"))
        items = [self._remarks.show(remark, wanted) for remark in page]
        end = start + len(page)
        answer = self._listing(call, items, [_cursor(start), _cursor(end)], has_next=end < len(remarks))
        if call.params.get("summary", "").lower() in ("1", "true"):
            order = "chronological"
            answer.body["summary"] = {"order": order, "total_count": len(remarks), "can_comment": True}
        return answer

    async def _conversations(self, call: RestCall) -> Answer:
        me = self._me(call)
        found = self._messages.conversations(me, call.params, lag_seconds=call.lag_seconds)
        wanted = parse_fields(call.params.get("fields", "id,updated_time"))
        return self._page(call, [self._messages.show_conversation(me, c, wanted) for c in found])

    async def _messages_of(self, call: RestCall) -> Answer:
        me, name = call.caller, self._named(call)
        conversation = self._messages.conversation(me, name, lag_seconds=call.lag_seconds)
        if conversation is None:
            raise unknown_object(name)
        wanted = parse_fields(call.params.get("fields", "id,created_time"))
        return self._page(call, [self._messages.show_message(me, m, wanted) for m in conversation.messages])

    async def _send_message(self, call: RestCall) -> Answer:
        return Answer(self._messages.send(self._me(call), await self._fields(call)))

    def _page(self, call: RestCall, items: list[dict[str, Any]]) -> Answer:
        """A page of a listing that is whole at hand."""
        start = _offset(call.params.get("after"))
        if "empty_page" in call.effects:
            return self._listing(call, [], [_cursor(start)], has_next=True)
        page = items[start : start + _limit(call)]
        end = start + len(page)
        return self._listing(call, page, [_cursor(start), _cursor(end)], has_next=end < len(items))

    async def _insights_of(self, call: RestCall) -> Answer:
        me, name = call.caller, self._named(call)
        if name in ("me", me.native_id):
            return Answer(self._insights.of_page(me, call.params, call.effects))
        post = self._own_post(me, name)
        if post is None:
            raise unknown_object(name)
        return Answer(self._insights.of_post(post, call))

    def _listing(self, call: RestCall, items: list[Any], cursors: Sequence[str], *, has_next: bool) -> Answer:
        if "duplicate_answer" in call.effects:
            items = [item for item in items for _ in range(2)]
        if not cursors or not (items or has_next):
            return Answer({"data": items})
        paging: dict[str, Any] = {"cursors": {"before": cursors[0], "after": cursors[-1]}}
        if has_next:
            query = {"access_token": call.token or "", **call.params, "after": cursors[-1]}
            paging["next"] = f"{self.host.base_url}{call.request.url.path}?{urlencode(query)}"
        return Answer({"data": items, "paging": paging})

    # --- writing ---

    async def _publish(self, call: RestCall) -> Answer:
        fields = await self._fields(call)
        post = self._posts.publish(self._me(call), fields, has_guard=call.has_guard)
        return Answer({"id": post.native_id})

    async def _publish_story(self, call: RestCall) -> Answer:
        post = self._posts.publish_story(self._me(call), await self._fields(call), has_guard=call.has_guard)
        return Answer({"success": True, "post_id": post.native_id})

    async def _upload_photo(self, call: RestCall) -> Answer:
        form = await call.form()
        source = form.get("source")
        content = await source.read() if isinstance(source, UploadFile) else None
        fields = await self._fields(call)
        photo_id = self._posts.take_photo(self._me(call), fields, content)
        if fields.get("published", "true").lower() != "false":
            shown = {"message": fields.get("caption", ""), "attached_media": f'[{{"media_fbid":"{photo_id}"}}]'}
            post = self._posts.publish(self._me(call), shown, has_guard=call.has_guard)
            return Answer({"id": photo_id, "post_id": post.native_id})
        return Answer({"id": photo_id})

    async def _film(self, call: RestCall) -> Answer:
        fields, form, me = await self._fields(call), await call.form(), self._me(call)
        match fields.get("upload_phase"):
            case "start":
                return Answer(self._films.open(me, fields))
            case "transfer":
                chunk = form.get("video_file_chunk")
                content = await chunk.read() if isinstance(chunk, UploadFile) else b""
                return Answer(self._films.take_chunk(me, fields, content))
            case "finish":
                return Answer(self._films.finish(me, fields.get("upload_session_id", ""), fields))
        raise graph_error("(#100) upload_phase must be one of start, transfer, finish", 100)

    async def _film_story(self, call: RestCall) -> Answer:
        fields, me = await self._fields(call), self._me(call)
        match fields.get("upload_phase"):
            case "start":
                return Answer(self._films.open_story(me, f"{self.host.base_url}/facebook/rupload"))
            case "finish":
                return Answer(self._films.finish_story(me, fields.get("video_id", "")))
        raise graph_error("(#100) upload_phase must be one of start, finish", 100)

    async def _take_film(self, call: RestCall) -> Answer:
        headers = call.request.headers
        offset, size = int(headers.get("offset", "0")), int(headers.get("file_size", "0"))
        return Answer(self._films.take_whole(call.caller, call.path("upload"), call.body, offset, size))

    async def _comment(self, call: RestCall) -> Answer:
        me, name = call.caller, self._named(call)
        text = (await self._fields(call)).get("message", "").strip()
        if not text:
            raise graph_error("(#100) The parameter message is required", 100)
        native_id = self._remarks.write(me, self._own_post(me, name), name, text)
        shown = self._remarks.one(me, native_id)
        wanted = parse_fields((await self._fields(call)).get("fields", "id"))
        return Answer(self._remarks.show(shown, wanted) if shown else {"id": native_id})

    async def _moderate(self, call: RestCall) -> Answer:
        """Hide a comment of the audience, or show it again."""
        me, name = call.caller, self._named(call)
        hidden = (await self._fields(call)).get("is_hidden", "").lower()
        if hidden not in ("true", "false") or self._remarks.one(me, name) is None:
            raise unknown_object(name, "post")
        self.host.mark("hidden", name, is_set=hidden == "true")
        return Answer({"success": True})

    async def _delete(self, call: RestCall) -> Answer:
        me, name = call.caller, self._named(call)
        post = self._own_post(me, name)
        if post is not None:
            self.host.delete(post)
        elif not self._remarks.delete(me, name):
            raise unknown_object(name, "delete")
        return Answer({"success": True})

    # --- parts of a call ---

    def _named(self, call: RestCall) -> str:
        """The node of the path; raises for a path without a version."""
        if not _VERSION.match(call.path("version")):
            raise self.not_found()
        return call.path("node")

    def _me(self, call: RestCall) -> Account:
        """The Page, on whose edges only its own token works."""
        name = self._named(call)
        if name not in ("me", call.caller.native_id):
            raise unknown_object(name, call.request.method.lower())
        return call.caller

    def _own_post(self, me: Account, name: str) -> Post | None:
        post = self.host.post(self.network, name)
        return post if post is not None and post.account_id == me.native_id else None

    async def _fields(self, call: RestCall) -> dict[str, str]:
        """Parameters of query and body together."""
        if call.request.headers.get("content-type", "").startswith("application/json"):
            body = call.json()
            given = body if isinstance(body, dict) else {}
            return {
                **call.params,
                **{k: v if isinstance(v, str) else orjson.dumps(v).decode() for k, v in given.items()},
            }
        form = await call.form()
        return {**call.params, **{name: value for name, value in form.items() if isinstance(value, str)}}


def _either(call: RestCall, name: str) -> str | None:
    """A secret out of the query or the form, before the form is read as a whole."""
    if call.params.get(name):
        return call.params[name]
    kind = call.request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return parse_qs(call.body.decode(errors="replace")).get(name, [None])[0]
    if kind.startswith("multipart/form-data"):
        part = re.search(rb'name="%b"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]+)' % name.encode(), call.body)
        return part.group(1).decode(errors="replace") if part else None
    return None


def _business(call: RestCall, use: Mapping[str, int], minutes: int) -> str:
    account_id = call.account.native_id if call.account else "0"
    return orjson.dumps({account_id: [{"type": "pages", **use, "estimated_time_to_regain_access": minutes}]}).decode()


def _seconds(call: RestCall, name: str) -> int | None:
    raw = call.params.get(name)
    if raw and not raw.isdigit():
        raise graph_error("(#100) Must be a unix timestamp", 100)
    return int(raw) if raw else None


def _limit(call: RestCall) -> int:
    raw = call.params.get("limit", "25")
    if not raw.isdigit() or int(raw) < 1:
        raise graph_error("(#100) Param limit must be a positive integer", 100)
    return min(100, int(raw))


def _cursor(offset: int) -> str:
    return encode_cursor((offset, "comments"))


def _offset(cursor: str | None) -> int:
    return decode_cursor(cursor)[0] if cursor else 0
