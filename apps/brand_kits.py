"""Clients written down in YAML: what an agency keeps of each brand, as a person would write it."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from contracts.errors import PulsoError
from contracts.records import Client


def read_clients(path: Path) -> tuple[Client, ...]:
    """The clients of a file, in its order. Facts stand under their pillar; the record keeps them in one list.

    Raises PulsoError that names the client and the field when the file does not fit.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PulsoError(f"{path} can't be read as YAML in UTF-8: {error}") from error
    entries = document.get("clients") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise PulsoError(f"{path}: it needs a list `clients:` (apps/demo/clients.yaml is an example).")
    return tuple(_client(entry, path, number) for number, entry in enumerate(entries, start=1))


def _client(entry: Any, path: Path, number: int) -> Client:
    try:
        return Client.model_validate(_with_flat_facts(entry))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    except (KeyError, TypeError, AttributeError) as error:
        faults = f"it needs a mapping with `brand` and, in it, `pillars` ({error!r})"
    name = entry.get("client_id") if isinstance(entry, dict) else None
    raise PulsoError(f"{path}, client {name or number}: {faults}. Nothing was saved.")


def _with_flat_facts(entry: dict[str, Any]) -> dict[str, Any]:
    brand = dict(entry["brand"])
    facts = [
        {"pillar_id": pillar["pillar_id"], **fact} for pillar in brand["pillars"] for fact in pillar.get("facts", ())
    ]
    pillars = [{key: value for key, value in pillar.items() if key != "facts"} for pillar in brand["pillars"]]
    return {**entry, "brand": {**brand, "pillars": pillars, "facts": facts}}
