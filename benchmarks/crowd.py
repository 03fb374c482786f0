"""A sandbox full of accounts, and a home of Pulso's in which they are connected.

Belongs here: what more than one benchmark needs before it can start. Does not belong here: anything that is measured.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from contracts.clock import FixedClock
from contracts.networks import Network
from contracts.records import Account, BrandKit, Client, Pillar, PostingRules, QuietHours, Token
from contracts.settings import App, Settings
from operations import SqlStore, set_up

ADMIN_TIMEOUT_SECONDS = 300.0
"""A page of ten thousand accounts takes the sandbox some seconds."""
ACTOR = "benchmark"


@contextmanager
def announced(module: str, *arguments: str, log: Path) -> Iterator[str]:
    """`python -m <module>` as a process that says READY with its address once it answers; yields the address, ends the process."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        if process.stdout is None or not (line := process.stdout.readline()).startswith("READY "):
            raise RuntimeError(f"{module} did not start: {log.read_text()}")
        yield line.split()[1]
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def running_sandbox(folder: Path, *, accounts: int, seed: int) -> Iterator[str]:
    """A sandbox of our own on a free port, with so many accounts besides the demo's; yields its address."""
    options = ("--port", "0", "--state-dir", str(folder), "--seed", str(seed), "--crowd", str(accounts))
    with announced("sandbox", *options, log=folder / "sandbox.log") as url:
        yield url


def admin(url: str, method: str, page: str, **request: Any) -> Any:
    """What the sandbox's own page says."""
    answer = httpx.request(method, f"{url}/_sandbox/{page}", timeout=ADMIN_TIMEOUT_SECONDS, trust_env=False, **request)
    return answer.raise_for_status().json()


def connect_crowd(url: str, home: Path, networks: Sequence[Network] = tuple(Network)) -> Settings:
    """A new home in which the sandbox's crowd is connected: clients, accounts, credentials. Returns its settings."""
    rows = [
        row
        for row in admin(url, "GET", "accounts")
        if row["handle"].startswith("crowd") and Network(row["network"]) in networks
    ]
    apps = {
        Network(row["network"]): App(app_id=row["app_id"], app_secret=row["app_secret"])
        for row in rows
        if "app_id" in row
    }
    settings = Settings(home=home, network_base_url=url, store_url=None, apps=apps)
    set_up(settings)
    now = datetime.fromisoformat(admin(url, "GET", "clock")["now"])
    with SqlStore(
        settings.resolved_store_url, master_key_path=settings.master_key_path, clock=FixedClock(now)
    ) as store:
        for client_id in sorted({row["client_slug"] for row in rows}):
            store.save_client(client_of_crowd(client_id), actor=ACTOR)
        for row in rows:
            account = account_of_crowd(row, url)
            store.save_account(account, actor=ACTOR)
            store.save_credential(account.account_id, _token(row), actor=ACTOR)
    return settings


def account_of_crowd(row: Mapping[str, Any], url: str) -> Account:
    """The account that a row of the sandbox's page of accounts speaks of."""
    return Account(
        account_id=f"{row['network']}:{row['native_id']}",
        client_id=row["client_slug"],
        network=row["network"],
        native_id=row["native_id"],
        handle=row["handle"],
        base_url=f"{url}/{row['network']}",
    )


def client_of_crowd(client_id: str) -> Client:
    """A client without wishes: may post at any hour, as often as anybody may."""
    return Client(
        client_id=client_id,
        name=client_id,
        time_zone="UTC",
        language="en",
        posting_rules=PostingRules(
            min_gap_hours=0, max_posts_per_day=20, quiet_hours=QuietHours(start_hour=0, end_hour=0)
        ),
        brand=BrandKit(
            voice="plain",
            audience="everyone",
            pillars=(Pillar(pillar_id="crowd", name="Crowd", description="posts of a crowd"),),
            facts=(),
        ),
    )


def _token(row: Mapping[str, Any]) -> Token:
    ends = row.get("expires_at")
    return Token(
        access_token=row["access_token"],
        refresh_token=row["refresh_token"],
        expires_at=datetime.fromisoformat(ends) if ends else None,
    )
