"""Vectors of the texts of posts, each encoded once, kept by what it says."""

import dagster as dg
import polars as pl
from pydantic import Field

from assets.keys import asset_options, gold
from assets.partitions import Narrowed
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, TextEncoder
from contracts.tables import TEXT_EMBEDDINGS
from ml.engagement import MIN_VECTORS_TO_LEARN
from ml.text import wording
from ml.text_embeddings import new_embeddings

STAGE = "one model learns from all clients' texts; each row keeps its tenant"


class Embedding(Narrowed):
    """How many texts to encode."""

    min_posts: int = Field(
        default=MIN_VECTORS_TO_LEARN,
        ge=1,
        description="Fewer posts than this are not encoded: nothing learns from so few.",
    )
    at_most: int = Field(
        default=20_000, ge=1, description="New texts in one run, newest first, some minutes of it; the next runs go on."
    )


@dg.asset(**asset_options(TEXT_EMBEDDINGS, "onnx"), deps=[gold("fct_posts")])
def text_embeddings(
    config: Embedding,
    lake: dg.ResourceParam[Lake],
    text_encoder: dg.ResourceParam[TextEncoder],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: client x text x encoder version. Read by the engagement model. Without a new text nothing is loaded."""
    scope = config.scope(STAGE)
    posts = lake.scan("gold/fct_posts", scope=scope).filter(~pl.col("is_reply"))
    words = wording(pl.col("text"), pl.col("link_title")).alias("text")
    texts = posts.select("client_id", words, "published_at").sort("published_at", descending=True).collect()
    known = lake.scan(TEXT_EMBEDDINGS, scope=scope).select("client_id", "text_sha256", "encoder_version").collect()
    texts = texts if texts.height >= config.min_posts else texts.clear()
    frame = new_embeddings(texts, known, text_encoder, at_most=config.at_most)
    written = lake.append(TEXT_EMBEDDINGS, frame) if frame.height else None
    told = {"known_texts": known.height, "encoder_version": text_encoder.version}
    return materialised(TEXT_EMBEDDINGS, written, frame=frame, as_of=clock.now(), metadata=told)
