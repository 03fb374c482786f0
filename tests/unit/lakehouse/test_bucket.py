"""A lake in a bucket of a real S3 server: what a folder gives, a bucket gives, and what it can't give is said."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import uuid4

import duckdb
import polars as pl
import pytest
from deltalake import write_deltalake
from polars.testing import assert_frame_equal
from pydantic import SecretStr

from contracts.errors import ProviderError, PulsoError
from contracts.scope import TenantScope
from contracts.settings import ObjectStorage
from contracts.tables import TableSpec
from lakehouse import DeltaLake
from lakehouse.duckdb_session import open_session
from lakehouse.maintenance import compact, vacuum
from lakehouse.places import Bucket
from tests.s3 import S3, running_s3

Build = Callable[..., pl.DataFrame]

DAY = date(2026, 3, 2)
NEXT = DAY + timedelta(days=1)
BUCKET = "a-lake"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture
def bucket(s3: S3, tmp_path: Path) -> Bucket:
    return Bucket(f"s3://{BUCKET}/{uuid4()}", s3.storage, tmp_path / "copies")


@pytest.fixture
def lake(bucket: Bucket, observations: TableSpec, events: TableSpec) -> DeltaLake:
    return DeltaLake(bucket, declared=(observations, events))


def objects(s3: S3, bucket: Bucket) -> dict[str, bytes]:
    """What lies below the lake's root, by its key there."""
    prefix = bucket.root.removeprefix(f"s3://{BUCKET}/") + "/"
    listed = s3.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {
        found["Key"].removeprefix(prefix): s3.client().get_object(Bucket=BUCKET, Key=found["Key"])["Body"].read()
        for found in listed
    }


def test_a_bucket_answers_as_a_folder_does(
    lake: DeltaLake, tmp_path: Path, observations: TableSpec, events: TableSpec, observed: Build, happened: Build
) -> None:
    acme, folder = TenantScope.of("acme"), DeltaLake(tmp_path / "lake", declared=(observations, events))
    assert lake.tables() == ()
    assert lake.scan(observations, scope=acme).collect().is_empty()
    answers = []
    for place in (lake, folder):
        results = [
            place.append(observations, observed(DAY, 5)),
            place.append(observations, observed(DAY, 6)),
            place.append(observations, observed(DAY, 6)),
            place.merge(events, happened({"a": (DAY, 1), "b": (DAY, 2)})),
            place.merge(events, happened({"b": (NEXT, 3), "c": (DAY, 4)})),
            place.replace_partition(observations, observed(DAY, 4, value=9), day=DAY),
        ]
        answers.append([(done.table, done.version, done.rows, done.inserted, done.updated) for done in results])
    assert answers[0] == answers[1]
    assert lake.tables() == folder.tables() == ("bronze/events", "bronze/observations")
    for table, version in ((observations, None), (observations, 1), (events, None)):
        rows, expected = (place.scan(table, scope=acme, version=version).collect() for place in (lake, folder))
        assert set(rows["client_id"]) == {"acme"}
        assert_frame_equal(rows, expected, check_row_order=False)


def test_a_session_sees_its_client_alone_and_no_way_to_the_bucket(
    lake: DeltaLake, bucket: Bucket, observations: TableSpec, observed: Build
) -> None:
    lake.append(observations, observed(DAY, 7))
    kpi = pl.DataFrame({"client_id": ["acme", "bolt"], "posts": [5, 4]})
    write_deltalake(lake.path("gold/kpi"), kpi, storage_options=bucket.delta_options)
    with open_session(lake, TenantScope.of("bolt")) as session:
        assert session.sql("select client_id, posts from gold.kpi").fetchall() == [("bolt", 4)]
        counted = session.sql("select client_id, count(*) from bronze.observations group by all").fetchall()
        assert counted == [("bolt", 3)]
        (file, *_) = lake.files(observations, lake.open(observations))
        with pytest.raises(duckdb.Error):
            session.sql(f"select * from read_parquet('{file}')").fetchall()
        with pytest.raises(duckdb.Error):
            session.sql("set s3_access_key_id = 'another'")


def test_a_writer_with_an_old_version_loses_nobodys_rows(
    lake: DeltaLake, bucket: Bucket, everyone: TenantScope, observations: TableSpec, observed: Build
) -> None:
    """Both commit as the same version: the second is refused by the bucket, and finds its place behind the first."""
    lake.append(observations, observed(DAY, 2))
    late = lake.open(observations)
    assert late is not None
    first = lake.append(observations, observed(NEXT, 3))
    write_deltalake(late, observed(DAY + timedelta(days=2), 4), mode="append")
    assert late.version() == first.version + 1
    assert lake.scan(observations, scope=everyone).collect().height == 9


