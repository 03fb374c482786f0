"""Fixtures of the app's tests: a demo home to change at will, and the demo's clock."""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from contracts.settings import Settings
from tests.unit.app.demo_home import DemoClock, write_demo_home
from tests.unit.app.running_app import start_app


@pytest.fixture(scope="session", autouse=True)
def _packages_are_scanned_once() -> Iterator[None]:
    """Streamlit looks through every installed package for components, once a server; AppTest starts a server for each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session")
def demo_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "home"
    write_demo_home(home)
    return home


@pytest.fixture
def demo_home(demo_template: Path, tmp_path: Path) -> Settings:
    """A copy of the demo home that a test may change."""
    shutil.copytree(demo_template, tmp_path / "home")
    return Settings(home=tmp_path / "home")


@pytest.fixture
def at(demo_home: Settings, demo_clock: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app on a demo home, before its first run."""
    return start_app(demo_home.home, demo_clock, monkeypatch)


@pytest.fixture(scope="session")
def demo_clock() -> Iterator[str]:
    """Address of a server that tells the demo's time."""
    clock = DemoClock()
    yield clock.url
    clock.close()
