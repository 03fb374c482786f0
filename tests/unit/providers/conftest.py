"""A small HTTP server on loopback that answers what a test scripts and keeps what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    delay_seconds: float = 0.0
    hangs_up: bool = False


@dataclass
class ScriptedServer:
    """Answers in the order of `answers`; the last one again and again."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def script(self, *answers: Answer) -> None:
        self.answers = list(answers)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for *_, body in self.requests]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scripted.requests.append(
                (self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            answer = scripted.answers.pop(0) if len(scripted.answers) > 1 else scripted.answers[0]
            time.sleep(answer.delay_seconds)
            if answer.hangs_up:
                self.close_connection = True
                return
            try:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Retry-After-Ms", "1")
                self.end_headers()
                self.wfile.write(answer.body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the caller stopped waiting

        do_POST = do_PUT = do_GET = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    scripted.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    yield scripted
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def completion() -> Callable[..., Answer]:
    """An answer on OpenAI's chat completions wire."""

    def make(
        content: str | None, *, finish_reason: str = "stop", refusal: str | None = None, choices: bool = True
    ) -> Answer:
        message = {"role": "assistant", "content": content, "refusal": refusal}
        body = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "writer-large",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}]
            if choices
            else [],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        return Answer(body=json.dumps(body).encode())

    return make


@pytest.fixture
def answer() -> type[Answer]:
    return Answer
