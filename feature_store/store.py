"""The port `contracts.ports.FeatureStore` on Feast.

Belongs here: Feast's configuration for one home, what may be asked, and the way of rows into Feast and back.
Does not belong here: definitions (`feature_repo/`), joins (`as_of.py`), the file behind them (`snapshot.py`).

Everything lies in one folder under the home: `registry.db` (the definitions, and as of when they were put online),
`account_histories.parquet`, and `online.db` unless a Redis is configured. Feast sends nothing anywhere: this release has no
telemetry, and its links to MLflow, OpenLineage and metrics are off unless they are configured.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from functools import cache, cached_property
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import polars as pl
from filelock import FileLock

from contracts.errors import NotReadyError, ProviderError, PulsoError, SchemaMismatchError, TenantScopeError
from contracts.ports import Lake, OnlineFeatures
from contracts.scope import TenantScope
from contracts.tables import ACCOUNT_HISTORIES
from feature_store.snapshot import refresh

if TYPE_CHECKING:
    import feast

KEYS = ("client_id", "account_id")
ASKING = (*KEYS, "content_format", "local_hour", "local_weekday")
MOMENT = "published_at"
KNOWN_AT = "account_history_known_at"
AS_OF = "as_of"
_UTC = pl.Datetime("us", "UTC")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_TIMEOUT_SECONDS = 10
_BATCH = 1000
"""Accounts that are turned into Feast's messages and written at once."""


class FeastFeatureStore:
    """`contracts.ports.FeatureStore`. May be kept: it holds a connection to the online store once that was asked."""

    def __init__(self, folder: Path, lake: Lake, *, online_url: str | None = None) -> None:
        """`folder` is the store's own; `online_url` a `redis://` or `rediss://` URL (None: SQLite in the folder).

        Raises PulsoError for a URL of another kind.
        """
        self._folder = folder.absolute()
        self._lake = lake
        sqlite = {"type": "sqlite", "path": str(self._folder / "online.db")}
        self._online_store = sqlite if online_url is None else _redis(online_url)

    def training_set(self, rows: pl.DataFrame, *, service: str, scope: TenantScope) -> pl.DataFrame:
        """See the port."""
        asking = _asking(rows, scope, MOMENT)
        schema = {**_features(service, rows, KNOWN_AT), KNOWN_AT: _UTC}
        if rows.is_empty():
            return rows.hstack(pl.DataFrame(schema=schema))
        with self._alone():
            refresh(self._lake, ACCOUNT_HISTORIES, self._folder)
            self._apply()
            job = self._feast.get_historical_features(
                entity_df=asking.rename({MOMENT: "event_timestamp"}).to_pandas(),
                features=_definitions().SERVICES[service],
            )
            found = pl.DataFrame(pl.from_arrow(job.to_arrow()))
        return rows.hstack(found.select(pl.col(name).cast(dtype) for name, dtype in schema.items()))

    def materialise(self, *, now: datetime) -> OnlineFeatures:
        """See the port."""
        with self._alone(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # Feast prints its progress
            version = refresh(self._lake, ACCOUNT_HISTORIES, self._folder)
            self._apply()
            with self._reaching():
                self._feast.materialize(_BEGINNING, now)
        known = self._lake.scan(ACCOUNT_HISTORIES, scope=_EVERYONE, version=version).filter(pl.col("known_at") <= now)
        keys = known.select(pl.struct(KEYS).n_unique()).collect().item()
        return OnlineFeatures(keys=keys, as_of=now, table=ACCOUNT_HISTORIES.key, version=version)

    def online(self, rows: pl.DataFrame, *, service: str, scope: TenantScope) -> pl.DataFrame:
        """See the port."""
        asking = _asking(rows, scope)
        schema = _features(service, rows, AS_OF)
        as_of = pl.lit(self._materialised_at(), _UTC).alias(AS_OF)
        if rows.is_empty():
            return rows.hstack(pl.DataFrame(schema={**schema, AS_OF: _UTC}))
        with self._reaching():
            answer = self._feast.get_online_features(
                features=_definitions().SERVICES[service], entity_rows=asking.to_dict(as_series=False)
            ).to_dict()
        found = pl.DataFrame({name: answer[name] for name in schema}, schema=schema)
        return rows.hstack(found.with_columns(as_of))

    @cached_property
    def _feast(self) -> "feast.FeatureStore":
        _definitions()
        import feast

        return feast.FeatureStore(
            config=feast.RepoConfig(
                project="pulso",
                provider="local",
                registry={
                    "registry_store_type": "feature_store.registry.AtomicRegistryStore",
                    "path": str(self._registry),
                    "cache_ttl_seconds": 0,
                },
                offline_store={"type": "feature_store.as_of.AsOfOfflineStore"},
                online_store=self._online_store,
                materialization={"online_write_batch_size": _BATCH, "pull_latest_features": True},
                entity_key_serialization_version=3,
                repo_path=self._folder,
            )
        )

    @property
    def _registry(self) -> Path:
        return self._folder / "registry.db"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer of snapshot, registry and online store at a time on this machine."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / "store.lock"):
            yield

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Raises ProviderError where the online store is a Redis and does not do as it is told."""
        if self._online_store["type"] != "redis":
            yield
            return
        import redis

        try:
            yield
        except redis.RedisError as error:
            raise ProviderError(f"The Redis of PULSO_ONLINE_FEATURES_URL failed: {error}") from error

    def _apply(self) -> None:
        """Bring the registry to this release's definitions. What is online under definitions that stay, stays."""
        store = self._feast
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="On demand feature view is an experimental feature")
            store.apply(_definitions().DEFINITIONS)

    def _materialised_at(self) -> datetime:
        """As of when features were last put online. Raises NotReadyError when they never were."""
        if self._registry.exists():
            self._feast.refresh_registry()
            view = self._feast.get_feature_view("account_history")
            if view.most_recent_end_time is not None:
                at: datetime = view.most_recent_end_time.astimezone(UTC)
                return at
        raise NotReadyError("No features are online (yet): run the job `put_features_online` in Dagster.")


