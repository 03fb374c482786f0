"""All that a person looks at, started together on loopback: Dagster's UI and daemon, MLflow's UI, the app, and the sandbox where one belongs."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from apps import mlflow_server
from apps.streamlit import server
from apps.worlds import open_home
from contracts.settings import Settings

BIN = Path(sys.executable).parent
WORKSPACE = Path(__file__).resolve().parent.parent / "workspace.yaml"


def serve(settings: Settings, console: Console, *, dagster_port: int, app_port: int, mlflow_port: int) -> None:
    """Run until Ctrl-C or until one of the processes ends."""
    with ExitStack() as stack:
        settings = stack.enter_context(open_home(settings, console))
        webserver = [str(BIN / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(dagster_port), "-w", str(WORKSPACE)]
        env, mlflow_env = server.environment(settings), mlflow_server.environment(settings)
        started = {
            "dagster": ([*webserver, "--log-level", "warning"], env),
            "daemon": ([str(BIN / "dagster-daemon"), "run", "-w", str(WORKSPACE), "--log-level", "warning"], env),
            "mlflow": (mlflow_server.command(settings, port=mlflow_port), mlflow_env),
            "app": (server.command(port=app_port), env),
        }
        processes = {name: _start(name, command, settings, own) for name, (command, own) in started.items()}
        for process in processes.values():
            stack.callback(_end, process)
        console.print(
            f"Dagster     http://127.0.0.1:{dagster_port}\nMLflow      http://127.0.0.1:{mlflow_port}\n"
            f"App         http://127.0.0.1:{app_port}\nCtrl-C ends all of them."
        )
        try:
            while all(process.poll() is None for process in processes.values()):
                time.sleep(0.5)
        except KeyboardInterrupt:
            return
        ended = ", ".join(name for name, process in processes.items() if process.poll() is not None)
        console.print(f"[red]{ended} ended by itself; its log is under {settings.home / 'logs'}.[/]")


def _start(name: str, command: list[str], settings: Settings, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log = settings.home / "logs" / f"{name}.log"
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            cwd=WORKSPACE.parent,
            env=dict(env),
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
