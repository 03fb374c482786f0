"""A temporary lake with fakes around it."""

from datetime import timedelta
from pathlib import Path

import pytest

from contracts.clock import FixedClock
from lakehouse import DeltaLake
from tests.assets.fakes import NOW, FakeCollector, FakePublisher, FakeStore, House, account, client, count, post


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Two clients with one account each, and one post from yesterday on each."""
    ana, ben = account("ana", "a1"), account("ben", "b1")
    posts = [post(a, 1, at=NOW - timedelta(hours=20)) for a in (ana, ben)]
    metrics = [count(p, metric, value) for p in posts for metric, value in (("likes", 10), ("comments", 2))]
    return House(
        lake=DeltaLake(tmp_path / "lake"),
        store=FakeStore((client("ana"), client("ben")), (ana, ben)),
        collector=FakeCollector(posts, metrics),
        publisher=FakePublisher(),
        clock=FixedClock(NOW),
    )
