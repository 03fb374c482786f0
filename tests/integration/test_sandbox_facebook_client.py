"""The sandbox's Facebook, driven by the public `python-facebook-api` client: someone else's reading of the same wire."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = (
    "python -m venv oracles && oracles/bin/pip install python-facebook-api && "
    "export PULSO_ORACLES_PYTHON=$PWD/oracles/bin/python"
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def oracle_python() -> str:
    """An interpreter that has the client, kept apart from Pulso's environment."""
    python = os.environ.get("PULSO_ORACLES_PYTHON")
    if not python or not Path(python).exists():
        message = f"needs an environment with the public client: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return python


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = str(tmp_path_factory.mktemp("sandbox"))
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", state, "--crowd", "9"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().removeprefix("READY ").strip()
    process.terminate()
    process.communicate()


@pytest.fixture(scope="module")
def admin(sandbox_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{sandbox_url}/_sandbox", timeout=30.0) as client:
        yield client


def test_the_public_client_posts_reads_replies_and_deletes(
    oracle_python: str, sandbox_url: str, admin: httpx.Client
) -> None:
    account = next(a for a in admin.get("/accounts").json() if a["network"] == "facebook")
    history = admin.get("/posts", params={"native_account_id": account["native_id"]}).json()
    names = ("native_id", "access_token", "refresh_token", "app_id", "app_secret")

    script = ROOT / "tests" / "integration" / "oracle_facebook.py"
    finished = subprocess.run(
        [oracle_python, str(script), f"{sandbox_url}/facebook", *(account[name] for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)

    page = account["native_id"]
    assert seen["pages"] == [page]
    assert seen["bad_token"][0] == 190
    assert (seen["info"]["id"], seen["info"]["username"]) == (page, account["handle"])
    assert seen["info"]["fans"] > 0
    assert seen["rate_limit"]
    assert seen["given_token_works"] == page
    assert seen["duplicate"][0] == 506
    assert sorted(seen["feed"]) == sorted([*seen["posts"], *(post["native_id"] for post in history)])
    assert len(seen["feed"]) == len(set(seen["feed"])), "paging repeats nothing"
    assert any(total for total, _ in seen["feed_counts"])
    assert all(total == parts for total, parts in seen["feed_counts"])
    assert (seen["picture"]["text"], seen["picture"]["target"]) == ("With a picture", seen["picture"]["photo"])
    assert seen["single"] == "Posted by the public client"
    assert seen["comments"]["said"] == seen["comments"]["listed"] > 0
    assert seen["reply"] == {"text": "Thank you!", "below": [seen["reply_id"]]}
    assert seen["hidden"] == {"success": True}
    assert seen["insights"] == ["day", "lifetime"]
    assert seen["bad_metric"][0] == 100
    assert seen["deleted"] == [{"success": True}] * 2
    assert seen["after_delete"] == [100, 33]
    assert admin.get("/posts", params={"origin": "api"}).json() == []
