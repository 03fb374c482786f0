"""Mastodon's wire: calls of one account to the server that it lives on.

Belongs here: tokens, limits, reading, deleting. Does not belong here: publishing (`publishing.py`), shapes (`models.py`), mapping.

Nobody owns the network: each account's `base_url` is its own server, which may be Mastodon, a fork of it, or other software that
speaks the same API more or less. Errors are therefore told apart by status only, and limits are asked for.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaReader, PostPage
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    AccountTerms,
    Comment,
    Message,
    Post,
    PostMetricPoint,
    PublishRequest,
    Receipt,
    Reconciliation,
    Staging,
    Token,
)
from platforms._budget import Usage
from platforms._http import Call, CallKind, Refusal, Transport, all_of, server_time, with_headers
from platforms._listing import post_pages
from platforms._quotas import LocalLimit
from platforms._shapes import count_or_none, time_or_none
from platforms.mastodon import mapping
from platforms.mastodon.errors import GONE, classify
from platforms.mastodon.instances import Instances
from platforms.mastodon.messages import Messages, as_status
from platforms.mastodon.models import Context, Profile
from platforms.mastodon.publishing import Publishing
from platforms.mastodon.wire import Wire, read

READ_LAG_SECONDS = 3.0
"""[K] How long a request whose answer was lost may still be at work on the server. Its listings themselves do not lag."""

LIMIT_FAMILIES = {"upload": "media", "delete": "delete", "publish": "statuses"}
"""Operation -> the limit of its own that it counts against: 30 uploads and 30 deletions in half an hour, 300 statuses in three
hours; everything counts against the account's 300 calls in five minutes. All are read from the answers' headers."""

CAPABILITIES = Capabilities(
    network=Network.MASTODON,
    formats=frozenset(
        {
            ContentFormat.TEXT,
            ContentFormat.IMAGE,
            ContentFormat.CAROUSEL,
            ContentFormat.VIDEO,
            ContentFormat.THREAD,
            ContentFormat.POLL,
        }
    ),
    has_account_metrics=False,
    has_comments=True,
    has_messages=True,
    can_message=True,
    can_reply=True,
    # The key lasts an hour, and not every server keeps it: `find_published` says when a second commit is harmless.
    is_commit_idempotent=False,
    is_reply_idempotent=False,
    post_metrics=tuple(mapping.METRICS.values()),
    options=frozenset({"poll", "thread", "privacy"}),
    read_lag_seconds=READ_LAG_SECONDS,
)


class MastodonDialect:
    """Bearer tokens that do not expire, limits per account and kind of call, reset times in ISO 8601, errors by status."""

    network = Network.MASTODON
    renew_before = timedelta(0)

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(call, authorization=f"Bearer {token.access_token}")

    def refusal(self, status: int, body: Any) -> Refusal:
        return classify(status, body)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:
        whole = f"account:{account.account_id}"
        family = LIMIT_FAMILIES.get(call.operation)
        return (f"{family}:{account.account_id}", whole) if family else (whole,)

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        """`X-RateLimit-*`: of the call's own limit where it has one [K: the server shows the one that is nearest its end]."""
        limit, left = (
            count_or_none(headers.get("x-ratelimit-limit")),
            count_or_none(headers.get("x-ratelimit-remaining")),
        )
        if not limit or left is None:
            return ()
        reset = time_or_none(headers.get("x-ratelimit-reset"))
        seconds = None if reset is None else (reset - server_time(headers)).total_seconds()
        return (Usage(self.limit_keys(account, call)[0], 1 - left / limit, seconds),)

    def local_limits(self, _account: Account, _call: Call) -> tuple[LocalLimit, ...]:
        return ()

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        # [K] Tokens live until they are revoked, and then only the account's owner can grant a new one.
        return False

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:  # noqa: ARG002
        message = "Mastodon's tokens do not expire and cannot be renewed; connect the account again."
        raise NetworkError(ErrorClass.AUTH, message, network=self.network.value, code="no_renewal")


