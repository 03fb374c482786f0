"""The sandbox's YouTube, driven by Google's own Python client: someone else's reading of the same wire."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

INSTALL = (
    "python -m venv oracles && oracles/bin/pip install google-api-python-client && "
    "export PULSO_ORACLES_PYTHON=$PWD/oracles/bin/python"
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def oracle_python() -> str:
    """An interpreter that has Google's client, kept apart from Pulso's environment."""
    python = os.environ.get("PULSO_ORACLES_PYTHON")
    if not python or not Path(python).exists():
        message = f"needs an environment with the public client: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return python


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Iterator[str]:
    state = str(tmp_path_factory.mktemp("sandbox"))
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", state, "--crowd", "18"]
    with subprocess.Popen(command, cwd=project_root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("READY ").strip()
        process.terminate()


def test_googles_client_uploads_reads_comments_and_deletes(
    oracle_python: str, sandbox_url: str, project_root: Path, reference_data: Path
) -> None:
    specs = reference_data.parent / "specs"
    if not (specs / "youtube.v3.json").is_file():
        pytest.skip(f"no discovery documents in {specs}")
    accounts = httpx.get(f"{sandbox_url}/_sandbox/accounts", timeout=None, trust_env=False).json()
    account = next(a for a in accounts if a["network"] == "youtube" and a["access_token"])
    query = {"native_account_id": account["native_id"]}
    history = httpx.get(f"{sandbox_url}/_sandbox/posts", params=query, timeout=None, trust_env=False).json()

    script = project_root / "tests" / "integration" / "oracle_youtube.py"
    finished = subprocess.run(
        [oracle_python, str(script), f"{sandbox_url}/youtube", str(specs)],
        input=json.dumps(account),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)

    assert seen["channel"] == account["native_id"]
    assert seen["is_token_renewed"], "Google's client renewed it by itself"
    assert seen["revoked"] == "invalid_grant"
    assert seen["progress"] == [256 * 1024, 2 * 256 * 1024, None]
    assert len(seen["uploads"]) == len(set(seen["uploads"])), "paging repeats nothing"
    assert set(seen["uploads"]) == {post["native_id"] for post in history} | {seen["video"]}
    assert seen["read"] == ["By the public client", "Boats", "unlisted"]
    assert seen["views"].isdecimal()
    assert seen["thread"] == ["First!", ["Second"]]
    assert seen["answers_left"] == []
    assert seen["columns"] == ["day", "views", "subscribersGained"]
    assert seen["days"] > 0
    assert seen["bad_metric"] == [400, "badRequest"]
    assert seen["after_delete"] == [404, "videoNotFound"]
    left = httpx.get(f"{sandbox_url}/_sandbox/posts", params={"origin": "api"}, timeout=None, trust_env=False).json()
    assert left == []
