"""deploy/compose.yaml, as far as it can be checked without Docker: its form, its references, its ports, its secrets and Pulso's settings in it."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from contracts.settings import Settings

VARIABLE = re.compile(r"\$\{(\w+)(:\?)?\}")
PULSO = {"prepare", "code", "webserver", "daemon", "app"}


@pytest.fixture(scope="module")
def deploy(project_root: Path) -> Path:
    return project_root / "deploy"


@pytest.fixture(scope="module")
def composed(deploy: Path) -> dict[str, Any]:
    return yaml.safe_load((deploy / "compose.yaml").read_text())


def test_it_has_the_form_that_compose_expects(composed: dict[str, Any]) -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json").read_text())
    validator = jsonschema.Draft201909Validator(schema)
    validator.validate(composed)
    broken = {**composed, "services": {**composed["services"], "app": {**composed["services"]["app"], "prots": []}}}
    with pytest.raises(jsonschema.ValidationError, match="prots"):
        validator.validate(broken)


def test_what_it_refers_to_is_there(composed: dict[str, Any], deploy: Path) -> None:
    services = composed["services"]
    assert set(services) == PULSO | {"postgresql", "redis", "s3", "bucket", "mlflow"}
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, f"{name} waits for {needed}"
            assert how["condition"] != "service_healthy" or "healthcheck" in services[needed]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (deploy / source).is_file() if source.startswith(".") else source in composed["volumes"]
    build = services["prepare"]["build"]
    assert (deploy / build["context"] / build["dockerfile"]).is_file()
    (code,) = yaml.safe_load((deploy / "workspace.yaml").read_text())["load_from"]
    command = services[code["grpc_server"]["host"]]["command"]
    assert str(code["grpc_server"]["port"]) == command[command.index("--port") + 1]


def test_only_loopback_is_published(composed: dict[str, Any]) -> None:
    published = {name: service.get("ports", []) for name, service in composed["services"].items()}
    assert {name for name, ports in published.items() if ports} == {"webserver", "mlflow", "app"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert not any("network_mode" in service for service in composed["services"].values())


def test_no_secret_stands_in_it_and_none_is_guessed(composed: dict[str, Any], deploy: Path) -> None:
    text = (deploy / "compose.yaml").read_text()
    used = VARIABLE.findall(text)
    assert {name for name, _ in used} == {"DB_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"}
    assert all(is_required for _, is_required in used), "without its value compose has to stop"
    secret = re.compile("PASSWORD|SECRET|KEY|AUTH")
    for service in composed["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not secret.search(name) or VARIABLE.fullmatch(value), f"{name} is no variable"
            assert not re.search(r"//[^/$]*:[^/$]+@", value), f"{name} holds a password"


@pytest.mark.parametrize("name", sorted(PULSO))
def test_pulso_takes_its_settings(composed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    fields = Settings.model_fields
    for variable, value in composed["services"][name]["environment"].items():
        if variable.startswith("PULSO_"):
            assert variable.removeprefix("PULSO_").lower() in fields, f"{variable} is no setting"
            monkeypatch.setenv(variable, VARIABLE.sub("0f", value))
    settings = Settings()
    assert settings.mlflow_uri.startswith("postgresql://pulso:0f@postgresql:5432/mlflow")
    assert None not in (settings.store_url, settings.dagster_url, settings.lake_url, settings.online_features_url)
    mlflow = composed["services"]["mlflow"]["environment"]
    assert {
        variable: VARIABLE.sub("0f", value) for variable, value in mlflow.items()
    }.items() >= settings.mlflow_environment.items()
