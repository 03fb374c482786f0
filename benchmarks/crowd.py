"""A crowd of accounts on the sandbox's nine networks, connected in a store: what benchmarks of many accounts start from.

Belongs here: a sandbox process, its accounts as clients and accounts of a store, media and options that their posts carry, the networks' own list
of posts. Does not belong here: what is measured, faults, what a post says.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from contracts.clock import FixedClock
from contracts.networks import ContentFormat, Network
from contracts.ports import CardRequest
from contracts.records import (
    Account,
    BrandKit,
    Client,
    ContentItem,
    Media,
    Pillar,
    PostingRules,
    PublishOptions,
    QuietHours,
    Token,
)
from contracts.settings import App, Settings
from operations import SqlStore, set_up
from providers.images import BrandCards
from providers.media import LocalMedia

ACTOR = "benchmark"
ADMIN_TIMEOUT_SECONDS = 300.0
"""A page of ten thousand accounts takes the sandbox some seconds."""
ENDS_WITHIN_SECONDS = 30.0
"""A process that does not end when it is told to is killed after this."""
FORMATS: Mapping[Network, ContentFormat] = {
    Network.INSTAGRAM: ContentFormat.IMAGE,
    Network.PINTEREST: ContentFormat.IMAGE,
    Network.TIKTOK: ContentFormat.SHORT_VIDEO,
    Network.YOUTUBE: ContentFormat.VIDEO,
}
"""What is published where text alone cannot be."""


@dataclass(frozen=True)
class Crowd:
    """The sandbox's crowd as a store knows it."""

    url: str
    now: datetime
    """The world's time, which stands still."""
    settings: Settings
    accounts: tuple[Account, ...]
    picture: Media
    picture_url: str
    film: Media
    options: Mapping[str, PublishOptions]
    """What posts of an account need besides, by account (a board on Pinterest)."""

    def open_store(self, settings: Settings | None = None) -> SqlStore:
        """The store that the accounts are connected in, or the copy of it that other settings name."""
        settings = settings or self.settings
        return SqlStore(
            settings.resolved_store_url, master_key_path=settings.master_key_path, clock=FixedClock(self.now)
        )

    def with_grants(self, *, may_move_pins: bool) -> "Crowd":
        """The same crowd, with what Pinterest grants the app."""
        apps = {
            network: app.model_copy(update={"may_move_pins": may_move_pins and network is Network.PINTEREST})
            for network, app in self.settings.apps.items()
        }
        return replace(self, settings=self.settings.model_copy(update={"apps": apps}))

    def post(self, account: Account, name: str, text: str, *, scheduled_at: datetime) -> ContentItem:
        """A post of one account, in a format that its network publishes."""
        content_format = FORMATS.get(account.network, ContentFormat.TEXT)
        media = {ContentFormat.TEXT: (), ContentFormat.IMAGE: (self.picture,)}.get(content_format, (self.film,))
        options = self.options.get(account.account_id, PublishOptions())
        if account.network is Network.YOUTUBE:  # it shows the title, and below it a text that does not begin with it
            options = options.model_copy(update={"title": text[:100]})
        return ContentItem(
            content_item_id=name,
            client_id=account.client_id,
            account_id=account.account_id,
            network=account.network,
            text=text,
            content_format=content_format,
            media=media,
            options=options,
            language="en",
            scheduled_at=scheduled_at,
            created_at=scheduled_at,
        )


@contextmanager
def announced(module: str, *arguments: str, log: Path) -> Iterator[str]:
    """`python -m <module>` as a process that says READY with its address once it answers; yields the address, ends the process."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as errors:  # the sandbox's tells of every caller that died in mid-request
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        if process.stdout is None or not (line := process.stdout.readline()).startswith("READY "):
            raise RuntimeError(f"{module} did not start: see {log}.")
        yield line.split()[1]
    finally:
        process.terminate()
        try:
            process.wait(timeout=ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:  # whoever started us may have made our children deaf to SIGTERM
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def sandbox(folder: Path, *, seed: int, accounts: int, port: int = 0) -> Iterator[str]:
    """A sandbox process of our own, by default on a free port; yields its URL. The folder keeps its state and its log."""
    options = ("--port", str(port), "--state-dir", str(folder), "--seed", str(seed), "--crowd", str(accounts))
    with announced("sandbox", *options, log=folder / "sandbox.log") as url:
        yield url


def admin(url: str, method: str, page: str, **request: Any) -> Any:
    """What one of the sandbox's own pages answers."""
    answer = httpx.request(method, f"{url}/_sandbox/{page}", timeout=ADMIN_TIMEOUT_SECONDS, trust_env=False, **request)
    return answer.raise_for_status().json()


