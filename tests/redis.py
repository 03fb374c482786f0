"""A real Redis server for tests: on loopback, in memory, gone when done.

Belongs here: starting and stopping it. Does not belong here: what is kept in it.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.ports import free_port


@contextmanager
def running_redis(*, password: str = "") -> Iterator[str]:
    """Host and port of a server of one's own, with a password where one is given; skips, or fails in CI, saying how to install it."""
    program = shutil.which("redis-server")
    if program is None:
        message = "Redis is not installed: apt-get install redis-server"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pulso-redis-") as folder:
        options = {"bind": "127.0.0.1", "port": str(port), "save": "", "appendonly": "no", "requirepass": password}
        command = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until_it_answers(port, server)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def _wait_until_it_answers(port: int, server: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if server.poll() is not None:
                raise
            time.sleep(0.05)
