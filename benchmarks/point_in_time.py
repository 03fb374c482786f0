"""Training sets and online features: what they cost, beside Feast's own file store on the same rows.

`python -m benchmarks.point_in_time [--posts 250,500,1000,2000] [--accounts 2000]`. Needs PULSO_REFERENCE_DATA for the comparison, which
takes one real account's first posts; the scale is that account's past under many names. The clock is the processor's time.
"""

import argparse
import tempfile
import time
import warnings
from datetime import timedelta
from pathlib import Path

import polars as pl

from benchmarks.reference_data import add_data_option, data_folder
from benchmarks.reference_posts import instagram_posts
from contracts.scope import TenantScope
from contracts.tables import ACCOUNT_HISTORIES
from feature_store import FeastFeatureStore
from lakehouse import DeltaLake
from ml.account_history import account_histories

EVERYONE = TenantScope.all_clients("a benchmark")
ASKING = ["client_id", "account_id", "content_format", "local_hour", "local_weekday", "published_at"]
POSTS_PER_ACCOUNT = 180


class Stopwatch:
    """Processor time of this process within a `with` block."""

    def __enter__(self) -> "Stopwatch":
        self._started = time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.process_time() - self._started


def feasts_own(folder: Path, asking: pl.DataFrame) -> pl.DataFrame:
    """The same question to the store that Feast takes for files by default, on the same snapshot."""
    with warnings.catch_warnings():
        import feast
        from feast.types import Float64, String

        from feature_repo.entities import account, client
        from feature_repo.views import LEVEL, account_histories
    view = feast.FeatureView(
        name="account_history",
        entities=[client, account],
        ttl=timedelta(0),
        schema=[
            *(feast.Field(name=name, dtype=String) for name in ("client_id", "account_id")),
            *(feast.Field(name=name, dtype=Float64) for name in LEVEL),
        ],
        source=account_histories,
    )
    store = feast.FeatureStore(
        config=feast.RepoConfig(
            project="benchmark",
            provider="local",
            registry=str(folder / "benchmark.db"),
            offline_store={"type": "dask"},
            online_store={"type": "sqlite", "path": str(folder / "benchmark_online.db")},
            entity_key_serialization_version=3,
            repo_path=folder,
        )
    )
    store.apply([client, account, view])
    rows = asking.select("client_id", "account_id", event_timestamp="published_at").to_pandas()
    job = store.get_historical_features(
        rows, [f"account_history:{name}" for name in LEVEL], filter_by_created_timestamp=True
    )
    return pl.DataFrame(pl.from_arrow(job.to_arrow()))


def compare(posts: pl.DataFrame, counts: list[int]) -> None:
    """Both stores on the first posts of one account."""
    print(
        "| posts of one account | Pulso | Feast's file store | ratio | rows that the latter returns |\n|---|---|---|---|---|"
    )
    for count in counts:
        with tempfile.TemporaryDirectory() as home:
            lake, folder, first = DeltaLake(Path(home) / "lake"), Path(home) / "feature_store", posts.head(count)
            lake.replace(ACCOUNT_HISTORIES, account_histories(first))
            store, asking = FeastFeatureStore(folder, lake), first.select(ASKING)
            store.training_set(asking.head(1), service="engagement", scope=EVERYONE)  # both have imported and read all
            feasts_own(folder, asking.head(1))
            with Stopwatch() as own:
                store.training_set(asking, service="engagement", scope=EVERYONE)
            with Stopwatch() as theirs:
                found = feasts_own(folder, asking)
        ratio = theirs.seconds / own.seconds
        print(
            f"| {count:,} | {own.seconds:.2f} s | {theirs.seconds:.2f} s | {ratio:.0f} | {found.height:,} |", flush=True
        )


def scale(posts: pl.DataFrame, accounts: int) -> None:
    """All that the store does, for many accounts with the same past."""
    one = posts.head(POSTS_PER_ACCOUNT)
    histories, asking = account_histories(one), one.select(ASKING)
    names = pl.DataFrame({"name": [f"instagram:{number}" for number in range(accounts)]})
    many = [
        rows.drop("account_id").join(names, how="cross").rename({"name": "account_id"}) for rows in (histories, asking)
    ]
    now = one["mature_at"].max()
    with tempfile.TemporaryDirectory() as home:
        lake = DeltaLake(Path(home) / "lake")
        lake.replace(ACCOUNT_HISTORIES, many[0].select(list(ACCOUNT_HISTORIES.schema)))
        store = FeastFeatureStore(Path(home) / "feature_store", lake)
        with Stopwatch() as first:
            store.training_set(many[1].head(1), service="engagement", scope=EVERYONE)
        with Stopwatch() as training:
            rows = store.training_set(many[1], service="engagement", scope=EVERYONE)
        with Stopwatch() as putting:
            store.materialise(now=now)
        drafts = many[1].unique("account_id", maintain_order=True).head(100)
        store.online(drafts, service="engagement", scope=EVERYONE)
        with Stopwatch() as reading:
            store.online(drafts, service="engagement", scope=EVERYONE)
        print(f"\n{accounts:,} accounts, {rows.height:,} rows")
        print(f"- first question after a change (snapshot and registry): {first.seconds:.1f} s")
        print(
            f"- training set: {training.seconds:.1f} s, {training.seconds / rows.height * 1e6:.0f} microseconds a row"
        )
        print(
            f"- putting online in SQLite: {putting.seconds:.1f} s, {putting.seconds / accounts * 1e3:.1f} ms an account"
        )
        print(f"- reading 100 accounts online: {reading.seconds * 1e3:.0f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_option(parser)
    parser.add_argument("--posts", default="250,500,1000,2000")
    parser.add_argument("--accounts", type=int, default=2000)
    arguments = parser.parse_args()
    posts = instagram_posts(data_folder(arguments.data))
    posts = posts.filter(pl.col("account_id") == posts["account_id"].min()).sort("published_at")
    compare(posts, [int(count) for count in arguments.posts.split(",")])
    scale(posts, arguments.accounts)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
