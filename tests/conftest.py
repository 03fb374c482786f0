"""Rules that hold for every test: no network but loopback, no telemetry, no time limits, reference data found by one variable."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

for _name, _value in {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}.items():
    os.environ.setdefault(_name, _value)

# How fast a machine draws examples says nothing about the code: no test has a time limit.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Only loopback can be reached: a test that tries anything else fails."""
    from pytest_socket import socket_allow_hosts

    del item
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of the public data sets (docs/reference-data.md); skips where it is not set."""
    value = os.environ.get("PULSO_REFERENCE_DATA")
    if not value or not Path(value).is_dir():
        message = "set PULSO_REFERENCE_DATA to the folder of public data sets (see docs/reference-data.md)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return Path(value)


@pytest.fixture(scope="session")
def recorded_exchanges(reference_data: Path) -> Path:
    """Folder of recorded API exchanges, beside the reference data."""
    folder = reference_data.parent / "fixtures"
    if not folder.is_dir():
        pytest.skip(f"no folder `fixtures` beside PULSO_REFERENCE_DATA ({reference_data})")
    return folder
