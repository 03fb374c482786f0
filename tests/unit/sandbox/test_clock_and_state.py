"""The movable clock, the durable state, credentials and limits: the parts below any network."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.app import Options, build_app
from sandbox.clock import ClockRefusedError, WorldClock
from sandbox.credentials import (
    ACCESS_SECONDS,
    GRAPH_TOKEN_SECONDS,
    REFRESH_SECONDS,
    ROTATION_GRACE_SECONDS,
    BadTokenError,
    Credentials,
)
from sandbox.limits import RateLimits
from sandbox.state import State, StateMismatchError
from sandbox.world.model import to_ms
from sandbox.world.residents import residents

START = datetime(2026, 5, 30, 6, tzinfo=UTC)
TODAY = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


class Machine:
    """Machine time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_the_clock_stands_still_moves_forward_and_survives_a_restart(state: State) -> None:
    clock = WorldClock(state, to_ms(START), machine=lambda: TODAY)
    assert clock.now() == START
    assert clock.advance(3600.5) == START + timedelta(hours=1, milliseconds=500)
    assert clock.set(START + timedelta(days=2)) == START + timedelta(days=2)
    again = WorldClock(state, to_ms(START), machine=lambda: TODAY)
    assert again.now() == START + timedelta(days=2)


def test_the_clock_refuses_to_run_back_or_past_the_machines_today(state: State) -> None:
    clock = WorldClock(state, to_ms(START), machine=lambda: TODAY)
    with pytest.raises(ClockRefusedError, match="forward"):
        clock.set(START - timedelta(seconds=1))
    with pytest.raises(ClockRefusedError, match="today"):
        clock.set(TODAY + timedelta(hours=12))
    assert clock.now() == START
    assert clock.set(TODAY + timedelta(hours=11)).date() == TODAY.date(), "later today is still today"


def test_a_transaction_is_all_or_nothing(state: State) -> None:
    def halfway() -> None:
        with state.transaction():
            state.set("a", "1")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError):
        halfway()
    assert state.get("a") is None


def test_numbers_are_never_given_twice(state: State, tmp_path: Path) -> None:
    first = [state.next_number("media") for _ in range(3)]
    state.close()
    assert State(tmp_path).next_number("media") == 4
    assert first == [1, 2, 3]


def test_a_state_folder_belongs_to_one_world(tmp_path: Path) -> None:
    build_app(Options(base_url="http://127.0.0.1:1", state_dir=tmp_path))
    build_app(Options(base_url="http://127.0.0.1:1", state_dir=tmp_path))
    with pytest.raises(StateMismatchError, match="seed"):
        build_app(Options(base_url="http://127.0.0.1:1", state_dir=tmp_path, seed=8))
    with pytest.raises(StateMismatchError, match="parameters"):
        build_app(Options(base_url="http://127.0.0.1:1", state_dir=tmp_path, parameters={"ranking_change_day": 3}))
    with pytest.raises(ValueError, match=r"no parameter residual_mean; it has .*residual_sd"):
        build_app(Options(base_url="http://127.0.0.1:1", state_dir=tmp_path, parameters={"residual_mean": 3}))
    with pytest.raises(StateMismatchError, match="start"):
        build_app(Options(base_url="http://127.0.0.1:1", state_dir=tmp_path, now=START + timedelta(days=1)))


def test_a_restart_keeps_the_start_that_was_chosen_once(tmp_path: Path) -> None:
    chosen = START - timedelta(days=30)
    build_app(Options(base_url="http://127.0.0.1:1", state_dir=tmp_path, now=chosen))
    app = build_app(Options(base_url="http://127.0.0.1:1", state_dir=tmp_path))
    assert app.state.host.world.start_ms == to_ms(chosen)


def test_bluesky_tokens_expire_by_machine_time_and_rotate(state: State) -> None:
    machine = Machine()
    credentials = Credentials(state, machine)
    did = residents()[1].account.native_id
    session = credentials.open_session(did)
    assert credentials.did_of(session.access) == did
    with pytest.raises(BadTokenError, match="invalid"):
        credentials.did_of(session.refresh)
    with pytest.raises(BadTokenError, match="invalid"):
        credentials.did_of(session.access[:-3] + "abc")

    machine.now += ACCESS_SECONDS + 1
    with pytest.raises(BadTokenError, match="expired"):
        credentials.did_of(session.access)
    owner, fresh = credentials.rotate(session.refresh)
    assert owner == did == credentials.did_of(fresh.access)
    credentials.rotate(session.refresh)  # the lost-answer case: still good for a while
    machine.now += ROTATION_GRACE_SECONDS + 1
    with pytest.raises(BadTokenError, match="revoked"):
        credentials.rotate(session.refresh)
    machine.now += REFRESH_SECONDS
    with pytest.raises(BadTokenError, match="expired"):
        credentials.rotate(fresh.refresh)


def test_an_expired_access_token_stays_expired_over_a_restart(state: State, tmp_path: Path) -> None:
    account = residents()[1].account
    session = Credentials(state).handed_session(account)
    Credentials(state).expire_access(session.access)
    state.close()
    later = Credentials(State(tmp_path))
    with pytest.raises(BadTokenError, match="expired"):
        later.did_of(session.access)
    assert later.did_of(later.handed_session(account).access) == account.native_id, "connecting again helps"


def test_graph_tokens_live_sixty_days_of_machine_time(state: State) -> None:
    machine = Machine()
    credentials = Credentials(state, machine)
    account = residents()[0].account
    token = credentials.graph_token(account)
    assert credentials.graph_token(account) == token
    assert credentials.account_of_graph_token(token) == account.native_id
    machine.now += GRAPH_TOKEN_SECONDS + 1
    with pytest.raises(BadTokenError, match="expired"):
        credentials.account_of_graph_token(token)
    assert credentials.graph_token(account) != token
    with pytest.raises(BadTokenError, match="invalid"):
        credentials.account_of_graph_token("IGSBXnonsense")


def test_a_limiter_refuses_what_is_over_and_forgives_in_the_next_window() -> None:
    machine = Machine()
    limits = RateLimits(factor=1, machine=machine)
    windows = [limits.spend("key", 3, 10, 3600) for _ in range(4)]
    assert [window.remaining for window in windows] == [7, 4, 1, 1]
    assert [window.is_exceeded for window in windows] == [False, False, False, True]
    assert limits.spend("other", 3, 10, 3600).remaining == 7
    machine.now = windows[0].resets_at
    assert limits.spend("key", 3, 10, 3600).remaining == 7
    assert RateLimits(factor=1000, machine=machine).spend("key", 3, 10, 3600).limit == 10_000
