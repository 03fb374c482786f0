"""A lake with account histories of made-up posts, and a feature store beside it. Feast is imported once for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from benchmarks.ports import free_port
from contracts.scope import TenantScope
from contracts.tables import ACCOUNT_HISTORIES
from feature_store import FeastFeatureStore
from lakehouse import DeltaLake
from ml.account_history import account_histories
from tests.made_up_posts import make_posts

EVERYONE = TenantScope.all_clients("a test")
ASKING = ("post_id", "client_id", "account_id", "content_format", "local_hour", "local_weekday", "published_at")


@dataclass(frozen=True)
class Shop:
    """A home as far as features go."""

    lake: DeltaLake
    folder: Path

    def store(self, online_url: str | None = None) -> FeastFeatureStore:
        return FeastFeatureStore(self.folder, self.lake, online_url=online_url)

    def know(self, posts: pl.DataFrame) -> None:
        """What these posts say is what the lake holds from now on."""
        self.lake.replace(ACCOUNT_HISTORIES, account_histories(posts))


@pytest.fixture
def empty_shop(tmp_path: Path) -> Shop:
    return Shop(DeltaLake(tmp_path / "lake"), tmp_path / "feature_store")


@pytest.fixture(scope="session")
def posts() -> pl.DataFrame:
    return make_posts()


@pytest.fixture
def shop(empty_shop: Shop, posts: pl.DataFrame) -> Shop:
    empty_shop.know(posts)
    return empty_shop


@pytest.fixture(scope="session")
def asking() -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Posts as rows that ask: without their outcomes."""
    return lambda posts: posts.select(ASKING)


@pytest.fixture
def unused_port() -> int:
    """A port of this machine where nobody listens."""
    return free_port()
