"""Account histories are replaced whole."""

import dagster as dg
import polars as pl

from assets.features.accounts import account_histories
from contracts.tables import ACCOUNT_HISTORIES, TableKind, TableSpec
from ml.account_history import account_histories as histories_of
from tests.assets.fakes import ALL, House
from tests.made_up_posts import make_posts

POSTS = make_posts(accounts=2, per_account=20)
FCT_POSTS = TableSpec("gold", "fct_posts", TableKind.DERIVED, POSTS.schema, ("post_id",), "posts", partition_by=None)


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
