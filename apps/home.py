"""PULSO_HOME: what has to be there before anything runs, made once and left alone afterwards."""

import os
from pathlib import Path

from apps.servers import check_servers
from contracts.errors import PulsoError
from contracts.settings import CONNECT_TIMEOUT_SECONDS, Settings

_DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 4
  pools:
    granularity: op
    default_limit: 1
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 60
"""
_ON_SQLITE = """\
event_log_storage:
  module: orchestration.event_log
  class: SqliteEventLog
  config:
    base_dir:
      env: DAGSTER_HOME
"""
_ON_POSTGRESQL = """\
storage:
  postgres:
    postgres_url:
      env: PULSO_DAGSTER_URL
"""
"""By the variable's name: the file holds no password."""


def prepare_home(settings: Settings) -> None:
    """Create folders, Dagster's own settings, the store's schema, the master key and the compiled dbt project, where they are missing.

    Raises ProviderError or PulsoError, before anything is made, when a server that the settings name can't be used.
    """
    from operations import set_up
    from orchestration.dbt_cli import current_manifest

    check_servers(settings)
    home, lake = settings.home, [settings.lake_path] if settings.lake_url is None else []
    for folder in (home, *lake, settings.media_path, home / "logs", dagster_home(settings)):
        folder.mkdir(parents=True, exist_ok=True)
    configure_dagster(settings)
    set_up(settings)
    export_environment(settings)
    current_manifest(settings)


def configure_dagster(settings: Settings) -> None:
    """Write `dagster.yaml`; one that people changed is left alone, but must keep its records where the settings say."""
    file = dagster_home(settings) / "dagster.yaml"
    wanted = _DAGSTER_YAML + (_ON_POSTGRESQL if settings.dagster_url is not None else _ON_SQLITE)
    found = file.read_text() if file.exists() else _DAGSTER_YAML
    if found in (_DAGSTER_YAML, _DAGSTER_YAML + _ON_SQLITE, _DAGSTER_YAML + _ON_POSTGRESQL):
        file.write_text(wanted)
    elif ("PULSO_DAGSTER_URL" in found) != (settings.dagster_url is not None):
        change = (
            f"add to it, in place of any `event_log_storage`:\n{_ON_POSTGRESQL}"
            if settings.dagster_url is not None
            else "set it, or remove `storage` there"
        )
        raise PulsoError(f"{file} and PULSO_DAGSTER_URL disagree on where Dagster keeps its records: {change}")


def dagster_home(settings: Settings) -> Path:
    """Folder of Dagster's own state."""
    return (settings.home / "dagster").absolute()


def export_environment(settings: Settings) -> None:
    """What child processes (Dagster, dbt, Streamlit) need to find the same home. Called by the command, never at import."""
    os.environ["PULSO_HOME"] = str(settings.home.absolute())
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings))
    if settings.network_base_url:
        os.environ["PULSO_NETWORK_BASE_URL"] = settings.network_base_url
    if settings.dagster_url is not None:  # Dagster asks for it by exactly this name; settings heed no case
        os.environ["PULSO_DAGSTER_URL"] = settings.dagster_url.get_secret_value()
    for name, value in {
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_SECONDS),
    }.items():
        os.environ.setdefault(name, value)
