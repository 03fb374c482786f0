"""The bottom of the server: answers as bytes, connections that can really be cut, and faults around any network's handler.

Belongs here: what is the same for all networks. Does not belong here: any network's paths, headers or error bodies.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.faults import Effects

_TRANSPORT = "sandbox.transport"


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands its transport to the application: only so can a reply get lost for real."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}


class SilentResponse(Response):
    """Sends nothing: the connection is gone."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del scope, receive, send


@dataclass
class Answer:
    """An answer on its way out: JSON unless `content` is given. Handlers return it; refusals are raised as `Refusal`."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    """The bytes themselves, for answers that are no JSON (also empty ones); `headers` may name their content type."""

    def response(self, content_type: str) -> Response:
        """The bytes to send."""
        if self.content is not None:
            return Response(self.content, self.status, headers=dict(self.headers))
        return Response(orjson.dumps(self.body), self.status, headers={**self.headers, "content-type": content_type})


class Refusal(Exception):  # noqa: N818 - a network's regular "no", not a failure of the sandbox
    """A network's error answer."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.answer = Answer(body, status, headers or {})


async def cut(request: Request) -> Response:
    """Close the TCP connection at once, with no byte of an answer."""
    transport = request.scope["extensions"][_TRANSPORT]["transport"]
    transport.abort()
    with contextlib.suppress(asyncio.TimeoutError):
        # uvicorn must have seen the loss before the application returns, or it would try to send an error page.
        await asyncio.wait_for(_gone(request), timeout=1.0)
    return SilentResponse()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def with_unknown_fields(body: Any) -> Any:
    """The same answer with fields that no client has heard of in every object."""
    if isinstance(body, dict):
        if "$link" in body or "$bytes" in body:  # an encoding of one value, not an object
            return body
        known = {key: with_unknown_fields(value) for key, value in body.items()}
        return known | {"xUnheardOf": {"since": "2026-01-01", "values": [1, None, "two"]}}
    if isinstance(body, list):
        return [with_unknown_fields(item) for item in body]
    return body


@dataclass
class Call:
    """One request as a network module describes it to the fault plane."""

    request: Request
    effects: Effects
    content_type: str
    perform: Callable[[], Awaitable[Answer]]
    """Does the work; what it writes is durable when it returns. Raises Refusal."""
    rate_limited: Callable[[], Refusal]
    server_error: Callable[[int], Refusal]
    duplicate: Callable[[], Refusal] | None = None
    """The answer to a publish that was done before; None for reads, whose handler repeats its items."""
    finish: Callable[[Answer], Answer] = lambda answer: answer
    """Adds the headers that every answer of the network carries."""


async def perform_with_faults(call: Call) -> Response:
    """Answer a request, or do to it what the faults in force demand."""
    effects, request = call.effects, call.request

    def send(answer: Answer) -> Response:
        if "unknown_fields" in effects:
            answer = replace(answer, body=with_unknown_fields(answer.body))
        return call.finish(answer).response(call.content_type)

    if "slow" in effects:
        await asyncio.sleep(float(effects.param("slow", "seconds", 2.0)))
    if "rate_limit" in effects:
        return send(call.rate_limited().answer)
    if "disconnect_before_commit" in effects:
        return await cut(request)
    if effects.before_commit("timeout"):
        await asyncio.sleep(float(effects.param("timeout", "seconds", 30.0)))
        return await cut(request)
    if effects.before_commit("server_error"):
        return send(call.server_error(int(effects.param("server_error", "status", 500))).answer)
    try:
        answer = await call.perform()
    except Refusal as refusal:
        answer = refusal.answer
    else:
        if "duplicate_answer" in effects and call.duplicate is not None:
            answer = call.duplicate().answer
    if "disconnect_after_commit" in effects:
        return await cut(request)
    if effects.after_commit("timeout"):
        await asyncio.sleep(float(effects.param("timeout", "seconds", 30.0)))
        return await cut(request)
    if effects.after_commit("server_error"):
        answer = call.server_error(int(effects.param("server_error", "status", 500))).answer
    return send(answer)
