"""The sandbox's clock: asked at every call, and clear when nobody answers."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from contracts.errors import NotReadyError
from platforms import SandboxClock


@pytest.fixture
def server():
    """A loopback server whose answer the test sets."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.server.body.encode()
            self.send_response(200 if self.path == "/_sandbox/clock" else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()


def test_it_tells_the_worlds_time_each_time_anew(server):
    clock = SandboxClock(f"http://127.0.0.1:{server.server_port}/")
    server.body = json.dumps({"now": "2026-05-30T06:00:00Z"})
    assert clock.now() == datetime(2026, 5, 30, 6, tzinfo=UTC)
    server.body = json.dumps({"now": "2026-05-30T08:00:00+02:00"})
    assert clock.now() == datetime(2026, 5, 30, 6, tzinfo=UTC)
    server.body = json.dumps({"now": "2026-06-02T00:00:00+00:00"})
    assert clock.now() == datetime(2026, 6, 2, tzinfo=UTC)


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"now": "soon"}', '{"now": 5}'])
def test_a_server_that_is_no_sandbox_is_named(server, body):
    server.body = body
    with pytest.raises(NotReadyError, match="python -m sandbox"):
        SandboxClock(f"http://127.0.0.1:{server.server_port}").now()


def test_no_server_is_named(unused_tcp_port):
    with pytest.raises(NotReadyError, match=f"127.0.0.1:{unused_tcp_port}"):
        SandboxClock(f"http://127.0.0.1:{unused_tcp_port}").now()
