"""What the networks that speak plain HTTP share: who calls, which faults hit, how much they may do, and how a refusal leaves.

A network is a class over `RestNetwork` that lists its `endpoints()` and words its own refusals and headers. Belongs here: the course of a
request. Does not belong here: any network's paths, bodies or numbers.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import orjson
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.credentials import BadTokenError, Credentials
from sandbox.faults import Effects
from sandbox.host import Feed, Host
from sandbox.limits import Window
from sandbox.wire import Answer, Call, Refusal, perform_with_faults
from sandbox.world.model import Account, Post


@dataclass
class RestCall:
    """One request: its parts, its caller, and the faults that hit it."""

    request: Request
    endpoint: "Endpoint"
    params: Mapping[str, str]
    """The query."""
    body: bytes
    token: str | None
    account: Account | None
    """The account that the token speaks for; None without a living token."""
    effects: Effects

    @property
    def caller(self) -> Account:
        """The account of an authorised call."""
        assert self.account is not None, "public endpoints have no caller"
        return self.account

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    async def form(self) -> Mapping[str, str | UploadFile]:
        """The fields of a form, multipart or not."""
        return dict((await self.request.form()).items())

    @property
    def lag_seconds(self) -> float:
        """How long a commit stays out of listings for this request."""
        return float(self.effects.param("read_lag", "seconds", 1.3)) if "read_lag" in self.effects else 0.0

    @property
    def has_guard(self) -> bool:
        """Whether the network's own guard against duplicates works for this request."""
        return "guard_off" not in self.effects


Handler = Callable[[RestCall], Awaitable[Answer]]


@dataclass(frozen=True)
class Endpoint:
    """A method at a path below `/<network>`. `operation`: what faults know it by (read, stage, publish, reply, token).

    `duplicate`: the answer to a publish that was done before, for the fault `duplicate_answer`.
    """

    method: str
    path: str
    operation: str
    handler: Handler
    is_public: bool = False
    """Needs no token: token exchanges, upload addresses that are secrets themselves."""
    duplicate: Callable[[], Refusal] | None = None


class RestNetwork(ABC):
    """One network behind one address."""

    network: ClassVar[str]
    issuer: ClassVar[str | None] = None
    """Whose tokens it takes, where the network's own are another product's."""
    content_type: ClassVar[str] = "application/json"

    def __init__(self, host: Host, credentials: Credentials) -> None:
        self.host = host
        self.credentials = credentials

    # --- what each network says ---

    @abstractmethod
    def endpoints(self) -> Sequence[Endpoint]:
        """Everything that it answers; the first match is taken."""

    @abstractmethod
    def bad_token(self, reason: str) -> Refusal:
        """The refusal of a call whose token is `missing`, `invalid` or `expired`."""

    @abstractmethod
    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        """The refusal of a call too many; `window` is None when a fault demands it (param `retry_after_seconds`, 60)."""

    @abstractmethod
    def server_error(self, status: int) -> Refusal:
        """An answer 5xx."""

    @abstractmethod
    def not_found(self) -> Refusal:
        """The answer to a path that the network does not have."""

    def token_of(self, call: RestCall) -> str | None:
        """Where the token stands: a bearer header unless the network says otherwise."""
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    def spend(self, call: RestCall) -> Window | None:  # noqa: ARG002 - a network without limits
        """Count the call against its limit (`self.host.limits.spend`); None: no limit. Nothing is taken when it is exceeded."""
        return None

    def headers(self, call: RestCall, window: Window | None) -> Mapping[str, str]:  # noqa: ARG002 - none by default
        """Headers of every answer to this call."""
        return {}

    # --- the course of a request ---

    def routes(self) -> list[BaseRoute]:
        """Where the network answers."""
        routes: list[BaseRoute] = [
            Route(f"/{self.network}{endpoint.path}", self._serve(endpoint), methods=[endpoint.method])
            for endpoint in self.endpoints()
        ]
        unknown = Endpoint("GET", "/{rest:path}", "read", self._unknown, is_public=True)
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [*routes, Route(f"/{self.network}{unknown.path}", self._serve(unknown), methods=methods)]

    async def _unknown(self, _call: RestCall) -> Answer:
        raise self.not_found()

    def _serve(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            call = RestCall(
                request, endpoint, dict(request.query_params), await request.body(), None, None, Effects({})
            )
            call.token = self.token_of(call)
            reason = self._identify(call)
            path = request.url.path.removeprefix(f"/{self.network}")
            call.effects = self.host.faults.draw(
                self.network,
                endpoint.operation,
                f"{request.method} {path}",
                call.account.native_id if call.account else None,
            )
            if "expire_token" in call.effects and call.token:
                self.credentials.expire(call.token)
                reason = self._identify(call)
            window = self.spend(call)

            async def perform() -> Answer:
                if reason is not None and not endpoint.is_public:
                    raise self.bad_token(reason)
                if window is not None and window.is_exceeded:
                    raise self.rate_limited(call, window)
                return await endpoint.handler(call)

            return await perform_with_faults(
                Call(
                    request=request,
                    effects=call.effects,
                    content_type=self.content_type,
                    perform=perform,
                    rate_limited=lambda: self.rate_limited(call, None),
                    server_error=self.server_error,
                    duplicate=endpoint.duplicate,
                    finish=lambda answer: replace(answer, headers={**self.headers(call, window), **answer.headers}),
                )
            )

        return serve

    def _identify(self, call: RestCall) -> str | None:
        """Find the caller; returns why there is none."""
        call.account = None
        if call.token is None:
            return "missing"
        try:
            call.account = self.host.accounts[self.credentials.account_of(self.issuer or self.network, call.token)]
        except BadTokenError as error:
            return error.reason
        return None

    # --- what all handlers need ---

    def feed(self, call: RestCall, account: Account) -> Feed:
        """The account's posts, as far as this request may see them (fault `read_lag`)."""
        return self.host.feed(account, lag_seconds=call.lag_seconds)

    def counts(self, call: RestCall, post: Post) -> Mapping[str, int]:
        """Counts of a post at the world's now (fault `late_counts`)."""
        late = float(call.effects.param("late_counts", "hours", 24.0)) if "late_counts" in call.effects else 0.0
        return self.host.counts(post, late_hours=late)

    def has_recent_twin(self, account: Account, text: str, *, within_ms: int) -> Post | None:
        """The account's own newest post over the wire with this very text, not older than that: what a duplicate guard finds."""
        youngest = self.host.clock.now_ms - within_ms
        for item in reversed(self.host.published(account.native_id)):
            if item.post.created_ms < youngest:
                return None
            if item.post.text == text and not item.post.is_reply:
                return item.post
        return None
