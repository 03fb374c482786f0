"""An alarm before a network switches off the API version that Pulso speaks, not after."""

from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg

from assets.keys import key_of
from contracts.clock import Clock
from contracts.ports import ApiVersion, Collector
from contracts.tables import ACCOUNTS

CHECK_NAME = "api_versions"
WARNED_BEFORE = timedelta(days=90)
"""Time to move to the next version, test it and roll it out."""


@dg.asset_check(
    asset=key_of(ACCOUNTS), name=CHECK_NAME, description="No network switches off within 90 days what Pulso speaks."
)
def api_versions_check(collector: dg.ResourceParam[Collector], clock: dg.ResourceParam[Clock]) -> dg.AssetCheckResult:
    """Fails as an error when a version is off already, as a warning when it soon will be."""
    today = clock.now().date()
    ending = ending_versions(collector.api_versions(), today=today)
    is_over = any(version.sunset is not None and version.sunset <= today for version in ending)
    return dg.AssetCheckResult(
        passed=not ending,
        severity=dg.AssetCheckSeverity.ERROR if is_over else dg.AssetCheckSeverity.WARN,
        description="; ".join(
            f"{v.network.value} {v.name} ends on {v.sunset}: move to the next version" for v in ending
        )
        or "Every version lasts for more than 90 days.",
        metadata={v.network.value: f"{v.name}, until {v.sunset or 'no date named'}" for v in collector.api_versions()},
    )


def ending_versions(versions: Iterable[ApiVersion], *, today: date) -> list[ApiVersion]:
    """Those that end soon or have ended, the first to end first."""
    dated = [(v.sunset, v) for v in versions if v.sunset is not None and v.sunset - today <= WARNED_BEFORE]
    return [version for _, version in sorted(dated, key=lambda pair: pair[0])]
