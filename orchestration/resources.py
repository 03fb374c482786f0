"""Resources: the real things behind the ports, built when a run or a schedule needs them, never at import.

Belongs here: composition from one `Settings`. Each resource yields a plain object with a life cycle of its own.
Does not belong here: behaviour; that is in the room that the object comes from.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg

from contracts.clock import Clock, SystemClock
from contracts.errors import NotReadyError
from contracts.ports import FeatureStore, ModelHome
from contracts.scope import TenantScope
from contracts.settings import Settings
from contracts.tables import POST_FEATURES, TEXT_EMBEDDINGS
from operations import SqlStore
from operations import open_store as open_sql_store

COLLECTOR_WAITS_SECONDS = 75.0
"""Longer than any limit of a minute: thousands of accounts share an app's, and those whose turn is late must not go unread."""


def business_clock(settings: Settings) -> Clock:
    """The sandbox's clock when the networks are the sandbox, else the machine's."""
    if settings.network_base_url is None:
        return SystemClock()
    from platforms.clock import SandboxClock

    return SandboxClock(settings.network_base_url)


def open_store(settings: Settings, *, clock: Clock | None = None) -> SqlStore:
    """The operational store on the business clock."""
    return open_sql_store(settings, clock=clock or business_clock(settings))


def http_networks(settings: Settings, store: SqlStore, *, longest_wait: float | None = None) -> Any:
    """All connectors, with the store's credentials and the media of this home. `longest_wait`: seconds that a call waits for a limit."""
    from platforms import HttpNetworks, Patience
    from providers.media import HttpPutMediaHost, LocalMedia

    patience = Patience(timeout=settings.request_timeout_seconds)
    return HttpNetworks(
        settings,
        store.tokens,
        HttpPutMediaHost(settings.resolved_media_host_url, timeout_seconds=settings.request_timeout_seconds),
        LocalMedia(settings.home),
        clock=business_clock(settings),
        quotas=store.quotas,
        patience=patience if longest_wait is None else replace(patience, longest_wait=longest_wait),
    )


@dg.resource(description="Delta tables, under PULSO_HOME/lake or in the bucket of PULSO_LAKE_URL.")
def lake(_: dg.InitResourceContext) -> Any:
    from lakehouse import open_lake

    return open_lake(Settings())


@dg.resource(description="Business time: real, or the sandbox's.")
def clock(_: dg.InitResourceContext) -> Clock:
    return business_clock(Settings())


@dg.resource(description="The operational store.")
def store(_: dg.InitResourceContext) -> Iterator[SqlStore]:
    with open_store(Settings()) as opened:
        yield opened


@dg.resource(description="Reads all connected accounts.")
def collector(_: dg.InitResourceContext) -> Iterator[Any]:
    from platforms.collector import HttpCollector

    settings = Settings()
    with open_store(settings) as opened:
        yield HttpCollector(http_networks(settings, opened, longest_wait=COLLECTOR_WAITS_SECONDS))


@dg.resource(description="Drains the outbox.")
def publisher(_: dg.InitResourceContext) -> Iterator[Any]:
    from operations import OutboxPublisher

    settings = Settings()
    with open_store(settings) as opened:
        yield OutboxPublisher(opened, http_networks(settings, opened), lease_seconds=settings.lease_seconds)


@dg.resource(description="Reads rivals' public pages with Scrapy, in a process of its own.")
def competitor_reader(_: dg.InitResourceContext) -> Any:
    from scrapers.reader import ScrapyCompetitorReader

    return ScrapyCompetitorReader()


@dg.resource(description="Reads tables of past posts that people bring.")
def export_reader(_: dg.InitResourceContext) -> Any:
    from platforms.export_reader import TableExportReader

    return TableExportReader()


def model_home(settings: Settings) -> ModelHome:
    """Where models are kept. MLflow learns of object storage from the environment alone, so it is told there."""
    os.environ.update(settings.mlflow_environment)
    return ModelHome(settings.mlflow_uri, settings.mlflow_artifacts_uri)


