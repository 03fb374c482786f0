"""All connectors behind one door: who shares what, and for how long it is open.

Belongs here: composition of clients, dialects and connectors. Does not belong here: any network's own ways.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import TypeVar

import httpx
from pydantic import SecretStr

from contracts.clock import Clock, SystemClock
from contracts.networks import Grant, Network
from contracts.ports import Connector, MediaHost, MediaReader, Quotas, TokenStore
from contracts.settings import Settings
from platforms._breaker import Breaker
from platforms._budget import RateBudget
from platforms._graph import MetaApp
from platforms._http import Dialect, Patience, Transport
from platforms._journal import Journal, silence_secrets_in_logs
from platforms._quotas import MemoryQuotas
from platforms._tls import certificates
from platforms.bluesky.client import BlueskyConnector, BlueskyDialect
from platforms.bluesky.films import VIDEO_SERVICE
from platforms.facebook.client import FacebookConnector, FacebookDialect
from platforms.instagram.client import InstagramConnector, InstagramDialect
from platforms.linkedin.client import LinkedInApp, LinkedInConnector, LinkedInDialect
from platforms.mastodon.client import MastodonConnector, MastodonDialect
from platforms.pinterest.client import PinterestApp, PinterestConnector, PinterestDialect
from platforms.tiktok.business import TikTokBusinessApp, TikTokBusinessDialect
from platforms.tiktok.client import TikTokApp, TikTokConnector, TikTokDialect
from platforms.x.client import XApp, XConnector, XDialect
from platforms.youtube.client import YouTubeApp, YouTubeConnector, YouTubeDialect
from platforms.youtube.quota import Quota

__all__ = ["HttpNetworks"]

A = TypeVar("A")

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
        has_bluesky_app_view: bool = True,
        patience: Patience | None = None,
        concurrency: int = CONCURRENCY_PER_NETWORK,
        quotas: Quotas | None = None,
        http_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings, self._tokens = settings, tokens
        self._media_host, self._media_reader = media_host, media_reader
        self._clock = clock or SystemClock()
        self._journal = journal
        self._has_bluesky_app_view = has_bluesky_app_view
        self._patience = patience or Patience(timeout=settings.request_timeout_seconds)
        self._concurrency, self._http_transport = concurrency, http_transport
        self._quotas = quotas or MemoryQuotas()
        self._breakers = {network: Breaker() for network in Network}
        self._budgets = {network: RateBudget() for network in Network}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mapping[Network, Connector]]:
        """Live connectors, each network with connections of its own; leaving closes them."""
        silence_secrets_in_logs()
        async with AsyncExitStack() as stack:
            # httpcore walks its whole pool for every request: nine small pools are several times cheaper than a large one.
            clients = {network: await stack.enter_async_context(self._client()) for network in Network}
            yield self._connectors(clients)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            limits=httpx.Limits(max_connections=self._concurrency, max_keepalive_connections=self._concurrency),
            transport=self._http_transport,
            follow_redirects=False,
            verify=certificates(trust_env=self._is_trusting_env),
            trust_env=self._is_trusting_env,
            headers={"user-agent": "pulso"},
        )

    @property
    def _is_trusting_env(self) -> bool:
        return self._settings.network_base_url is None  # a proxy has no business between us and the sandbox

    def _connectors(self, clients: Mapping[Network, httpx.AsyncClient]) -> dict[Network, Connector]:
        settings, media, host = self._settings, self._media_reader, self._media_host

        def app(kind: Callable[[str, SecretStr], A], network: Network) -> A | None:
            known = settings.apps.get(network)
            return kind(known.app_id, known.app_secret) if known else None

        def over(dialect: Dialect, grant: Grant = Grant.MAIN) -> Transport:
            return self._transport(clients[dialect.network], dialect, grant)

        business = settings.tiktok_business_app
        business_app = TikTokBusinessApp(business.app_id, business.app_secret) if business else None
        linkedin_app = partial(LinkedInApp, calls_a_day=settings.linkedin_calls_per_day)
        quota = Quota(units=settings.youtube_units_per_day, uploads=settings.youtube_uploads_per_day)
        pinterest_app = settings.apps.get(Network.PINTEREST)
        may_move_pins = pinterest_app is not None and pinterest_app.may_move_pins
        spend = None if settings.monthly_spend_usd is None else Decimal(str(settings.monthly_spend_usd))
        return {
            Network.BLUESKY: BlueskyConnector(
                over(BlueskyDialect()),
                media,
                has_app_view=self._has_bluesky_app_view,
                video_service=self._address_in_sandbox(Network.BLUESKY) or VIDEO_SERVICE,
            ),
            Network.FACEBOOK: FacebookConnector(over(FacebookDialect(app(MetaApp, Network.FACEBOOK))), media),
            Network.INSTAGRAM: InstagramConnector(over(InstagramDialect(app(MetaApp, Network.INSTAGRAM))), media, host),
            Network.LINKEDIN: LinkedInConnector(over(LinkedInDialect(app(linkedin_app, Network.LINKEDIN))), media),
            Network.MASTODON: MastodonConnector(over(MastodonDialect()), media),
            Network.PINTEREST: PinterestConnector(
                over(PinterestDialect(app(PinterestApp, Network.PINTEREST))), media, may_move_pins=may_move_pins
            ),
            Network.TIKTOK: TikTokConnector(
                over(TikTokDialect(app(TikTokApp, Network.TIKTOK))),
                over(TikTokBusinessDialect(business_app), Grant.BUSINESS),
                media,
                host,
            ),
            Network.X: XConnector(over(XDialect(app(XApp, Network.X), budget_of=lambda _: spend)), media),
            Network.YOUTUBE: YouTubeConnector(
                over(YouTubeDialect(app(YouTubeApp, Network.YOUTUBE), quota=quota)), media
            ),
        }

    def _transport(self, client: httpx.AsyncClient, dialect: Dialect, grant: Grant) -> Transport:
        return Transport(
            client,
            dialect,
            self._tokens.of(grant),
            self._clock,
            patience=self._patience,
            concurrency=self._concurrency,
            journal=self._journal,
            budget=self._budgets[dialect.network],
            breaker=self._breakers[dialect.network],
            quotas=self._quotas,
            base_url=self._address_in_sandbox(dialect.network),
        )

    def _address_in_sandbox(self, network: Network) -> str | None:
        sandbox = self._settings.network_base_url
        return f"{sandbox.rstrip('/')}/{network.value}" if sandbox else None
