"""Bluesky's wire: XRPC calls of one account to its own PDS, which also relays the AppView's reads.

Belongs here: tokens, limits, what Bluesky's refusals mean, reading, deleting. Does not belong here: publishing (`publishing.py`),
shapes (`models.py`), mapping.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import MediaReader, PostPage
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    Comment,
    Post,
    PostMetricPoint,
    PublishRequest,
    Receipt,
    Reconciliation,
    Staging,
    Token,
)
from platforms._budget import Usage
from platforms._http import Call, CallKind, Params, Refusal, Transport, server_time, with_headers
from platforms._listing import post_pages
from platforms._quotas import LocalLimit
from platforms._shapes import count_or_none
from platforms.bluesky import mapping
from platforms.bluesky.films import OPERATIONS, VIDEO_SERVICE, Films
from platforms.bluesky.models import Feed, Posts, Profile, Records, RepoDescription, Session, Thread
from platforms.bluesky.publishing import Publishing
from platforms.bluesky.xrpc import NOT_FOUND, path_of, procedure, query

PAGE_SIZE = 100
POSTS_PER_CALL = 25
THREAD_DEPTH = 1000

CAPABILITIES = Capabilities(
    network=Network.BLUESKY,
    formats=frozenset(
        {
            ContentFormat.TEXT,
            ContentFormat.LINK,
            ContentFormat.ARTICLE,
            ContentFormat.IMAGE,
            ContentFormat.CAROUSEL,
            ContentFormat.VIDEO,
            ContentFormat.THREAD,
        }
    ),
    has_account_metrics=False,
    has_comments=True,
    can_reply=True,
    is_commit_idempotent=True,
    is_reply_idempotent=True,
    post_metrics=("likes", "comments", "shares", "quotes", "saves"),
    options=frozenset({"link", "title", "thread"}),
    read_lag_seconds=0.0,
)

_CLASSES = {
    "ExpiredToken": ErrorClass.AUTH,  # [K] with status 400
    "InvalidToken": ErrorClass.AUTH,
    "AuthenticationRequired": ErrorClass.AUTH,
    "AuthMissing": ErrorClass.AUTH,
    "AccountTakedown": ErrorClass.AUTH,
    "AccountDeactivated": ErrorClass.AUTH,  # [K]
    "AccountSuspended": ErrorClass.AUTH,  # [K]
    "RateLimitExceeded": ErrorClass.RATE,
    "UpstreamFailure": ErrorClass.TRANSIENT,
    "UpstreamTimeout": ErrorClass.TRANSIENT,  # [K]
}


class BlueskyDialect:
    """Bearer tokens that live two hours, limits per account and per address, errors as `{error, message}`."""

    network = Network.BLUESKY
    renew_before = timedelta(minutes=5)

    def authorize(self, call: Call, token: Token) -> Call:
        return with_headers(call, authorization=f"Bearer {token.access_token}")

    def refusal(self, status: int, body: Any) -> Refusal:
        name = body.get("error") if isinstance(body, dict) else None
        message = body.get("message") if isinstance(body, dict) else None
        code = name if isinstance(name, str) else None
        text = message if isinstance(message, str) and message else f"HTTP {status}"
        return Refusal(_class_of(status, code), code, text)

    def limit_keys(self, account: Account, call: Call) -> tuple[str, ...]:
        host = urlsplit(account.base_url).netloc
        if call.operation.startswith(OPERATIONS):
            return (f"video:{account.account_id}",)  # another service, with limits of its own
        if call.kind is CallKind.READ:
            return (f"host:{host}",)
        if call.kind is CallKind.TOKEN:
            return (f"session:{account.account_id}", f"host:{host}")
        return (f"repo:{account.account_id}", f"host:{host}")

    def usage(self, account: Account, call: Call, headers: Mapping[str, str]) -> tuple[Usage, ...]:
        limit, left = count_or_none(headers.get("ratelimit-limit")), count_or_none(headers.get("ratelimit-remaining"))
        reset = count_or_none(headers.get("ratelimit-reset"))
        if not limit or left is None:
            return ()
        seconds = None if reset is None else reset - server_time(headers).timestamp()
        return (Usage(self.limit_keys(account, call)[0], 1 - left / limit, seconds),)

    def local_limits(self, _account: Account, _call: Call) -> tuple[LocalLimit, ...]:
        return ()

    def can_renew(self, token: Token, *, is_refused: bool) -> bool:  # noqa: ARG002
        return token.refresh_token is not None

    async def renew(self, transport: Transport, account: Account, token: Token) -> Token:
        call = Call(
            CallKind.TOKEN,
            "com.atproto.server.refreshSession",
            "POST",
            path_of("com.atproto.server.refreshSession"),
            headers={"authorization": f"Bearer {token.refresh_token}"},
            is_authorized=False,
        )
        session = await transport.fetch(Session, account, call)
        return Token(
            access_token=session.access_jwt,
            refresh_token=session.refresh_jwt,
            expires_at=expiry_of(session.access_jwt),
            version=token.version,
        )


class BlueskyConnector:
    """`contracts.ports.Connector` for Bluesky.

    `has_app_view=False` is for a PDS that stands alone: profile and posts come from the repository, then without counts;
    metrics, other people's replies and the video service do not exist there.
    """

    def __init__(
        self,
        transport: Transport,
        media: MediaReader,
        *,
        has_app_view: bool = True,
        video_service: str = VIDEO_SERVICE,
    ) -> None:
        self._transport, self._has_app_view = transport, has_app_view
        films = Films(transport, media, video_service) if has_app_view else None
        self._publishing = Publishing(transport, media, CAPABILITIES, films, has_app_view=has_app_view)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---------------------------------------------------------------------------------------------------------

    async def profile(self, account: Account) -> AccountSnapshot:
        """Display name and counts. Observed: Bluesky keeps no history of them."""
        if not self._has_app_view:
            call = query("com.atproto.repo.describeRepo", repo=account.native_id)
            answer = await self._transport.send(account, call)
            known = self._transport.parse(RepoDescription, answer.body, call)
            profile = Profile(did=known.did, handle=known.handle)
        else:
            call = query("app.bsky.actor.getProfile", actor=account.native_id)
            answer = await self._transport.send(account, call)
            profile = self._transport.parse(Profile, answer.body, call)
        raw = {k: v for k, v in answer.body.items() if k not in ("viewer", "didDoc")}
        return mapping.snapshot_from(account, profile, raw, observed_at=await self._transport.now())

    async def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own posts and replies, newest first, without reposts of others."""
        source = "getAuthorFeed" if self._has_app_view else "listRecords"
        to_post = partial(mapping.post_from, account)
        to_metrics = partial(mapping.metrics_from, account, source=source)
        async for page in post_pages(self._pages(account), self._transport, to_post, to_metrics, since=since):
            yield page

    async def _pages(self, account: Account) -> AsyncIterator[list[dict[str, Any]]]:
        """Payloads of own posts, page by page, until there is no cursor or the network repeats one."""
        cursor: str | None = None
        while True:
            paging = {"limit": str(PAGE_SIZE), **({"cursor": cursor} if cursor else {})}
            if self._has_app_view:
                call = query("app.bsky.feed.getAuthorFeed", actor=account.native_id, **paging)
                feed = await self._transport.fetch(Feed, account, call)
                items = [item for item in feed.feed if isinstance(item, dict) and not item.get("reason")]
                raws, following = [i["post"] for i in items if _is_by(i.get("post"), account)], feed.cursor
            else:
                where = {"repo": account.native_id, "collection": mapping.POST_COLLECTION}
                call = query("com.atproto.repo.listRecords", **where, **paging)
                listed = await self._transport.fetch(Records, account, call)
                raws, following = [r for r in listed.records if isinstance(r, dict)], listed.cursor
            yield raws
            if following is None or following == cursor:
                return
            cursor = following

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Counts of these posts now. The listing carries the same; this reads them without walking it."""
        if not self._has_app_view:
            return ()
        points: list[PostMetricPoint] = []
        for start in range(0, len(posts), POSTS_PER_CALL):
            uris: Params = [("uris", post.native_id) for post in posts[start : start + POSTS_PER_CALL]]
            call = replace(query("app.bsky.feed.getPosts"), params=uris)
            answer = await self._transport.fetch(Posts, account, call)
            observed_at = await self._transport.now()
            for raw in answer.posts:
                if isinstance(raw, dict):
                    points += mapping.metrics_from(account, raw, observed_at=observed_at, source="getPosts")
        return tuple(points)

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Bluesky reports no past days: followers come from observations alone."""
        del account, start, end
        return ()

    async def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]:
        """All replies below a post, nested ones too. A post that is gone has none."""
        if not self._has_app_view:
            return
        call = query("app.bsky.feed.getPostThread", uri=post.native_id, depth=str(THREAD_DEPTH), parentHeight="0")
        try:
            answer = await self._transport.fetch(Thread, account, call)
        except NetworkError as error:
            if error.code in NOT_FOUND:
                return
            raise
        observed_at = await self._transport.now()
        if found := tuple(mapping.comments_from(account, post, answer.thread, observed_at=observed_at)):
            yield found

    # --- publishing ------------------------------------------------------------------------------------------------------

    def prepare(self, request: PublishRequest) -> Staging:
        """Choose the keys of the records. The same intent always gets the same ones."""
        return self._publishing.prepare(request)

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """One step: of an upload, or find out one thing that the record has to name."""
        return await self._publishing.stage(request, staging)

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """Write the record under its key; for a thread all its records."""
        return await self._publishing.commit(request, staging)

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Ask the account's own PDS for the records: each is there or it is not."""
        return await self._publishing.find_published(request, staging)

    async def delete(self, account: Account, native_post_id: str) -> None:
        """Delete a post. Deleting one that is gone already succeeds; of a thread the other posts stay."""
        body = {
            "repo": account.native_id,
            "collection": mapping.POST_COLLECTION,
            "rkey": mapping.rkey_of(native_post_id),
        }
        await self._transport.send(account, procedure(CallKind.STAGE, "com.atproto.repo.deleteRecord", body))

    async def refresh_token(self, account: Account) -> None:
        await self._transport.renew_token(account)


def expiry_of(jwt: str) -> datetime | None:
    """`exp` of a JSON Web Token, unverified: it only says when to renew. None when it says nothing."""
    try:
        payload = jwt.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _class_of(status: int, code: str | None) -> ErrorClass:
    if code is not None and code in _CLASSES:
        return _CLASSES[code]
    if status == 429:
        return ErrorClass.RATE
    if status >= 500:
        return ErrorClass.TRANSIENT
    return {401: ErrorClass.AUTH, 403: ErrorClass.SCOPE}.get(status, ErrorClass.INVALID)


def _is_by(raw: Any, account: Account) -> bool:
    author = raw.get("author") if isinstance(raw, dict) else None
    return isinstance(author, dict) and author.get("did") == account.native_id
