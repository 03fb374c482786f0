"""Settings: one object, built only at entry points (the CLI, definitions' resources, the app, a notebook), never at import."""

import re
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.networks import Network

CONNECT_TIMEOUT_SECONDS = 10
"""For servers of Pulso's own state (databases, object storage): they stand nearby, or they are away."""


class App(BaseModel):
    """An application registered with a network, through which accounts are connected and their tokens renewed."""

    app_id: str
    app_secret: SecretStr
    may_move_pins: bool = Field(
        default=False,
        description="Pinterest has granted the app `PATCH /pins` and the scopes of secret boards: pins are staged unseen.",
    )
    verify_token: SecretStr | None = None
    """Meta only: the word that is typed into the webhook's settings, and that its challenge has to know."""


class ObjectStorage(BaseModel):
    """An S3-compatible service, and who asks it."""

    endpoint_url: str | None = None
    """None: AWS."""
    region: str = "us-east-1"
    access_key_id: SecretStr | None = None
    """None: what the machine itself is (`AWS_*` variables, an instance's role)."""
    secret_access_key: SecretStr | None = None


class Settings(BaseSettings):
    """Everything that differs between a laptop and production. Environment variables carry the prefix `PULSO_`.

    Without any of the URLs below, all state is in files under `home`. With them it is on servers (docs/production.md).
    """

    # What was put in wrongly may be a password: errors say which setting it was, not what it held.
    model_config = SettingsConfigDict(
        env_prefix="PULSO_",
        env_ignore_empty=True,  # compose files and shells hand on what nobody has set as nothing
        extra="ignore",
        hide_input_in_errors=True,
    )

    home: Path = Field(default=Path(".pulso"), description="Folder of all state.")
    network_base_url: str | None = Field(
        default=None, description="Base URL of the sandbox. Unset: each account's own network address."
    )
    sandbox_host: str = "127.0.0.1"
    sandbox_port: int = 8930
    media_host_url: str | None = Field(
        default=None, description="Where media are PUT so that networks can fetch them. Unset: the sandbox's own store."
    )
    store_url: SecretStr | None = Field(
        default=None, description="postgresql:// URL of the operational store. Unset: SQLite under `home`."
    )
    dagster_url: SecretStr | None = Field(
        default=None,
        description="postgresql:// URL of Dagster's runs, events and schedules. Unset: SQLite under `home`.",
    )
    mlflow_url: SecretStr | None = Field(
        default=None, description="postgresql:// URL of MLflow's tracking and registry. Unset: SQLite under `home`."
    )
    mlflow_artifacts_url: str | None = Field(
        default=None, description="s3://bucket/folder of the models' files. Unset: a folder under `home`."
    )
    lake_url: str | None = Field(
        default=None, description="s3://bucket/folder of the lake. Unset: the folder `lake` under `home`."
    )
    s3_endpoint_url: str | None = Field(
        default=None, description="Address of the S3-compatible service of s3:// URLs. Unset: AWS."
    )
    s3_region: str = "us-east-1"
    s3_access_key_id: SecretStr | None = Field(
        default=None,
        description="Unset, with the secret: what the machine itself is (`AWS_*` variables, an instance's role).",
    )
    s3_secret_access_key: SecretStr | None = None
    online_features_url: SecretStr | None = Field(
        default=None, description="redis:// or rediss:// URL of the online features. Unset: SQLite under `home`."
    )
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str | None = None
    apps: dict[Network, App] = Field(
        default_factory=dict, description='JSON by network: {"x": {"app_id": "…", "app_secret": "…"}}.'
    )
    tiktok_business_app: App | None = Field(
        default=None, description="The app at TikTok's API for Business, by which comments and daily metrics are read."
    )
    monthly_spend_usd: float | None = Field(
        default=None,
        description="Most that one client's calls to paid networks (X) may cost in a month. Unset: no limit.",
    )
    linkedin_calls_per_day: int = Field(
        default=100_000, description="The app's own daily limit, as LinkedIn's portal shows it."
    )
    youtube_units_per_day: int = Field(default=10_000, description="Quota of the Google project.")
    youtube_uploads_per_day: int = Field(
        default=100, description="Quota of the Google project, in a bucket of its own."
    )
    request_timeout_seconds: float = 20.0
    lease_seconds: float = 60.0
    mature_after_hours: int = Field(default=72, description="Age at which a post's counts are taken as final.")
    backfill_mature_after_hours: int = 168
    spark_master: str = Field(default="local[*]", description="Where Spark computes: this machine's cores by default.")
    spark_memory: str = Field(default="4g", description="Memory of Spark's driver; on one machine, of all of Spark.")

    @model_validator(mode="after")
    def _servers_make_sense(self) -> Self:
        """Refuses what could only fail later, when something is half done."""
        databases: dict[tuple[object, ...], str] = {}
        for name in ("store_url", "dagster_url", "mlflow_url"):
            url: SecretStr | None = getattr(self, name)
            if url is None or (name == "store_url" and url.get_secret_value().startswith("sqlite:")):
                continue
            database = _database(f"PULSO_{name.upper()}", url.get_secret_value())
            if database in databases:
                raise ValueError(
                    f"PULSO_{name.upper()} and {databases[database]} name one database: each keeps its own `alembic_version` "
                    "in it. Give each a database of its own."
                )
            databases[database] = f"PULSO_{name.upper()}"
        for name in ("lake_url", "mlflow_artifacts_url"):
            place: str | None = getattr(self, name)
            if place is not None and not _S3_URL.fullmatch(place):
                raise ValueError(
                    f"PULSO_{name.upper()} has to be s3://bucket/folder, of letters, digits and - _ . / alone."
                )
        if self.lake_url is not None and self.lake_url.rstrip("/") == (self.mlflow_artifacts_url or "").rstrip("/"):
            raise ValueError("PULSO_LAKE_URL and PULSO_MLFLOW_ARTIFACTS_URL name one folder: give each its own.")
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError("PULSO_S3_ACCESS_KEY_ID and PULSO_S3_SECRET_ACCESS_KEY go together: set both or neither.")
        if self.s3_endpoint_url is not None and urlsplit(self.s3_endpoint_url).scheme not in ("http", "https"):
            raise ValueError("PULSO_S3_ENDPOINT_URL has to be http://host:port or https://host.")
        return self

    @property
    def lake_path(self) -> Path:
        """Where the lake is unless `lake_url` says otherwise. `lakehouse.open_lake(settings)` heeds both."""
        return self.home / "lake"

    @property
    def lake_copies_path(self) -> Path:
        """Bronze on this machine's disk, for dbt, where the lake is not."""
        return self.home / "lake_copies"

    @property
    def object_storage(self) -> ObjectStorage:
        return ObjectStorage(
            endpoint_url=self.s3_endpoint_url,
            region=self.s3_region,
            access_key_id=self.s3_access_key_id,
            secret_access_key=self.s3_secret_access_key,
        )

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def spark_path(self) -> Path:
        return self.home / "spark"

    @property
    def spark_lake_path(self) -> Path:
        """The lake that holds the gold of Spark's builds, in the layout of the other one."""
        return self.spark_path / "lake"

    @property
    def feature_store_path(self) -> Path:
        return self.home / "feature_store"

    @property
    def media_path(self) -> Path:
        return self.home / "media"

    @property
    def master_key_path(self) -> Path:
        return self.home / "master.key"

    @property
    def resolved_store_url(self) -> str:
        if self.store_url is not None:
            return self.store_url.get_secret_value()
        return f"sqlite:///{(self.home / 'store.db').absolute()}"

    @property
    def resolved_media_host_url(self) -> str:
        return self.media_host_url or f"{self.network_base_url or self.sandbox_url}/_sandbox/cdn"

    @property
    def mlflow_uri(self) -> str:
        if self.mlflow_url is not None:
            url = self.mlflow_url.get_secret_value()
            if "connect_timeout=" in url:
                return url
            return f"{url}{'&' if '?' in url else '?'}connect_timeout={CONNECT_TIMEOUT_SECONDS}"
        return f"sqlite:///{(self.home / 'mlflow.db').absolute()}"

    @property
    def mlflow_artifacts_uri(self) -> str:
        return self.mlflow_artifacts_url or (self.home / "mlartifacts").absolute().as_uri()

    @property
    def mlflow_environment(self) -> dict[str, str]:
        """How MLflow is told of the object storage of its artefacts: it reads nothing but these variables."""
        storage = self.object_storage
        if self.mlflow_artifacts_url is None:
            return {}
        told = {"AWS_DEFAULT_REGION": storage.region}
        if storage.endpoint_url is not None:
            told["MLFLOW_S3_ENDPOINT_URL"] = storage.endpoint_url
        if storage.access_key_id is not None and storage.secret_access_key is not None:
            told["AWS_ACCESS_KEY_ID"] = storage.access_key_id.get_secret_value()
            told["AWS_SECRET_ACCESS_KEY"] = storage.secret_access_key.get_secret_value()
        return told

    @property
    def sandbox_url(self) -> str:
        return f"http://{self.sandbox_host}:{self.sandbox_port}"


_S3_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9_.-]+)*/?")
_POSTGRESQL = ("postgresql", "postgresql+psycopg2")


def _database(setting: str, url: str) -> tuple[object, ...]:
    """Which database a URL means: server, name and search path. Raises ValueError for one that is not PostgreSQL's."""
    parts = urlsplit(url)
    try:
        port = parts.port or 5432
    except ValueError:  # its words would hold what stands in the port's place, which may be half a password
        port = None
    if port is None or parts.scheme not in _POSTGRESQL or not parts.path.strip("/"):
        raise ValueError(
            f"{setting} has to be postgresql://user:password@host:5432/database, with %-codes for what has a meaning in a URL."
        )
    return parts.hostname, port, parts.path.strip("/"), tuple(parse_qs(parts.query).get("options", ()))
