"""The sandbox's webhooks: who cannot prove itself is not called, what happened is told until it is accepted, and kills lose nothing."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Address:
    """Something that can be called: remembers what came, answers with `status`; meets Meta's challenge only."""

    def __init__(self) -> None:
        self.status, self.is_honest = 200, True
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        address = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = dict(part.split("=", 1) for part in self.path.partition("?")[2].split("&"))
                self._answer(200, query.get("hub.challenge", "").encode() if address.is_honest else b"no")

            def do_POST(self) -> None:
                address.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                address.headers.append({name.lower(): value for name, value in self.headers.items()})
                self._answer(address.status, b"")

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/here"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def address() -> Iterator[Address]:
    opened = Address()
    yield opened
    opened.close()


def subscribe(sandbox: Any, network: str, url: str) -> Any:
    return sandbox.http.post("/_sandbox/webhooks", json={"network": network, "url": url, "verify_token": "word"})


def test_who_cannot_prove_itself_is_not_called(start_sandbox: Callable[..., Any], address: Address) -> None:
    sandbox = start_sandbox()
    address.is_honest = False
    assert "did not meet the challenge" in subscribe(sandbox, "instagram", address.url).json()["error"]
    for network in ("x", "linkedin"):
        assert subscribe(sandbox, network, address.url).status_code == 400, "an echo signs nothing"
    assert "no webhooks" in subscribe(sandbox, "pinterest", address.url).json()["error"]
    assert "loopback" in subscribe(sandbox, "instagram", "http://192.0.2.1/here").json()["error"]
    assert "did not answer" in subscribe(sandbox, "instagram", "http://127.0.0.1:9/here").json()["error"]
    sandbox.advance(12 * 3600)
    assert sandbox.http.get("/_sandbox/webhooks").json() == {"subscriptions": {}, "deliveries": []}
    assert address.bodies == []


def test_comments_are_told_once_they_are_accepted_and_until_then_again_also_after_a_kill(
    start_sandbox: Callable[..., Any], address: Address
) -> None:
    sandbox = start_sandbox()
    assert subscribe(sandbox, "instagram", address.url).status_code == 200
    address.status = 500
    before = {c["native_id"] for c in comments(sandbox)}
    sandbox.advance(12 * 3600)
    [told] = address.bodies
    sandbox.restart()
    address.status = 200
    assert sandbox.http.post("/_sandbox/webhooks/deliver", json={}).status_code == 200
    sandbox.http.post("/_sandbox/webhooks/deliver", json={})
    assert address.bodies == [told, told], "the same bytes, and no more once they were accepted"
    payload = json.loads(told)
    named = {change["value"]["id"] for entry in payload["entry"] for change in entry["changes"]}
    assert named == {c["native_id"] for c in comments(sandbox)} - before
    assert address.headers[0]["x-hub-signature-256"] == address.headers[1]["x-hub-signature-256"]
    again = sandbox.http.post("/_sandbox/webhooks/deliver", json={"again": True}).json()
    assert [d["tries"] for d in again["deliveries"]] == [3]


def comments(sandbox: Any) -> list[dict[str, Any]]:
    """What the audience wrote under posts of accounts that somebody holds the credentials of."""
    held = {a["native_id"] for a in sandbox.accounts() if not a["is_competitor"]}
    written = sandbox.http.get("/_sandbox/comments", params={"network": "instagram", "origin": "audience"}).json()
    return [c for c in written if c["native_account_id"] in held]


def test_tiktok_tells_of_a_publishing_in_two_events(start_sandbox: Callable[..., Any], address: Address) -> None:
    sandbox = start_sandbox("--crowd", "9")
    assert subscribe(sandbox, "tiktok", address.url).status_code == 200, "it asks nothing"
    account = next(a for a in sandbox.accounts() if a["network"] == "tiktok")
    headers = {"authorization": f"Bearer {account['access_token']}"}
    film = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41" + b"film" * 4096
    started = sandbox.http.post(
        "/tiktok/v2/post/publish/video/init/",
        headers=headers,
        json={
            "post_info": {"title": "A film", "privacy_level": "PUBLIC_TO_EVERYONE"},
            "source_info": {
                "source": "FILE_UPLOAD",
                "video_size": len(film),
                "chunk_size": len(film),
                "total_chunk_count": 1,
            },
        },
    ).json()["data"]
    uploaded = sandbox.http.put(
        started["upload_url"],
        content=film,
        headers={"content-range": f"bytes 0-{len(film) - 1}/{len(film)}", "content-type": "video/mp4"},
    )
    assert uploaded.is_success, uploaded.text
    for _ in range(5):
        sandbox.http.post(
            "/tiktok/v2/post/publish/status/fetch/", headers=headers, json={"publish_id": started["publish_id"]}
        )
    sandbox.http.post("/_sandbox/webhooks/deliver", json={})
    told = [json.loads(body) for body in address.bodies]
    assert [t["event"] for t in told] == ["post.publish.complete", "post.publish.publicly_available"]
    [published] = sandbox.posts(network="tiktok", origin="api")
    assert json.loads(told[1]["content"])["post_id"] == published["native_id"]
    assert all(t["user_openid"] == account["native_id"] for t in told)
    assert all(h["tiktok-signature"].startswith("t=") for h in address.headers)
