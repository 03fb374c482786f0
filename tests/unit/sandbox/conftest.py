"""A real sandbox process on a free port, and the official Bluesky lexicons to hold its answers against."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]


class SandboxProcess:
    """One running `python -m sandbox`, driven over HTTP only."""

    def __init__(self, state_dir: Path, *options: str) -> None:
        self.state_dir = state_dir
        self._options = options
        self._start(port=0)

    def _start(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--port", str(port), "--state-dir", str(self.state_dir), *self._options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("READY "):
            raise RuntimeError(f"the sandbox did not start: {line}{self._process.communicate()[1]}")
        self.url = line.removeprefix("READY ").strip()
        self.http = httpx.Client(base_url=self.url, timeout=30.0, trust_env=False)

    def kill(self) -> None:
        """The hard way: no chance to write anything more."""
        self.http.close()
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def stop(self) -> None:
        """The regular way."""
        self.http.close()
        self._process.terminate()
        self._process.communicate()

    def restart(self) -> None:
        """Kill -9, then start again over the same state and on the same port."""
        self.kill()
        self._start(port=httpx.URL(self.url).port or 0)

    # --- admin ---

    def accounts(self) -> list[dict[str, Any]]:
        return self.http.get("/_sandbox/accounts").json()

    def account(self, network: str, handle: str = "harborandoak") -> dict[str, Any]:
        """The account of a network whose handle starts so."""
        return next(a for a in self.accounts() if a["network"] == network and a["handle"].startswith(handle))

    def posts(self, **query: str) -> list[dict[str, Any]]:
        return self.http.get("/_sandbox/posts", params=query).json()

    def fault(self, **spec: Any) -> dict[str, Any]:
        answer = self.http.post("/_sandbox/faults", json=spec)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, seconds: float) -> str:
        answer = self.http.post("/_sandbox/clock", json={"advance_seconds": seconds})
        assert answer.status_code == 200, answer.text
        return answer.json()["now"]

    # --- networks ---

    def xrpc(self, account: dict[str, Any], nsid: str, *, token: str | None = None, **kwargs: Any) -> httpx.Response:
        """An XRPC call: `params` makes it a GET, `json` or `content` a POST."""
        headers = {"authorization": f"Bearer {token or account['access_token']}", **kwargs.pop("headers", {})}
        method = "POST" if {"json", "content"} & kwargs.keys() else "GET"
        return self.http.request(method, f"/bluesky/xrpc/{nsid}", headers=headers, **kwargs)

    def create(self, account: dict[str, Any], rkey: str, text: str = "Hello", **record: Any) -> httpx.Response:
        """createRecord of a post."""
        body = {
            "repo": account["native_id"],
            "collection": "app.bsky.feed.post",
            "rkey": rkey,
            "record": {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-05-30T06:00:00Z", **record},
        }
        return self.xrpc(account, "com.atproto.repo.createRecord", json=body)

    def graph(self, account: dict[str, Any], path: str, method: str = "GET", **params: Any) -> httpx.Response:
        """A Graph call with the account's token."""
        return self.http.request(
            method, f"/instagram/v25.0/{path}", params={"access_token": account["access_token"], **params}
        )


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[Callable[..., SandboxProcess]]:
    """Starts sandboxes of the test's own; all are stopped at its end."""
    running: list[SandboxProcess] = []

    def start(*options: str, state: str = "state") -> SandboxProcess:
        running.append(SandboxProcess(tmp_path / state, *options))
        return running[-1]

    yield start
    for sandbox in running:
        sandbox.stop()


@pytest.fixture(scope="session")
def shared_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    yield process
    process.stop()


@pytest.fixture
def sandbox(shared_process: SandboxProcess) -> Iterator[SandboxProcess]:
    """A sandbox that all tests share: no faults are left in it, and its clock is not to be moved."""
    yield shared_process
    shared_process.http.delete("/_sandbox/faults")


class Lexicons:
    """A small validator of the AT Protocol's schemas: enough to say that an answer has the official shape."""

    def __init__(self, folder: Path) -> None:
        self._documents = {
            document["id"]: document for path in folder.rglob("*.json") if (document := json.loads(path.read_text()))
        }

    def check_output(self, nsid: str, body: Any) -> None:
        """Assert that a body fits the method's output."""
        self._check(self._documents[nsid]["defs"]["main"]["output"]["schema"], body, nsid, "$")

    def check_record(self, nsid: str, record: Any) -> None:
        """Assert that a record fits its lexicon."""
        self._check(self._documents[nsid]["defs"]["main"]["record"], record, nsid, "$")

    def _resolve(self, reference: str, home: str) -> tuple[dict[str, Any], str]:
        document, _, name = reference.partition("#")
        document = document or home
        return self._documents[document]["defs"][name or "main"], document

    def _check(self, schema: dict[str, Any], value: Any, home: str, where: str) -> None:
        kind = schema["type"]
        if kind == "ref":
            target, document = self._resolve(schema["ref"], home)
            self._check(target, value, document, where)
        elif kind == "union":
            assert "$type" in value, f"{where}: a union member needs $type"
            for reference in schema["refs"]:
                target, document = self._resolve(reference, home)
                full = document + ("#" + reference.partition("#")[2] if reference.partition("#")[2] else "")
                if value["$type"] == full:
                    self._check(target, value, document, where)
                    return
            assert not schema.get("closed"), f"{where}: {value['$type']} is not in the union"
        elif kind in ("object", "params"):
            assert isinstance(value, dict), f"{where}: not an object"
            for name in schema.get("required", []):
                assert name in value, f"{where}: lacks {name}"
            for name, inner in schema.get("properties", {}).items():
                if name in value:
                    self._check(inner, value[name], home, f"{where}.{name}")
        elif kind == "array":
            assert isinstance(value, list), f"{where}: not an array"
            assert len(value) <= schema.get("maxLength", len(value)), f"{where}: too long"
            for index, item in enumerate(value):
                self._check(schema["items"], item, home, f"{where}[{index}]")
        elif kind == "string":
            assert isinstance(value, str), f"{where}: not a string"
            assert schema.get("format") != "at-uri" or value.startswith("at://"), f"{where}: not an at-uri"
            assert schema.get("format") != "did" or value.startswith("did:"), f"{where}: not a did"
            assert schema.get("format") != "datetime" or value.endswith(("Z", "+00:00")), f"{where}: not a datetime"
            assert len(value) <= schema.get("maxLength", len(value)), f"{where}: too long"
        elif kind == "integer":
            assert isinstance(value, int), f"{where}: not an integer"
            assert not isinstance(value, bool), f"{where}: not an integer"
        elif kind == "boolean":
            assert isinstance(value, bool), f"{where}: not a boolean"
        elif kind == "blob":
            assert value["$type"] == "blob", f"{where}: not a blob"
            assert {"ref", "mimeType", "size"} <= value.keys(), f"{where}: an incomplete blob"


@pytest.fixture(scope="session")
def lexicons() -> Lexicons:
    """The official lexicons, beside the reference data."""
    data = os.environ.get("PULSO_REFERENCE_DATA")
    folder = Path(data).parent / "specs" / "bluesky-lexicons" if data else None
    if folder is None or not folder.is_dir():
        pytest.skip("set PULSO_REFERENCE_DATA: the lexicons stand beside it, in ../specs/bluesky-lexicons")
    return Lexicons(folder)


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A square picture that every network takes."""
    buffer = io.BytesIO()
    Image.new("RGB", (1080, 1080), "navy").save(buffer, "JPEG")
    return buffer.getvalue()
