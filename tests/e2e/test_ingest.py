"""The ingest benchmark, small: it ends with an error when Pulso's rows from recorded answers differ from those from the sandbox."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_a_days_refresh_is_the_same_from_the_sandbox_and_from_its_recorded_bytes():
    command = [sys.executable, "-m", "benchmarks.ingest", "--accounts", "90", "--repeats", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {name: int(n.replace(",", "")) for name, n in re.findall(r"│\s+([a-z ]+?)\s+│\s+([\d,]+) │", done.stdout)}
    assert counts["profiles"] == 90
    assert counts["requests"] > 5 * 90
    assert min(counts[name] for name in ("account metrics", "posts", "post metrics", "comments")) > 90
