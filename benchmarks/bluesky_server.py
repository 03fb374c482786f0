"""A real Bluesky server of one's own: the packages that its authors publish on npm, on loopback, gone when done.

Belongs here: where it is installed, starting and stopping it, making accounts, and what the server itself says is published.
Does not belong here: Pulso's connector, faults (`faulty_proxy.py`).
"""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from contracts.networks import Network
from contracts.records import Account, Token

INSTALL = (
    "no real Bluesky server: run `npm_config_nodedir=/usr npm install @atproto/dev-env@0.3.215` in a folder of its own (Node 20, a C++ "
    "compiler; about four minutes) and set PULSO_BLUESKY_SERVER to the folder"
)
POSTS = "app.bsky.feed.post"
PAGE_SIZE = 100
CALL_SECONDS = 60.0
START_SECONDS = 180.0


class NotInstalledError(Exception):
    """There is no Bluesky server on this machine; the message says how to install one."""


@dataclass(frozen=True)
class BlueskyServer:
    """A running server."""

    url: str
    """Of the PDS."""
    app_view_url: str | None = None

    def create_account(self, handle: str, *, client_id: str) -> tuple[Account, Token]:
        """A new account (its handle ends in `.test`) and the token of its first session."""
        body = {"handle": handle, "email": f"{handle}@example.test", "password": "a-password"}
        with self._client() as client:
            answer = client.post("/xrpc/com.atproto.server.createAccount", json=body).raise_for_status().json()
        account = Account(
            account_id=f"bluesky:{answer['did']}",
            client_id=client_id,
            network=Network.BLUESKY,
            native_id=answer["did"],
            handle=handle,
            base_url=self.url,
        )
        return account, Token(access_token=answer["accessJwt"], refresh_token=answer["refreshJwt"])

    def posts(self, did: str) -> list[dict[str, Any]]:
        """Every post in the repository, by the server's own word."""
        found: list[dict[str, Any]] = []
        query = {"repo": did, "collection": POSTS, "limit": str(PAGE_SIZE)}
        with self._client() as client:
            while True:
                page = client.get("/xrpc/com.atproto.repo.listRecords", params=query).raise_for_status().json()
                found += page["records"]
                if not page.get("cursor"):
                    return found
                query["cursor"] = page["cursor"]

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=CALL_SECONDS, trust_env=False)


def installed() -> Path:
    """The folder that the server is installed in. Raises NotInstalledError."""
    folder = Path(os.environ.get("PULSO_BLUESKY_SERVER", ""))
    if not (folder / "node_modules" / "@atproto" / "dev-env").is_dir() or shutil.which("node") is None:
        raise NotInstalledError(INSTALL)
    return folder.absolute()


@contextmanager
def running(environment: Mapping[str, str] | None = None) -> Iterator[BlueskyServer]:
    """A server with nothing in it. `environment`: see `bluesky_server.js`. Raises NotInstalledError."""
    modules = installed() / "node_modules"
    with tempfile.TemporaryDirectory(prefix="pulso-bluesky-") as folder:
        process = subprocess.Popen(
            ["node", str(Path(__file__).with_suffix(".js"))],
            env={
                **os.environ,
                "LOG_ENABLED": "false",
                "NODE_ENV": "development",
                "NODE_PATH": str(modules),
                "TMPDIR": folder,
                **(environment or {}),
            },
            stdin=subprocess.PIPE,  # open as long as we live: the server ends with us, however we end
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield _addresses(process)
        finally:
            process.kill()  # it holds nothing that is worth an orderly end
            process.communicate()


def _addresses(process: subprocess.Popen[str]) -> BlueskyServer:
    """What the server says when it is ready; one that never gets there is ended, which ends what it says."""
    patience = threading.Timer(START_SECONDS, process.kill)
    patience.start()
    try:
        for line in process.stdout or ():
            if line.startswith("READY "):
                urls = json.loads(line.removeprefix("READY "))
                return BlueskyServer(urls["pds"], urls.get("app_view"))
    finally:
        patience.cancel()
    raise RuntimeError("The Bluesky server ended before it was ready.")
