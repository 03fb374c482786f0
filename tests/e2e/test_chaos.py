"""Chaos, small: `make chaos` is the same harness at full size."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.chaos", "--seed", "11", "--workers", "4", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_promise_is_kept():
    done = chaos("--runs", "24")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every promise kept" in done.stdout
    kills = re.search(r"(\d+) kills, (\d+) emergency stops", done.stdout)
    assert kills is not None
    assert int(kills[1]) >= 24
    assert int(kills[2]) >= 4
    assert "disconnect_after_commit" in done.stdout


def test_a_publisher_that_sends_again_on_a_timeout_is_found_out():
    done = chaos("--runs", "12", "--bug", "resend-on-timeout")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "broken promise" in done.stdout
