"""Ports: the interfaces through which rooms use each other without importing each other."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.networks import Capabilities, ContentFormat, Grant, Network
from contracts.records import (
    Account,
    AccountMetricPoint,
    AccountSnapshot,
    AccountTerms,
    Client,
    CollectionFailure,
    Comment,
    Competitor,
    CompetitorPost,
    ContentItem,
    Delivery,
    Goal,
    LedgerEntry,
    Media,
    Message,
    Post,
    PostMetricPoint,
    PublishRequest,
    QueueDepth,
    Receipt,
    Reconciliation,
    Staging,
    TextLabels,
    Token,
    Trouble,
)
from contracts.scope import TenantScope
from contracts.tables import TableSpec

T = TypeVar("T")


# --- the lake ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WriteResult:
    """What a write did: the table's path and version after it, rows in the frame, rows inserted, rows updated."""

    table: str
    path: str
    version: int
    rows: int
    inserted: int
    updated: int = 0


class Lake(Protocol):
    """Tables of the lake. A table that was never written scans as empty, with its declared columns."""

    def scan(
        self, table: TableSpec | str, *, scope: TenantScope, version: int | None = None, as_of: datetime | None = None
    ) -> pl.LazyFrame:
        """Lazy rows of a declared table (TableSpec) or of any existing one by key (`gold/fct_posts`)."""
        ...

    def version(self, table: TableSpec | str) -> int | None:
        """Newest version, or None when the table does not exist."""
        ...

    def append(self, table: TableSpec, frame: pl.DataFrame) -> WriteResult:
        """Add rows; rows whose key is there already are left as they are (safe to run again)."""
        ...

    def replace_partition(self, table: TableSpec, frame: pl.DataFrame, *, day: date) -> WriteResult:
        """Replace one day atomically. Raises CollapseError when the day would shrink far below its last version."""
        ...

    def replace(self, table: TableSpec, frame: pl.DataFrame) -> WriteResult:
        """Replace the whole table atomically. Raises CollapseError like replace_partition."""
        ...

    def merge(self, table: TableSpec, frame: pl.DataFrame) -> WriteResult:
        """Insert new keys and update known ones."""
        ...


class Warehouse(Protocol):
    """The file in which dbt builds. What passed its tests there is published to the lake's gold tables."""

    def publish(self, names: Sequence[str], *, invocation_id: str) -> Mapping[str, WriteResult]:
        """Make each built `gold` table the newest version of the lake's, each in one atomic commit.

        `inserted` is 0 where the lake holds these rows already. Raises CollapseError or SchemaMismatchError before anything is
        written; the commits carry `invocation_id`, the build that the rows come from.
        """
        ...

    def columns(self) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
        """DuckDB's types of the columns of all tables and views: by schema, by table, by column in its order."""
        ...


# --- networks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PostPage:
    """One page of a listing: the posts, and the counts that the same answer carried."""

    posts: tuple[Post, ...]
    metrics: tuple[PostMetricPoint, ...]


