"""Who lives in the seeded world: the demo's brands out of `personas.yaml`, and a crowd of any size for load."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from sandbox.world.ids import NETWORKS, account_id_of
from sandbox.world.model import Account
from sandbox.world.seeding import number


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
                        native_id=account_id_of(network, handle),
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
                        native_id=account_id_of(rival["network"], rival["handle"]),
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


_ZONES = ("America/New_York", "Europe/Madrid", "America/Sao_Paulo", "Asia/Tokyo", "Australia/Sydney")
_BOOKS = (("coffee", "en"), ("cocina", "es"), ("surf", "pt"))
ACCOUNTS_PER_CLIENT = 9


def crowd(size: int, *, rate: float) -> tuple[Resident, ...]:
    """`size` more accounts, spread evenly over the networks; a client has one on each. `rate`: posts a day of each by itself."""
    found = []
    for index in range(size):
        client, network = divmod(index, ACCOUNTS_PER_CLIENT)
        name = NETWORKS[network]
        handle = f"crowd{client:05d}" + (".bsky.test" if name == "bluesky" else "")
        sector, language = _BOOKS[client % len(_BOOKS)]
        found.append(
            Resident(
                account=Account(
                    network=name,
                    native_id=account_id_of(name, handle),
                    handle=handle,
                    display_name=f"Crowd {client}",
                    biography="",
                    client_slug=f"crowd-{client:05d}",
                    language=language,
                    time_zone=_ZONES[client % len(_ZONES)],
                ),
                brand=f"Crowd {client}",
                sector=sector,
                rate=rate,
                followers=500 + number(0, "followers", handle) % 20_000,
                interaction_rate=0.01,
                hand_posting_after_start=0.5,
                pause_days=range(0),
            )
        )
    return tuple(found)
