"""How the audience's comments read: the one place where their words are looked at for alerts, and where they stay behind."""

import dagster as dg
import polars as pl

from assets.keys import asset_options, key_of
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, Store
from contracts.scope import TenantScope
from contracts.tables import COMMENT_MOODS, COMMENTS
from ml.replies import mood_of

STAGE = "comments of all clients are read in one run; each row keeps its tenant"


@dg.asset(**asset_options(COMMENT_MOODS), deps=[key_of(COMMENTS)])
def comment_moods(
    lake: dg.ResourceParam[Lake], store: dg.ResourceParam[Store], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """Grain: comment of the audience. Read by alerts. Only days from the newest known one on are read again; a known row stays as it is."""
    everyone = TenantScope.all_clients(STAGE)
    newest = lake.scan(COMMENT_MOODS, scope=everyone).select(pl.col("day").max()).collect().item()
    rows = lake.scan(COMMENTS, scope=everyone).filter(~pl.col("is_own"))
    rows = rows if newest is None else rows.filter(pl.col("day") >= newest)
    languages = {client.client_id: client.language for client in store.clients(everyone)}
    comments = rows.filter(pl.col("client_id").is_in(list(languages))).sort("comment_id").collect()
    moods = [
        mood_of(text or "", client_language=languages[client])
        for client, text in comments.select("client_id", "text").iter_rows()
    ]
    frame = comments.with_columns(pl.Series("mood", moods, pl.String)).select(COMMENT_MOODS.schema.names())
    written = lake.append(COMMENT_MOODS, frame)
    negative = frame.filter(pl.col("mood") == "negative").height
    return materialised(COMMENT_MOODS, written, frame=frame, as_of=clock.now(), metadata={"negative": negative})