@dg.resource(description="Where models are tracked and registered.")
def models(_: dg.InitResourceContext) -> ModelHome:
    return model_home(Settings())


@dg.resource(description="The champion, loaded at the first forecast.")
def scorer(_: dg.InitResourceContext) -> Any:
    from lakehouse import open_lake
    from ml.encoder import MiniLm
    from ml.registry import EngagementScorer
    from ml.text_embeddings import with_kept_vectors

    settings = Settings()
    everyone = TenantScope.all_clients("intervals are sharpened by what has matured since training, per account")
    opened = open_lake(settings)
    observed = opened.scan(POST_FEATURES, scope=everyone).collect()
    observed = with_kept_vectors(observed, opened.scan(TEXT_EMBEDDINGS, scope=everyone).collect())
    return EngagementScorer(model_home(settings).uri, observed=observed, encoder=MiniLm())


@dg.resource(description="Texts as vectors. The weights are read at the first text.")
def text_encoder(_: dg.InitResourceContext) -> Any:
    from ml.encoder import MiniLm

    return MiniLm()


@dg.resource(description="What texts say. The classifier is read at the first English text, once a process.")
def text_labeller(_: dg.InitResourceContext) -> Any:
    from ml.text_labels.labeller import ShippedLabeller

    return ShippedLabeller()


def open_feature_store(settings: Settings) -> FeatureStore:
    """What was known of accounts at any moment, from the lake of this home. Feast is imported when it is asked, not here."""
    from feature_store import FeastFeatureStore
    from lakehouse import open_lake

    url = settings.online_features_url
    return FeastFeatureStore(
        settings.feature_store_path,
        open_lake(settings),
        online_url=None if url is None else url.get_secret_value(),
    )


@dg.resource(description="Features as they were known at any moment, and online.")
def feature_store(_: dg.InitResourceContext) -> FeatureStore:
    return open_feature_store(Settings())


@dg.resource(
    description="An OpenAI-compatible writer where one is configured; none otherwise, and the offline composer writes."
)
def text_model(_: dg.InitResourceContext) -> Iterator[Any]:
    settings = Settings()
    if settings.openai_model is None:
        yield None
        return
    if settings.openai_api_key is None:
        raise NotReadyError("PULSO_OPENAI_MODEL is set but PULSO_OPENAI_API_KEY is not: set it, or unset the model.")
    from providers.text_model import OpenAITextModel

    model = OpenAITextModel(
        api_key=settings.openai_api_key, model=settings.openai_model, base_url=settings.openai_base_url
    )
    try:
        yield model
    finally:
        model.close()


@dg.resource(description="Draws brand cards.")
def image_maker(_: dg.InitResourceContext) -> Any:
    from providers.images import BrandCards

    return BrandCards()


@dg.resource(description="Pictures under PULSO_HOME/media.")
def media(_: dg.InitResourceContext) -> Any:
    from providers.media import LocalMedia

    return LocalMedia(Settings().home)


@dg.resource(description="Publishes audited marts from the warehouse to the lake.")
def warehouse(_: dg.InitResourceContext) -> Any:
    from lakehouse.places import place_of
    from lakehouse.warehouse import WarehousePublisher

    settings = Settings()
    return WarehousePublisher(settings.warehouse_path, place_of(settings))


@dg.resource(description="dbt for this PULSO_HOME.")
def dbt(_: dg.InitResourceContext) -> Any:
    from orchestration.dbt_cli import home_dbt_cli

    return home_dbt_cli(Settings())


ALL_RESOURCES = {
    "dbt": dbt,
    "lake": lake,
    "clock": clock,
    "store": store,
    "collector": collector,
    "publisher": publisher,
    "competitor_reader": competitor_reader,
    "export_reader": export_reader,
    "models": models,
    "scorer": scorer,
    "text_encoder": text_encoder,
    "text_labeller": text_labeller,
    "feature_store": feature_store,
    "text_model": text_model,
    "image_maker": image_maker,
    "media": media,
    "warehouse": warehouse,
}
