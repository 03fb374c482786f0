"""The sandbox's own pages under `/_sandbox`: what no network has. Clock, faults, webhooks, ground truth, accounts, a public
object store."""

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.clock import ClockRefusedError
from sandbox.courier import Courier, SubscriptionRefusedError
from sandbox.credentials import TIKTOK_BUSINESS, Credentials, Grant
from sandbox.faults import KINDS, FaultError
from sandbox.host import Host
from sandbox.wire import Answer, Refusal
from sandbox.world.model import Account, Post, to_datetime

_CONTENT_TYPE = "application/json"


def _refuse(status: int, message: str) -> Refusal:
    return Refusal(status, {"error": message})


class Admin:
    """Handlers of the admin pages."""

    def __init__(self, host: Host, credentials: Credentials, courier: Courier) -> None:
        self._host = host
        self._credentials = credentials
        self._courier = courier

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        return [
            Route("/_sandbox/health", self._page(self._health)),
            Route("/_sandbox/clock", self._page(self._clock), methods=["GET", "POST"]),
            Route("/_sandbox/accounts", self._page(self._accounts)),
            Route("/_sandbox/posts", self._page(self._posts)),
            Route("/_sandbox/comments", self._page(self._comments)),
            Route("/_sandbox/messages", self._page(self._messages)),
            Route("/_sandbox/faults", self._page(self._faults), methods=["GET", "POST", "DELETE"]),
            Route("/_sandbox/faults/{fault_id:int}", self._page(self._faults), methods=["DELETE"]),
            Route("/_sandbox/webhooks", self._page(self._webhooks), methods=["GET", "POST"]),
            Route("/_sandbox/webhooks/deliver", self._page(self._deliver), methods=["POST"]),
            Route("/_sandbox/webhooks/{network}", self._page(self._unsubscribe), methods=["DELETE"]),
            Route("/_sandbox/world", self._page(self._world)),
            Route("/_sandbox/cdn/{name:path}", self._cdn, methods=["GET", "PUT"]),
        ]

    @staticmethod
    def _page(handler: Callable[[Request, Any], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body: Any = None
            try:
                if request.method == "POST":
                    try:
                        body = orjson.loads(await request.body())
                    except orjson.JSONDecodeError:
                        raise _refuse(400, "the body must be JSON") from None
                    if not isinstance(body, dict):
                        raise _refuse(400, "the body must be a JSON object")
                shown = handler(request, body)
                answer = Answer(await shown if inspect.isawaitable(shown) else shown)
            except Refusal as refusal:
                answer = refusal.answer
            return answer.response(_CONTENT_TYPE)

        return endpoint

    def _health(self, request: Request, body: Any) -> dict[str, Any]:
        del request, body
        return {"status": "ok", "kind": self._host.world.kind, "now": self._host.clock.now().isoformat()}

    async def _clock(self, request: Request, body: Any) -> dict[str, Any]:
        """The world's time. What happens while it moves is told to those who subscribed before the answer goes out."""
        clock = self._host.clock
        if request.method == "POST":
            try:
                if isinstance(body.get("advance_seconds"), int | float):
                    clock.advance(body["advance_seconds"])
                elif isinstance(body.get("set"), str):
                    moment = datetime.fromisoformat(body["set"])
                    if moment.tzinfo is None:
                        raise _refuse(400, "set needs a time zone, for example 2026-06-01T00:00:00Z")
                    clock.set(moment)
                else:
                    raise _refuse(400, 'send {"advance_seconds": number} or {"set": "ISO time"}')
            except ClockRefusedError as error:
                raise _refuse(409, str(error)) from None
            except ValueError:
                raise _refuse(400, f"not an ISO time: {body['set']}") from None
            await self._courier.deliver()
        return {"now": clock.now().isoformat()}

    def _accounts(self, request: Request, body: Any) -> list[dict[str, Any]]:
        del body
        return [self._account(account) for account in self._selected(request)]

    def _account(self, account: Account) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "network": account.network,
            "native_id": account.native_id,
            "handle": account.handle,
            "display_name": account.display_name,
            "client_slug": account.client_slug,
            "language": account.language,
            "time_zone": account.time_zone,
            "is_competitor": account.is_competitor,
            "watched_by": list(account.watched_by),
            "profile_url": f"{self._host.base_url}/public/{account.network}/{account.handle}",
            "access_token": None,
            "refresh_token": None,
        }
        if account.is_competitor:
            return shown
        if account.network == "bluesky":
            session = self._credentials.handed_session(account)
            return shown | {
                "access_token": session.access,
                "refresh_token": session.refresh,
                "app_password": self._credentials.app_password(account),
            }
        if account.network == "instagram":
            return shown | {
                "access_token": self._credentials.graph_token(account),
                "app_id": self._credentials.app_id,
                "app_secret": self._credentials.app_secret,
            }
        shown |= self._grant(self._credentials.grant(account))
        if account.network == "tiktok":
            shown["grants"] = {"business": self._grant(self._credentials.grant(account, issuer=TIKTOK_BUSINESS))}
        return shown

    def _grant(self, grant: Grant) -> dict[str, Any]:
        return {
            "access_token": grant.access,
            "refresh_token": grant.refresh,
            "expires_at": to_datetime(round(grant.expires_at * 1000)).isoformat() if grant.expires_at else None,
            "app_id": self._credentials.client_id,
            "app_secret": self._credentials.app_secret,
        }

    def _selected(self, request: Request) -> list[Account]:
        network, native_id = request.query_params.get("network"), request.query_params.get("native_account_id")
        return [
            account
            for account in self._host.accounts.values()
            if network in (None, account.network) and native_id in (None, account.native_id)
        ]

    def _posts(self, request: Request, body: Any) -> list[dict[str, Any]]:
        del body
        origin = request.query_params.get("origin")
        shown = []
        for account in self._selected(request):
            if origin == "api":
                posts: list[Post] = [item.post for item in self._host.published(account.native_id)]
            else:
                posts = [post for post in self._host.feed(account).posts if origin in (None, post.origin)]
            shown += [self._post(post, with_truth="truth" in request.query_params) for post in posts]
        return shown

    def _post(self, post: Post, *, with_truth: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "network": post.network,
            "native_account_id": post.account_id,
            "native_id": post.native_id,
            "text": post.text,
            "created_at": to_datetime(post.created_ms).isoformat(),
            "origin": post.origin,
            "is_reply": post.is_reply,
            "content_format": post.content_format,
        }
        published = self._host.published_post(post.native_id, post.account_id)
        if published is not None:
            shown["sequence"] = published.sequence
            shown["in_reply_to"] = self._host.parent_of(published)
        return shown | ({"truth": self._host.world.truth(post)} if with_truth else {})

    def _comments(self, request: Request, body: Any) -> list[dict[str, Any]]:
        """The audience's comments, and what accounts wrote under posts over the wire (`origin=api`)."""
        del body
        origin, post_id = request.query_params.get("origin"), request.query_params.get("post_id")
        shown: list[dict[str, Any]] = []
        for account in self._selected(request):
            if origin != "api":
                for post in self._host.feed(account).posts:
                    if post_id in (None, post.native_id):
                        shown += [
                            {
                                "network": account.network,
                                "native_account_id": account.native_id,
                                "post_native_id": post.native_id,
                                "native_id": comment.native_id,
                                "parent_native_id": None,
                                "text": comment.text,
                                "kind": comment.kind,
                                "created_at": to_datetime(comment.created_ms).isoformat(),
                                "origin": "audience",
                            }
                            for comment in self._host.comments(post)
                        ]
            if origin != "audience":
                shown += self._own_comments(account, post_id)
        return shown

    def _messages(self, request: Request, body: Any) -> list[dict[str, Any]]:
        """Direct messages, both sides'. On Mastodon an account's own are posts, and stand among those."""
        del body
        return [
            {
                "network": account.network,
                "native_account_id": account.native_id,
                "native_id": message.native_id,
                "person_native_id": message.person_id,
                "text": message.text,
                "created_at": to_datetime(message.created_ms).isoformat(),
                "is_own": message.is_own,
            }
            for account in self._selected(request)
            if not account.is_competitor
            for message in self._host.direct_messages(account)
        ]

    def _own_comments(self, account: Account, post_id: str | None) -> list[dict[str, Any]]:
        answers = [item for item in self._host.published(account.native_id) if item.post.is_reply]
        rows = [
            (root, parent if parent != root else None, item.post.native_id, item.post.text, item.post.created_ms)
            for item in answers
            for root, parent in [(self._host.root_of(item), self._host.parent_of(item))]
        ] + [
            (row["media_id"], row["parent_id"], row["comment_id"], row["text"], row["created_ms"])
            for row in self._host.state.rows("comments", account_id=account.native_id)
        ]
        return [
            {
                "network": account.network,
                "native_account_id": account.native_id,
                "post_native_id": root,
                "native_id": native_id,
                "parent_native_id": parent,
                "text": text,
                "kind": "own",
                "created_at": to_datetime(created_ms).isoformat(),
                "origin": "api",
            }
            for root, parent, native_id, text, created_ms in rows
            if post_id in (None, root)
        ]

    def _faults(self, request: Request, body: Any) -> Any:
        plane = self._host.faults
        if request.method == "POST":
            try:
                return plane.add(body).describe()
            except (FaultError, TypeError) as error:
                raise _refuse(400, str(error)) from None
        if request.method == "DELETE":
            return {"removed": plane.clear(request.path_params.get("fault_id"))}
        return {"faults": [rule.describe() for rule in plane.rules], "kinds": dict(KINDS)}

    async def _webhooks(self, request: Request, body: Any) -> Mapping[str, Any]:
        if request.method == "POST":
            try:
                return await self._courier.subscribe(
                    str(body.get("network")), str(body.get("url")), str(body.get("verify_token", ""))
                )
            except SubscriptionRefusedError as error:
                raise _refuse(400, str(error)) from None
        return self._courier.described()

    async def _deliver(self, request: Request, body: Any) -> Mapping[str, Any]:
        del request
        return await self._courier.deliver(again=body.get("again") is True)

    def _unsubscribe(self, request: Request, body: Any) -> Mapping[str, Any]:
        del body
        return self._courier.unsubscribe(request.path_params["network"])

    def _world(self, request: Request, body: Any) -> dict[str, Any]:
        del request, body
        described = self._host.world.describe(self._host.clock.now_ms)
        return described | {
            "now": self._host.clock.now().isoformat(),
            "rate_limit_factor": self._host.limits.factor,
            "disallowed_page_hits": self._host.disallowed_hits,
        }

    async def _cdn(self, request: Request) -> Response:
        """A public object store: what Instagram's `image_url` can point to."""
        name = request.path_params["name"]
        if request.method == "PUT":
            content = await request.body()
            mime_type = request.headers.get("content-type", "application/octet-stream")
            with self._host.state.transaction():
                self._host.state.delete("objects", name=name)
                self._host.state.insert("objects", name=name, mime_type=mime_type, content=content)
            url = f"{self._host.base_url}/_sandbox/cdn/{name}"
            return Answer({"url": url, "sha256": sha256(content).hexdigest()}, 201).response(_CONTENT_TYPE)
        stored = self._host.state.one("objects", name=name)
        if stored is None:
            return _refuse(404, f"no object {name}").answer.response(_CONTENT_TYPE)
        return Response(bytes(stored["content"]), media_type=stored["mime_type"])