class MastodonConnector:
    """`contracts.ports.Connector` and `ReadsMessages` for Mastodon and servers that speak its API."""

    def __init__(self, transport: Transport, media: MediaReader) -> None:
        self._transport, self._wire = transport, Wire(transport)
        self._instances = Instances(transport)
        self._messages = Messages(self._wire)
        self._publishing = Publishing(self._wire, media, CAPABILITIES.options)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Display name and counts of the account that the token belongs to, observed now."""
        call = read("verify_credentials", "accounts/verify_credentials")
        answer = await self._wire.send(account, call)
        profile = self._transport.parse(Profile, answer.body, call)
        return mapping.snapshot_from(account, profile, answer.body, observed_at=await self._transport.now())

    async def terms(self, account: Account) -> AccountTerms:
        """The limits that the account's own server states."""
        stated = await self._instances.stated_limits(account)
        return AccountTerms(account_id=account.account_id, configuration=stated, read_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own posts and answers, newest first, without other people's posts that the account passed on."""
        to_post = partial(mapping.post_from, account)
        to_metrics = partial(mapping.metrics_from, account, source=mapping.LISTED)
        raws = self._wire.own_statuses(account)
        async for page in post_pages(raws, self._transport, to_post, to_metrics, since=since):
            yield page

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Counts of these posts now, one call each: the same that the listing carries, without walking it. A post that is
        gone is left out."""
        found = await all_of([self._counts_of(account, post) for post in posts])
        return tuple(point for points in found for point in points)

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Mastodon reports no past days: followers come from observations alone."""
        del account, start, end
        return ()

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """All answers below a post that its server knows of, nested ones too. A post that is gone has none."""
        call = read("context", f"statuses/{post.native_id}/context")
        try:
            answer = await self._wire.send(account, call)
        except NetworkError as error:
            if error.status in GONE:
                return
            raise
        context = self._transport.parse(Context, answer.body, call)
        observed_at = await self._transport.now()
        if found := tuple(mapping.comments_from(account, post, context.descendants, observed_at=observed_at)):
            yield found

    async def messages(self, account: Account, *, since: datetime) -> AsyncIterator[tuple[Message, ...]]:
        """Direct messages, conversation by conversation."""
        async for page in self._messages.read(account, since=since):
            yield page

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:
        """Choose the idempotency key. The same intent always gets the same one."""
        return self._publishing.prepare(as_status(request))

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: learn what is answered, upload one file, wait for it, or note what is there before the commit."""
        return await self._publishing.stage(as_status(request), staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Send the status; for a thread all its statuses, each under a key of its own."""
        return await self._publishing.commit(as_status(request), staging)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Read the account's newest statuses. They prove presence only; whether the key still makes a second commit a no-op
        is said with it."""
        return await self._publishing.find_published(as_status(request), staging)

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete one status. Deleting one that is gone already succeeds; of a thread the other statuses stay."""
        call = Call(CallKind.STAGE, "delete", "DELETE", f"/api/v1/statuses/{native_post_id}")
        try:
            await self._wire.send(account, call)
        except NetworkError as error:
            # Servers that cannot delete answer "not found" too: only reading tells.
            if error.status not in GONE or await self._exists(account, native_post_id):
                raise

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)

    async def _exists(self, account: Account, native_id: str) -> bool:
        try:
            await self._wire.send(account, read("status", f"statuses/{native_id}"))
        except NetworkError as error:
            if error.status in GONE:
                return False
            raise
        return True

    async def _counts_of(self, account: Account, post: Post) -> tuple[PostMetricPoint, ...]:
        try:
            answer = await self._wire.send(account, read("status", f"statuses/{post.native_id}"))
        except NetworkError as error:
            if error.status in GONE:
                return ()
            raise
        if not isinstance(answer.body, dict):
            return ()
        observed_at = await self._transport.now()
        return mapping.metrics_from(account, answer.body, observed_at=observed_at, source=mapping.SINGLE)
