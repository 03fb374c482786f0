"""MLflow's own web server over a home's runs and models, on loopback: how it is started.

Belongs here: the command and its environment. Does not belong here: starting and ending processes (`apps/ui.py`), what is kept in
MLflow (`ml/registry.py`).
"""

import os
import sys
from collections.abc import Mapping

from contracts.settings import Settings


def command(settings: Settings, *, port: int) -> list[str]:
    """Serve `settings.mlflow_uri` at that port of 127.0.0.1. The database's address is not in the command: it may hold a password."""
    root = settings.mlflow_artifacts_uri
    serve = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    return [*serve, "--default-artifact-root", root, "--no-serve-artifacts"]


def environment(settings: Settings) -> Mapping[str, str]:
    """This process's environment, with the database and without telemetry."""
    return {
        **os.environ,
        **settings.mlflow_environment,
        "MLFLOW_BACKEND_STORE_URI": settings.mlflow_uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
