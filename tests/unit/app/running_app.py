"""The app as Streamlit's own test runs it: started on a home, a page opened, its words read."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[3] / "apps" / "streamlit" / "app.py"


def start_app(home: Path, clock: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app on a home, before its first run, with Ana before it."""
    monkeypatch.setenv("PULSO_HOME", str(home))
    monkeypatch.setenv("PULSO_NETWORK_BASE_URL", clock)
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state["actor"] = "Ana"
    return app


def open_page(app: AppTest, page: str) -> AppTest:
    """Run the app and turn to a page of `views/`; fails on an exception."""
    app.run()
    if page != "overview":
        app.switch_page(f"views/{page}.py").run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def words_of(app: AppTest) -> str:
    """Everything that the page says in titles, texts and messages."""
    return "\n".join(
        element.value
        for kind in (app.title, app.markdown, app.caption, app.error, app.warning, app.info)
        for element in kind
    )
