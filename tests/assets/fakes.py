"""Fakes that implement the ports, and a temporary lake, for assets called through Dagster's own materialize."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from contracts.clock import FixedClock
from contracts.networks import ContentFormat, Network
from contracts.ports import ApiVersion, Collected, CollectedPosts, DrainReport
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    AccountTerms,
    BrandKit,
    Client,
    CollectionFailure,
    Comment,
    Competitor,
    CompetitorPost,
    Goal,
    LedgerEntry,
    Message,
    Post,
    PostMetricPoint,
    QueueDepth,
    Trouble,
)
from contracts.scope import TenantScope
from lakehouse import DeltaLake

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
ALL = TenantScope.all_clients("a test")


def client(client_id: str) -> Client:
    return Client(
        client_id=client_id,
        name=client_id.title(),
        time_zone="UTC",
        language="en",
        brand=BrandKit(voice="", audience="", pillars=(), facts=()),
    )


def account(client_id: str, native_id: str) -> Account:
    return Account(
        account_id=f"instagram:{native_id}",
        client_id=client_id,
        network=Network.INSTAGRAM,
        native_id=native_id,
        handle=native_id,
        base_url="http://127.0.0.1:1",
    )


def post(of: Account, number: int, *, at: datetime, observed_at: datetime = NOW, text: str | None = None) -> Post:
    return Post(
        post_id=f"instagram:{of.native_id}-{number}",
        account_id=of.account_id,
        client_id=of.client_id,
        network=of.network,
        native_id=f"{of.native_id}-{number}",
        permalink=None,
        text=text or f"post {number}",
        content_format=ContentFormat.IMAGE,
        media_count=1,
        published_at=at,
        observed_at=observed_at,
        raw='{"kept": true}',
    )


def count(of: Post, metric: str, value: int) -> PostMetricPoint:
    return PostMetricPoint(
        post_id=of.post_id,
        account_id=of.account_id,
        client_id=of.client_id,
        network=of.network,
        metric=metric,
        value=value,
        observed_at=of.observed_at,
        is_backfilled=False,
        source="media",
        raw="{}",
    )


@dataclass
class FakeCollector:
    """Answers from lists; accounts in `broken` fail. Remembers what it was asked."""

    all_posts: list[Post] = field(default_factory=list)
    metrics: list[PostMetricPoint] = field(default_factory=list)
    all_comments: list[Comment] = field(default_factory=list)
    all_messages: list[Message] = field(default_factory=list)
    messages_since: dict[str, datetime] = field(default_factory=dict)
    points: list[AccountMetricPoint] = field(default_factory=list)
    broken: frozenset[str] = frozenset()
    since: dict[str, datetime] = field(default_factory=dict)
    detail_of: dict[str, Collection[str]] = field(default_factory=dict)
    asked_comments_of: list[str] = field(default_factory=list)
    versions: tuple[ApiVersion, ...] = ()
    all_terms: tuple[AccountTerms, ...] = ()
    asked_for_terms: list[str] = field(default_factory=list)
    calls: int = 0

    def terms(self, accounts: Sequence[Account]) -> Collected[AccountTerms]:
        asked = [a.account_id for a in accounts]
        self.asked_for_terms += asked
        return Collected(tuple(t for t in self.all_terms if t.account_id in asked), ())

    def api_versions(self) -> tuple[ApiVersion, ...]:
        return self.versions

    def _failures(self, accounts: Sequence[Account], what: str) -> tuple[CollectionFailure, ...]:
        self.calls += 1
        return tuple(
            CollectionFailure(
                client_id=a.client_id,
                account_id=a.account_id,
                network=a.network,
                what=what,
                error_class="auth",
                message="token revoked",
            )
            for a in accounts
            if a.account_id in self.broken
        )

    def profiles(self, accounts: Sequence[Account]) -> Collected[AccountSnapshot]:
        rows = tuple(
            AccountSnapshot(
                account_id=a.account_id,
                client_id=a.client_id,
                network=a.network,
                native_id=a.native_id,
                handle=a.handle,
                display_name=None,
                followers=100,
                following=1,
                posts_count=2,
                observed_at=NOW,
                raw="{}",
            )
            for a in accounts
            if a.account_id not in self.broken
        )
        return Collected(rows, self._failures(accounts, "profile"))

    def account_metrics(self, accounts: Sequence[Account], *, start: date, end: date) -> Collected[AccountMetricPoint]:
        rows = tuple(p for p in self.points if start <= p.day <= end and p.account_id not in self.broken)
        return Collected(rows, self._failures(accounts, "account metrics"))

    def posts(
        self,
        accounts: Sequence[Account],
        *,
        since: Mapping[str, datetime],
        detail_since: datetime,
        detail_of: Mapping[str, Collection[str]] | None = None,
    ) -> CollectedPosts:
        self.since, self.detail_of = dict(since), dict(detail_of or {})
        asked = {a.account_id for a in accounts}
        seen = tuple(p for p in self.all_posts if p.account_id in asked - self.broken)
        ids = {p.post_id for p in seen}
        return CollectedPosts(
            seen, tuple(m for m in self.metrics if m.post_id in ids), self._failures(accounts, "posts")
        )

    def comments(self, accounts: Sequence[Account], posts: Sequence[Post]) -> Collected[Comment]:
        ids = {p.post_id for p in posts}
        self.asked_comments_of += sorted(ids)
        return Collected(tuple(c for c in self.all_comments if c.post_id in ids), self._failures(accounts, "comments"))

    def messages(self, accounts: Sequence[Account], *, since: Mapping[str, datetime]) -> Collected[Message]:
        self.messages_since = dict(since)
        rows = tuple(m for m in self.all_messages if m.account_id in since and m.account_id not in self.broken)
        return Collected(rows, self._failures(accounts, "messages"))

    def remap_posts(self, raws: Sequence[Mapping[str, Any]]) -> CollectedPosts:
        ids = {row["post_id"] for row in raws}
        return CollectedPosts(
            tuple(p for p in self.all_posts if p.post_id in ids), tuple(m for m in self.metrics if m.post_id in ids)
        )


@dataclass
class FakeStore:
    """The parts of contracts.ports.Store that bronze and actions use."""

    known_clients: tuple[Client, ...]
    known_accounts: tuple[Account, ...]
    entries: tuple[LedgerEntry, ...] = ()
    all_troubles: tuple[Trouble, ...] = ()
    kept_terms: dict[str, AccountTerms] = field(default_factory=dict)
    known_competitors: tuple[Competitor, ...] = ()

    def competitors(self, scope: TenantScope) -> tuple[Competitor, ...]:
        return tuple(c for c in self.known_competitors if any(scope.allows(client) for client in c.client_ids))

    all_goals: tuple[Goal, ...] = ()
    depths: tuple[QueueDepth, ...] = ()

    def goals(self, scope: TenantScope) -> tuple[Goal, ...]:
        return tuple(g for g in self.all_goals if scope.allows(g.client_id))

    def queue(self, scope: TenantScope) -> tuple[QueueDepth, ...]:
        return tuple(d for d in self.depths if scope.allows(d.client_id))

    def terms(self, scope: TenantScope) -> Mapping[str, AccountTerms]:
        return dict(self.kept_terms)

    def keep_terms(self, terms: Sequence[AccountTerms]) -> None:
        self.kept_terms |= {read.account_id: read for read in terms}

    def troubles(self, scope: TenantScope, *, since: datetime | None = None) -> tuple[Trouble, ...]:
        return tuple(t for t in self.all_troubles if scope.allows(t.client_id) and (since is None or t.since >= since))

    messages: dict[str, Message] = field(default_factory=dict)

    def save_messages(self, messages: Sequence[Message]) -> int:
        new = {m.message_id: m for m in messages if m.message_id not in self.messages}
        self.messages |= new
        return len(new)

    def clients(self, scope: TenantScope) -> tuple[Client, ...]:
        return tuple(c for c in self.known_clients if scope.allows(c.client_id))

    def accounts(self, scope: TenantScope) -> tuple[Account, ...]:
        return tuple(a for a in self.known_accounts if scope.allows(a.client_id))

    def ledger(self, scope: TenantScope, *, day: date | None = None) -> tuple[LedgerEntry, ...]:
        return tuple(
            e for e in self.entries if scope.allows(e.client_id) and (day is None or e.recorded_at.date() == day)
        )


@dataclass
class FakeCompetitorReader:
    """Shows the posts of every rival that is not in `broken`."""

    all_posts: list[CompetitorPost] = field(default_factory=list)
    broken: frozenset[str] = frozenset()

    def read(
        self, competitors: Sequence[Competitor], *, since: Mapping[str, datetime], observed_at: datetime
    ) -> Collected[CompetitorPost]:
        seen = {c.competitor_id for c in competitors} - self.broken
        rows = [p.model_copy(update={"observed_at": observed_at}) for p in self.all_posts if p.competitor_id in seen]
        failures = [
            CollectionFailure(
                client_id=client_id,
                account_id=c.competitor_id,
                network=c.network,
                what="competitor posts",
                error_class="transient",
                message="no answer",
            )
            for c in competitors
            if c.competitor_id in self.broken
            for client_id in c.client_ids
        ]
        return Collected(tuple(rows), tuple(failures))


@dataclass
class FakePublisher:
    """Counts drains."""

    drains: int = 0

    def due(self) -> int:
        return 1

    def drain(self, *, limit: int = 100) -> DrainReport:
        self.drains += 1
        return DrainReport(published=1)


@dataclass
class House:
    """Everything that an asset under test may ask for."""

    lake: DeltaLake
    store: FakeStore
    collector: FakeCollector
    publisher: FakePublisher
    clock: FixedClock
    competitor_reader: FakeCompetitorReader = field(default_factory=FakeCompetitorReader)

    def materialize(
        self,
        *assets: dg.AssetsDefinition | dg.AssetChecksDefinition,
        day: date | None = None,
        config: dict[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materialise without raising, on an instance that is thrown away."""
        wanted = {key for asset in assets for key in asset.required_resource_keys}
        return dg.materialize(
            list(assets),
            partition_key=(day or self.clock.at.date()).isoformat(),
            resources={name: getattr(self, name) for name in wanted if hasattr(self, name)},
            run_config={"ops": config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            if config
            else {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def check(self, *asked: dg.AssetChecksDefinition) -> dg.ExecuteInProcessResult:
        """Run checks alone, as a job that watches does."""
        job = dg.define_asset_job("checks", selection=dg.AssetSelection.checks(*asked))
        wanted = {name for checks in asked for name in checks.required_resource_keys if hasattr(self, name)}
        resources = {name: getattr(self, name) for name in wanted}
        return (
            dg.Definitions(asset_checks=asked, jobs=[job], resources=resources)
            .resolve_job_def("checks")
            .execute_in_process(run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}})
        )

    def rows(self, key: str) -> list[dict[str, Any]]:
        return self.lake.scan(key, scope=ALL).collect().to_dicts() if self.lake.version(key) is not None else []


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {(e.asset_key.to_user_string(), e.check_name): e for e in result.get_asset_check_evaluations()}
