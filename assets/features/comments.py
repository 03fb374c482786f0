"""How the audience's comments read: the one place where moods are told for alerts, and where words stay behind."""

import dagster as dg
import polars as pl

from assets.keys import asset_options, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, Store, TextLabeller
from contracts.scope import TenantScope
from contracts.tables import COMMENT_MOODS, COMMENTS, TEXT_LABELS
from ml.streams.watch import HISTORY
from ml.text_labels.kept import with_kept_labels
from ml.text_labels.moods import UNLABELLED, moods, settled

STAGE = "comments of all clients are read in one run; each row keeps its tenant"


@dg.asset(**asset_options(COMMENT_MOODS), deps=[key_of(COMMENTS), key_of(TEXT_LABELS)])
def comment_moods(
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    text_labeller: dg.ResourceParam[TextLabeller],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: comment of the audience. Read by alerts. A known row stays as it is, unless alerts still look back on it and another labeller reads it now.

    So what alerts compare was read in one way. Nothing is labelled here.
    """
    everyone = TenantScope.all_clients(STAGE)
    since, told = (clock.now() - HISTORY).date(), lake.scan(COMMENT_MOODS, scope=everyone)
    newest = told.select(pl.col("day").max()).collect().item() or since
    known = told.filter(pl.col("day") >= min(since, newest)).select("comment_id", "day", "labelled_by").collect()
    stays = settled(known, text_labeller.versions, since=since)
    first = min([newest, *known.join(stays, on="comment_id", how="anti")["day"]])
    languages = {client.client_id: client.language for client in store.clients(everyone)}
    rows = lake.scan(COMMENTS, scope=everyone).filter(~pl.col("is_own") & pl.col("client_id").is_in(list(languages)))
    comments = rows.filter(pl.col("day") >= first).sort("comment_id").collect()
    comments = comments.join(stays, on="comment_id", how="anti", maintain_order="left")
    labels = lake.scan(TEXT_LABELS, scope=everyone)
    frame = moods(with_kept_labels(comments, labels, text_labeller.versions), languages)
    written = lake.merge(COMMENT_MOODS, frame)
    counts = {
        "negative": frame.filter(pl.col("mood") == "negative").height,
        "not_labelled_yet": frame.filter(pl.col("labelled_by") == UNLABELLED).height,
    }
    return materialised(COMMENT_MOODS, written, frame=frame, as_of=clock.now(), metadata=counts)
