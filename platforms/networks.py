"""All connectors behind one door: who shares what, and for how long it is open.

Belongs here: composition of clients, dialects and connectors. Does not belong here: any network's own ways.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from contracts.clock import Clock, SystemClock
from contracts.networks import Network
from contracts.ports import Connector, MediaHost, MediaReader, Quotas, TokenStore
from contracts.settings import Settings
from platforms._breaker import Breaker
from platforms._budget import RateBudget
from platforms._http import Dialect, Patience, Transport
from platforms._journal import Journal, silence_secrets_in_logs
from platforms._quotas import MemoryQuotas
from platforms.bluesky.client import BlueskyConnector, BlueskyDialect
from platforms.instagram.client import InstagramApp, InstagramConnector, InstagramDialect

__all__ = ["HttpNetworks", "InstagramApp"]

CONCURRENCY_PER_NETWORK = 16


class HttpNetworks:
    """`contracts.ports.Networks` over HTTP.

    Budgets outlive one opening, because the networks' limits do. `settings.network_base_url` (the sandbox), where set, replaces
    every account's own address: a process that is told to use the sandbox cannot reach a real network.
    """

    def __init__(
        self,
        settings: Settings,
        tokens: TokenStore,
        media_host: MediaHost,
        media_reader: MediaReader,
        *,
        clock: Clock | None = None,
        journal: Journal | None = None,
        instagram_app: InstagramApp | None = None,
        has_bluesky_app_view: bool = True,
        patience: Patience | None = None,
        concurrency: int = CONCURRENCY_PER_NETWORK,
        quotas: Quotas | None = None,
        http_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings, self._tokens = settings, tokens
        self._media_host, self._media_reader = media_host, media_reader
        self._clock = clock or SystemClock()
        self._journal, self._instagram_app = journal, instagram_app
        self._has_bluesky_app_view = has_bluesky_app_view
        self._patience = patience or Patience(timeout=settings.request_timeout_seconds)
        self._concurrency, self._http_transport = concurrency, http_transport
        self._quotas = quotas or MemoryQuotas()
        self._breakers = {network: Breaker() for network in Network}
        self._budgets = {network: RateBudget() for network in Network}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mapping[Network, Connector]]:
        """Live connectors that share one pool of connections; leaving closes it."""
        silence_secrets_in_logs()
        limits = httpx.Limits(
            max_connections=self._concurrency * len(Network), max_keepalive_connections=self._concurrency * len(Network)
        )
        async with httpx.AsyncClient(
            limits=limits,
            transport=self._http_transport,
            follow_redirects=False,
            trust_env=self._settings.network_base_url is None,  # a proxy has no business between us and the sandbox
            headers={"user-agent": "pulso"},
        ) as client:
            yield {
                Network.BLUESKY: BlueskyConnector(
                    self._transport(client, BlueskyDialect()),
                    self._media_reader,
                    has_app_view=self._has_bluesky_app_view,
                ),
                Network.INSTAGRAM: InstagramConnector(
                    self._transport(client, InstagramDialect(self._instagram_app)), self._media_reader, self._media_host
                ),
            }

    def _transport(self, client: httpx.AsyncClient, dialect: Dialect) -> Transport:
        sandbox = self._settings.network_base_url
        return Transport(
            client,
            dialect,
            self._tokens,
            self._clock,
            patience=self._patience,
            concurrency=self._concurrency,
            journal=self._journal,
            budget=self._budgets[dialect.network],
            breaker=self._breakers[dialect.network],
            quotas=self._quotas,
            base_url=f"{sandbox.rstrip('/')}/{dialect.network.value}" if sandbox else None,
        )
