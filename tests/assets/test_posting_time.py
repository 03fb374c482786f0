"""Hour effects and realised lift as assets: every account has its hours, each client its own row, nothing where nothing is known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.learning.posting_time import posting_time_lift
from assets.models.hour_effects import hour_effects
from contracts.clock import FixedClock
from contracts.scope import TenantScope
from contracts.tables import HOUR_EFFECTS, POST_FEATURES, POST_SCHEDULE, POSTING_TIME_LIFT
from lakehouse import DeltaLake
from ml.features import post_features
from tests.made_up_posts import make_posts

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    """Two clients with posts; the first one's newest went out at slots that Pulso assigned; a third has no post yet."""
    lake = DeltaLake(tmp_path / "lake")
    posts = make_posts(accounts=2, per_account=60, seed=8)
    lake.merge(POST_FEATURES, post_features(posts))
    accounts = posts.select("client_id", "account_id", "network").unique()
    newcomer = pl.DataFrame({"client_id": ["new"], "account_id": ["instagram:new"], "network": ["instagram"]})
    pl.concat([accounts, newcomer]).with_columns(time_zone=pl.lit("Europe/Madrid")).write_delta(
        lake.path("gold/dim_accounts")
    )
    ours = pl.col("account_id") == "instagram:0"
    posts.with_columns(content_item_id=pl.when(ours).then("item-" + pl.col("post_id"))).write_delta(
        lake.path("gold/fct_posts")
    )
    slots = posts.filter(ours).select(
        "client_id",
        "account_id",
        "network",
        content_item_id="item-" + pl.col("post_id"),
        candidates=pl.lit('[{"id":"a","gain":0.1},{"id":"b","gain":0.0}]'),
        propensity=0.95,
        is_exploration=False,
        decided_at=pl.col("published_at") - timedelta(hours=5),
        day=pl.col("published_at").dt.date(),
    )
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in POST_SCHEDULE.schema.items() if name not in slots.columns
    ]
    lake.merge(POST_SCHEDULE, slots.with_columns(missing).select(POST_SCHEDULE.schema.names()))
    return lake


def test_every_account_gets_its_hours_and_a_client_with_matured_slots_what_they_promised(lake: DeltaLake) -> None:
    resources = {"lake": lake, "clock": FixedClock(NOW)}
    with dg.instance_for_test() as instance:
        assert dg.materialize([hour_effects, posting_time_lift], instance=instance, resources=resources).success
    everyone = TenantScope.all_clients("a test")
    effects = lake.scan(HOUR_EFFECTS, scope=everyone).collect()
    assert effects.height == 3 * 24
    assert effects["client_id"].n_unique() == 3
    assert effects.filter(client_id="new")["posts"].sum() == 0
    lift = lake.scan(POSTING_TIME_LIFT, scope=everyone).collect()
    (row,) = lift.rows(named=True)
    assert row["client_id"] == "client-0"
    assert row["posts"] > 40
    assert row["promised_lift"] == pytest.approx(0.0513, abs=1e-3)
    assert row["realised_lift"] is None
