"""A client and a draft that break no rule; each test breaks one on purpose."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from contracts.networks import ContentFormat, Network
from contracts.records import BrandKit, Client, ContentItem, Fact, Media, Pillar, PostingRules, QuietHours


@pytest.fixture
def make_client() -> Callable[..., Client]:
    def make(*, brand: dict[str, Any] | None = None, **overrides: Any) -> Client:
        kit = {
            "voice": "plain",
            "audience": "neighbours",
            "pillars": (Pillar(pillar_id="bread", name="Bread", description="What we bake"),),
            "facts": (
                Fact(fact_id="f1", pillar_id="bread", text="We bake at five."),
                Fact(
                    fact_id="june",
                    pillar_id="bread",
                    text="June is rye month.",
                    valid_from=date(2026, 6, 1),
                    valid_until=date(2026, 6, 30),
                ),
            ),
            "banned_words": ("cheap",),
            "disclosure": "#ad",
        }
        fields: dict[str, Any] = {
            "client_id": "bakery",
            "name": "Bakery",
            "time_zone": "Europe/Madrid",
            "language": "en",
            "posting_rules": PostingRules(
                min_gap_hours=4,
                max_posts_per_day=2,
                quiet_hours=QuietHours(start_hour=22, end_hour=7),
                late_window_minutes=90,
            ),
            "brand": BrandKit(**{**kit, **(brand or {})}),
        }
        return Client(**{**fields, **overrides})

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


@pytest.fixture
def make_media() -> Callable[..., Media]:
    def make(**overrides: Any) -> Media:
        fields: dict[str, Any] = {
            "media_id": "m1",
            "path": "media/m1.jpg",
            "mime_type": "image/jpeg",
            "alt_text": "A loaf on a board",
            "width": 1080,
            "height": 1080,
            "size_bytes": 100_000,
            "sha256": "0" * 64,
        }
        return Media(**{**fields, **overrides})

    return make


@pytest.fixture
def make_item(make_media: Callable[..., Media]) -> Callable[..., ContentItem]:
    def make(**overrides: Any) -> ContentItem:
        fields: dict[str, Any] = {
            "content_item_id": "c1",
            "client_id": "bakery",
            "account_id": "bluesky:did:plc:bakery",
            "network": Network.BLUESKY,
            "text": "We bake at five.",
            "content_format": ContentFormat.TEXT,
            "language": "en",
            "pillar_id": "bread",
            "fact_ids": ("f1",),
            "created_at": datetime(2026, 5, 1, tzinfo=UTC),
        }
        if overrides.get("network") is Network.INSTAGRAM:
            fields |= {"content_format": ContentFormat.IMAGE, "media": (make_media(),), "account_id": "instagram:1"}
        return ContentItem(**{**fields, **overrides})

    return make
