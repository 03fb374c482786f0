"""A site of public profiles on loopback, as a test scripts it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from contracts.networks import Network
from contracts.records import Competitor


@dataclass
class Site:
    """Pages by path and query: (status, content type, body). What is not there is 404."""

    url: str = ""
    pages: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    visits: list[tuple[str, str, float]] = field(default_factory=list)
    """Path, user agent, monotonic seconds."""
    slow: dict[str, float] = field(default_factory=dict)

    def add(
        self, path: str, body: str | bytes, *, status: int = 200, content_type: str = "text/html; charset=utf-8"
    ) -> None:
        self.pages[path] = (status, content_type, body.encode() if isinstance(body, str) else body)

    @property
    def paths(self) -> list[str]:
        return [path for path, *_ in self.visits]


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.visits.append((self.path, self.headers.get("User-Agent", ""), time.monotonic()))
            time.sleep(site.slow.get(self.path, 0))
            status, content_type, body = site.pages.get(self.path, (404, "text/html", b"<h1>not found</h1>"))
            try:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                if 300 <= status < 400:
                    self.send_header("Location", body.decode())
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                pass

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    site.add("/robots.txt", "User-agent: *\nCrawl-delay: 0.02\n", content_type="text/plain")
    yield site
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def _counter(action: str, value: Any) -> dict[str, Any]:
    return {
        "@type": "InteractionCounter",
        "interactionType": f"https://schema.org/{action}",
        "userInteractionCount": value,
    }


@pytest.fixture
def posting() -> Callable[..., dict[str, Any]]:
    def make(number: int, **changes: Any) -> dict[str, Any]:
        thing = {
            "@context": "https://schema.org",
            "@type": "SocialMediaPosting",
            "identifier": f"p{number}",
            "url": f"https://rival.example/posts/p{number}",
            "datePublished": "2026-05-01T08:00:00Z",
            "articleBody": f"Post {number} <3",
            "interactionStatistic": [_counter("LikeAction", 10 + number), _counter("CommentAction", number)],
        }
        return {**thing, **changes}

    return make


@pytest.fixture
def page() -> Callable[..., str]:
    def make(*things: Any, followers: int | None = 1234, next_url: str | None = None, is_profile: bool = True) -> str:
        entity = {"@type": "Organization", "interactionStatistic": _counter("FollowAction", followers)}
        scripts = [{"@type": "ProfilePage", "mainEntity": entity}] if is_profile else []
        markup = "".join(
            f'<script type="application/ld+json">{thing if isinstance(thing, str) else json.dumps(thing).replace("<", chr(92) + "u003c")}</script>'
            for thing in [*scripts, *things]
        )
        following = f'<a rel="next" href="{next_url}">Older</a>' if next_url else ""
        return f"<!doctype html><html><body>{markup}{following}</body></html>"

    return make


@pytest.fixture
def rival(site: Site) -> Callable[..., Competitor]:
    def make(handle: str, **changes: Any) -> Competitor:
        fields = {
            "competitor_id": f"instagram:{handle}",
            "network": Network.INSTAGRAM,
            "handle": handle,
            "profile_url": f"{site.url}/public/instagram/{handle}",
            "client_ids": ("harbor-coffee",),
        }
        return Competitor(**{**fields, **changes})

    return make