def seen_posts(url: str) -> list[dict[str, Any]]:
    """What the networks' public sees of what came through the API, in the order in which each network committed it."""
    return sorted(admin(url, "GET", "posts", params={"origin": "api"}), key=lambda post: post["sequence"])


def connect(url: str, settings: Settings, networks: Sequence[Network] = tuple(Network)) -> Crowd:
    """Make the store that the settings name, with the crowd's clients, accounts and credentials, and media that their posts carry."""
    now = datetime.fromisoformat(admin(url, "GET", "clock")["now"])
    known = [
        row for row in admin(url, "GET", "accounts") if row["handle"].startswith("crowd") and row["network"] in networks
    ]
    apps = {
        Network(row["network"]): App(app_id=row["app_id"], app_secret=row["app_secret"])
        for row in known
        if "app_id" in row
    }
    settings = settings.model_copy(update={"network_base_url": url, "apps": apps})
    set_up(settings)
    picture, picture_url = _picture(url, settings.home)
    crowd = Crowd(
        url=url,
        now=now,
        settings=settings,
        accounts=tuple(
            _account(url, row) for row in sorted(known, key=lambda row: (row["client_slug"], row["network"]))
        ),
        picture=picture,
        picture_url=picture_url,
        film=_film(settings.home),
        options=_options(known, url),
    )
    tokens = {f"{row['network']}:{row['native_id']}": _token(row) for row in known}
    with crowd.open_store() as store:
        for client_id in sorted({account.client_id for account in crowd.accounts}):
            store.save_client(_client(client_id), actor=ACTOR)
        for account in crowd.accounts:
            store.save_account(account, actor=ACTOR)
            store.save_credential(account.account_id, tokens[account.account_id], actor=ACTOR)
    return crowd


def _account(url: str, row: Mapping[str, Any]) -> Account:
    return Account(
        account_id=f"{row['network']}:{row['native_id']}",
        client_id=row["client_slug"],
        network=row["network"],
        native_id=row["native_id"],
        handle=row["handle"],
        base_url=f"{url}/{row['network']}",
    )


def _token(row: Mapping[str, Any]) -> Token:
    ends = row.get("expires_at")
    return Token(
        access_token=row["access_token"],
        refresh_token=row["refresh_token"],
        expires_at=datetime.fromisoformat(ends) if ends else None,
    )


def _picture(url: str, home: Path) -> tuple[Media, str]:
    """A card, and where the sandbox's public store shows it (Instagram fetches pictures itself)."""
    card = BrandCards().card(
        CardRequest(headline="Pulso", footer="", primary_colour="#1f4e79", secondary_colour="#f4b942")
    )
    picture = LocalMedia(home).save(card, alt_text="A card that says Pulso")
    # Named as the connectors name what they have hosted: requests on tape find it here as well.
    picture_url = f"{url}/_sandbox/cdn/{picture.sha256[:32]}{Path(picture.path).suffix}"
    headers = {"Content-Type": picture.mime_type}
    answer = httpx.put(picture_url, content=card, headers=headers, timeout=ADMIN_TIMEOUT_SECONDS, trust_env=False)
    answer.raise_for_status()
    return picture, picture_url


def _film(home: Path) -> Media:
    """Bytes with the head of an MP4: no network of the sandbox decodes them."""
    content = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41" + bytes(range(256)) * 64
    path = home / "media" / "waves.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Media(
        media_id="waves",
        path="media/waves.mp4",
        mime_type="video/mp4",
        alt_text="Waves",
        width=1080,
        height=1920,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        duration_seconds=12.0,
    )


def _options(known: Sequence[Mapping[str, Any]], url: str) -> dict[str, PublishOptions]:
    """What no post goes without: a board on Pinterest, a title on YouTube."""
    found = {}
    for row in known:
        if row["network"] == "youtube":
            found[f"youtube:{row['native_id']}"] = PublishOptions(title="Waves")
        if row["network"] == "pinterest":
            headers = {"Authorization": f"Bearer {row['access_token']}"}
            answer = httpx.get(
                f"{url}/pinterest/v5/boards", headers=headers, timeout=ADMIN_TIMEOUT_SECONDS, trust_env=False
            )
            board = answer.raise_for_status().json()["items"][0]["id"]
            link = f"https://{row['handle']}.example/"
            found[f"pinterest:{row['native_id']}"] = PublishOptions(board_id=board, title="Waves", link=link)
    return found


def _client(client_id: str) -> Client:
    """A client that lets everything through: no gap between posts, no quiet hours."""
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
            pillars=(Pillar(pillar_id="waves", name="Waves", description="posts that are counted"),),
            facts=(),
        ),
    )
