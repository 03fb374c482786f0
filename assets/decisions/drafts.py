"""Drafts: several texts for each idea, forecast, judged by policy, one chosen, all kept as evidence."""

from datetime import timedelta
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets.decisions.forecasting import Moment, forecasts
from assets.decisions.ideas import STAGE
from assets.decisions.once import standing
from assets.decisions.rows import decision_frame
from assets.decisions.variants import Desk, choose
from assets.keys import asset_options, gold, key_of, model_key
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import ImageMaker, Lake, MediaLibrary, Scorer, Store, TextModel
from contracts.records import ContentItem
from contracts.tables import CALIBRATION, CONTENT_DRAFTS, CONTENT_IDEAS, POST_FEATURES
from ml.families import ENGAGEMENT
from policy import POLICY_VERSION

NOMINAL_LEAD = timedelta(hours=24)
"""Variants of one idea are compared at the same moment; the slot is the schedule's choice."""


class Drafting(Narrowed):
    """How many texts to try for each idea."""

    variants: int = Field(default=4, ge=1, le=50)


@dg.asset(
    **asset_options(CONTENT_DRAFTS),
    deps=[
        key_of(CONTENT_IDEAS),
        gold("fct_posts"),
        key_of(POST_FEATURES),
        model_key(ENGAGEMENT.name),
        key_of(CALIBRATION),
    ],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
)
def content_drafts(
    context: dg.AssetExecutionContext,
    config: Drafting,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    scorer: dg.ResourceParam[Scorer],
    text_model: dg.ResourceParam[TextModel | None],
    image_maker: dg.ResourceParam[ImageMaker],
    media: dg.ResourceParam[MediaLibrary],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: content item x revision. Ideas that have a draft keep it; new drafts go to the store, where people see them."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    kept = standing(lake, CONTENT_DRAFTS, scope, start=days.start, end=days.end)
    ideas = standing(lake, CONTENT_IDEAS, scope, start=days.start, end=days.end)
    ideas = ideas.filter(~pl.col("idea_id").is_in(kept["idea_id"].to_list()))
    posts = lake.scan("gold/fct_posts", scope=scope).collect()
    calibration = lake.scan(CALIBRATION, scope=scope).collect()
    desk = Desk(
        clients={c.client_id: c for c in store.clients(scope)},
        accounts={a.account_id: a for a in store.accounts(scope)},
        waiting=store.content_items(scope),
        posts=posts,
        now=days.now,
        terms=store.terms(scope),
    )
    chosen: list[tuple[dict[str, Any], ContentItem]] = []
    for row in [] if days.is_past else ideas.iter_rows(named=True):
        variants = desk.write(row, text_model=text_model, variants=config.variants)
        if variants:
            moments = [Moment(v.item, v.client, days.now + NOMINAL_LEAD) for v in variants]
            outlook = forecasts(moments, posts, scorer, calibration, now=days.now)
            chosen.append(choose(row, variants, outlook, image_maker=image_maker, media=media, now=days.now))
    frame = decision_frame([row for row, _ in chosen], CONTENT_DRAFTS)
    written = lake.append(CONTENT_DRAFTS, frame)
    saved = store.save_drafts([item for row, item in chosen if row["is_allowed"]])
    return materialised(
        CONTENT_DRAFTS,
        written,
        frame=pl.concat([kept, frame]),
        as_of=days.now,
        metadata={"new": frame.height, "sent_to_store": saved, "policy_version": POLICY_VERSION},
    )
