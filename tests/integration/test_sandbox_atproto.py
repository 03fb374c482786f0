"""The sandbox's Bluesky, driven by the public `atproto` client: someone else's reading of the same wire."""

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
    "python -m venv oracles && oracles/bin/pip install atproto && export PULSO_ORACLES_PYTHON=$PWD/oracles/bin/python"
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def oracle_python() -> str:
    """An interpreter that has `atproto`, kept apart from Pulso's environment."""
    python = os.environ.get("PULSO_ORACLES_PYTHON")
    if not python or not Path(python).exists():
        message = f"needs an environment with the public client: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return python


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Any:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", str(tmp_path_factory.mktemp("sandbox"))],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().removeprefix("READY ").strip()
    process.terminate()
    process.communicate()


def test_the_public_client_posts_reads_replies_and_deletes(oracle_python: str, sandbox_url: str) -> None:
    accounts = httpx.get(f"{sandbox_url}/_sandbox/accounts", timeout=30.0).json()
    account = next(a for a in accounts if a["network"] == "bluesky" and a["client_slug"] == "harbor-coffee")
    history = httpx.get(
        f"{sandbox_url}/_sandbox/posts", params={"native_account_id": account["native_id"]}, timeout=30.0
    ).json()

    script = ROOT / "tests" / "integration" / "oracle_atproto.py"
    finished = subprocess.run(
        [oracle_python, str(script), f"{sandbox_url}/bluesky", account["handle"], account["app_password"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)

    assert seen["bad_password"] == "AuthenticationRequired"
    assert seen["profile"]["did"] == account["native_id"] == seen["resolved"]
    assert seen["refreshed"] == [account["native_id"], account["native_id"]]
    assert seen["feed_pages"] > 1
    assert set(seen["feed"]) == {post["native_id"] for post in history} | set(seen["posts"])
    assert len(seen["feed"]) == len(set(seen["feed"])), "paging repeats nothing"
    assert seen["picture"] == {"alt": "grey", "likes": 0, "text": "With a picture"}
    assert seen["facets"] == ["app.bsky.richtext.facet#link", "app.bsky.richtext.facet#tag"]
    assert seen["replies"]["comments"] == seen["replies"]["listed"] > 0
    assert seen["replies"]["answers"] == [seen["reply"]]
    assert seen["notifications"] > 0
    assert seen["deleted"] == [True, True]
    assert seen["after_delete"] == "RecordNotFound"
    assert not set(seen["posts"]) & set(seen["left"])

    left = httpx.get(f"{sandbox_url}/_sandbox/posts", params={"origin": "api"}, timeout=30.0).json()
    assert [post["native_id"] for post in left] == [seen["reply"]]
