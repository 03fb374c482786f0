"""What was published and answered. With `send`, and only on the business day itself, the outbox is drained first."""

from collections.abc import Iterator

import dagster as dg
import polars as pl
from pydantic import Field

from assets.frames import to_frame
from assets.keys import key_of, spec_options
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import DrainReport, Lake, Publisher, Store
from contracts.tables import POST_SCHEDULE, PUBLISHED_POSTS, REPLY_DRAFTS, SENT_REPLIES

STAGE = "the outbox is drained for all clients together"


class Sending(Narrowed):
    """Whether this run may make anything visible."""

    send: bool = Field(default=False, description="Drain the outbox. Only the job publish_due sets this.")


@dg.multi_asset(
    name="sent_actions",
    specs=[
        dg.AssetSpec(**spec_options(PUBLISHED_POSTS), deps=[key_of(POST_SCHEDULE)]),
        dg.AssetSpec(**spec_options(SENT_REPLIES), deps=[key_of(REPLY_DRAFTS)]),
    ],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    pool="publisher",
)
def sent_actions(
    context: dg.AssetExecutionContext,
    config: Sending,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    publisher: dg.ResourceParam[Publisher],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.MaterializeResult]:
    """Grain: outbox intent, on the day of its last change. Without `send`, or for a past day, the ledger is exported again.

    The edges say where it comes from, and start nothing: what is due was decided and approved before this run.
    """
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    may_send = config.send and not days.is_past
    report = publisher.drain() if may_send else DrainReport()
    entries = [e for e in store.ledger(scope) if days.start <= e.recorded_at.date() <= days.end]
    for table, action in ((PUBLISHED_POSTS, "publish"), (SENT_REPLIES, "reply")):
        frame = to_frame([e for e in entries if e.action == action], table, day=pl.col("recorded_at").dt.date())
        yield materialised(
            table,
            lake.merge(table, frame),
            frame=frame,
            as_of=days.now,
            metadata={
                "drained": may_send,
                "published": report.published,
                "reconciled": report.reconciled,
                "missed": report.missed,
                "parked": report.parked,
                "failed": report.failed,
                "deferred": report.deferred,
                "named": report.named,
            },
        )
