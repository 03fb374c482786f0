"""The sandbox's Mastodon, driven by the public `Mastodon.py` client: someone else's reading of the same wire."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = "python -m venv oracles && oracles/bin/pip install Mastodon.py && export PULSO_ORACLES_PYTHON=$PWD/oracles/bin/python"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def oracle_python() -> str:
    """An interpreter that has `Mastodon.py`, kept apart from Pulso's environment."""
    python = os.environ.get("PULSO_ORACLES_PYTHON")
    has_client = python and Path(python).exists()
    if not has_client or subprocess.run([python, "-c", "import mastodon"], capture_output=True, check=False).returncode:
        message = f"needs an environment with the public client: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    assert python is not None
    return python


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Any:
    state = tmp_path_factory.mktemp("sandbox")
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", str(state), "--crowd", "18"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().removeprefix("READY ").strip()
    process.terminate()
    process.communicate()


def test_the_public_client_posts_reads_answers_and_deletes(oracle_python: str, sandbox_url: str) -> None:
    accounts = httpx.get(f"{sandbox_url}/_sandbox/accounts").json()
    account = next(a for a in accounts if a["network"] == "mastodon" and not a["is_competitor"])
    own = {"native_account_id": account["native_id"]}
    history = httpx.get(f"{sandbox_url}/_sandbox/posts", params=own).json()

    script = ROOT / "tests" / "integration" / "oracle_mastodon.py"
    finished = subprocess.run(
        [oracle_python, str(script), f"{sandbox_url}/mastodon", account["access_token"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)

    assert seen["bad_token"] == "401"
    assert (seen["me"]["id"], seen["me"]["language"]) == (account["native_id"], account["language"])
    assert seen["instance"] == ["4.6.4", 500]
    assert seen["mastodon_version"] == "4.6.4"
    assert seen["key"][0] == seen["key"][1]
    assert seen["post"] == ["datetime", "public", ["coffee"]]
    assert seen["media"] == [True, True]
    assert seen["attached"] == ["grey", "video"]
    assert seen["attached_twice"] == 422
    assert seen["poll"] == [["Tea", "Coffee"], True, True]
    assert len(seen["listed"]) == len(set(seen["listed"])), "paging repeats nothing"
    assert set(seen["listed"]) == {post["native_id"] for post in history} | set(seen["published"][:4])
    assert seen["paging"] == [5, 5, True]
    assert seen["comments"][0] == seen["comments"][1] > 0
    assert seen["comments"][2]
    assert seen["answer"] == [True, True]
    assert seen["answered"] == 1
    assert seen["deleted"] == "By the public client: https://example.test/page #coffee"
    assert seen["limit_of_deleting"] == 30_000  # thirty, relaxed
    assert seen["limit_is_over_later"]
    assert seen["after_delete"] == 404

    left = httpx.get(f"{sandbox_url}/_sandbox/posts", params={**own, "origin": "api"}).json()
    assert [post["native_id"] for post in left] == seen["published"][1:]
