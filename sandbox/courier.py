"""The networks' webhooks: who subscribed, what has happened since, and telling it until it is accepted.

Happenings are told when the world's clock moves, and on demand; what an address does not accept is told again the next time, as the
networks do. Belongs here: subscriptions and deliveries. Does not belong here: signatures and bodies (`webhook_wire.py`).
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from sandbox.credentials import Credentials
from sandbox.host import Host
from sandbox.webhook_wire import NETWORKS, Happening, bodies, challenge, now_seconds, signature
from sandbox.world.model import DAY_MS

TIMEOUT_SECONDS = 5.0
COMMENTED_FOR_MS = 14 * DAY_MS
"""Older posts get no comments any more."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SubscriptionRefusedError(ValueError):
    """The address can not be subscribed; the message says why."""


class Courier:
    """Calls the addresses that subscribed."""

    def __init__(self, host: Host, credentials: Credentials) -> None:
        self._host, self._credentials = host, credentials

    async def subscribe(self, network: str, url: str, verify_token: str) -> Mapping[str, Any]:
        """Ask the address to prove itself, and tell it what happens from now on. Raises SubscriptionRefusedError."""
        if network not in NETWORKS:
            raise SubscriptionRefusedError(f"{network} has no webhooks; those that have: {', '.join(NETWORKS)}")
        if urlsplit(url).hostname not in _LOOPBACK:
            raise SubscriptionRefusedError(f"only addresses on loopback are called, not {url}")
        asked = challenge(network, self._credentials.app_secret, verify_token)
        if asked is not None:
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                try:
                    answer = await client.get(url, params=dict(asked.query))
                except httpx.HTTPError as error:
                    raise SubscriptionRefusedError(f"{url} did not answer: {type(error).__name__}") from None
            if answer.status_code != 200 or not asked.is_met(answer.content):
                raise SubscriptionRefusedError(
                    f"{url} did not meet the challenge: {answer.status_code} {answer.text[:200]}"
                )
        state = self._host.state
        with state.transaction():
            state.delete("subscriptions", network=network)
            state.insert(
                "subscriptions",
                network=network,
                url=url,
                told_until_ms=self._host.clock.now_ms,
                told_sequence=int(state.get("number:commit") or 0),
            )
        return self.described()

    def unsubscribe(self, network: str) -> Mapping[str, Any]:
        """Call no more; what was not accepted is forgotten."""
        with self._host.state.transaction():
            self._host.state.delete("subscriptions", network=network)
            self._host.state.delete("webhook_deliveries", network=network, is_accepted=0)
        return self.described()

    async def deliver(self, *, again: bool = False) -> Mapping[str, Any]:
        """Tell what has happened and what was not accepted; `again`: all that was ever told, as a network does that lost the answers."""
        for subscription in self._host.state.rows("subscriptions"):
            self._take_note(subscription)
            pending = self._host.state.rows("webhook_deliveries", network=subscription["network"])
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                for row in pending:
                    if (again or not row["is_accepted"]) and not await self._call(client, subscription["url"], row):
                        break  # the address is away: the others wait, as this one does
        return self.described()

    def _take_note(self, subscription: Mapping[str, Any]) -> None:
        """Turn what has happened since the last time into deliveries, durably and once."""
        network, state, now_ms = subscription["network"], self._host.state, self._host.clock.now_ms
        sequence = int(state.get("number:commit") or 0)
        happened = sorted(self._since(subscription), key=lambda happening: happening.at_ms)
        with state.transaction():
            for body in bodies(network, self._credentials.client_id, happened):
                state.insert("webhook_deliveries", network=network, body=body)
            state.update("subscriptions", {"network": network}, told_until_ms=now_ms, told_sequence=sequence)

    def _since(self, subscription: Mapping[str, Any]) -> Iterator[Happening]:
        now_ms = self._host.clock.now_ms
        for account in self._host.accounts.values():
            if account.network != subscription["network"] or account.is_competitor:
                continue
            for item in self._host.published(account.native_id):
                if item.sequence > subscription["told_sequence"] and not item.post.is_reply:
                    yield Happening(account, item.post, None)
            for post in self._host.feed(account).posts:
                if post.created_ms > now_ms - COMMENTED_FOR_MS:
                    for comment in self._host.comments(post):
                        if comment.created_ms > subscription["told_until_ms"]:
                            yield Happening(account, post, comment)

    async def _call(self, client: httpx.AsyncClient, url: str, row: Mapping[str, Any]) -> bool:
        """One delivery, one try. Whether anybody answered."""
        body = bytes(row["body"])
        headers = signature(row["network"], self._credentials.app_secret, body, now_seconds())
        try:
            answer = await client.post(url, content=body, headers={**headers, "content-type": "application/json"})
        except httpx.HTTPError:
            status = None
        else:
            status = answer.status_code
        self._host.state.update(
            "webhook_deliveries",
            {"delivery_id": row["delivery_id"]},
            tries=row["tries"] + 1,
            status=status,
            is_accepted=int(row["is_accepted"] or (status is not None and 200 <= status < 300)),
        )
        return status is not None

    def described(self) -> Mapping[str, Any]:
        """Subscriptions, and every delivery with what came of it."""
        state = self._host.state
        return {
            "subscriptions": {row["network"]: row["url"] for row in state.rows("subscriptions")},
            "deliveries": [
                {
                    "id": row["delivery_id"],
                    "network": row["network"],
                    "tries": row["tries"],
                    "status": row["status"],
                    "body": bytes(row["body"]).decode(),
                }
                for row in state.rows("webhook_deliveries")
            ],
        }
