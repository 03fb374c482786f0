"""The sandbox as a child process: started when it is not there, waited for, stopped by who started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from contracts.errors import NotReadyError
from contracts.settings import Settings

START_TIMEOUT_SECONDS = 120.0
ADMIN_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox, by its address. Talks to its admin paths only."""

    url: str

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        answer = httpx.request(method, f"{self.url}/_sandbox/{path}", timeout=ADMIN_TIMEOUT_SECONDS, **kwargs)
        if answer.status_code == 409:
            raise NotReadyError(str(answer.json().get("error") or answer.text))
        answer.raise_for_status()
        return answer.json()

    def now(self) -> datetime:
        """The world's present moment, UTC."""
        return datetime.fromisoformat(self._call("GET", "clock")["now"].replace("Z", "+00:00"))

    def advance(self, seconds: float) -> datetime:
        """Move the world's clock forward. Raises NotReadyError when it would pass the machine's today."""
        return datetime.fromisoformat(
            self._call("POST", "clock", json={"advance_seconds": seconds})["now"].replace("Z", "+00:00")
        )

    def move_to(self, moment: datetime) -> datetime:
        """Set the world's clock to a later moment."""
        return datetime.fromisoformat(
            self._call("POST", "clock", json={"set": moment.isoformat()})["now"].replace("Z", "+00:00")
        )

    def accounts(self) -> list[dict[str, Any]]:
        return list(self._call("GET", "accounts"))

    def world(self) -> dict[str, Any]:
        return dict(self._call("GET", "world"))

    def posts(self, **query: str) -> list[dict[str, Any]]:
        """Posts in the networks' own state: the truth that nothing in Pulso can colour."""
        return list(self._call("GET", "posts", params=query))

    def is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/_sandbox/health", timeout=2.0).is_success
        except httpx.TransportError:
            return False


@contextmanager
def running_sandbox(
    settings: Settings,
    *,
    posts: Path | None = None,
    seed: int = 7,
    more: Sequence[str] = (),
    log: Path | None = None,
) -> Iterator[Sandbox]:
    """A sandbox on `settings.sandbox_port`: the one that runs there already, else one of our own, stopped on leaving.

    `posts` (normalised, see contracts.tables.IMPORTED_POSTS_COLUMNS) makes the world a replayed one. `more`: further
    options of `python -m sandbox`.
    """
    sandbox = Sandbox(settings.sandbox_url)
    if sandbox.is_up():
        yield sandbox
        return
    process = start_sandbox(settings, posts=posts, seed=seed, more=more, log=log)
    try:
        wait_until_up(sandbox, process, log)
        yield sandbox
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()


def start_sandbox(
    settings: Settings,
    *,
    posts: Path | None = None,
    seed: int = 7,
    more: Sequence[str] = (),
    log: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start the process. Its state is under `home/sandbox` and survives it."""
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "--port",
        str(settings.sandbox_port),
        "--state-dir",
        str(settings.home / "sandbox"),
        "--seed",
        str(seed),
    ]
    if posts is not None:
        command += ["--world", "replayed", "--posts", str(posts)]
    command += more
    log = log or settings.home / "logs" / "sandbox.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "PYTHONUNBUFFERED": "1"})


def wait_until_up(sandbox: Sandbox, process: subprocess.Popen[bytes], log: Path | None = None) -> None:
    """Return when the sandbox answers. Raises NotReadyError when it ended or stays silent."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if sandbox.is_up():
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise NotReadyError(
        f"The sandbox did not come up at {sandbox.url}; its log is {log or 'logs/sandbox.log under PULSO_HOME'}."
    )
