"""A port for a server of a benchmark's or a test's own.

Does not belong here: starting servers.
"""

import socket


def free_port() -> int:
    """A port of the loopback interface where nobody listens right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