class Connector(Protocol):
    """One network's wire, mapped to Pulso's records. Raises NetworkError for every refusal and for every lost answer.

    Publishing is three calls, so that the publisher can persist what it knows between them:
    `prepare` chooses idempotency handles without touching the network; `stage` uploads what stays invisible and may be called
    again with what it returned; `commit` makes the one visible call and is never repeated by the connector itself.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    async def profile(self, account: Account) -> AccountSnapshot: ...

    def posts(self, account: Account, *, since: datetime | None) -> AsyncIterator[PostPage]:
        """Own posts, newest first, until `since` (None: all history)."""
        ...

    async def post_metrics(self, account: Account, posts: Sequence[Post]) -> tuple[PostMetricPoint, ...]:
        """Counts that the listing does not carry. A metric that the network refuses is dropped, the rest kept."""
        ...

    async def account_metrics(self, account: Account, *, start: date, end: date) -> tuple[AccountMetricPoint, ...]:
        """Daily account metrics, `end` inclusive; empty where the network has none (see `capabilities`)."""
        ...

    def comments(self, account: Account, post: Post) -> AsyncIterator[tuple[Comment, ...]]: ...

    def prepare(self, request: PublishRequest) -> Staging: ...

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        """Take the next invisible step; returns with `is_complete` when only the commit is left.

        May be called again after a crash with the last persisted staging. Raises NetworkError.
        """
        ...

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        """The visible call, once. Any lost or unclear answer is NetworkError of class `ambiguous`."""
        ...

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        """Read the network to learn whether an earlier commit of this intent landed."""
        ...

    async def delete(self, account: Account, native_post_id: str) -> None: ...

    async def refresh_token(self, account: Account) -> None:
        """Get a new token and save it before it is used."""
        ...


@runtime_checkable
class TermsReader(Protocol):
    """A connector of a network on which accounts have terms of their own: Mastodon's instances, Pinterest's boards."""

    async def terms(self, account: Account) -> AccountTerms: ...


@runtime_checkable
class DeclaresByAccount(Protocol):
    """A connector whose accounts differ in what they can do, by the credentials that they have."""

    async def capabilities_of(self, account: Account) -> Capabilities:
        """What this account can do now; `Connector.capabilities` is what some account can."""
        ...


@runtime_checkable
class ReadsMessages(Protocol):
    """A connector whose network lets programs read direct messages (`Capabilities.has_messages`)."""

    def messages(self, account: Account, *, since: datetime) -> AsyncIterator[tuple[Message, ...]]:
        """Messages between the account and one person each that were sent since then, both sides', in any order."""
        ...


@runtime_checkable
class NamesPostsLater(Protocol):
    """A connector whose network publishes a post before it says which id the post has (TikTok: after moderation)."""

    async def named(self, account: Account, receipt: Receipt) -> Receipt | None:
        """A provisional receipt with the post's own id; None while the network does not tell it.

        Raises NetworkError, of class `invalid` where the network never will.
        """
        ...


class Networks(Protocol):
    """All connectors behind one door. `open()` yields a live set that shares connections; leaving it closes them."""

    def open(self) -> AbstractAsyncContextManager[Mapping[Network, Connector]]: ...


class TokenStore(Protocol):
    """Where connectors get and save the accounts' credentials of one grant. Implemented by operations; encrypted at rest."""

    def of(self, grant: Grant) -> Self:
        """The same accounts' credentials of another grant."""
        ...

    async def has(self, account_id: str) -> bool:
        """Whether the account has a credential of this grant."""
        ...

    async def load(self, account_id: str) -> Token: ...

    async def save(self, account_id: str, token: Token, *, expected_version: int) -> Token:
        """Persist before use. Returns the saved token; when another holder was faster, returns theirs instead."""
        ...

    async def claim_renewal(self, account_id: str, *, expected_version: int, seconds: float) -> bool:
        """Whether the caller alone, of all processes, may renew this version for so long (machine time): some networks accept a
        refresh token once. Saving ends the claim; a crash lets it lapse. False also when the version is not current any more."""
        ...

    async def release_renewal(self, account_id: str, *, expected_version: int) -> None:
        """Give the claim back: the renewal failed, and somebody else may try."""
        ...


class Quotas(Protocol):
    """Counts of limits that no network tells, shared by all processes. Implemented by operations."""

    async def reserve(self, key: str, *, window_start: datetime, units: int, limit: int) -> bool:
        """Take units from the window's limit, atomically; False when they are not there, and nothing is taken."""
        ...


class MediaHost(Protocol):
    """A place from which a network can fetch media by public URL (Instagram takes no uploads)."""

    async def publish(self, *, name: str, content: bytes, mime_type: str) -> str:
        """Make the bytes reachable; returns the URL. The same name and content give the same URL."""
        ...


class MediaReader(Protocol):
    """Bytes of a media file by its path relative to PULSO_HOME."""

    def read(self, path: str) -> bytes: ...


