"""A port for a server of a benchmark's or a test's own, and when it is served.

Does not belong here: starting servers.
"""

import socket
import subprocess
import time


def free_port() -> int:
    """A port of the loopback interface where nobody listens right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_served(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when the process listens on that port. Raises OSError when it ended before."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if server.poll() is not None:
                raise
            time.sleep(0.05)
