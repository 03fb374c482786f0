"""How the app is started: one command line, with the address bound to loopback and telemetry off whatever the user's own settings.

Called by the command line and by tests; Streamlit itself runs `app.py`.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from contracts.settings import Settings

SCRIPT = Path(__file__).parent / "app.py"


def command(*, port: int) -> list[str]:
    """The process that serves the app at `http://127.0.0.1:<port>`."""
    flags = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": "127.0.0.1",
    }
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(SCRIPT),
        *(f"--{name}={value}" for name, value in flags.items()),
    ]


def environment(settings: Settings) -> Mapping[str, str]:
    """The process's environment: this one's, with the state folder made absolute and no usage statistics."""
    return {
        **os.environ,
        "PULSO_HOME": str(settings.home.absolute()),
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
