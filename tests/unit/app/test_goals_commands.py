"""`pulso goals`: what an operator types becomes a goal of the store, or a sentence that says what is wrong with it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from apps.cli import app
from contracts.errors import PulsoError
from contracts.records import BrandKit, Client
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations.store import open_store, set_up

ALL = TenantScope.all_clients("a test")
RUN = CliRunner()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with one client."""
    monkeypatch.setenv("PULSO_HOME", str(tmp_path))
    settings = Settings()
    set_up(settings)
    brand = BrandKit(voice="", audience="", pillars=(), facts=())
    with open_store(settings) as store:
        store.save_client(
            Client(client_id="acme", name="Acme", time_zone="UTC", language="en", brand=brand), actor="anna"
        )
    return settings


def refusal(*arguments: str) -> str:
    result = RUN.invoke(app, ["goals", *arguments])
    assert isinstance(result.exception, PulsoError), result.output
    return str(result.exception)


def test_goals_are_set_listed_and_dropped(settings: Settings) -> None:
    period = ("--from", "2026-04-01", "--to", "2026-06-30")
    for target in ("500", "700"):
        assert RUN.invoke(app, ["goals", "set", "acme", "engagements", target, *period]).exit_code == 0
    assert RUN.invoke(app, ["goals", "list", "--client", "acme"]).exit_code == 0
    with open_store(settings) as store:
        (goal,) = store.goals(ALL)
    assert (goal.metric.value, goal.target, str(goal.first_day), str(goal.last_day)) == (
        "engagements",
        700,
        "2026-04-01",
        "2026-06-30",
    )
    assert RUN.invoke(app, ["goals", "drop", goal.goal_id]).exit_code == 0
    with open_store(settings) as store:
        assert store.goals(ALL) == ()


def test_what_is_no_goal_is_told_so(settings: Settings) -> None:
    period = ("--from", "2026-04-01", "--to", "2026-03-01")
    assert "before it begins" in refusal("set", "acme", "reach", "5", *period)
    assert "target: Input should be greater than 0" in refusal("set", "acme", "reach", "0", *period[:3], "2026-05-01")
    assert "pulso client list" in refusal("set", "nobody", "reach", "5", *period[:3], "2026-05-01")
    assert "pulso goals list" in refusal("drop", "acme/reach")
    with open_store(settings) as store:
        assert store.goals(ALL) == ()
