"""Clients, accounts and rivals of a sandbox world, registered in the store: what a person would do by hand for real ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contracts.networks import Grant, Network
from contracts.records import Account, Autonomy, BrandKit, Client, Competitor, Token

ACTOR = "pulso run"


def accounts_of(listing: Sequence[dict[str, Any]], base_url: str) -> list[tuple[Account, dict[Grant, Token]]]:
    """Own accounts of the world with their credentials. `listing`: what the sandbox's /_sandbox/accounts says."""
    return [
        (
            Account(
                account_id=f"{row['network']}:{row['native_id']}",
                client_id=row["client_slug"],
                network=Network(row["network"]),
                native_id=row["native_id"],
                handle=row["handle"],
                base_url=f"{base_url}/{row['network']}",
            ),
            {Grant.MAIN: _token(row)} | {Grant(name): _token(said) for name, said in row.get("grants", {}).items()},
        )
        for row in listing
        if not row["is_competitor"]
    ]


def _token(said: dict[str, Any]) -> Token:
    return Token(
        access_token=said["access_token"],
        refresh_token=said.get("refresh_token"),
        expires_at=datetime.fromisoformat(said["expires_at"]) if said.get("expires_at") else None,
    )


def competitors_of(listing: Sequence[dict[str, Any]]) -> list[Competitor]:
    """Rivals of the world, each with the clients that watch it."""
    return [
        Competitor(
            competitor_id=f"{row['network']}:{row['native_id']}",
            network=Network(row["network"]),
            handle=row["handle"],
            profile_url=row["profile_url"],
            client_ids=tuple(row["watched_by"]),
        )
        for row in listing
        if row["is_competitor"]
    ]


def clients_without_brand(listing: Sequence[dict[str, Any]], *, language: str, time_zone: str) -> list[Client]:
    """One client for each account of a replayed world. They have no facts yet, so Pulso writes nothing for them."""
    return [
        Client(
            client_id=row["client_slug"],
            name=row.get("display_name") or row["handle"],
            time_zone=time_zone,
            language=language,  # type: ignore[arg-type]  # checked by the record
            autonomy=Autonomy.MANUAL,
            brand=BrandKit(voice="", audience="", pillars=(), facts=()),
        )
        for row in {r["client_slug"]: r for r in listing if not r["is_competitor"]}.values()
    ]
