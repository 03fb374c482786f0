"""Online features: what the offline store says of the same moment, for everyone who may ask, after any number of runs."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts.errors import NotReadyError, ProviderError, PulsoError, TenantScopeError
from contracts.scope import TenantScope
from contracts.tables import ACCOUNT_HISTORIES
from ml.features import draft_features
from tests.unit.feature_store.conftest import EVERYONE, Shop

Asking = Callable[[pl.DataFrame], pl.DataFrame]
SERVICES = ("engagement", "posting_time")


@pytest.fixture(scope="module")
def drafts(posts: pl.DataFrame) -> pl.DataFrame:
    """Two drafts of each account, one of them of an hour and a form that the account never had."""
    last = posts.group_by("account_id", maintain_order=True).last().select(posts.columns)
    unusual = last.with_columns(content_format=pl.lit("poll"), local_hour=pl.lit(3, pl.Int32))
    return pl.concat([last, unusual]).with_columns(post_id=pl.format("draft:{}", pl.int_range(pl.len())))


def moments(posts: pl.DataFrame) -> list[datetime]:
    """In the middle of the past, at the very moment at which something became known, and after all of it."""
    known_at = posts["mature_at"].sort()
    return [known_at[40] + timedelta(minutes=7), known_at[100], known_at[-1] + timedelta(days=30)]


@pytest.mark.parametrize("service", SERVICES)
def test_online_is_offline_of_the_same_moment(
    shop: Shop, asking: Asking, posts: pl.DataFrame, drafts: pl.DataFrame, service: str
) -> None:
    store = shop.store()
    for now in moments(posts):
        put = store.materialise(now=now)
        assert (put.keys, put.as_of, put.table) == (3, now, ACCOUNT_HISTORIES.key)
        assert put.version == shop.lake.version(ACCOUNT_HISTORIES)
        rows = asking(drafts).with_columns(published_at=pl.lit(now))
        online = shop.store().online(rows, service=service, scope=EVERYONE)
        offline = store.training_set(rows, service=service, scope=EVERYONE)
        assert online["as_of"].unique().to_list() == [now]
        assert_frame_equal(online.drop("as_of"), offline.drop("account_history_known_at"), check_exact=True)
    assert online["history_median_30"].null_count() == 0


def test_a_draft_is_told_what_its_own_features_say(
    shop: Shop, asking: Asking, posts: pl.DataFrame, drafts: pl.DataFrame
) -> None:
    now = moments(posts)[-1]
    shop.store().materialise(now=now)
    at_now = drafts.with_columns(published_at=pl.lit(now))
    online = shop.store().online(asking(at_now), service="engagement", scope=EVERYONE)
    own = draft_features(at_now, posts)
    names = [name for name in online.columns if name.startswith("history_") or name == "log_followers"]
    assert len(names) == 13
    assert_frame_equal(online.select(pl.col(names).cast(pl.Float64)), own.select(pl.col(names).cast(pl.Float64)))


def test_of_an_unknown_account_nothing_is_known(shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    store = shop.store()
    store.materialise(now=moments(posts)[-1])
    mine = asking(posts.filter(pl.col("client_id") == "client-1").tail(1))
    rows = pl.concat(
        [
            mine.with_columns(account_id=pl.lit("bluesky:new")),
            mine,
            mine.with_columns(client_id=pl.lit("client-2")),  # another client's account
        ]
    )
    found = store.online(rows, service="engagement", scope=EVERYONE)
    assert found["history_median_30"].is_null().to_list() == [True, False, True]
    assert found["history_count"].to_list()[::2] == [0, 0]
    assert found["history_format_effect"].to_list()[::2] == [0.0, 0.0]
    assert store.online(rows.clear(), service="engagement", scope=EVERYONE).schema == found.schema


def test_a_correction_replaces_what_was_online_also_at_the_same_moment(
    shop: Shop, asking: Asking, posts: pl.DataFrame, drafts: pl.DataFrame
) -> None:
    now, kept = moments(posts)[-1], shop.store()
    kept.materialise(now=now)
    before = kept.online(asking(drafts), service="engagement", scope=EVERYONE)
    shop.know(posts.with_columns(pl.col("mature_engagements") * 10))
    shop.store().materialise(now=now)
    after = kept.online(asking(drafts), service="engagement", scope=EVERYONE)
    assert (after["history_mean_100"] > before["history_mean_100"] + 1).all()


def test_going_back_in_time_puts_the_past_online(
    shop: Shop, asking: Asking, posts: pl.DataFrame, drafts: pl.DataFrame
) -> None:
    """A rerun as of an earlier moment shows what was known then, not what is known now."""
    early, _, late = moments(posts)
    store = shop.store()
    store.materialise(now=early)
    first = store.online(asking(drafts), service="engagement", scope=EVERYONE)
    store.materialise(now=late)
    store.materialise(now=early)
    assert_frame_equal(
        store.online(asking(drafts), service="engagement", scope=EVERYONE).drop("as_of"), first.drop("as_of")
    )


def test_nothing_is_online_before_it_was_put_there(shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    with pytest.raises(NotReadyError, match="`put_features_online`"):
        shop.store().online(asking(posts), service="engagement", scope=EVERYONE)
    shop.store().training_set(asking(posts), service="engagement", scope=EVERYONE)
    with pytest.raises(NotReadyError, match="`put_features_online`"):
        shop.store().online(asking(posts), service="engagement", scope=EVERYONE)


def test_a_client_outside_the_scope_is_refused(shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    with pytest.raises(TenantScopeError, match="client-0, client-2"):
        shop.store().online(asking(posts), service="engagement", scope=TenantScope.of("client-1"))


def test_an_online_store_that_is_down_is_said_and_leaves_nothing_behind(
    shop: Shop, asking: Asking, posts: pl.DataFrame, unused_port: int
) -> None:
    now = moments(posts)[-1]
    with pytest.raises(ProviderError, match="PULSO_ONLINE_FEATURES_URL"):
        shop.store(f"redis://127.0.0.1:{unused_port}/0").materialise(now=now)
    with pytest.raises(NotReadyError):
        shop.store().online(asking(posts), service="engagement", scope=EVERYONE)
    shop.store().materialise(now=now)
    assert shop.store().online(asking(posts), service="engagement", scope=EVERYONE).height == posts.height


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1:6379", "redis://", "redis://:a,b@127.0.0.1"])
def test_an_address_that_cannot_be_used_is_refused_when_the_store_is_made(shop: Shop, url: str) -> None:
    with pytest.raises(PulsoError, match="PULSO_ONLINE_FEATURES_URL"):
        shop.store(url)


def test_the_registry_is_replaced_whole(shop: Shop, asking: Asking, posts: pl.DataFrame) -> None:
    """Whoever is reading the file while it is written anew goes on reading the old one."""
    from feast.protos.feast.core.Registry_pb2 import Registry

    store, file = shop.store(), shop.folder / "registry.db"
    store.materialise(now=moments(posts)[0])
    with file.open("rb") as reading:
        size = file.stat().st_size
        store.materialise(now=moments(posts)[1])
        content = reading.read()
    assert len(content) == size != file.stat().st_size
    assert [view.spec.name for view in Registry.FromString(content).feature_views] == ["account_history"]
    assert not list(shop.folder.glob("*.part"))


def test_feast_is_imported_only_when_a_feature_is_asked_for(project_root: Path) -> None:
    code = (
        "import pathlib, sys, feature_store, orchestration.resources\n"
        "from contracts.settings import Settings\n"
        "orchestration.resources.open_feature_store(Settings(home=pathlib.Path('nowhere')))\n"
        "print([m for m in ('feast', 'pandas', 'dask', 'redis') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(project_root)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=project_root, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
