"""A lake in a bucket: dbt reads its bronze there, what it built is published there, and a client's session reads that."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from polars.testing import assert_frame_equal

import lakehouse
from contracts import tables
from contracts.errors import TenantScopeError
from lakehouse.places import place_of
from lakehouse.warehouse import WarehousePublisher
from tests.dbt.conftest import Home
from tests.s3 import running_s3

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
POSTS = {"york": 4, "madrid": 3}


@pytest.fixture
def in_bucket(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home whose lake is in a bucket, as settings say it: dbt's plugin and `lakehouse.connect` read them for themselves."""
    with running_s3() as s3:
        s3.make_bucket("a-lake")
        monkeypatch.setenv("PULSO_LAKE_URL", "s3://a-lake/pulso/")
        monkeypatch.setenv("PULSO_S3_ENDPOINT_URL", s3.url)
        monkeypatch.setenv("PULSO_S3_ACCESS_KEY_ID", s3.key_id)
        monkeypatch.setenv("PULSO_S3_SECRET_ACCESS_KEY", s3.secret)
        yield home


def write_bronze(home: Home) -> None:
    client = {"time_zone": "UTC", "language": "en", "autonomy": "manual", "is_active": True, "exported_at": AT}
    home.write(tables.CLIENTS, [{"client_id": name, "name": name.title(), **client} for name in POSTS])
    post = {"permalink": "https://example/post", "text": "words", "content_format": "text", "media_count": 0}
    post |= {"is_reply": False, "raw": "{}", "content_sha256": "0"}
    likes = {"metric": "likes", "is_backfilled": False, "source": "media", "raw": "{}"}
    posts, counts = [], []
    for client_id, count in POSTS.items():
        for number in range(count):
            published = AT + timedelta(days=number % 2)
            seen = published + timedelta(hours=1)
            known = {"client_id": client_id, "network": "bluesky", "account_id": f"bluesky:{client_id}"}
            known |= {"post_id": f"bluesky:{client_id}{number}", "observed_at": seen, "day": seen.date()}
            posts.append({**known, **post, "native_id": f"{client_id}{number}", "published_at": published})
            counts.append({**known, **likes, "value": number})
    home.write(tables.POSTS, posts)
    home.write(tables.POST_METRICS, counts)


def test_bronze_in_a_bucket_becomes_gold_in_it(in_bucket: Home) -> None:
    home = in_bucket
    write_bronze(home)
    home.run("--select", "+fct_posts")
    publisher = WarehousePublisher(home.settings.warehouse_path, place_of(home.settings))
    done = publisher.publish(["fct_posts"], invocation_id="a test")["fct_posts"]
    assert (done.path, done.version, done.rows) == ("s3://a-lake/pulso/gold/fct_posts", 0, sum(POSTS.values()))
    assert publisher.publish(["fct_posts"], invocation_id="again")["fct_posts"].inserted == 0
    built = home.mart("fct_posts")
    for client_id, count in POSTS.items():
        with lakehouse.connect(client_id, home=home.path) as lake:
            rows = lake.sql("select * from gold.fct_posts order by all").pl()
        assert rows.height == count
        assert rows["likes"].sum() == sum(range(count))
        assert_frame_equal(rows, built.filter(client_id=client_id))
    with pytest.raises(TenantScopeError, match="s3://a-lake/pulso knows no client"):
        lakehouse.connect("oslo", home=home.path)
    assert not home.settings.lake_path.exists()
