"""Connectors with something around them: the publishing calls of the one inside, to be done before, after or instead of.

Belongs here: passing calls on. Does not belong here: what a harness does around them (death, a tape, a planted bug).
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from contracts.networks import Network
from contracts.ports import Connector, Networks
from contracts.records import PublishRequest, Receipt, Reconciliation, Staging


class WrappedConnector:
    """The calls that publish, passed on as they are."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.capabilities = connector.capabilities

    def prepare(self, request: PublishRequest) -> Staging:
        return self._connector.prepare(request)

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        return await self._connector.stage(request, staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        return await self._connector.commit(request, staging)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        return await self._connector.find_published(request, staging)


class WrappedNetworks:
    """contracts.ports.Networks with every connector wrapped."""

    def __init__(self, networks: Networks, wrap: Callable[[Connector], WrappedConnector]) -> None:
        self._networks, self._wrap = networks, wrap

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mapping[Network, Connector]]:
        async with self._networks.open() as connectors:
            yield {name: self._wrap(connector) for name, connector in connectors.items()}  # type: ignore[misc]
