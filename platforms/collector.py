"""Reading many accounts at once: bounded, isolated from each other, and callable from code that knows no event loop.

Belongs here: concurrency and isolation over any connector. Does not belong here: calls, retries, rate limits, storage.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from contracts.errors import ErrorClass, NetworkError, PulsoError
from contracts.networks import Capabilities, Network
from contracts.ports import (
    ApiVersion,
    Collected,
    CollectedPosts,
    Connector,
    DeclaresByAccount,
    Networks,
    ReadsMessages,
    TermsReader,
)
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    AccountTerms,
    CollectionFailure,
    Comment,
    Message,
    Post,
    PostMetricPoint,
)
from platforms.remapping import remap
from platforms.versions import VERSIONS

T = TypeVar("T")

ACCOUNTS_AT_ONCE = 8
"""Per network; the transport bounds the calls in flight besides."""

_FAIL_THE_ACCOUNT = frozenset({ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE})
"""After these no other post of the account can be read either."""

_log = logging.getLogger(__name__)


@dataclass
class _Outcome(Generic[T]):
    """What came of one account: its rows, and why something is missing."""

    rows: T | None = None
    failures: list[CollectionFailure] = field(default_factory=list)


class HttpCollector:
    """`contracts.ports.Collector`: each method opens the networks, reads all accounts, closes them.

    A listing is kept whole or not at all: a half-read one would look read to whoever asks next for "what is new". Counts that
    need calls of their own may fail and leave the listing's counts standing. `is_backfilled` is judged at this observation (the
    post is older than a day); whoever knows when a post was first observed may know better.
    """

    def __init__(self, networks: Networks, *, accounts_at_once: int = ACCOUNTS_AT_ONCE) -> None:
        self._networks, self._accounts_at_once = networks, accounts_at_once

    def profiles(self, accounts: Sequence[Account]) -> Collected[AccountSnapshot]:
        async def read(connector: Connector, account: Account, outcome: _Outcome[AccountSnapshot]) -> None:
            outcome.rows = await connector.profile(account)

        outcomes = self._read_all("profile", accounts, read)
        return Collected(tuple(o.rows for o in outcomes if o.rows is not None), _failures(outcomes))

    def terms(self, accounts: Sequence[Account]) -> Collected[AccountTerms]:
        async def read(connector: Connector, account: Account, outcome: _Outcome[AccountTerms]) -> None:
            if isinstance(connector, TermsReader):
                outcome.rows = await connector.terms(account)

        outcomes = self._read_all("terms", accounts, read)
        return Collected(tuple(o.rows for o in outcomes if o.rows is not None), _failures(outcomes))

    def account_metrics(self, accounts: Sequence[Account], *, start: date, end: date) -> Collected[AccountMetricPoint]:
        async def read(
            connector: Connector, account: Account, outcome: _Outcome[tuple[AccountMetricPoint, ...]]
        ) -> None:
            if (await _capabilities(connector, account)).has_account_metrics:
                outcome.rows = await connector.account_metrics(account, start=start, end=end)

        outcomes = self._read_all("account_metrics", accounts, read)
        return Collected(tuple(point for o in outcomes for point in o.rows or ()), _failures(outcomes))

    def posts(
        self,
        accounts: Sequence[Account],
        *,
        since: Mapping[str, datetime],
        detail_since: datetime,
        detail_of: Mapping[str, Collection[str]] | None = None,
    ) -> CollectedPosts:
        async def read(connector: Connector, account: Account, outcome: _Outcome[CollectedPosts]) -> None:
            posts: list[Post] = []
            metrics: dict[tuple[str, str], PostMetricPoint] = {}
            async for page in connector.posts(account, since=since.get(account.account_id)):
                posts += page.posts
                for point in page.metrics:
                    metrics.setdefault((point.post_id, point.metric), point)
            outcome.rows = CollectedPosts(tuple(posts), tuple(metrics.values()))
            names = (await _capabilities(connector, account)).post_metrics
            named = (detail_of or {}).get(account.account_id)
            unlisted = [
                post
                for post in posts
                if post.published_at >= detail_since
                and (not named or post.post_id in named)
                and any((post.post_id, name) not in metrics for name in names)
            ]
            if not unlisted:
                return
            try:
                details = await connector.post_metrics(account, unlisted)
            except NetworkError as error:
                outcome.failures.append(_failure(account, "post_metrics", error))
                return
            for point in details:
                metrics.setdefault((point.post_id, point.metric), point)
            outcome.rows = CollectedPosts(tuple(posts), tuple(metrics.values()))

        outcomes = self._read_all("posts", accounts, read)
        read_whole = [o.rows for o in outcomes if o.rows is not None]
        return CollectedPosts(
            posts=tuple(post for rows in read_whole for post in rows.posts),
            metrics=tuple(point for rows in read_whole for point in rows.metrics),
            failures=_failures(outcomes),
        )

    def comments(self, accounts: Sequence[Account], posts: Sequence[Post]) -> Collected[Comment]:
        of_account: dict[str, list[Post]] = {}
        for post in posts:
            of_account.setdefault(post.account_id, []).append(post)

        async def read(connector: Connector, account: Account, outcome: _Outcome[list[Comment]]) -> None:
            found: list[Comment] = []
            outcome.rows = found
            if not (await _capabilities(connector, account)).has_comments:
                return
            for post in of_account[account.account_id]:
                try:
                    async for page in connector.comments(account, post):
                        found += page
                except NetworkError as error:
                    outcome.failures.append(_failure(account, f"comments of {post.post_id}", error))
                    if error.error_class in _FAIL_THE_ACCOUNT:
                        return

        wanted = [account for account in accounts if account.account_id in of_account]
        outcomes = self._read_all("comments", wanted, read)
        return Collected(tuple(comment for o in outcomes for comment in o.rows or ()), _failures(outcomes))

    def messages(self, accounts: Sequence[Account], *, since: Mapping[str, datetime]) -> Collected[Message]:
        async def read(connector: Connector, account: Account, outcome: _Outcome[dict[str, Message]]) -> None:
            found: dict[str, Message] = {}
            if isinstance(connector, ReadsMessages) and (await _capabilities(connector, account)).has_messages:
                async for page in connector.messages(account, since=since[account.account_id]):
                    found |= {message.message_id: message for message in page}
            outcome.rows = found

        wanted = [account for account in accounts if account.account_id in since]
        outcomes = self._read_all("messages", wanted, read)
        return Collected(tuple(message for o in outcomes for message in (o.rows or {}).values()), _failures(outcomes))

    def api_versions(self) -> tuple[ApiVersion, ...]:
        return tuple(VERSIONS.values())

    def remap_posts(self, raws: Sequence[Mapping[str, Any]]) -> CollectedPosts:
        return remap(raws)

    # --- running ---------------------------------------------------------------------------------------------------------

    def _read_all(
        self,
        what: str,
        accounts: Sequence[Account],
        read: Callable[[Connector, Account, _Outcome[T]], Awaitable[None]],
    ) -> list[_Outcome[T]]:
        """Outcomes in the order of the accounts. Only failures to open the networks at all are raised."""
        if not accounts:
            return []

        async def all_accounts() -> list[_Outcome[T]]:
            slots = {network: asyncio.Semaphore(self._accounts_at_once) for network in Network}
            async with self._networks.open() as connectors:

                async def one(account: Account) -> _Outcome[T]:
                    outcome: _Outcome[T] = _Outcome()
                    async with slots[account.network]:
                        try:
                            await read(connectors[account.network], account, outcome)
                        except Exception as error:  # one account's trouble, even a bug's, stops no other
                            if not isinstance(error, NetworkError):
                                _log.exception("reading %s of %s failed", what, account.account_id)
                            outcome.failures.append(_failure(account, what, error))
                    return outcome

                return list(await asyncio.gather(*(one(account) for account in accounts)))

        return run(all_accounts())


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, from an event loop of its own; on a thread of its own where this one runs a loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


async def _capabilities(connector: Connector, account: Account) -> Capabilities:
    """What the account can do, which on some networks depends on its credentials."""
    if isinstance(connector, DeclaresByAccount):
        return await connector.capabilities_of(account)
    return connector.capabilities


def _failure(account: Account, what: str, error: Exception) -> CollectionFailure:
    if isinstance(error, NetworkError):
        error_class, message = error.error_class.value, str(error)
    else:
        # The text of an unforeseen error may quote a payload, and with it someone's words.
        error_class = ErrorClass.INVALID.value
        message = str(error) if isinstance(error, PulsoError) else f"unforeseen {type(error).__name__}, see the log"
    return CollectionFailure(
        client_id=account.client_id,
        account_id=account.account_id,
        network=account.network,
        what=what,
        error_class=error_class,
        message=message,
    )


def _failures(outcomes: Iterable[_Outcome[Any]]) -> tuple[CollectionFailure, ...]:
    return tuple(failure for outcome in outcomes for failure in outcome.failures)
