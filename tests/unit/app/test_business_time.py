"""Which clock the app goes by."""

from datetime import UTC, datetime

from apps.streamlit.business_time import NetworkClock
from tests.unit.app.demo_home import NOW, DemoClock


def test_without_a_sandbox_it_is_the_machines_time() -> None:
    before = datetime.now(UTC)
    now = NetworkClock(None).read(last_known=lambda: NOW)
    assert before <= now.at <= datetime.now(UTC)
    assert not now.is_stale


def test_the_sandbox_tells_the_time_while_it_answers() -> None:
    server = DemoClock()
    clock = NetworkClock(server.url)
    assert clock.read(last_known=lambda: None).at == NOW
    server.close()
    stale = clock.read(last_known=lambda: None)
    assert (stale.at, stale.is_stale) == (NOW, True), "its last answer stands in"
    assert clock.now() == NOW, "a write is still possible: an emergency stop must not need the sandbox"


def test_before_any_answer_the_newest_observation_stands_in() -> None:
    seen = datetime(2026, 5, 1, tzinfo=UTC)
    now = NetworkClock("http://127.0.0.1:9").read(last_known=lambda: seen)
    assert (now.at, now.is_stale) == (seen, True)
