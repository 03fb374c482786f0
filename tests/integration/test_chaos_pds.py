"""Chaos on a real Bluesky server, small: `make chaos-pds` is the same harness at full size."""

import os

import pytest

from benchmarks.bluesky_server import NotInstalledError, installed
from benchmarks.chaos_pds import PdsChaosReport, run_chaos_pds

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def chaos(kills: int, *, accounts: int = 8, bug: str | None = None) -> PdsChaosReport:
    try:
        installed()
    except NotInstalledError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))
    return run_chaos_pds(kills, accounts=accounts, seed=11, planted_bug=bug)


def test_every_promise_is_kept() -> None:
    report = chaos(20)
    assert report.violations == ()
    assert report.kills_in_the_gap >= 20
    texts, pictures, posts = report.posts
    assert (posts.duplicates, posts.lost, posts.stuck) == (0, 0, 0)
    assert posts.intents == posts.published == texts.intents + pictures.intents
    assert pictures.published > 0
    assert posts.reposts_seen == posts.reposts > 0
    assert posts.reconciled >= report.kills_in_the_gap / 2, "what was written unanswered is found, not sent again"


def test_a_publisher_that_sends_again_on_a_timeout_is_found_out() -> None:
    report = chaos(3, accounts=2, bug="resend-on-timeout")
    assert not report.is_clean
    assert report.posts[-1].duplicates > 0
