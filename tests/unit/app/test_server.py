"""How the app is started."""

from pathlib import Path

from apps.streamlit.server import SCRIPT, command, environment
from contracts.settings import Settings


def test_the_command_binds_to_loopback_and_sends_no_usage_statistics() -> None:
    arguments = command(port=8501)
    assert Path(arguments[4]) == SCRIPT
    assert SCRIPT.is_file()
    assert {"--server.address=127.0.0.1", "--server.port=8501", "--browser.gatherUsageStats=false"} <= set(arguments)


def test_the_environment_carries_the_home_as_an_absolute_path(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    env = environment(settings)
    assert env["PULSO_HOME"] == str(tmp_path / "home")
    assert env["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] == "false"
