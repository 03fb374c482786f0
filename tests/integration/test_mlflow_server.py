"""MLflow's own pages over a home's registry: they come up on loopback and show what is registered."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from apps.mlflow_server import command, environment
from benchmarks.ports import free_port
from benchmarks.screenshots import served
from contracts.settings import Settings
from ml.families import ENGAGEMENT

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow warns about its own dependencies


def test_a_homes_models_are_shown_on_loopback(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    settings = Settings(home=tmp_path)
    MlflowClient(settings.mlflow_uri, settings.mlflow_uri).create_registered_model(ENGAGEMENT.name)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments, env = command(settings, port=port), environment(settings)

    with served(arguments, env=env, health=f"{url}/health", log=tmp_path / "mlflow.log"):
        found = httpx.get(f"{url}/ajax-api/2.0/mlflow/registered-models/search", timeout=30, trust_env=False).json()

    assert [model["name"] for model in found["registered_models"]] == [ENGAGEMENT.name]
    assert arguments[arguments.index("--host") + 1] == "127.0.0.1"


def test_the_databases_password_is_not_in_the_list_of_processes(tmp_path: Path) -> None:
    url = SecretStr("postgresql://pulso:hidden@127.0.0.1:5432/mlflow")
    settings = Settings(home=tmp_path, mlflow_url=url)

    assert "hidden" not in " ".join(command(settings, port=5000))
    assert environment(settings)["MLFLOW_BACKEND_STORE_URI"].startswith(url.get_secret_value())