@dataclass(frozen=True)
class Collected(Generic[T]):
    """Rows from many accounts, and the accounts that failed."""

    rows: tuple[T, ...] = ()
    failures: tuple[CollectionFailure, ...] = ()


@dataclass(frozen=True)
class CollectedPosts:
    posts: tuple[Post, ...] = ()
    metrics: tuple[PostMetricPoint, ...] = ()
    failures: tuple[CollectionFailure, ...] = ()


@dataclass(frozen=True)
class ApiVersion:
    """A version of a network's API that Pulso speaks, and the day on which the network switches it off (None: it names none)."""

    network: Network
    name: str
    sunset: date | None


class Collector(Protocol):
    """Reads many accounts at once, politely. One account's failure never stops another's reading."""

    def profiles(self, accounts: Sequence[Account]) -> Collected[AccountSnapshot]: ...

    def terms(self, accounts: Sequence[Account]) -> Collected[AccountTerms]:
        """What accounts' own places allow and offer; no row for a network with the same terms for everybody."""
        ...

    def account_metrics(
        self, accounts: Sequence[Account], *, start: date, end: date
    ) -> Collected[AccountMetricPoint]: ...

    def posts(
        self,
        accounts: Sequence[Account],
        *,
        since: Mapping[str, datetime],
        detail_since: datetime,
        detail_of: Mapping[str, Collection[str]] | None = None,
    ) -> CollectedPosts:
        """Posts of each account back to its own `since` (absent: all history), with the counts of the listing.

        Posts published at or after `detail_since` also get the counts that need a call of their own; of an account for which
        `detail_of` names post_ids, only those.
        """
        ...

    def comments(self, accounts: Sequence[Account], posts: Sequence[Post]) -> Collected[Comment]: ...

    def messages(self, accounts: Sequence[Account], *, since: Mapping[str, datetime]) -> Collected[Message]:
        """Direct messages of each account back to its own `since`; none of accounts that are absent there."""
        ...

    def api_versions(self) -> tuple[ApiVersion, ...]:
        """The versions that the connectors speak."""
        ...

    def remap_posts(self, raws: Sequence[Mapping[str, Any]]) -> CollectedPosts:
        """Map kept payloads again, without touching a network. Each item is a bronze row with `raw`."""
        ...


class CompetitorReader(Protocol):
    """Reads rivals' public pages (Scrapy in a process of its own)."""

    def read(
        self, competitors: Sequence[Competitor], *, since: Mapping[str, datetime], observed_at: datetime
    ) -> Collected[CompetitorPost]:
        """Posts of each rival back to its own `since` by competitor_id (absent: all that its public pages show)."""
        ...


@dataclass(frozen=True)
class ExportedTable:
    """A person's table of past posts, read and mapped. `rejected` has source_row, reason, detail, raw."""

    posts: tuple[Post, ...]
    metrics: tuple[PostMetricPoint, ...]
    accounts: tuple[AccountSnapshot, ...]
    """One for each account that the file names, with what it says of it; followers are unknown."""
    rejected: pl.DataFrame
    rows: int
    report: str


class ExportReader(Protocol):
    """Reads tables that people bring. Raises PulsoError when a file cannot be read or lacks required columns."""

    def read(self, path: Path, *, client_id: str, accounts: Sequence[Account], now: datetime) -> ExportedTable:
        """Map the rows to `accounts`; an account that only the file knows becomes one of this client."""
        ...


# --- providers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ComposedText:
    """A text as a writer returned it."""

    text: str
    fact_ids: tuple[str, ...]
    prompt_version: str
    model: str


@dataclass(frozen=True)
class Brief:
    """What a writer is asked for."""

    client: Client
    network: Network
    content_format: ContentFormat
    pillar_id: str
    fact_ids: tuple[str, ...]
    angle: str
    max_characters: int
    best_past_texts: tuple[str, ...] = ()
    seed: int = 0


