"""Exchanges written down once and answered again as fast as Python can: `python -m benchmarks.recorded FOLDER --port 8930`.

Belongs here: the recorder, the file, and the static responder. The responder answers a request that it knows with the very bytes
that were recorded and any other with 404; `/_served` says how many of both there were.
Does not belong here: what is asked (`ingest`), a network that thinks (`sandbox`).
"""

import argparse
import asyncio
import json
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httptools
import httpx

HOST = "127.0.0.1"
SERVED = b"/_served"
_CREDENTIALS = (b"authorization", b"access-token")
"""Header names that carry a token: some addresses ("me") are the same for every account."""
_OWN_HEADERS = frozenset({"host", "accept", "accept-encoding", "connection", "content-length", "user-agent"})
"""Headers that any HTTP client adds by itself."""
_HOP_HEADERS = frozenset({b"connection", b"transfer-encoding", b"content-length"})


@dataclass(frozen=True)
class Asked:
    """One request, without its host."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    content: bytes

    @property
    def key(self) -> bytes:
        tokens = [value.encode() for name, value in self.headers if name.encode() in _CREDENTIALS]
        return _key(self.method.encode(), self.target.encode(), b"".join(tokens), self.content)


def _key(method: bytes, target: bytes, token: bytes, content: bytes) -> bytes:
    return b"\n".join((method, target, token, content))


class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on, and writes them and their answers down in a folder. Closing it ends the connections, not the recording."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._asked, self._answers = (folder / "asked").open("ab"), (folder / "answers").open("ab")
        self._inner: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._inner is None:
            self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))
        response = await self._inner.handle_async_request(request)
        content = b"".join([part async for part in response.aiter_raw()])
        await response.aclose()
        asked = Asked(
            request.method,
            request.url.raw_path.decode(),
            tuple((name, value) for name, value in request.headers.items() if name not in _OWN_HEADERS),
            request.content,
        )
        pickle.dump(asked, self._asked)
        pickle.dump((asked.key, _as_bytes(response, content)), self._answers)
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    async def aclose(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()
            self._inner = None
        self._asked.flush()
        self._answers.flush()


def asked_in(folder: Path) -> list[Asked]:
    """The requests in the order of their answers."""
    return list(_read(folder / "asked"))


def _answers_in(folder: Path) -> dict[bytes, bytes]:
    """Answers by request; of a request that was made several times, the last one."""
    return dict(_read(folder / "answers"))


def _read(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        while file.peek(1):
            yield pickle.load(file)


def _as_bytes(response: httpx.Response, content: bytes) -> bytes:
    """The whole answer as it goes over the wire."""
    lines = [b"HTTP/1.1 %d %s" % (response.status_code, HTTPStatus(response.status_code).phrase.encode())]
    lines += [b"%s: %s" % (name, value) for name, value in response.headers.raw if name.lower() not in _HOP_HEADERS]
    lines += [b"content-length: %d" % len(content), b"", content]
    return b"\r\n".join(lines)


# --- the responder --------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """Requests that were known, and others."""

    known: int = 0
    unknown: int = 0


class StaticProtocol(asyncio.Protocol):
    """One connection: looks each request up and writes what is there."""

    def __init__(self, answers: dict[bytes, bytes], tally: Tally) -> None:
        self._answers, self._tally = answers, tally
        self._parser = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._target = self._token = self._content = b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in _CREDENTIALS:
            self._token += value

    def on_body(self, body: bytes) -> None:
        self._content += body

    def on_message_complete(self) -> None:
        if self._target == SERVED:
            content = json.dumps(vars(self._tally)).encode()
            self._transport.write(_as_bytes(httpx.Response(200), content))
            return
        answer = self._answers.get(_key(self._parser.get_method(), self._target, self._token, self._content))
        if answer is None:
            self._tally.unknown += 1
            self._transport.write(_as_bytes(httpx.Response(404), b""))
        else:
            self._tally.known += 1
            self._transport.write(answer)


async def serve(folder: Path, port: int) -> None:
    """Answer until stopped; says READY once it does."""
    answers, tally = _answers_in(folder), Tally()
    server = await asyncio.get_running_loop().create_server(lambda: StaticProtocol(answers, tally), HOST, port)
    async with server:
        sys.stdout.write(f"READY http://{HOST}:{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recorded", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(serve(options.folder, options.port))


if __name__ == "__main__":
    main()