def test_upkeep_of_a_bucket(
    lake: DeltaLake, bucket: Bucket, s3: S3, everyone: TenantScope, observations: TableSpec, observed: Build
) -> None:
    for hour in range(3):
        lake.append(observations, observed(DAY, 2, hour=hour))
    before = lake.scan(observations, scope=everyone).collect()
    (done,) = compact(lake).to_dicts()
    assert (done["files_removed"], done["files_added"]) == (3, 1)
    assert_frame_equal(lake.scan(observations, scope=everyone).collect(), before, check_row_order=False)
    assert vacuum(lake).is_empty(), "the files left the table just now: somebody may still read them"

    log = f"bronze/observations/_delta_log/{done['version']:020}.json"
    _say_that_files_left_long_ago(s3, f"{bucket.root}/{log}".removeprefix(f"s3://{BUCKET}/"))
    gone = vacuum(lake)
    assert gone.height == 3
    assert gone["size_bytes"].min() > 0
    left = [key for key in objects(s3, bucket) if key.endswith(".parquet")]
    assert len(left) == 1
    assert_frame_equal(lake.scan(observations, scope=everyone).collect(), before, check_row_order=False)


def _say_that_files_left_long_ago(s3: S3, key: str) -> None:
    """Date the removals of a commit back by two months: the bucket has no way to age its objects."""
    commit = s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()
    actions = [json.loads(line) for line in commit.splitlines()]
    long_ago = int((datetime.now(UTC) - timedelta(days=60)).timestamp() * 1000)
    for action in actions:
        if "remove" in action:
            action["remove"]["deletionTimestamp"] = long_ago
    s3.client().put_object(Bucket=BUCKET, Key=key, Body="\n".join(map(json.dumps, actions)).encode())


def test_duckdb_reads_copies_that_follow_the_table(
    lake: DeltaLake, bucket: Bucket, observations: TableSpec, observed: Build
) -> None:
    def rows() -> int:
        with duckdb.connect() as connection:
            connection.execute(lake.view_sql("seen", observations))
            ((count,),) = connection.execute("select count(*) from seen").fetchall()
        return count

    def copies() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in bucket.copies.rglob("*") if path.is_file()}

    assert rows() == 0
    lake.append(observations, observed(DAY, 5))
    assert rows() == 5
    (first,) = copies().items()
    lake.append(observations, observed(NEXT, 2))
    (bucket.copies / "bronze/observations/killed.parquet.part").write_bytes(b"half")
    assert rows() == 7
    assert len(copies()) == 2
    assert first in copies().items(), "a file that was fetched is not fetched again"
    lake.replace_partition(observations, observed(DAY, 4), day=DAY)
    assert rows() == 6
    assert first[0] not in copies()


def test_a_bucket_that_can_be_used_is_left_as_it_was(s3: S3, bucket: Bucket) -> None:
    bucket.check()
    assert objects(s3, bucket) == {}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"secret_access_key": SecretStr("of-another")}, "SignatureDoesNotMatch|SIGNATURE_DOES_NOT_MATCH"),
        ({"access_key_id": SecretStr("nobody")}, "InvalidAccessKeyId|INVALID_ACCESS_KEY_ID"),
        ({"endpoint_url": "http://127.0.0.1:9"}, "127.0.0.1:9"),
        ({}, "NoSuchBucket|NO_SUCH_BUCKET"),
    ],
    ids=["wrong secret", "unknown key", "no server", "no bucket"],
)
def test_what_can_t_be_used_is_said_by_its_setting(
    s3: S3, tmp_path: Path, observations: TableSpec, observed: Build, what: dict[str, object], said: str
) -> None:
    name = BUCKET if what else "no-such-lake"
    place = Bucket(f"s3://{name}/lake", s3.storage.model_copy(update=what), tmp_path)
    lake = DeltaLake(place, declared=(observations,))
    for use in (
        place.check,
        lake.tables,
        lambda: lake.scan(observations, scope=TenantScope.of("acme")),
        lambda: lake.append(observations, observed(DAY, 1)),
    ):
        with pytest.raises(ProviderError, match=f"PULSO_LAKE_URL, {place.root} at .*({said})") as raised:
            use()
        assert "of-another" not in str(raised.value)
        assert s3.secret not in str(raised.value)


class _Careless(BaseHTTPRequestHandler):
    """Object storage that takes every object, whether or not it is there already."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(200)

    def do_DELETE(self) -> None:
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        del arguments


def test_object_storage_that_lets_writers_overwrite_each_other_is_refused(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Careless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        storage = ObjectStorage(
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            access_key_id=SecretStr("a"),
            secret_access_key=SecretStr("b"),
        )
        with pytest.raises(PulsoError, match="If-None-Match"):
            Bucket("s3://careless/lake", storage, tmp_path).check()
        server.shutdown()


def test_a_folder_copied_into_a_bucket_is_the_same_lake(
    lake: DeltaLake,
    bucket: Bucket,
    s3: S3,
    tmp_path: Path,
    everyone: TenantScope,
    observations: TableSpec,
    observed: Build,
) -> None:
    folder = DeltaLake(tmp_path / "lake", declared=(observations,))
    folder.append(observations, observed(DAY, 4))
    folder.append(observations, observed(NEXT, 3))
    prefix = bucket.root.removeprefix(f"s3://{BUCKET}/")
    for path in (tmp_path / "lake").rglob("*.*"):
        if path.is_file():
            key = f"{prefix}/{path.relative_to(tmp_path / 'lake')}"
            s3.client().put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    for version in (None, 1):
        rows, before = (place.scan(observations, scope=everyone, version=version).collect() for place in (lake, folder))
        assert_frame_equal(rows, before, check_row_order=False)
    assert lake.append(observations, observed(NEXT, 5)).inserted == 2
