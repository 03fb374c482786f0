"""A home as it is prepared: without any server by default, and with Dagster's records where the settings say."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from apps.home import configure_dagster, dagster_home
from apps.worlds import may_become_sandbox
from contracts.errors import PulsoError
from contracts.records import BrandKit, Client
from contracts.settings import Settings
from operations.store import open_store, set_up

EMBEDDED = """
import sys
for name in ("boto3", "botocore", "dagster_postgres", "moto", "psycopg2"):
    sys.modules[name] = None  # from here on its import fails
from datetime import UTC, datetime
import dagster as dg, polars as pl
from apps.home import prepare_home
from contracts.scope import TenantScope
from contracts.settings import Settings
from contracts.tables import CLIENTS
from lakehouse import open_lake
settings = Settings()
prepare_home(settings)
row = {"client_id": "acme", "name": "Acme", "time_zone": "UTC", "language": "en", "autonomy": "manual", "is_active": True}
open_lake(settings).append(CLIENTS, pl.DataFrame([{**row, "exported_at": datetime.now(UTC)}], schema=CLIENTS.schema))
assert open_lake(settings).scan(CLIENTS, scope=TenantScope.of("acme")).collect().height == 1
with dg.DagsterInstance.get() as instance:
    assert dg.materialize([dg.asset(lambda: None, name="a")], instance=instance).success
"""
BRAND = BrandKit(voice="", audience="", pillars=(), facts=())
ACME = Client(client_id="acme", name="Acme", time_zone="UTC", language="en", brand=BRAND)
ON_SERVER = {"dagster_url": SecretStr("postgresql://pulso:hush@db/dagster")}


def test_the_embedded_defaults_need_no_package_of_a_server(tmp_path: Path, project_root: Path) -> None:
    environment = {
        "PULSO_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(project_root),
        "PATH": str(Path(sys.executable).parent),
    }
    done = subprocess.run(
        [sys.executable, "-c", EMBEDDED], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = {path.name for path in (tmp_path / "home").iterdir()}
    assert made >= {"store.db", "lake", "dagster", "master.key"}


def test_the_demo_may_move_into_a_home_that_was_only_prepared_and_into_no_clients(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert may_become_sandbox(settings)
    set_up(settings)  # as checking the definitions does
    assert may_become_sandbox(settings)
    with open_store(settings) as store:
        store.save_client(ACME, actor="anna")
    assert not may_become_sandbox(settings)


def test_dagsters_own_settings_follow_ours_until_people_change_them(tmp_path: Path) -> None:
    here, there = Settings(home=tmp_path), Settings(home=tmp_path, **ON_SERVER)
    file = dagster_home(here) / "dagster.yaml"
    file.parent.mkdir()
    configure_dagster(here)
    embedded = file.read_text()
    assert "SqliteEventLog" in embedded
    configure_dagster(there)
    assert "env: PULSO_DAGSTER_URL" in file.read_text()
    assert "hush" not in file.read_text()
    assert "SqliteEventLog" not in file.read_text()
    configure_dagster(here)
    assert file.read_text() == embedded

    changed = file.read_text() + "retention: {}\n"
    file.write_text(changed)
    configure_dagster(here)
    with pytest.raises(PulsoError, match=r"disagree(?s:.*)add to it, .*:\nstorage:"):
        configure_dagster(there)
    assert file.read_text() == changed, "what people wrote is left alone"
    kept = changed.split("event_log_storage")[0]
    file.write_text(f"{kept}retention: {{}}\nstorage:\n  postgres:\n    postgres_url:\n      env: PULSO_DAGSTER_URL\n")
    configure_dagster(there)
    with pytest.raises(PulsoError, match="set it, or remove `storage`"):
        configure_dagster(here)
