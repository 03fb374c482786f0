"""Online features in a real Redis: the same answers as SQLite gives, and as the offline store gives of the same moment."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import redis
from polars.testing import assert_frame_equal

from contracts.errors import ProviderError
from contracts.scope import TenantScope
from contracts.tables import ACCOUNT_HISTORIES
from feature_store import FeastFeatureStore
from lakehouse import DeltaLake
from ml.account_history import account_histories
from tests.made_up_posts import make_posts
from tests.redis import running_redis

pytestmark = pytest.mark.integration

EVERYONE = TenantScope.all_clients("a test")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_redis(password="secret") as address:
        yield f"redis://:secret@{address}/3"


def test_online_is_offline_of_the_same_moment_and_corrections_replace(tmp_path: Path, url: str) -> None:
    posts, lake = make_posts(), DeltaLake(tmp_path / "lake")
    lake.replace(ACCOUNT_HISTORIES, account_histories(posts))
    store = FeastFeatureStore(tmp_path / "feature_store", lake, online_url=url)
    columns = ["client_id", "account_id", "content_format", "local_hour", "local_weekday", "published_at"]
    unknown = pl.col("account_id") + ":new"
    asking = pl.concat([posts.tail(40).select(columns), posts.head(1).select(columns).with_columns(account_id=unknown)])
    middle = posts["mature_at"].sort()[90] + timedelta(minutes=1)
    for now in (middle, posts["mature_at"].max(), middle):
        store.materialise(now=now)
        rows = asking.with_columns(published_at=pl.lit(now))
        online = store.online(rows, service="engagement", scope=EVERYONE)
        offline = store.training_set(rows, service="engagement", scope=EVERYONE)
        assert_frame_equal(online.drop("as_of"), offline.drop("account_history_known_at"), check_exact=True)
    lake.replace(ACCOUNT_HISTORIES, account_histories(posts.with_columns(pl.col("mature_engagements") * 10)))
    store.materialise(now=middle)
    louder = store.online(asking, service="engagement", scope=EVERYONE)
    assert (louder["history_mean_100"] > online["history_mean_100"] + 1).drop_nulls().all()
    assert not (tmp_path / "feature_store" / "online.db").exists()
    assert redis.Redis.from_url(url).dbsize() == 3


def test_a_wrong_password_is_said(tmp_path: Path, url: str) -> None:
    lake = DeltaLake(tmp_path / "lake")
    posts = make_posts(accounts=1)
    lake.replace(ACCOUNT_HISTORIES, account_histories(posts))
    store = FeastFeatureStore(tmp_path / "feature_store", lake, online_url=url.replace("secret", "guess"))
    with pytest.raises(ProviderError, match="PULSO_ONLINE_FEATURES_URL"):
        store.materialise(now=posts["mature_at"].max())
