"""What the audience's texts say, each labelled once, kept by what it says."""

import dagster as dg
import polars as pl
from pydantic import Field

from assets.keys import asset_options, key_of
from assets.partitions import Narrowed
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, Store, TextLabeller
from contracts.tables import COMMENTS, TEXT_LABELS
from ml.streams.watch import HISTORY
from ml.text_labels.kept import new_labels

STAGE = "texts of all clients are labelled in one run; each row keeps its tenant"


class Labelling(Narrowed):
    """How many texts to label."""

    at_most: int = Field(
        default=20_000, ge=1, description="New texts in one run, newest first, some minutes of it; the next runs go on."
    )


@dg.asset(**asset_options(TEXT_LABELS, "onnx"), deps=[key_of(COMMENTS)])
def text_labels(
    config: Labelling,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    text_labeller: dg.ResourceParam[TextLabeller],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: client x text x labeller version. Read by comment moods and reply drafts. Comments as far back as alerts look; without a new text nothing is loaded."""
    scope, since = config.scope(STAGE), (clock.now() - HISTORY).date()
    comments = lake.scan(COMMENTS, scope=scope).filter(~pl.col("is_own") & (pl.col("day") >= since))
    texts = comments.select("client_id", "text", "commented_at", "comment_id").sort(
        "commented_at", "comment_id", descending=True
    )
    languages = pl.DataFrame(
        [(client.client_id, client.language) for client in store.clients(scope)],
        schema={"client_id": pl.String, "client_language": pl.String},
        orient="row",
    )
    known = lake.scan(TEXT_LABELS, scope=scope).select("client_id", "text_sha256", "labelled_by").collect()
    wanted = texts.collect().join(languages, on="client_id", how="inner", maintain_order="left")
    frame = new_labels(wanted, known, text_labeller, at_most=config.at_most)
    written = lake.append(TEXT_LABELS, frame) if frame.height else None
    told = {"known_texts": known.height, "labellers": sorted(text_labeller.versions)}
    return materialised(TEXT_LABELS, written, frame=frame, as_of=clock.now(), metadata=told)
