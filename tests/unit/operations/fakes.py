"""A network with a true state of its own, a machine clock that flies, and records to fill a store with."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Capabilities, ContentFormat, Network
from contracts.ports import Connector
from contracts.records import (
    Account,
    Autonomy,
    BrandKit,
    Client,
    ContentItem,
    Fact,
    Pillar,
    PostingRules,
    PublishRequest,
    QuietHours,
    Receipt,
    Reconciliation,
    Staging,
    Verdict,
    Violation,
)
from policy import NetworkLimits

NOW = datetime(2026, 5, 30, 12, tzinfo=UTC)


class Crash(SystemExit):
    """The process dies here. A SystemExit, so that no part of the publisher gets to tidy up after it."""


@dataclass
class FlyingMachineTime:
    """Machine time that passes only when somebody sleeps or a test moves it."""

    at: datetime = datetime(2026, 11, 22, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class FakePost:
    """One post that the network's public can see."""

    native_id: str
    key: str
    intent_id: str
    account_id: str
    text: str


@dataclass
class FakeNetwork:
    """A network's own truth: what its public sees, what it holds invisibly, and the faults that it is to show.

    `keyed`: a second commit of the same staging is a no-op (Bluesky, or Instagram's containers). Without it every commit call makes a post.
    `can_tell`: reading proves absence; without it a reading that finds nothing is undecided.
    `has_guard`: a text that the account published before is refused, and a reading that finds nothing says so without proof (X, LinkedIn).
    `is_guard_on`: the guard does what it promises.
    `key_lives`: a keyed network that cannot promise it for ever, and says with each reading that the key still holds (Mastodon).
    `read_lag_seconds`: a post is visible to reconciliation only so long after it was made.
    """

    machine: FlyingMachineTime
    network: Network = Network.BLUESKY
    is_keyed: bool = False
    can_tell: bool = True
    has_guard: bool = False
    is_guard_on: bool = True
    key_lives: bool = False
    shows_posts: bool = True
    read_lag_seconds: float = 0.0
    posts: list[FakePost] = field(default_factory=list)
    visible_from: dict[str, datetime] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    fault: Callable[[str, PublishRequest], None] = lambda point, request: None
    """Called at `prepare`, `stage:before`, `stage:after`, `commit:before`, `commit:after`, `find`; raises what is to happen there."""
    staged: int = 0

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            network=self.network,
            formats=frozenset({ContentFormat.TEXT, ContentFormat.IMAGE}),
            has_account_metrics=False,
            has_comments=True,
            can_reply=True,
            is_commit_idempotent=self.is_keyed and not self.key_lives,
            is_reply_idempotent=self.is_keyed and not self.key_lives,
            refuses_duplicates=self.has_guard,
            post_metrics=(),
            read_lag_seconds=self.read_lag_seconds,
        )

    def prepare(self, request: PublishRequest) -> Staging:
        self.calls.append(("prepare", request.intent_id))
        self.fault("prepare", request)
        return Staging(handles={"rkey": request.intent_id} if self.is_keyed else {})

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        self.calls.append(("stage", request.intent_id))
        self.fault("stage:before", request)
        if not staging.is_complete:
            self.staged += 1
            key = staging.handles.get("rkey") or f"container-{self.staged}"
            staging = Staging(handles={"key": key, **staging.handles}, is_complete="key" in staging.handles)
        self.fault("stage:after", request)
        return staging

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        assert staging.is_complete
        self.calls.append(("commit", request.intent_id))
        self.fault("commit:before", request)
        key = staging.handles["key"]
        found = [post for post in self.posts if post.key == key] if self.is_keyed else []
        if (
            self.has_guard
            and self.is_guard_on
            and any((post.account_id, post.text) == (request.account.account_id, request.text) for post in self.posts)
        ):
            raise NetworkError(ErrorClass.DUPLICATE, "duplicate content", network=self.network.value)
        if not found:
            found = [
                FakePost(
                    f"post-{len(self.posts) + 1}", key, request.intent_id, request.account.account_id, request.text
                )
            ]
            self.posts += found
            self.visible_from[found[0].native_id] = self.machine.now() + timedelta(seconds=self.read_lag_seconds)
        self.fault("commit:after", request)
        return self._receipt(found[0], "answered")

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        self.calls.append(("find", request.intent_id))
        self.fault("find", request)
        for post in self.posts if self.shows_posts else ():
            if post.key == staging.handles["key"] and self.visible_from[post.native_id] <= self.machine.now():
                return Reconciliation(
                    outcome="published", receipt=self._receipt(post, "reconciled"), evidence="it is there"
                )
        outcome = "absent" if self.has_guard else "not_published" if self.can_tell else "undecided"
        return Reconciliation(outcome=outcome, evidence="it is not listed", is_repeat_harmless=self.key_lives)

    def _receipt(self, post: FakePost, how: str) -> Receipt:
        return Receipt.model_validate(
            {
                "native_id": post.native_id,
                "permalink": f"https://example.test/{post.native_id}",
                "published_at": NOW,
                "how": how,
            }
        )

    def count(self, call: str, intent_id: str | None = None) -> int:
        return sum(name == call and intent_id in (None, subject) for name, subject in self.calls)