class TextModel(Protocol):
    """A writer with structured output. Raises ProviderError; the caller falls back to the offline composer."""

    @property
    def name(self) -> str: ...

    def compose(self, brief: Brief, *, variants: int) -> tuple[ComposedText, ...]: ...


@dataclass(frozen=True)
class CardRequest:
    """A brand-coloured picture with a short text."""

    headline: str
    footer: str
    primary_colour: str
    secondary_colour: str
    width: int = 1080
    height: int = 1080
    seed: int = 0


class ImageMaker(Protocol):
    def card(self, request: CardRequest) -> bytes:
        """PNG or JPEG bytes, at most 2 MB."""
        ...


# --- the store ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DrainReport:
    """What one pass over the outbox did."""

    published: int = 0
    reconciled: int = 0
    missed: int = 0
    cancelled: int = 0
    parked: int = 0
    deferred: int = 0
    failed: int = 0
    named: int = 0
    """Posts published before, of which the network says only now which id they have."""
    details: tuple[str, ...] = field(default=())


class Publisher(Protocol):
    """Drains the outbox: the only way anything becomes visible on a network."""

    def drain(self, *, limit: int = 100) -> DrainReport: ...

    def due(self) -> int:
        """Intents that a drain would take up now."""
        ...


class Store(Protocol):
    """The operational store as assets see it."""

    def clients(self, scope: TenantScope) -> tuple[Client, ...]: ...

    def accounts(self, scope: TenantScope) -> tuple[Account, ...]: ...

    def competitors(self, scope: TenantScope) -> tuple[Competitor, ...]: ...

    def goals(self, scope: TenantScope) -> tuple[Goal, ...]: ...

    def terms(self, scope: TenantScope) -> Mapping[str, AccountTerms]:
        """By account_id; absent: never read, or the network has the same terms for everybody."""
        ...

    def keep_terms(self, terms: Sequence[AccountTerms]) -> None:
        """Replace what was read before. A board that a person chose stays chosen."""
        ...

    def content_items(self, scope: TenantScope, *, states: Sequence[str] = ()) -> tuple[ContentItem, ...]: ...

    def save_drafts(self, items: Sequence[ContentItem]) -> int:
        """Insert new content items as drafts; those that exist are left alone. Returns how many were new."""
        ...

    def propose_slots(self, slots: Mapping[str, datetime]) -> int:
        """Set `scheduled_at` of draft items that no person has moved. Returns how many changed."""
        ...

    def approve_by_policy(self, scope: TenantScope) -> int:
        """Approve what each client's autonomy and approval policy allow, and put it into the outbox."""
        ...

    def taken_slots(self, scope: TenantScope, *, start: datetime, end: datetime) -> Mapping[str, tuple[datetime, ...]]:
        """Times per account_id that are published or promised already."""
        ...

    def save_messages(self, messages: Sequence[Message]) -> int:
        """Keep direct messages; those that are kept already are left alone. Returns how many were new."""
        ...

    def answered_comment_ids(self, scope: TenantScope) -> frozenset[str]: ...

    def ledger(self, scope: TenantScope, *, day: date | None = None) -> tuple[LedgerEntry, ...]:
        """Actions whose last change fell on this business day (UTC); all when None."""
        ...

    def queue(self, scope: TenantScope) -> tuple[QueueDepth, ...]:
        """What the outbox holds now, by client and network; none where it holds nothing."""
        ...

    def troubles(self, scope: TenantScope, *, since: datetime | None = None) -> tuple[Trouble, ...]:
        """What does not go out by itself, the most costly first. What failed or was missed before `since` is left out."""
        ...


class Deliveries(Protocol):
    """Webhook deliveries that wait for the reading they ask for. Implemented by operations; moments are machine time."""

    def deliveries(self, scope: TenantScope, *, states: Sequence[str] = ()) -> tuple[Delivery, ...]:
        """By time of receipt; all when no state is named."""
        ...

    def claim_deliveries(self, *, at: datetime) -> int:
        """Put what is due into one new batch, except for accounts that an open batch reads already. Returns how many."""
        ...

    def settle_deliveries(self, batch_id: str, failures: Sequence[CollectionFailure], *, at: datetime) -> None:
        """End a batch: accounts without a failure are collected; the others are tried again later, or have failed."""
        ...


