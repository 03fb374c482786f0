"""The Instagram Graph API under `/instagram`, versioned or not: profile, media, insights, comments, publishing, token exchange.

A token sees its own account only: everything else answers code 100, subcode 33, as if it were not there.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.credentials import GRAPH_TOKEN_SECONDS, BadTokenError, Credentials
from sandbox.faults import Effects
from sandbox.host import Feed, Host
from sandbox.limits import Window
from sandbox.networks.graph import (
    Selection,
    decode_cursor,
    encode_cursor,
    graph_error,
    graph_time,
    parse_fields,
    select,
    split_path,
    unknown_object,
)
from sandbox.networks.graph_messages import GraphMessages
from sandbox.networks.instagram_containers import Containers, already_published
from sandbox.networks.instagram_insights import Insights
from sandbox.wire import Answer, Call, Refusal, perform_with_faults
from sandbox.world.model import DAY_MS, Account, Comment, Post
from sandbox.world.seeding import identifier

_CONTENT_TYPE = "application/json; charset=UTF-8"
_HOURLY_CALLS = 200
_MEDIA_TYPES = {"carousel": "CAROUSEL_ALBUM"}
_SHORTCODE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass
class GraphCall:
    """One request: path without version, parameters of query and body together, caller and faults."""

    method: str
    version: str
    parts: list[str]
    params: Mapping[str, str]
    token: str | None
    account: Account | None
    effects: Effects

    @property
    def lag_seconds(self) -> float:
        """How long a commit stays out of listings for this request."""
        return float(self.effects.param("read_lag", "seconds", 1.3)) if "read_lag" in self.effects else 0.0


@dataclass(frozen=True)
class _Remark:
    """A comment of the audience or of the account itself, in one shape."""

    native_id: str
    media_id: str
    parent_id: str | None
    text: str
    created_ms: int
    username: str
    author_id: str
    likes: int
    is_own: bool


class Instagram:
    """The network behind one address."""

    def __init__(self, host: Host, credentials: Credentials) -> None:
        self._host = host
        self._credentials = credentials
        self._containers = Containers(host)
        self._insights = Insights(host, self._counts)
        self._messages = GraphMessages(host)

    def routes(self) -> list[BaseRoute]:
        """Where the network answers."""
        return [Route("/instagram/{path:path}", self._dispatch, methods=["GET", "POST", "DELETE"])]

    # --- one request ---

    async def _dispatch(self, request: Request) -> Response:
        version, parts = split_path(request.path_params["path"])
        params = {**dict(request.query_params), **await _body_params(request)}
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = params.pop("access_token", None) or (bearer if scheme.lower() == "bearer" else None)
        call = GraphCall(request.method, version, parts, params, token, self._caller_of(token), Effects({}))
        caller_id = call.account.native_id if call.account else None
        operation = _operation(request.method, parts)
        call.effects = self._host.faults.draw("instagram", operation, f"{request.method} /{'/'.join(parts)}", caller_id)
        if "expire_token" in call.effects and token:
            self._credentials.expire_graph_token(token)
        window = self._host.limits.spend(f"instagram:{caller_id}", 1, _HOURLY_CALLS, 3600)
        usage = _usage_headers(version, caller_id or "0", window)

        async def perform() -> Answer:
            if parts[-1:] in (["access_token"], ["refresh_access_token"]):
                return self._exchange(call)
            self._authenticate(call)
            if window.is_exceeded:
                raise self._rate_limited(call)
            return await self._route(call)

        return await perform_with_faults(
            Call(
                request=request,
                effects=call.effects,
                content_type=_CONTENT_TYPE,
                perform=perform,
                rate_limited=lambda: self._rate_limited(call),
                server_error=lambda status: graph_error(
                    "An unexpected error has occurred. Please retry your request later.",
                    2,
                    status=status,
                    is_transient=True,
                ),
                duplicate=already_published if operation == "publish" else None,
                finish=lambda answer: Answer(answer.body, answer.status, {**usage, **answer.headers}),
            )
        )

    def _caller_of(self, token: str | None) -> Account | None:
        try:
            return self._host.accounts[self._credentials.account_of_graph_token(token)] if token else None
        except BadTokenError:
            return None

    def _authenticate(self, call: GraphCall) -> None:
        if call.token is None:
            raise graph_error("An access token is required to request this resource.", 104)
        try:
            account_id = self._credentials.account_of_graph_token(call.token)
        except BadTokenError as error:
            if error.reason == "expired":
                raise graph_error("Error validating access token: Session has expired.", 190, subcode=463) from None
            raise graph_error("Invalid OAuth access token - Cannot parse access token", 190) from None
        proof = call.params.get("appsecret_proof")
        if proof is not None and not self._credentials.is_proof(call.token, proof):
            raise graph_error("Invalid appsecret_proof provided in the API argument", 100)
        call.account = self._host.accounts[account_id]

    def _rate_limited(self, call: GraphCall) -> Refusal:
        code = int(call.effects.param("rate_limit", "code", 80002))
        minutes = max(1, round(float(call.effects.param("rate_limit", "retry_after_seconds", 60)) / 60))
        account_id = call.account.native_id if call.account else "0"
        use = {"call_count": 100, "total_cputime": 25, "total_time": 25}
        business = {account_id: [{"type": "instagram", **use, "estimated_time_to_regain_access": minutes}]}
        headers = {"x-business-use-case-usage": orjson.dumps(business).decode()}
        message = "(#80002) There have been too many calls to this Instagram account. Wait a bit and try again."
        if code != 80002:
            headers = {"x-app-usage": orjson.dumps(use).decode()}
            message = f"(#{code}) Application request limit reached"
        return graph_error(message, code, status=400 if code == 80002 else 403, headers=headers)

    def _exchange(self, call: GraphCall) -> Answer:
        """A living long-lived token for a new one; an expired one is refused."""
        old = call.params.get("fb_exchange_token") or call.token
        if call.params.get("grant_type") not in ("fb_exchange_token", "ig_refresh_token"):
            raise graph_error("(#100) Invalid grant_type", 100)
        secret = call.params.get("client_secret")
        if call.params["grant_type"] == "fb_exchange_token" and secret != self._credentials.app_secret:
            raise graph_error("Error validating client secret.", 1)
        try:
            account_id = self._credentials.account_of_graph_token(old or "")
        except BadTokenError as error:
            subcode = 463 if error.reason == "expired" else None
            raise graph_error("Error validating access token: Session has expired.", 190, subcode=subcode) from None
        token = self._credentials.issue_graph_token(account_id)
        return Answer({"access_token": token, "token_type": "bearer", "expires_in": GRAPH_TOKEN_SECONDS})

    async def _route(self, call: GraphCall) -> Answer:
        if not call.parts:
            return self._several(call)
        node, edge = call.parts[0], "/".join(call.parts[1:])
        if node == "me" and edge == "accounts":
            return self._pages(call)
        if node in ("me", _me(call).native_id):
            return await self._user(call, edge)
        post = self._host.post("instagram", node)
        if post is not None and post.account_id == _me(call).native_id:
            return self._media_node(call, post, edge)
        remark = self._remark(call, node)
        if remark is not None:
            return self._comment_node(call, remark, edge)
        conversation = self._messages.conversation(_me(call), node, lag_seconds=call.lag_seconds)
        if conversation is not None and call.method == "GET" and edge == "messages":
            wanted = parse_fields(call.params.get("fields", "id,created_time"))
            shown = [self._messages.show_message(_me(call), m, wanted) for m in conversation.messages]
            return self._page(call, shown)
        container = self._host.state.one("containers", container_id=node, account_id=_me(call).native_id)
        if container is not None and call.method == "GET" and not edge:
            shown = self._containers.poll(container)
            wanted = parse_fields(call.params.get("fields", "id"))
            return Answer({"id": node} | {name: shown[name] for name in wanted if name in shown})
        raise unknown_object(node, call.method.lower())

    # --- the account ---

    def _pages(self, call: GraphCall) -> Answer:
        me = _me(call)
        page = {
            "id": f"10{me.native_id[-13:]}",
            "name": me.display_name,
            "instagram_business_account": {"id": me.native_id},
        }
        return Answer({"data": [page], "paging": {"cursors": {"before": "MA", "after": "MA"}}})

    async def _user(self, call: GraphCall, edge: str) -> Answer:
        me = _me(call)
        if call.method == "POST":
            if edge == "media":
                return Answer({"id": await self._containers.create(me, call.params)})
            if edge == "media_publish":
                creation_id = call.params.get("creation_id")
                if not creation_id:
                    raise graph_error("(#100) The parameter creation_id is required", 100)
                return Answer({"id": self._containers.publish(me, creation_id)})
            if edge == "messages":
                return Answer(self._messages.send(me, call.params))
            raise unknown_object(me.native_id, "post")
        if edge == "conversations":
            found = self._messages.conversations(me, call.params, lag_seconds=call.lag_seconds)
            wanted = parse_fields(call.params.get("fields", "id,updated_time"))
            return self._page(call, [self._messages.show_conversation(me, c, wanted) for c in found])
        if edge == "":
            return Answer(self._profile(me, call.params.get("fields", "id")))
        if edge == "media":
            return self._list_media(call, self._host.feed(me, lag_seconds=call.lag_seconds), is_story=False)
        if edge == "stories":
            since = self._host.clock.now_ms - DAY_MS
            feed = self._host.feed(me, lag_seconds=call.lag_seconds)
            recent = Feed([post for post in feed.posts if post.created_ms > since])
            return self._list_media(call, recent, is_story=True)
        if edge == "insights":
            return Answer(self._insights.of_account(me, call.params, call.effects))
        if edge == "content_publishing_limit":
            used, allowed = self._containers.quota(me)
            shown = {"quota_usage": used, "config": {"quota_total": allowed, "quota_duration": 86400}}
            wanted = parse_fields(call.params.get("fields", "quota_usage"))
            return Answer({"data": [{name: shown[name] for name in wanted if name in shown}]})
        raise graph_error(f"(#100) Tried accessing nonexisting field ({edge}) on node type (IGUser)", 100)

    def _profile(self, account: Account, fields: str) -> dict[str, Any]:
        values: dict[str, Callable[[], Any]] = {
            "id": lambda: account.native_id,
            "ig_id": lambda: account.native_id,
            "username": lambda: account.handle,
            "name": lambda: account.display_name,
            "biography": lambda: account.biography or None,
            "website": lambda: None,
            "profile_picture_url": lambda: f"{self._host.base_url}/public/instagram/{account.handle}/picture.jpg",
            "followers_count": lambda: self._host.world.followers(account, self._host.clock.now_ms),
            "follows_count": lambda: 150 + int(account.native_id) % 300 if self._host.world.kind == "seeded" else None,
            "media_count": lambda: len(self._host.feed(account).posts),
        }
        return {"id": account.native_id} | select(values, parse_fields(fields), "IGUser")

    # --- media ---

    def _counts(self, post: Post, effects: Effects) -> Mapping[str, int]:
        late = float(effects.param("late_counts", "hours", 24)) if "late_counts" in effects else 0.0
        counts = self._host.counts(post, late_hours=late)
        if "comments" not in counts:
            return counts
        own = len(self._host.state.rows("comments", media_id=post.native_id)) if self._host.has_own_comments else 0
        return {**counts, "comments": counts["comments"] + own} if own else counts

    def _media(self, post: Post, selection: Mapping[str, Selection], call: GraphCall) -> dict[str, Any]:
        account = self._host.accounts[post.account_id]
        counts = self._counts(post, call.effects) if {"like_count", "comments_count"} & selection.keys() else {}
        published = self._host.published_post(post.native_id, post.account_id)
        details = published.details if published else {}
        is_video = post.content_format == "video" or bool(details.get("is_film"))

        def shortcode() -> str:
            return identifier(_SHORTCODE, 11, post.native_id)

        media_url = f"{self._host.base_url}/instagram-media/{post.native_id}.{'mp4' if is_video else 'jpg'}"
        media_url, alt_text = details.get("media_url") or media_url, details.get("alt_text")

        def permalink() -> str:
            if post.content_format == "story":
                return f"https://instagram.com/stories/{account.handle}/{post.native_id}"
            return post.permalink or f"https://www.instagram.com/{'reel' if is_video else 'p'}/{shortcode()}/"

        product = {"video": "REELS", "story": "STORY"}.get(post.content_format, "FEED")
        values: dict[str, Callable[[], Any]] = {
            "id": lambda: post.native_id,
            "ig_id": lambda: post.native_id,
            "caption": lambda: post.text or None,
            "media_type": lambda: "VIDEO" if is_video else _MEDIA_TYPES.get(post.content_format, "IMAGE"),
            "media_product_type": lambda: product,
            "media_url": lambda: media_url,
            "thumbnail_url": lambda: media_url.removesuffix(".mp4") + ".jpg" if is_video else None,
            "permalink": permalink,
            "shortcode": shortcode,
            "timestamp": lambda: graph_time(post.created_ms),
            "username": lambda: account.handle,
            "owner": lambda: {"id": account.native_id},
            "alt_text": lambda: alt_text or None,
            "is_comment_enabled": lambda: True,
            "like_count": lambda: counts.get("likes"),
            "comments_count": lambda: counts.get("comments"),
            "children": lambda: self._children(post, selection["children"]),
            "comments": lambda: {"data": self._remarks_page(post, selection["comments"])},
        }
        return {"id": post.native_id} | select(values, selection, "IGMedia")

    def _children(self, post: Post, selection: Selection) -> dict[str, Any] | None:
        if post.content_format != "carousel":
            return None
        published = self._host.published_post(post.native_id, post.account_id)
        known = published.details["children"] if published else [{}] * post.media_count
        items = []
        for index, child in enumerate(known):
            child_id = f"{post.native_id}{index:02d}"
            media_url = child.get("media_url") or f"{self._host.base_url}/instagram-media/{child_id}.jpg"
            values: dict[str, Callable[[], Any]] = {
                "id": partial(str, child_id),
                "media_type": partial(str, "VIDEO" if child.get("content_format") == "video" else "IMAGE"),
                "media_url": partial(str, media_url),
                "timestamp": lambda: graph_time(post.created_ms),
            }
            items.append(select(values, selection.fields or {"id": Selection()}, "IGMedia"))
        return {"data": items}

    def _list_media(self, call: GraphCall, feed: Feed, *, is_story: bool) -> Answer:
        shown = [post for post in feed.posts if (post.content_format == "story" and post.origin == "api") == is_story]
        since, until = (int(call.params.get(name, "0")) for name in ("since", "until"))
        if since or until:
            end = until * 1000 if until else self._host.clock.now_ms
            shown = [post for post in shown if since * 1000 <= post.created_ms <= end]
        pages = feed if len(shown) == len(feed.posts) else Feed(shown)
        limit = _limit(call)
        position = decode_cursor(call.params["after"]) if call.params.get("after") else None
        selection = parse_fields(call.params.get("fields", "id"))
        if "empty_page" in call.effects:
            here = call.params.get("after") or encode_cursor((self._host.clock.now_ms + 1, ""))
            return Answer({"data": [], "paging": self._paging(call, here, here, has_next=True)})
        page = pages.before(position, limit)
        items = [self._media(post, selection, call) for post in page]
        if "duplicate_answer" in call.effects:
            items = [item for item in items for _ in range(2)]
        if not page:
            return Answer({"data": []})
        first, last = (encode_cursor((post.created_ms, post.native_id)) for post in (page[0], page[-1]))
        return Answer({"data": items, "paging": self._paging(call, first, last, has_next=pages.has_before(page[-1]))})

    def _paging(self, call: GraphCall, before: str, after: str, *, has_next: bool) -> dict[str, Any]:
        paging: dict[str, Any] = {"cursors": {"before": before, "after": after}}
        if has_next:
            query = {"access_token": call.token or "", **call.params, "after": after}
            path = "/".join(["instagram", call.version, *call.parts])
            paging["next"] = f"{self._host.base_url}/{path}?{urlencode(query)}"
        return paging

    def _page(self, call: GraphCall, items: list[dict[str, Any]]) -> Answer:
        """A page of a listing that is whole at hand."""
        start = decode_cursor(call.params["after"])[0] if call.params.get("after") else 0
        if "empty_page" in call.effects:
            here = encode_cursor((start, ""))
            return Answer({"data": [], "paging": self._paging(call, here, here, has_next=True)})
        page = items[start : start + _limit(call)]
        if not page:
            return Answer({"data": []})
        end = start + len(page)
        shown = [item for item in page for _ in range(2)] if "duplicate_answer" in call.effects else page
        paging = self._paging(call, encode_cursor((start, "")), encode_cursor((end, "")), has_next=end < len(items))
        return Answer({"data": shown, "paging": paging})

    def _media_node(self, call: GraphCall, post: Post, edge: str) -> Answer:
        if call.method == "DELETE":
            raise unknown_object(post.native_id, "delete")
        if call.method == "POST":
            if edge != "comments":
                raise unknown_object(post.native_id, "post")
            return self._add_remark(call, post, None)
        if edge == "":
            return Answer(self._media(post, parse_fields(call.params.get("fields", "id")), call))
        if edge == "insights":
            return Answer(self._insights.of_media(post, call.params, call.effects))
        if edge == "comments":
            return self._list_remarks(call, self._remarks(post, None))
        if edge == "children":
            selection = Selection(parse_fields(call.params.get("fields", "id")))
            return Answer(self._children(post, selection) or {"data": []})
        raise graph_error(f"(#100) Tried accessing nonexisting field ({edge}) on node type (IGMedia)", 100)

    def _several(self, call: GraphCall) -> Answer:
        """`?ids=a,b`: several nodes in one answer, by id."""
        names = [name for name in call.params.get("ids", "").split(",") if name]
        if not names:
            raise graph_error("(#2500) An active object or ids must be specified", 2500)
        selection = parse_fields(call.params.get("fields", "id"))
        found: dict[str, Any] = {}
        for name in names[:50]:
            post, remark = self._host.post("instagram", name), self._remark(call, name)
            if post is not None and post.account_id == _me(call).native_id:
                found[name] = self._media(post, selection, call)
            elif remark is not None:
                found[name] = self._show(remark, selection)
            else:
                raise unknown_object(name)
        return Answer(found)

    # --- comments ---

    def _own(self, row: Mapping[str, Any]) -> _Remark:
        account = self._host.accounts[row["account_id"]]
        return _Remark(
            row["comment_id"],
            row["media_id"],
            row["parent_id"],
            row["text"],
            row["created_ms"],
            account.handle,
            account.native_id,
            0,
            True,
        )

    def _remarks(self, post: Post, parent_id: str | None) -> list[_Remark]:
        """Comments under a post (parent None) or answers under a comment, newest first."""
        found = [self._own(row) for row in self._host.state.rows("comments", media_id=post.native_id)]
        found = [remark for remark in found if remark.parent_id == parent_id]
        if parent_id is None:
            found += [_of_audience(comment) for comment in self._host.comments(post)]
        return sorted(found, key=lambda remark: (remark.created_ms, remark.native_id), reverse=True)

    def _remark(self, call: GraphCall, native_id: str) -> _Remark | None:
        """A comment under a post of the caller, or None."""
        row = self._host.state.one("comments", comment_id=native_id)
        comment = None if row else self._host.comment("instagram", native_id)
        remark = self._own(row) if row else _of_audience(comment) if comment else None
        post = self._host.post("instagram", remark.media_id) if remark else None
        return remark if post is not None and post.account_id == _me(call).native_id else None

    def _show(self, remark: _Remark, selection: Mapping[str, Selection]) -> dict[str, Any]:
        post = self._host.post("instagram", remark.media_id)
        values: dict[str, Callable[[], Any]] = {
            "id": lambda: remark.native_id,
            "text": lambda: remark.text,
            "timestamp": lambda: graph_time(remark.created_ms),
            "username": lambda: remark.username,
            "like_count": lambda: remark.likes,
            "parent_id": lambda: remark.parent_id,
            "hidden": lambda: self._host.is_marked("hidden", remark.native_id),
            "from": lambda: {"id": remark.author_id, "username": remark.username},
            "user": lambda: {"id": remark.author_id} if remark.is_own else None,
            "media": lambda: {"id": remark.media_id},
            "replies": lambda: self._nested(post, remark, selection["replies"]),
        }
        return {"id": remark.native_id} | select(values, selection, "IGComment")

    def _nested(self, post: Post | None, remark: _Remark, selection: Selection) -> dict[str, Any] | None:
        answers = self._remarks(post, remark.native_id) if post and remark.parent_id is None else []
        inner = selection.fields or {"timestamp": Selection(), "text": Selection(), "id": Selection()}
        return {"data": [self._show(answer, inner) for answer in answers]} if answers else None

    def _remarks_page(self, post: Post, selection: Selection) -> list[dict[str, Any]]:
        limit = int(selection.modifiers.get("limit", "25"))
        inner = selection.fields or {"timestamp": Selection(), "text": Selection(), "id": Selection()}
        return [self._show(remark, inner) for remark in self._remarks(post, None)[:limit]]

    def _list_remarks(self, call: GraphCall, remarks: list[_Remark]) -> Answer:
        selection = parse_fields(call.params.get("fields", "timestamp,text,id"))
        limit = min(50, _limit(call))
        if "empty_page" in call.effects:
            here = call.params.get("after") or encode_cursor((self._host.clock.now_ms + 1, ""))
            return Answer({"data": [], "paging": self._paging(call, here, here, has_next=True)})
        youngest = time.time() - call.lag_seconds if call.lag_seconds else None
        if youngest is not None:
            remarks = [remark for remark in remarks if not self._is_fresh(remark, youngest)]
        if call.params.get("after"):
            position = decode_cursor(call.params["after"])
            remarks = [remark for remark in remarks if (remark.created_ms, remark.native_id) < position]
        page = remarks[:limit]
        if not page:
            return Answer({"data": []})
        items = [self._show(remark, selection) for remark in page]
        if "duplicate_answer" in call.effects:
            items = [item for item in items for _ in range(2)]
        first, last = (encode_cursor((remark.created_ms, remark.native_id)) for remark in (page[0], page[-1]))
        return Answer({"data": items, "paging": self._paging(call, first, last, has_next=len(remarks) > limit)})

    def _is_fresh(self, remark: _Remark, youngest: float) -> bool:
        row = self._host.state.one("comments", comment_id=remark.native_id) if remark.is_own else None
        return row is not None and row["committed_at"] > youngest

    def _add_remark(self, call: GraphCall, post: Post, parent: _Remark | None) -> Answer:
        text = call.params.get("message", "").strip()
        if not text:
            raise graph_error("(#100) The parameter message is required", 100)
        if len(text) > 2200:
            raise graph_error("(#100) The comment is too long", 100)
        with self._host.state.transaction():
            comment_id = f"177{self._host.state.next_number('comment'):014d}"
            self._host.state.insert(
                "comments",
                comment_id=comment_id,
                media_id=post.native_id,
                parent_id=parent.parent_id or parent.native_id if parent else None,
                account_id=_me(call).native_id,
                text=text,
                created_ms=self._host.clock.now_ms,
                committed_at=time.time(),
                sequence=self._host.state.next_number("commit"),
            )
        self._host.has_own_comments = True
        return Answer({"id": comment_id})

    def _comment_node(self, call: GraphCall, remark: _Remark, edge: str) -> Answer:
        post = self._host.post("instagram", remark.media_id)
        if post is None:
            raise unknown_object(remark.native_id, call.method.lower())
        if call.method == "DELETE":
            if remark.is_own:
                self._host.state.delete("comments", comment_id=remark.native_id)
            else:
                self._host.delete_comment(remark.native_id)
            return Answer({"success": True})
        if call.method == "POST":
            if edge == "replies":
                return self._add_remark(call, post, remark)
            if edge == "" and "hide" in call.params:
                self._host.mark("hidden", remark.native_id, is_set=call.params["hide"].lower() == "true")
                return Answer({"success": True})
            raise unknown_object(remark.native_id, "post")
        if edge == "replies":
            return self._list_remarks(call, self._remarks(post, remark.native_id))
        if edge == "":
            return Answer(self._show(remark, parse_fields(call.params.get("fields", "timestamp,text,id"))))
        raise graph_error(f"(#100) Tried accessing nonexisting field ({edge}) on node type (IGComment)", 100)


def _of_audience(comment: Comment) -> _Remark:
    return _Remark(
        comment.native_id,
        comment.post_id,
        None,
        comment.text,
        comment.created_ms,
        comment.author_handle,
        comment.author_id,
        comment.likes,
        False,
    )


def _usage_headers(version: str, account_id: str, window: Window) -> dict[str, str]:
    """What the caller has used up, in percent; `estimated_time_to_regain_access` is in minutes."""
    percent = 100 if window.is_exceeded else round(100 * (window.limit - window.remaining) / window.limit)
    use = {"call_count": percent, "total_cputime": percent // 2, "total_time": percent // 2}
    minutes = max(1, round((window.resets_at - time.time()) / 60)) if window.is_exceeded else 0
    business = {account_id: [{"type": "instagram", **use, "estimated_time_to_regain_access": minutes}]}
    return {
        "facebook-api-version": version,
        "x-app-usage": orjson.dumps(use).decode(),
        "x-business-use-case-usage": orjson.dumps(business).decode(),
    }


def _me(call: GraphCall) -> Account:
    assert call.account is not None, "handlers run after authentication"
    return call.account


def _limit(call: GraphCall) -> int:
    raw = call.params.get("limit", "25")
    if not raw.isdigit() or int(raw) < 1:
        raise graph_error("(#100) Param limit must be a positive integer", 100)
    return min(100, int(raw))


def _operation(method: str, parts: list[str]) -> str:
    edge = parts[-1] if parts else ""
    if edge in ("access_token", "refresh_access_token"):
        return "token"
    if method == "GET":
        return "read"
    known = {
        "media": "stage",
        "media_publish": "publish",
        "comments": "reply",
        "replies": "reply",
        "messages": "reply",
    }
    return known.get(edge, "moderate") if method == "POST" else "delete"


async def _body_params(request: Request) -> dict[str, str]:
    if request.method != "POST":
        return {}
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            parsed = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError:
            return {}
        return {name: _as_text(value) for name, value in parsed.items()} if isinstance(parsed, dict) else {}
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value)
