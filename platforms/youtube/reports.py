"""Tables of the Analytics API, and metrics that it refuses.

Belongs here: asking for a table. Does not belong here: what its columns mean to Pulso (`mapping.py`).
"""

from collections.abc import Sequence

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Account
from platforms._http import Transport
from platforms.youtube import calls
from platforms.youtube.models import Report


class Reports:
    """The caller's own channel's tables. Remembers which metrics were refused, by dimension."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._refused: dict[str, set[str]] = {}

    async def tables(self, account: Account, metrics: Sequence[str], *, dimensions: str, **params: str) -> list[Report]:
        """Tables that together hold all metrics that the network grants; those that it refused once are not asked for again."""
        refused = self._refused.setdefault(dimensions, set())
        wanted = [metric for metric in metrics if metric not in refused]
        tables = await self._granted(account, wanted, dimensions=dimensions, **params) if wanted else []
        if columns := {header.name for table in tables for header in table.headers}:
            refused.update(set(wanted) - columns)
        return tables

    async def _granted(self, account: Account, metrics: Sequence[str], **params: str) -> list[Report]:
        """One report, or several where the network refuses a metric: that fails the whole report without saying which, so the
        list is halved until the bad ones stand alone. Raises when it refuses them all."""
        names = {"ids": "channel==MINE", "metrics": ",".join(metrics), **params}
        if params["dimensions"] == "video":
            names["sort"] = f"-{metrics[0]}"  # [K] a report by video has to be sorted by one of its metrics
        call = calls.read("reports.query", calls.REPORTS, **names)
        try:
            report = await self._transport.fetch(Report, calls.at_host_of(account, call), call)
            if not report.errors:
                return [report]
            message = "Analytics answered with errors in place of a table."
            refusal = NetworkError(ErrorClass.INVALID, message, network=Network.YOUTUBE.value, code="errors")
        except NetworkError as error:
            if error.error_class is not ErrorClass.INVALID:
                raise
            refusal = error
        if len(metrics) == 1:
            raise refusal
        granted: list[Report] = []
        middle = len(metrics) // 2
        for half in (metrics[:middle], metrics[middle:]):
            try:
                granted += await self._granted(account, half, **params)
            except NetworkError as error:
                if error.error_class is not ErrorClass.INVALID:
                    raise
        if not granted:
            raise refusal
        return granted