_EVERYONE = TenantScope.all_clients("counts what was put online for everyone; no row leaves")


@cache
def _definitions() -> ModuleType:
    """The definitions, and with them Feast, whose import would change the process's warning filters for good."""
    with warnings.catch_warnings():
        from feature_repo import services
    return services


def _asking(rows: pl.DataFrame, scope: TenantScope, *more: str) -> pl.DataFrame:
    """What Feast has to know of the rows. The scope is checked before anything is read."""
    if missing := [name for name in (*ASKING, *more) if name not in rows.columns]:
        raise SchemaMismatchError(
            f"The feature store is asked with {', '.join((*ASKING, *more))}; missing: {', '.join(missing)}."
        )
    if empty := [name for name in (*ASKING, *more) if rows[name].has_nulls()]:
        raise SchemaMismatchError(
            f"Rows that ask the feature store have no value in {', '.join(empty)}: leave them out."
        )
    if outside := sorted(c for c in rows["client_id"].unique() if not scope.allows(c)):
        raise TenantScopeError(f"Features of {', '.join(outside)} were asked for outside the scope ({scope.reason}).")
    return rows.select(
        pl.col(*KEYS, "content_format").cast(pl.String),
        pl.col("local_hour", "local_weekday").cast(pl.Int64),
        *(pl.col(name).cast(_UTC) for name in more),
    )


def _features(service: str, rows: pl.DataFrame, *more: str) -> dict[str, Any]:
    """The service's features and their types. Raises SchemaMismatchError when the rows have one of them, or of `more`, already."""
    services = _definitions().SERVICES
    if service not in services:
        raise NotReadyError(f"There is no feature service {service!r}: ask for {' or '.join(sorted(services))}.")
    fields = [field for view in services[service].feature_view_projections for field in view.features]
    if taken := sorted({*(field.name for field in fields), *more} & set(rows.columns)):
        raise SchemaMismatchError(f"Rows that ask {service!r} have {', '.join(taken)} already: drop them first.")
    return {field.name: _TYPES[field.dtype.name] for field in fields}


_TYPES = {"INT64": pl.Int64, "FLOAT64": pl.Float64}


def _redis(url: str) -> dict[str, Any]:
    """Feast's settings for a Redis at `redis[s]://[user:password@]host[:port][/database]`."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise PulsoError("PULSO_ONLINE_FEATURES_URL has to look like redis://host:6379/0 (rediss:// with TLS).")
    if "," in unquote(f"{parts.username}{parts.password}"):
        raise PulsoError("PULSO_ONLINE_FEATURES_URL: Feast can't take a user or password with a comma in it.")
    words = [f"{parts.hostname}:{parts.port or 6379}", f"db={parts.path.strip('/') or 0}"]
    words += [f"username={unquote(parts.username)}"] if parts.username else []
    words += [f"password={unquote(parts.password)}"] if parts.password else []
    words += ["ssl=true"] if parts.scheme == "rediss" else []
    words += [f"socket_connect_timeout={_TIMEOUT_SECONDS}", f"socket_timeout={_TIMEOUT_SECONDS}"]
    # What is put online replaces what stood there, also where a correction carries the same moment.
    return {"type": "redis", "connection_string": ",".join(words), "skip_dedup": True}
