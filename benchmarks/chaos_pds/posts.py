"""What is published: accounts of several clients, texts and pictures, some of them again on purpose.

Belongs here: filling the store. Does not belong here: publishing.
"""

import itertools
import random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.bluesky_server import BlueskyServer
from benchmarks.chaos_pds.publisher import ALL, open_store_on
from contracts.networks import ContentFormat
from contracts.ports import CardRequest
from contracts.records import (
    Account,
    BrandKit,
    Client,
    ContentItem,
    Media,
    Pillar,
    PostingRules,
    QuietHours,
)
from contracts.settings import Settings
from operations import SqlStore, set_up
from providers.images import BrandCards
from providers.media import LocalMedia

ACCOUNTS_PER_CLIENT = 5
MOST_POSTS_A_DAY = 20
"""Of one account, the most that posting rules can allow."""
MOST_FIRST_POSTS_A_DAY = 15
SAME_TEXT_EVERY = 6
"""One post in so many has the text and the pictures of the one before it, on purpose."""
REPOST_EVERY = 8
"""One published post in so many is sent once more, on purpose."""


@dataclass(frozen=True)
class World:
    """Accounts and pictures, in a store that is ready."""

    home: Path
    accounts: tuple[Account, ...]
    pictures: tuple[Media, ...]


def prepare(server: BlueskyServer, home: Path, accounts: int, now: datetime) -> World:
    set_up(Settings(home=home, store_url=None))
    made = []
    with open_store_on(home, now) as store:
        for number in range(accounts):
            client_id = f"client-{number // ACCOUNTS_PER_CLIENT}"
            if number % ACCOUNTS_PER_CLIENT == 0:
                store.save_client(_client(client_id), actor="chaos")
            account, token = server.create_account(f"chaos{number}.test", client_id=client_id)
            store.save_account(account, actor="chaos")
            store.save_credential(account.account_id, token, actor="chaos")
            made.append(account)
    media = LocalMedia(home)
    pictures = tuple(
        media.save(
            BrandCards().card(
                CardRequest(headline=headline, footer="", primary_colour="#1f4e79", secondary_colour="#f4b942")
            ),
            alt_text=f"A card that says {headline}",
        )
        for headline in ("Open", "Closed")
    )
    return World(home, tuple(made), pictures)


def _client(client_id: str) -> Client:
    return Client(
        client_id=client_id,
        name=client_id,
        time_zone="UTC",
        language="en",
        posting_rules=PostingRules(
            min_gap_hours=0,
            max_posts_per_day=MOST_POSTS_A_DAY,
            quiet_hours=QuietHours(start_hour=0, end_hour=0),
        ),
        brand=BrandKit(
            voice="plain",
            audience="everyone",
            pillars=(Pillar(pillar_id="chaos", name="Chaos", description="posts that must appear once"),),
            facts=(),
        ),
    )


class Desk:
    """The person who approves what is published, and who has some of it published again."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world, self._chance = world, chance
        self._number = itertools.count()
        self.items: dict[str, ContentItem] = {}

    def approve_posts(self, store: SqlStore, now: datetime, *, per_account: int) -> None:
        for account in self._world.accounts:
            drafts: list[ContentItem] = []
            for number in range(per_account):
                name = f"chaos-{next(self._number)}"
                if number % SAME_TEXT_EVERY == SAME_TEXT_EVERY - 1:
                    drafts.append(drafts[-1].model_copy(update={"content_item_id": name}))
                else:
                    drafts.append(self._item(name, account, now))
            store.save_drafts(drafts)
            for draft in drafts:
                store.approve(draft.content_item_id, actor="chaos", revision=1)
            self.items |= {draft.content_item_id: draft for draft in drafts}

    def repost(self, store: SqlStore, now: datetime) -> None:
        """Some of today's posts once more."""
        today = [item_id for item_id, item in self.items.items() if item.scheduled_at == now]
        published = {item.content_item_id for item in store.content_items(ALL, states=["published"])}
        for item_id in today[::REPOST_EVERY]:
            if item_id in published:
                store.repost(item_id, actor="chaos", scheduled_at=now)

    def _item(self, name: str, account: Account, now: datetime) -> ContentItem:
        content_format, pictures = self._chance.choices(
            ((ContentFormat.TEXT, 0), (ContentFormat.IMAGE, 1), (ContentFormat.CAROUSEL, 2)), (6, 3, 1)
        )[0]
        return ContentItem(
            content_item_id=name,
            client_id=account.client_id,
            account_id=account.account_id,
            network=account.network,
            text=f"A post that has to appear once: {name}",
            content_format=content_format,
            media=self._world.pictures[:pictures],
            language="en",
            scheduled_at=now,
            created_at=now,
        )