# --- models ------------------------------------------------------------------------------------------------------------


class TextEncoder(Protocol):
    """Texts as vectors of meaning: a fixed function of the text alone."""

    @property
    def version(self) -> str:
        """Vectors of one version can be compared with each other, and with no others."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, one row per text. Raises NotReadyError where it can't be loaded."""
        ...


class TextLabeller(Protocol):
    """Sentiment and offensiveness of texts: a fixed function of the text and of the language that its client writes."""

    @property
    def versions(self) -> frozenset[str]:
        """Those who speak at present, as labels name them; a label of anybody else is of another time."""
        ...

    def label(self, texts: Sequence[str], *, client_language: str) -> Sequence[TextLabels]:
        """Labels of each text. `client_language` decides where a text does not show its own. Raises NotReadyError where a model can't be loaded."""
        ...


class Scorer(Protocol):
    """Forecasts the engagement of texts that are not published yet, with the champion model."""

    @property
    def model_version(self) -> str: ...

    def score(self, features: pl.DataFrame) -> pl.DataFrame:
        """Frame with `expected_log_engagement`, `lower_log_engagement`, `upper_log_engagement`, one row per input row."""
        ...


@dataclass(frozen=True)
class OnlineFeatures:
    """What was put online: keys, the moment as of which, and the version of the lake's table that it came from."""

    keys: int
    as_of: datetime
    table: str
    version: int


class FeatureStore(Protocol):
    """What was known of accounts at any moment, by the names under which models read it (services: `engagement`, `posting_time`).

    Asking rows have `client_id`, `account_id`, `content_format`, `local_hour` and `local_weekday`, and may have any other columns
    but the service's own; they come back in their order with the service's features behind them, null where nothing was known.
    Rows of a client outside the scope raise TenantScopeError before anything is read; missing columns and values raise
    SchemaMismatchError, an unknown service or a table that is not in the lake yet NotReadyError, an online store that does not
    answer ProviderError.

    What it costs: the first call in a process imports Feast (some 8 seconds of processor and 200 MB), so it belongs into runs and
    long-lived processes, never on the way to the graph. Figures below: `python -m benchmarks.point_in_time`, reference machine.
    """

    def training_set(self, rows: pl.DataFrame, *, service: str, scope: TenantScope) -> pl.DataFrame:
        """Each row's features as known at its own `published_at`, with `account_history_known_at`: since when.

        Copies the lake's table to a file when it has a new version, then joins in one pass: linear in rows and table, some 15
        microseconds a row, in memory. One caller at a time on a machine; others wait.
        """
        ...

    def materialise(self, *, now: datetime) -> OnlineFeatures:
        """Put what is known of every account at `now` (business time) online, in place of what stood there.

        One pass over the table, then some 2 ms an account. One caller at a time; readers go on reading. Accounts that the lake no
        longer holds keep what they had.
        """
        ...

    def online(self, rows: pl.DataFrame, *, service: str, scope: TenantScope) -> pl.DataFrame:
        """Each row's features as of the last `materialise`, and `as_of`: when that was.

        Nothing is read in the lake: some 40 ms a call and 1 ms an account. Raises NotReadyError when nothing was ever put online.
        """
        ...


class MediaLibrary(MediaReader, Protocol):
    """Media files under PULSO_HOME, addressed by their content."""

    def save(self, content: bytes, *, alt_text: str) -> Media:
        """Keep a picture; the same bytes are kept once. Raises ProviderError when they are no picture."""
        ...


@dataclass(frozen=True)
class ModelHome:
    """Where models are tracked and registered: an MLflow URI, and the URI of the folder of their artefacts."""

    uri: str
    artifact_root: str