@dataclass
class FakeNetworks:
    """contracts.ports.Networks over fakes; a network of another name falls back to the first."""

    fakes: Sequence[FakeNetwork]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mapping[Network, Connector]]:
        yield {fake.network: fake for fake in self.fakes}  # type: ignore[misc]


def lost_answer(point: str = "commit:after", *, times: int = 1) -> Callable[[str, PublishRequest], None]:
    """A fault: the answer of the first `times` calls at this point is lost."""
    return refusal(ErrorClass.AMBIGUOUS, point, times=times)


def refusal(
    error_class: ErrorClass, point: str, *, times: int = 10**9, retry_at: datetime | None = None
) -> Callable[[str, PublishRequest], None]:
    """A fault: the first `times` calls at this point are refused with this class."""
    left = [times]

    def fault(at: str, request: PublishRequest) -> None:
        del request
        if at == point and left[0] > 0:
            left[0] -= 1
            raise NetworkError(error_class, f"{error_class.value} at {point}", network="bluesky", retry_at=retry_at)

    return fault


def a_client(client_id: str = "acme", **changes: object) -> Client:
    values: dict[str, object] = {
        "client_id": client_id,
        "name": client_id.title(),
        "time_zone": "Europe/Madrid",
        "language": "en",
        "autonomy": Autonomy.MANUAL,
        "posting_rules": PostingRules(
            min_gap_hours=0, max_posts_per_day=20, quiet_hours=QuietHours(start_hour=3, end_hour=3)
        ),
        "brand": BrandKit(
            voice="plain",
            audience="everyone",
            pillars=(Pillar(pillar_id="p", name="P", description="the pillar"),),
            facts=(Fact(fact_id="f", pillar_id="p", text="water is wet"),),
        ),
    }
    return Client.model_validate({**values, **changes})


def an_account(account_id: str = "bluesky:did:plc:acme", client_id: str = "acme") -> Account:
    network, native_id = account_id.split(":", 1)
    return Account(
        account_id=account_id,
        client_id=client_id,
        network=Network(network),
        native_id=native_id,
        handle=f"{client_id}.test",
        base_url="http://127.0.0.1:1",
    )


def an_item(content_item_id: str = "item-1", **changes: object) -> ContentItem:
    values: dict[str, object] = {
        "content_item_id": content_item_id,
        "client_id": "acme",
        "account_id": "bluesky:did:plc:acme",
        "network": Network.BLUESKY,
        "text": f"Text of {content_item_id}",
        "content_format": ContentFormat.TEXT,
        "language": "en",
        "scheduled_at": NOW,
        "created_at": NOW - timedelta(days=1),
    }
    return ContentItem.model_validate({**values, **changes})


def allow_everything(
    item: ContentItem,
    client: Client,
    *,
    now: datetime,
    published_times: Sequence[datetime] = (),
    limits: NetworkLimits | None = None,
    last_received_at: datetime | None = None,
) -> Verdict:
    """Send rules that forbid nothing."""
    del item, client, now, published_times, limits, last_received_at
    return Verdict(is_allowed=True)


def forbid(message: str, *, only_when_scheduled: bool = False) -> Callable[..., Verdict]:
    """Send rules that forbid everything, or everything that has a slot (a rule about time)."""

    def rules(item: ContentItem, client: Client, *, now: datetime, **known: object) -> Verdict:
        del client, now, known
        if only_when_scheduled and item.scheduled_at is None:
            return Verdict(is_allowed=True)
        return Verdict(is_allowed=False, violations=(Violation(rule="r", message=message, remedy="mend it"),))

    return rules
