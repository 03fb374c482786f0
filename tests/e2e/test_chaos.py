"""Chaos, small, over all nine networks: `make chaos` is the same harness at full size."""

import re
import subprocess
import sys

import pytest

from benchmarks.chaos.bugs import BUGS

pytestmark = pytest.mark.slow


SEEDS = (11, 12, 13)
"""Of a planted bug's campaigns: whether two publishers get in each other's way is decided by the machine and not by a seed, and of
45 posts some four appear twice, so that one campaign in some dozens shows nothing. Three in a row show nothing only for a right publisher."""


def chaos(*arguments: str, seed: int = SEEDS[0]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.chaos", "--seed", str(seed), "--publishers", "2"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("hardship", [(), ("--hostile",)], ids=["usual", "hostile"])
def test_every_promise_is_kept(hardship):
    done = chaos("--posts", "90", "--accounts", "45", "--kills", "6", *hardship)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every promise kept" in done.stdout
    acts = re.search(r"(\d+) kills, (\d+) emergency stops", done.stdout)
    assert acts is not None
    assert int(acts[1]) >= 4
    assert int(acts[2]) == 3
    assert (
        len(re.findall(r"│ (?:bluesky|facebook|instagram|linkedin|mastodon|pinterest|tiktok|x|youtube) ", done.stdout))
        == 9
    )


@pytest.mark.parametrize("bug", BUGS)
def test_a_publisher_with_a_planted_bug_is_found_out(bug):
    for seed in SEEDS:
        done = chaos("--posts", "45", "--accounts", "27", "--kills", "4", "--hostile", "--bug", bug, seed=seed)
        if done.returncode != 0:
            break
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"broken promise: \w+: \d+ (duplicates|lost)", done.stdout), done.stdout
