"""The sandbox's X, driven by the public `tweepy` client: someone else's reading of the same wire, in the older words."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = (
    "python -m venv oracles && oracles/bin/pip install tweepy && export PULSO_ORACLES_PYTHON=$PWD/oracles/bin/python"
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def oracle_python() -> str:
    """An interpreter that has `tweepy`, kept apart from Pulso's environment."""
    python = os.environ.get("PULSO_ORACLES_PYTHON")
    if not python or not Path(python).exists():
        message = f"needs an environment with the public client: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return python


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = str(tmp_path_factory.mktemp("sandbox"))
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", folder, "--crowd", "18"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().removeprefix("READY ").strip()
    process.terminate()
    process.communicate()


def test_the_public_client_posts_reads_hides_and_deletes(oracle_python: str, sandbox_url: str) -> None:
    def admin(page: str, **params: str) -> Any:
        return httpx.get(f"{sandbox_url}/_sandbox/{page}", params=params, timeout=30.0).raise_for_status().json()

    account, other = [a for a in admin("accounts") if a["network"] == "x" and a["access_token"]][:2]
    history = [post["native_id"] for post in admin("posts", native_account_id=account["native_id"])]

    script = ROOT / "tests" / "integration" / "oracle_tweepy.py"
    finished = subprocess.run(
        [oracle_python, str(script), f"{sandbox_url}/x", account["access_token"], other["access_token"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)

    native_id, handle = account["native_id"], account["handle"]
    assert seen["me"][:2] == [native_id, handle]
    assert seen["me"][2] > 0
    assert (seen["me"][3], seen["by_name"]) == (len(history), native_id)
    assert seen["users"] == [[native_id], ["nobody"]]
    post, follow, poll = seen["posts"]
    assert seen["feed"] == [poll, follow, post, *reversed(history)]
    assert seen["feed_pages"] == -(-len(seen["feed"]) // 50)
    assert seen["sorted"]
    assert seen["text"][0].startswith("Posted by the public client &amp; friends: https://t.co/")
    assert seen["text"][1] == "https://example.test/a"
    assert seen["thread"] == [post, [["replied_to", post]]]
    assert not seen["no_replies"]
    assert seen["conversation"] == [sorted([post, follow]), [handle]]
    assert seen["mentions"] == [5, True, True]
    assert seen["hidden"] is True

    assert seen["duplicate"][:2] == ["Forbidden", 403]
    assert "duplicate content" in seen["duplicate"][2][0]
    assert seen["stranger"][:2] == ["Forbidden", 403]
    assert seen["bad_token"][:2] == ["Unauthorized", 401]
    assert seen["bad_words"][:2] == ["BadRequest", 400]
    assert "tweet.fields" in seen["bad_words"][2][0]

    assert seen["deleted"] == [True, True, True]
    assert seen["gone"] == [[post], [history[0]]]
    left = admin("posts", native_account_id=native_id)
    assert [p["native_id"] for p in left] == history
    assert set(seen["likes"]) == set(seen["feed"])
    assert any(seen["likes"].values())
