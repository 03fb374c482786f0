"""Settings: one object, built only at entry points (the CLI, definitions' resources, the app, a notebook), never at import."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.networks import Network


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


class Settings(BaseSettings):
    """Everything that differs between a laptop and production. Environment variables carry the prefix `PULSO_`."""

    model_config = SettingsConfigDict(env_prefix="PULSO_", extra="ignore")

    home: Path = Field(default=Path(".pulso"), description="Folder of all state.")
    network_base_url: str | None = Field(
        default=None, description="Base URL of the sandbox. Unset: each account's own network address."
    )
    sandbox_host: str = "127.0.0.1"
    sandbox_port: int = 8930
    media_host_url: str | None = Field(
        default=None, description="Where media are PUT so that networks can fetch them. Unset: the sandbox's own store."
    )
    store_url: str | None = Field(default=None, description="SQLAlchemy URL. Unset: SQLite under `home`.")
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

    @property
    def lake_path(self) -> Path:
        return self.home / "lake"

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
        return self.store_url or f"sqlite:///{(self.home / 'store.db').absolute()}"

    @property
    def resolved_media_host_url(self) -> str:
        return self.media_host_url or f"{self.network_base_url or self.sandbox_url}/_sandbox/cdn"

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{(self.home / 'mlflow.db').absolute()}"

    @property
    def sandbox_url(self) -> str:
        return f"http://{self.sandbox_host}:{self.sandbox_port}"
