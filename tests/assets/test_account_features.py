"""Account histories are replaced whole; putting them online is asked for and says what it did."""

from datetime import datetime

import dagster as dg
import polars as pl

from assets.features.accounts import account_histories, online_features
from contracts.ports import OnlineFeatures
from contracts.scope import TenantScope
from contracts.tables import ACCOUNT_HISTORIES, TableKind, TableSpec
from ml.account_history import account_histories as histories_of
from tests.assets.fakes import ALL, NOW, House
from tests.made_up_posts import make_posts

POSTS = make_posts(accounts=2, per_account=20)
FCT_POSTS = TableSpec("gold", "fct_posts", TableKind.DERIVED, POSTS.schema, ("post_id",), "posts", partition_by=None)


class FakeFeatureStore:
    """Remembers as of when it was filled."""

    def __init__(self) -> None:
        self.moments: list[datetime] = []

    def training_set(self, rows: pl.DataFrame, *, service: str, scope: TenantScope) -> pl.DataFrame:
        raise AssertionError("no asset asks for a training set")

    def materialise(self, *, now: datetime) -> OnlineFeatures:
        self.moments.append(now)
        return OnlineFeatures(keys=2, as_of=now, table=ACCOUNT_HISTORIES.key, version=5)

    def online(self, rows: pl.DataFrame, *, service: str, scope: TenantScope) -> pl.DataFrame:
        raise AssertionError("no asset reads online")


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, object]:
    event = result.asset_materializations_for_node(f"features__{name}")[0]
    return {key: value.value for key, value in event.metadata.items()}


def test_the_lake_holds_what_posts_say_and_nothing_from_before(house: House) -> None:
    for posts in (POSTS, POSTS.filter(pl.col("post_id").str.ends_with("7").not_())):
        house.lake.replace(FCT_POSTS, posts)
        result = dg.materialize([account_histories], resources={"lake": house.lake, "clock": house.clock})
        stored = house.lake.scan(ACCOUNT_HISTORIES, scope=ALL).collect().sort("account_id", "known_at")
        assert stored.equals(histories_of(posts))
        told = metadata(result, "account_histories")
        assert (told["dagster/row_count"], told["accounts"]) == (stored.height, 2)


def test_putting_online_is_as_of_business_time(house: House) -> None:
    store = FakeFeatureStore()
    result = dg.materialize([online_features], resources={"feature_store": store, "clock": house.clock})
    assert store.moments == [NOW]
    told = metadata(result, "online_features")
    assert (told["dagster/row_count"], told["features_version"], told["as_of"]) == (2, 5, NOW.isoformat())
