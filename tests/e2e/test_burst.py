"""A burst, small: `make bench-burst` is the same harness at full size."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_every_promise_is_kept():
    command = [sys.executable, "-m", "benchmarks.burst", "--posts", "54", "--accounts", "18", "--timeout-seconds", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every promise kept" in done.stdout
    assert {"hanging", "failing"} <= set(
        re.findall(r"^(\w+): \d+ posts of instagram waited", done.stdout, re.MULTILINE)
    )
    assert "Ratio ceiling / drain" in done.stdout
