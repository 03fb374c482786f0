"""Reads `personas.yaml` into accounts, and gives each its made-up network ids."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

import yaml

from sandbox.world.model import Account


@dataclass(frozen=True)
class Resident:
    """An account and the constants of its habits."""

    account: Account
    brand: str
    sector: str
    rate: float
    followers: int
    interaction_rate: float
    hand_posting_after_start: float
    pause_days: range
    """Days relative to the start (negative: before) on which nothing is posted."""


def did_of(handle: str) -> str:
    """A Bluesky identity in the form of the PLC method: 24 characters of base32."""
    return "did:plc:" + base64.b32encode(sha256(f"did:{handle}".encode()).digest()).decode().lower()[:24]


def instagram_id_of(handle: str) -> str:
    """An Instagram business account id: 17 digits."""
    return f"178414{int.from_bytes(sha256(f'ig:{handle}'.encode()).digest()[:8]) % 10**11:011d}"


def _native_id(network: str, handle: str) -> str:
    return did_of(handle) if network == "bluesky" else instagram_id_of(handle)


def _pause(habits: Mapping[str, Any]) -> range:
    if "pause" not in habits:
        return range(0)
    first = -habits["pause"]["days_before_start"]
    return range(first, first + habits["pause"]["days"])


@cache
def residents() -> tuple[Resident, ...]:
    """Everyone of the seeded world: the clients' accounts first, each followed by its competitors."""
    book = yaml.safe_load(resources.files("sandbox.world").joinpath("personas.yaml").read_text(encoding="utf-8"))
    found: list[Resident] = []
    for client in book["clients"]:
        for network, habits in client["networks"].items():
            handle = client["handle"] + (".bsky.test" if network == "bluesky" else "")
            found.append(
                Resident(
                    account=Account(
                        network=network,
                        native_id=_native_id(network, handle),
                        handle=handle,
                        display_name=client["name"],
                        biography=client["biography"],
                        client_slug=client["slug"],
                        language=client["language"],
                        time_zone=client["time_zone"],
                    ),
                    brand=client["name"],
                    sector=client["sector"],
                    rate=habits["rate"],
                    followers=habits["followers"],
                    interaction_rate=habits["interaction_rate"],
                    hand_posting_after_start=client["hand_posting_after_start"],
                    pause_days=_pause(habits),
                )
            )
        for rival in client["competitors"]:
            found.append(
                Resident(
                    account=Account(
                        network=rival["network"],
                        native_id=_native_id(rival["network"], rival["handle"]),
                        handle=rival["handle"],
                        display_name=rival["name"],
                        biography="",
                        client_slug=None,
                        language=client["language"],
                        time_zone=client["time_zone"],
                        is_competitor=True,
                        watched_by=(client["slug"],),
                    ),
                    brand=rival["name"],
                    sector=client["sector"],
                    rate=rival["rate"],
                    followers=rival["followers"],
                    interaction_rate=rival["interaction_rate"],
                    hand_posting_after_start=1.0,
                    pause_days=range(0),
                )
            )
    return tuple(found)
