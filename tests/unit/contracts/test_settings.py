"""Settings that name servers: what can't work is refused at the start, by the variable's name, and no password is ever told."""

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from contracts.settings import Settings

STORE = "postgresql://pulso:hush@db.example:5432/store"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULSO_HOME", str(tmp_path))


def test_without_urls_all_state_is_under_home(tmp_path: Path) -> None:
    settings = Settings()
    assert settings.resolved_store_url == f"sqlite:///{tmp_path / 'store.db'}"
    assert settings.mlflow_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert settings.mlflow_artifacts_uri == (tmp_path / "mlartifacts").as_uri()
    assert settings.lake_path == tmp_path / "lake"
    assert settings.mlflow_environment == {}
    assert (settings.dagster_url, settings.lake_url, settings.online_features_url) == (None, None, None)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "STORE_URL", "LAKE_URL", "APPS"):
        monkeypatch.setenv(f"PULSO_{name}", "")
    settings = Settings()
    assert (settings.home, settings.store_url, settings.lake_url) == (Path(".pulso"), None, None)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"STORE_URL": "mysql://pulso:hush@db/store"}, "PULSO_STORE_URL has to be postgresql://"),
        ({"STORE_URL": "postgresql://pulso:hush@db"}, "PULSO_STORE_URL has to be postgresql://"),
        ({"DAGSTER_URL": "sqlite:///dagster.db"}, "PULSO_DAGSTER_URL has to be postgresql://"),
        ({"MLFLOW_URL": "http://pulso:hush@mlflow:5000"}, "PULSO_MLFLOW_URL has to be postgresql://"),
        ({"MLFLOW_URL": "postgresql://pulso:hu/sh@db/mlflow"}, "PULSO_MLFLOW_URL has to be postgresql://.*%-codes"),
        ({"STORE_URL": STORE, "DAGSTER_URL": STORE}, "PULSO_DAGSTER_URL and PULSO_STORE_URL name one database"),
        ({"DAGSTER_URL": STORE, "MLFLOW_URL": STORE.replace(":5432", "")}, "name one database"),
        ({"LAKE_URL": "/srv/lake"}, "PULSO_LAKE_URL has to be s3://"),
        ({"LAKE_URL": "s3://bucket/a lake"}, "PULSO_LAKE_URL has to be s3://"),
        ({"MLFLOW_ARTIFACTS_URL": "file:///models"}, "PULSO_MLFLOW_ARTIFACTS_URL has to be s3://"),
        ({"LAKE_URL": "s3://bucket/x", "MLFLOW_ARTIFACTS_URL": "s3://bucket/x/"}, "name one folder"),
        ({"S3_ACCESS_KEY_ID": "hush"}, "set both or neither"),
        ({"S3_ENDPOINT_URL": "minio:9000"}, "PULSO_S3_ENDPOINT_URL has to be http://"),
    ],
)
def test_what_can_not_work_is_refused(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"PULSO_{name}", value)
    with pytest.raises(ValidationError, match=said) as raised:
        Settings()
    assert "hush" not in str(raised.value)


def test_the_command_says_it_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.cli import main
    from apps.cli.console import console

    def said() -> str:
        with console.capture() as capture, pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        return capture.get()

    monkeypatch.setattr(sys, "argv", ["pulso", "lake", "tables"])
    monkeypatch.setenv("PULSO_LAKE_URL", "/srv/lake")
    assert said().startswith("PULSO_LAKE_URL has to be s3://bucket/folder")
    monkeypatch.setenv("PULSO_LEASE_SECONDS", "soon")
    assert said().startswith("PULSO_LEASE_SECONDS: Input should be a valid number")


def test_secrets_are_not_shown() -> None:
    settings = Settings(
        store_url=SecretStr(STORE), s3_access_key_id=SecretStr("hush"), s3_secret_access_key=SecretStr("hush")
    )
    assert "hush" not in repr(settings)
    assert settings.resolved_store_url == STORE


def test_mlflow_waits_for_its_database_as_long_as_others_do() -> None:
    url = "postgresql://pulso@db/mlflow"
    assert Settings(mlflow_url=SecretStr(url)).mlflow_uri == f"{url}?connect_timeout=10"
    assert Settings(mlflow_url=SecretStr(f"{url}?sslmode=require")).mlflow_uri.endswith("&connect_timeout=10")
    assert Settings(mlflow_url=SecretStr(f"{url}?connect_timeout=3")).mlflow_uri.endswith("?connect_timeout=3")
