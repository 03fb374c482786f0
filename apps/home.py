"""PULSO_HOME: what has to be there before anything runs, made once and left alone afterwards."""

import os
from pathlib import Path

from contracts.settings import Settings

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


def prepare_home(settings: Settings) -> None:
    """Create folders, Dagster's own settings, the store's schema, the master key and the compiled dbt project, where they are missing."""
    from operations import set_up
    from orchestration.dbt_cli import current_manifest

    home = settings.home
    for folder in (home, settings.lake_path, settings.media_path, home / "logs", dagster_home(settings)):
        folder.mkdir(parents=True, exist_ok=True)
    dagster_yaml = dagster_home(settings) / "dagster.yaml"
    if not dagster_yaml.exists():
        dagster_yaml.write_text(_DAGSTER_YAML)
    set_up(settings)
    export_environment(settings)
    current_manifest(settings)


def dagster_home(settings: Settings) -> Path:
    """Folder of Dagster's own state."""
    return (settings.home / "dagster").absolute()


def export_environment(settings: Settings) -> None:
    """What child processes (Dagster, dbt, Streamlit) need to find the same home. Called by the command, never at import."""
    os.environ["PULSO_HOME"] = str(settings.home.absolute())
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings))
    if settings.network_base_url:
        os.environ["PULSO_NETWORK_BASE_URL"] = settings.network_base_url
    for name, value in {
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    }.items():
        os.environ.setdefault(name, value)
