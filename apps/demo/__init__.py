"""The three made-up brands that the demo works for.

Belongs here: their brand kits (`clients.yaml`) and reading them. Does not belong here: their accounts, followers and past posts
(the sandbox makes those), anything a real client would need.
"""

from pathlib import Path

import yaml

from contracts.records import Client

CLIENTS_PATH = Path(__file__).parent / "clients.yaml"


def demo_clients() -> tuple[Client, ...]:
    """The demo's clients in the file's order. Raises pydantic's ValidationError when the file does not fit the contracts."""
    document = yaml.safe_load(CLIENTS_PATH.read_text(encoding="utf-8"))
    return tuple(Client.model_validate(_with_flat_facts(entry)) for entry in document["clients"])


def _with_flat_facts(entry: dict) -> dict:
    """In the file facts stand under their pillar, where a person looks for them; the record keeps them in one list."""
    brand = dict(entry["brand"])
    facts = [
        {"pillar_id": pillar["pillar_id"], **fact} for pillar in brand["pillars"] for fact in pillar.get("facts", ())
    ]
    pillars = [{key: value for key, value in pillar.items() if key != "facts"} for pillar in brand["pillars"]]
    return {**entry, "brand": {**brand, "pillars": pillars, "facts": facts}}
