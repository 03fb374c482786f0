"""A home whose state is on servers: PostgreSQL for the store, Dagster and MLflow; a bucket for the lake and the models' files; Redis.

The lake in a bucket has tests of its own (tests/unit/lakehouse/test_bucket.py, tests/dbt/test_build_in_bucket.py), the store on PostgreSQL
too (tests/unit/operations), and so has Redis (test_online_features_redis.py).
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest
from polars.testing import assert_frame_equal
from pydantic import SecretStr
from sqlalchemy import create_engine, make_url, text

from apps.home import dagster_home, prepare_home
from apps.servers import check_servers
from apps.streamlit.dagster_record import newest_runs, unread_accounts
from apps.worlds import lives_in_sandbox, may_become_sandbox
from contracts.errors import ProviderError, PulsoError
from contracts.scope import TenantScope
from contracts.settings import Settings
from ml.families import ENGAGEMENT
from ml.features import post_features
from ml.registry import champion_card, champion_trained_at, load_champion, register, rounds
from ml.rounds import RoundInputs, frame_sha256, libraries
from ml.training import train
from operations import open_store
from orchestration.resources import model_home
from tests.made_up_posts import make_posts
from tests.postgresql import running_postgresql
from tests.redis import running_redis
from tests.s3 import S3, running_s3
from tests.unit.app.test_dagster_record import FAILURE, posts_but

pytestmark = pytest.mark.integration

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
DATABASES = ("store", "dagster", "mlflow")


@pytest.fixture(scope="module")
def postgresql(project_root: Path) -> Iterator[str]:
    """A server with a database for each of those that need one, made as deploy/compose.yaml makes them."""
    with running_postgresql() as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in (project_root / "deploy" / "databases.sql").read_text().split(";")[:-1]:
                connection.execute(text(statement))
        engine.dispose()
        yield url


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        server.make_bucket("pulso")
        yield server


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis(password="secret") as address:
        yield f"redis://:secret@{address}/0"


@pytest.fixture
def settings(postgresql: str, s3: S3, redis_url: str, tmp_path: Path) -> Iterator[Settings]:
    """Everything on servers. What they are told through the environment is forgotten afterwards."""
    urls = {f"{name}_url": SecretStr(_database(postgresql, name)) for name in DATABASES}
    with mock.patch.dict(os.environ):
        yield Settings(
            home=tmp_path / "home",
            lake_url="s3://pulso/lake",
            mlflow_artifacts_url="s3://pulso/models",
            s3_endpoint_url=s3.url,
            s3_access_key_id=s3.storage.access_key_id,
            s3_secret_access_key=s3.storage.secret_access_key,
            online_features_url=SecretStr(redis_url),
            **urls,
        )


def _database(url: str, name: str) -> str:
    return make_url(url).set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def _count(url: SecretStr | None, table: str) -> int:
    assert url is not None
    engine = create_engine(url.get_secret_value())
    with engine.connect() as connection:
        count = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return int(count)


def test_a_run_is_recorded_in_postgresql_and_the_app_reads_it_there(settings: Settings) -> None:
    prepare_home(settings)
    home = {path.name for path in settings.home.iterdir()}
    assert not home & {"store.db", "lake", "mlflow.db", "mlartifacts"}, "what is on servers has no file here"
    with open_store(settings) as store:
        assert not store.clients(TenantScope.all_clients("whether there is any"))
    assert not lives_in_sandbox(settings), "a server for the store means real work"
    assert may_become_sandbox(settings), "until `pulso run` is asked for, and only without clients"
    configuration = (dagster_home(settings) / "dagster.yaml").read_text()
    assert "env: PULSO_DAGSTER_URL" in configuration
    assert "postgresql:" not in configuration

    defs = dg.Definitions(assets=[posts_but(FAILURE)], jobs=[dg.define_asset_job("daily")])
    with dg.DagsterInstance.get() as instance:
        run = defs.resolve_job_def("daily").execute_in_process(instance=instance)
        assert run.success
        assert instance.get_run_by_id(run.run_id).is_success
        stored = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    assert {type(storage).__module__.split(".")[0] for storage in stored} == {"dagster_postgres"}
    assert _count(settings.dagster_url, f"runs WHERE run_id = '{run.run_id}' AND status = 'SUCCESS'") == 1
    assert _count(settings.dagster_url, f"event_logs WHERE run_id = '{run.run_id}'") > 5
    assert not list(settings.home.rglob("*.db")), "nothing of Dagster's is kept in files"
    (seen,) = newest_runs(settings) or ()
    assert (seen.run_id, seen.job, seen.status) == (run.run_id, "daily", "SUCCESS")
    assert unread_accounts(settings, "harbor-coffee") == [FAILURE]


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning", "ignore::UserWarning"
)
def test_a_model_is_registered_in_postgresql_and_its_files_are_in_the_bucket(
    settings: Settings, s3: S3, tmp_path: Path
) -> None:
    features = post_features(make_posts(accounts=2, per_account=60, seed=8))
    training = train(features, champion=None, resamples=20)
    home = model_home(settings)
    inputs = RoundInputs("features/post_features", 3, frame_sha256(features), 0, 0.02, None, libraries())
    done = register(ENGAGEMENT, training, uri=home.uri, artifact_root=home.artifact_root, trained_at=NOW, inputs=inputs)
    assert done.is_champion
    model, version = load_champion(ENGAGEMENT, home.uri)
    assert version == done.version
    assert [(r.version, r.figures, RoundInputs.of_tags(r.tags)) for r in rounds(ENGAGEMENT, home.uri)] == [
        (version, training.figures, inputs)
    ]
    assert_frame_equal(model.forecast(features), training.model.forecast(features))
    assert champion_trained_at(ENGAGEMENT, home.uri) == NOW
    assert "engagement" in champion_card(ENGAGEMENT, home.uri).lower()
    assert _count(settings.mlflow_url, f"runs WHERE run_uuid = '{done.run_id}' AND status = 'FINISHED'") == 1
    assert _count(settings.mlflow_url, f"model_versions WHERE run_id = '{done.run_id}'") == 1
    listed = s3.client().list_objects_v2(Bucket="pulso", Prefix="models/")["Contents"]
    assert {Path(found["Key"]).name for found in listed} >= {"engagement.skops", "model_card.md", "MLmodel"}

    with pytest.raises(PulsoError, match="PULSO_MLFLOW_ARTIFACTS_URL"):  # its files would be in two places
        register(ENGAGEMENT, training, uri=home.uri, artifact_root=tmp_path.as_uri(), trained_at=NOW, inputs=inputs)


@pytest.mark.parametrize("name", [*DATABASES, "online_features", "lake"])
def test_a_server_that_is_away_is_named_before_anything_is_made(settings: Settings, name: str) -> None:
    away = {
        "online_features_url": SecretStr("redis://:hush@127.0.0.1:9/0"),
        "lake_url": "s3://no-such-bucket/lake",
    }
    elsewhere = away.get(f"{name}_url", SecretStr("postgresql://pulso:hush@127.0.0.1:9/away"))
    changed = settings.model_copy(update={f"{name}_url": elsewhere})
    with pytest.raises(ProviderError, match=f"PULSO_{name.upper()}_URL") as raised:
        prepare_home(changed)
    assert "hush" not in str(raised.value)
    assert not settings.home.exists()


def test_servers_that_answer_are_left_as_they_were(settings: Settings) -> None:
    check_servers(settings)
    assert not settings.home.exists()
