"""The alarm before a network switches a version off."""

from datetime import date, timedelta

import dagster as dg
import pytest

from assets.checks.api_versions import api_versions_check, ending_versions
from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.ports import ApiVersion
from platforms.versions import VERSIONS
from tests.assets.fakes import NOW, FakeCollector

TODAY = NOW.date()


def result(*versions: ApiVersion) -> dg.AssetCheckResult:
    return api_versions_check(FakeCollector(versions=versions), FixedClock(NOW))


@pytest.mark.parametrize(
    ("days", "passed", "severity"),
    [(91, True, None), (90, False, "WARN"), (1, False, "WARN"), (0, False, "ERROR"), (-30, False, "ERROR")],
)
def test_it_warns_for_ninety_days_and_then_fails(days, passed, severity):
    found = result(
        ApiVersion(Network.LINKEDIN, "202605", TODAY + timedelta(days=days)), ApiVersion(Network.X, "2", None)
    )
    assert found.passed is passed
    if severity:
        assert found.severity.value == severity
        assert "linkedin 202605" in found.description


def test_the_first_to_end_is_named_first():
    late, soon = (ApiVersion(n, "1", TODAY + timedelta(days=d)) for n, d in ((Network.X, 50), (Network.YOUTUBE, 5)))
    assert ending_versions([late, soon], today=TODAY) == [soon, late]


def test_every_network_names_its_version():
    assert set(VERSIONS) == set(Network)
    assert all(v.sunset is None or v.sunset > date(2026, 1, 1) for v in VERSIONS.values())
