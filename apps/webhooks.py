"""The webhook receiver: what networks call. It verifies, keeps and answers; reading comes later, by a sensor.

Belongs here: HTTP, and the order of things: bound the size, verify the raw bytes, only then parse, keep, answer. Does not belong here:
signatures and bodies (platforms), keeping (operations), reading (`orchestration/sensors.py`).

It binds to loopback: a reverse proxy with TLS stands before it (docs/runbooks/webhooks.md). An answer 200 means "kept, or of no use to
us": anything else has the network send the same again for hours, and in the end stop sending at all, so what is genuine but nobody's is
answered 200 too, and counted. What is not genuine leaves nothing but a count.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
import uvicorn
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from contracts.networks import Network
from contracts.settings import Settings
from operations import Reception, SqlStore
from platforms.webhook_events import notices
from platforms.webhooks import WITH_CHALLENGE, WITH_WEBHOOKS, challenge_answer, delivery_key, is_genuine

HOST = "127.0.0.1"
MAX_BODY_BYTES = 1 << 20
"""Far above what any of the networks sends at once (Meta's batches have up to 1,000 changes [K])."""
FLUSH_EVERY_SECONDS = 1.0
"""Refusals are counted in the store at most this often: whoever sends forgeries must not keep the publisher from writing."""

log = structlog.get_logger(__name__)


def machine_now() -> datetime:
    """The machine's time, aware UTC."""
    return datetime.now(UTC)


class Receiver:
    """Answers `GET` (challenges) and `POST` (deliveries) at `/webhooks/<network>`."""

    def __init__(self, settings: Settings, store: SqlStore, *, now: Callable[[], datetime] = machine_now) -> None:
        self._apps, self._store, self._now = settings.apps, store, now
        self._refused: Counter[tuple[str, str]] = Counter()
        self._flushed_at = float("-inf")

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/webhooks/{network}", self._challenge, methods=["GET"]),
            Route("/webhooks/{network}", self._delivery, methods=["POST"]),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self.flush()

    # --- the two questions ---

    async def _challenge(self, request: Request) -> Response:
        network = _network_of(request, WITH_CHALLENGE)
        if network is None:
            return PlainTextResponse("no challenges here", 404)
        app = self._apps.get(network)
        needs_token = network in (Network.FACEBOOK, Network.INSTAGRAM)
        if app is None or (needs_token and app.verify_token is None):
            return await self._not_configured(network, "verify_token" if needs_token else "app_secret")
        answer = challenge_answer(network, request.query_params, app)
        if answer is None:
            return await self._refuse(network, "challenge", 403)
        return PlainTextResponse(answer) if isinstance(answer, str) else JSONResponse(answer)

    async def _delivery(self, request: Request) -> Response:
        network = _network_of(request, WITH_WEBHOOKS)
        if network is None:
            return PlainTextResponse("no webhooks here", 404)
        app = self._apps.get(network)
        if app is None or not app.app_secret.get_secret_value():
            return await self._not_configured(network, "app_secret")
        body = await _bounded_body(request)
        if body is None:
            return await self._refuse(network, "too_large", 413)
        if not is_genuine(network, body, request.headers, app, now=self._now()):
            return await self._refuse(network, "signature", 401)
        said = notices(network, body)
        if said is None:
            return await self._refuse(network, "unreadable", 200)
        try:
            reception = await run_in_threadpool(self._store.receive, delivery_key(network, body), said, at=self._now())
        except SQLAlchemyError:
            log.exception("webhook_not_kept", network=network.value)
            return PlainTextResponse("try again", 503)
        return await self._received(network, reception)

    # --- answers ---

    async def _received(self, network: Network, reception: Reception) -> Response:
        log.info("webhook_received", network=network.value, new=reception.new, repeated=reception.repeated)
        if reception.unknown or not (reception.new or reception.repeated):
            log.warning("webhook_for_no_account_of_ours", network=network.value, native_ids=reception.unknown)
            await self._count(network, "no_account")
        return PlainTextResponse("ok")

    async def _not_configured(self, network: Network, missing: str) -> Response:
        """503, so that the network tries again once it is."""
        log.error("webhook_not_configured", network=network.value, setting=f"PULSO_APPS: {network.value}.{missing}")
        return await self._refuse(network, "not_configured", 503)

    async def _refuse(self, network: Network, reason: str, status: int) -> Response:
        log.warning("webhook_refused", network=network.value, reason=reason)
        await self._count(network, reason)
        return PlainTextResponse(reason, status)

    # --- counts ---

    async def _count(self, network: Network, reason: str) -> None:
        self._refused[network.value, reason] += 1
        if time.monotonic() - self._flushed_at >= FLUSH_EVERY_SECONDS:
            await self.flush()

    async def flush(self) -> None:
        """Bring the counts into the store. Those that it cannot take now it takes with the next."""
        self._flushed_at = time.monotonic()
        refused, self._refused = self._refused, Counter()
        for network in {network for network, _ in refused}:
            reasons = {reason: count for (name, reason), count in refused.items() if name == network}
            try:
                await run_in_threadpool(self._store.count_refusals, network, reasons, day=self._now().date())
            except SQLAlchemyError:
                self._refused.update({(network, reason): count for reason, count in reasons.items()})
                log.exception("webhook_refusals_not_counted")


def serve(settings: Settings, store: SqlStore, console: Console, *, port: int) -> None:
    """Receive until SIGINT or SIGTERM."""
    known = sorted(network.value for network in WITH_WEBHOOKS & settings.apps.keys())
    console.print(
        f"Webhooks at http://{HOST}:{port}/webhooks/<network>, with secrets for: {', '.join(known) or 'no network (PULSO_APPS)'}.",
        highlight=False,
    )
    app = Receiver(settings, store).app()
    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False, server_header=False)


def _network_of(request: Request, known: frozenset[Network]) -> Network | None:
    name = request.path_params["network"]
    return next((network for network in known if network.value == name), None)


async def _bounded_body(request: Request) -> bytes | None:
    """The raw body; None when it is too large, of which no more is read than the bound."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)
