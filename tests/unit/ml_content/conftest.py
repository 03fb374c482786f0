"""Gold posts as small frames, and the demo's brands."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from apps.demo import demo_clients
from contracts.records import Client
from contracts.tables import UTC as UTC_TYPE

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)

SCHEMA = {
    "client_id": pl.String,
    "account_id": pl.String,
    "network": pl.String,
    "text": pl.String,
    "content_format": pl.String,
    "published_at": UTC_TYPE,
    "is_reply": pl.Boolean,
    "mature_engagements": pl.Int64,
    "mature_at": UTC_TYPE,
}


@pytest.fixture(scope="session")
def clients() -> dict[str, Client]:
    return {client.language: client for client in demo_clients()}


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def make_posts() -> Callable[..., pl.DataFrame]:
    """One row per dict; what a row leaves out gets a plain value, newest last."""

    def make(client_id: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
        full = []
        for index, row in enumerate(rows):
            published = row.get("published_at", NOW - timedelta(days=60) + timedelta(hours=6 * index))
            full.append(
                {
                    "client_id": client_id,
                    "account_id": f"{row.get('network', 'bluesky')}:{client_id}",
                    "network": "bluesky",
                    "text": "",
                    "content_format": "text",
                    "is_reply": False,
                    "mature_engagements": 10,
                    "mature_at": published + timedelta(days=3),
                    **row,
                    "published_at": published,
                }
            )
        return pl.DataFrame(full, schema=SCHEMA)

    return make


@pytest.fixture
def past_texts() -> dict[str, list[str]]:
    """Posts as people at these brands write them."""
    return {
        "en": [
            "Fresh off the roaster: our Huila lot from Colombia, with notes of caramel and red apple. ☕ #CoffeeOrigins",
            "How do you brew your first cup of the day? We are on team filter this morning.",
            "Our public cupping is every Saturday at 10 in the morning. It is free, and there are twelve seats.",
            "Bring your own cup and help us keep waste out of the bin. 🌱 #LessWaste",
            "Rainy morning, slow pour-over, good company at the bar.",
            "New in the shop: a washed Kenya from the Nyeri growers. Bright, clean, a little like grapefruit.",
        ],
        "es": [
            "Gazpacho frío y sol en la terraza, ¿qué más se puede pedir? 🍅 #DeTemporada",
            "Hoy en el mercado: tomates de la huerta y las primeras cerezas.",
            "¿Te vienes al taller del sábado? Quedan tres plazas.",
            "La receta de la semana: crema de calabacín con menta, lista en veinte minutos.",
        ],
        "pt": [
            "Mar lindo hoje cedo, meio metro e vento terral. Bora? 🌊",
            "Primeira aula da Júlia e ela já ficou em pé na prancha!",
            "Obrigado a todo mundo que veio no mutirão de limpeza no domingo. 💙",
            "Parafina nova na loja e prancha seca para o fim de semana.",
        ],
    }
