"""An HTTP proxy on loopback between a caller and a server, which cuts, falsifies and withholds answers, and has callers killed.

Belongs here: one exchange, and the fate that befalls it. Does not belong here: which exchange meets which fate, who the callers are.

Where the first part of a caller's base path is its name, that says who is to be killed; the server never sees it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

SERVER_SECONDS = 60.0
LATE_SECONDS = 0.3
"""From the moment that the caller gave up until its request reaches the server: long enough that it has looked for it in vain."""


class Fate(StrEnum):
    """What befalls an exchange. BEFORE: the server never sees the request; AFTER: it has answered in full."""

    PASSED = "passed on"
    CUT_BEFORE = "cut before"
    CUT_AFTER = "cut after"
    ERROR_BEFORE = "500 before"
    ERROR_AFTER = "500 after"
    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    LATE_REQUEST = "request late"
    """It reaches the server after the caller gave up."""
    LATE_ANSWER = "answer late"
    """It is withheld until the caller gave up."""


_UNSEEN = frozenset({Fate.CUT_BEFORE, Fate.ERROR_BEFORE, Fate.KILL_BEFORE})
_KILLS = frozenset({Fate.KILL_BEFORE, Fate.KILL_AFTER})
_ERROR_BODY = b'{"error":"InternalServerError","message":"Internal Server Error"}'
_ERROR = (
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_ERROR_BODY), _ERROR_BODY)
)


@dataclass(frozen=True)
class Exchange:
    """One request and what became of it."""

    operation: str
    """The last part of its path."""
    fate: Fate
    status: int | None
    """The server's own; None where it never saw the request."""
    had_caller: bool
    """Somebody still waited for the answer when the server had given it, or when the request was withheld from it."""
    has_killed: bool
    """The caller was alive, and died of this exchange."""

    @property
    def is_written(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class _Request:
    caller: str
    path: str
    lines: tuple[str, ...]
    body: bytes

    @property
    def operation(self) -> str:
        return urlsplit(self.path).path.rpartition("/")[2]


async def _nobody(_caller: str) -> bool:
    return False


class FaultyProxy:
    """Asks `fate_of` the operation of every request, and tells `tell` what became of it. `kill` ends the caller of that name and says
    whether it did; `marker` is where the server's own paths begin."""

    def __init__(
        self,
        server_url: str,
        fate_of: Callable[[str], Fate],
        *,
        tell: Callable[[Exchange], None] = lambda _: None,
        kill: Callable[[str], Awaitable[bool]] = _nobody,
        marker: str = "/xrpc/",
    ) -> None:
        self._server = urlsplit(server_url)
        self._fate_of, self._tell, self._kill, self._marker = fate_of, tell, kill, marker
        self._running: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The proxy's URL. Leaving waits for requests that are on their way to the server."""
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
            await self.settled()
        finally:
            listener.close()
            await listener.wait_closed()

    async def settled(self) -> None:
        """Wait until no exchange is under way. The callers must have hung up."""
        while self._running:
            await asyncio.wait(self._running)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("Connections are served in tasks.")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            request = await self._read(reader)
            await self._meet(request, self._fate_of(request.operation), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the caller died while it spoke or listened
        finally:
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> _Request:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        method, target, version = lines[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        before, marker, rest = target.partition(self._marker)
        path = f"{marker}{rest}"
        kept = [line for line in lines[1:] if not line.lower().startswith(("connection:", "host:"))]
        first = [f"{method} {path} {version}", f"Host: {self._server.netloc}", "Connection: close"]
        return _Request(before.split("/")[1] if before else "", path, (*first, *kept), body)

    async def _meet(
        self, request: _Request, fate: Fate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if fate is Fate.LATE_REQUEST:
            await reader.read()  # ends when the caller hangs up
            await asyncio.sleep(LATE_SECONDS)
        answer = None if fate in _UNSEEN else await self._ask_server(request)
        status = None if answer is None else int(answer.split(b" ", 2)[1])
        had_caller = not reader.at_eof()
        has_killed = fate in _KILLS and had_caller and await self._kill(request.caller)
        self._tell(Exchange(request.operation, fate, status, had_caller, has_killed))
        if fate is Fate.LATE_ANSWER:
            await reader.read()
        elif fate in (Fate.ERROR_BEFORE, Fate.ERROR_AFTER):
            await _send(writer, _ERROR)
        elif fate is Fate.PASSED and answer is not None:
            await _send(writer, answer)

    async def _ask_server(self, request: _Request) -> bytes:
        """The complete answer, as it came."""
        async with asyncio.timeout(SERVER_SECONDS):
            answers, server = await asyncio.open_connection(self._server.hostname, self._server.port)
            server.write("\r\n".join((*request.lines, "", "")).encode("latin-1") + request.body)
            await server.drain()
            answer = await answers.read()
            server.close()
            await server.wait_closed()
        return answer


async def _send(writer: asyncio.StreamWriter, answer: bytes) -> None:
    writer.write(answer)
    writer.close()
    await writer.wait_closed()
