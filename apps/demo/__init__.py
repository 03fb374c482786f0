"""The three made-up brands that the demo works for.

Belongs here: their brand kits (`clients.yaml`). Does not belong here: their accounts, followers and past posts (the sandbox
makes those), anything a real client would need.
"""

from pathlib import Path

from apps.brand_kits import read_clients
from contracts.records import Client

CLIENTS_PATH = Path(__file__).parent / "clients.yaml"


def demo_clients() -> tuple[Client, ...]:
    """The demo's clients, in the file's order."""
    return read_clients(CLIENTS_PATH)
