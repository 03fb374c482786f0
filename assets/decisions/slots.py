"""The schedule: the slot of greatest predicted gain for each draft, under the client's posting rules, in its own zone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import dagster as dg
import numpy as np
import polars as pl
from pydantic import Field

from assets.decisions.ideas import STAGE
from assets.decisions.once import seed_of, standing
from assets.decisions.rows import decision_frame, evidence_columns
from assets.keys import asset_options, key_of
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, Store
from contracts.records import Client, ContentItem, Decision
from contracts.tables import CONTENT_DRAFTS, HOUR_EFFECTS, POST_SCHEDULE
from ml.scheduling import Assignment, SchedulingProblem, schedule
from ml.slots import candidate_slots, room_per_day
from ml.timing.gains import slot_gains
from policy import POLICY_VERSION

FIRST_SLOT_AFTER = timedelta(hours=1)
"""Nothing is planned for the next hour: people need time to see it."""
SCHEDULE_VERSION = "slots-2"


class Planning(Narrowed):
    """How far ahead to plan."""

    horizon_hours: int = Field(default=48, ge=2, le=14 * 24)


@dg.asset(
    **asset_options(POST_SCHEDULE),
    deps=[key_of(CONTENT_DRAFTS), key_of(HOUR_EFFECTS)],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
)
def post_schedule(
    context: dg.AssetExecutionContext,
    config: Planning,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: content item x planning day. Slots go to the store; then each client's policy approves what it may."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    kept = standing(lake, POST_SCHEDULE, scope, start=days.start, end=days.end)
    start, end = days.now + FIRST_SLOT_AFTER, days.now + timedelta(hours=config.horizon_hours)
    waiting = [
        i
        for i in store.content_items(scope, states=["draft"])
        if not days.is_past and i.scheduled_at is None and not i.is_reply
    ]
    planner = _Planner(
        clients={c.client_id: c for c in store.clients(scope)},
        taken=store.taken_slots(scope, start=start - timedelta(days=2), end=end + timedelta(days=2)),
        effects=lake.scan(HOUR_EFFECTS, scope=scope).collect(),
        now=days.now,
    )
    rows = [
        row
        for account_id in sorted({i.account_id for i in waiting})
        for row in planner.plan([i for i in waiting if i.account_id == account_id], start, end)
    ]
    frame = decision_frame(rows, POST_SCHEDULE)
    written = lake.merge(POST_SCHEDULE, frame)
    proposed = store.propose_slots(dict(frame.select("content_item_id", "scheduled_at").iter_rows()))
    approved = 0 if days.is_past else store.approve_by_policy(scope)
    return materialised(
        POST_SCHEDULE,
        written,
        frame=pl.concat([kept, frame]),
        as_of=days.now,
        metadata={
            "planned": frame.height,
            "without_a_slot": len(waiting) - frame.height,
            "proposed": proposed,
            "approved_by_policy": approved,
        },
    )


class _Planner:
    """One account's items against one account's slots."""

    def __init__(
        self,
        *,
        clients: Mapping[str, Client],
        taken: Mapping[str, Sequence[datetime]],
        effects: pl.DataFrame,
        now: datetime,
    ) -> None:
        self._clients, self._taken, self._effects, self._now = clients, taken, effects, now

    def plan(self, items: Sequence[ContentItem], start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Rows of decisions/post_schedule for items of one account; an item that fits nowhere waits for tomorrow."""
        client = self._clients[items[0].client_id]
        account_id, rules = items[0].account_id, client.posting_rules
        taken = self._taken.get(account_id, ())
        slots = candidate_slots(start, end, client.time_zone, rules, taken=taken)
        if not slots:
            return []
        hours = np.array([slot.local.hour for slot in slots])
        problem = SchedulingProblem(
            item_ids=tuple(i.content_item_id for i in items),
            slots=slots,
            gains=np.tile(slot_gains(hours, account_id, self._effects), (len(items), 1)),
            min_gap=timedelta(hours=rules.min_gap_hours),
            default_room=rules.max_posts_per_day,
            room=room_per_day(taken, client.time_zone, rules),
        )
        seed = seed_of("slot", account_id, self._now.date())
        by_id = {i.content_item_id: i for i in items}
        return [self._row(by_id[a.item_id], a, seed) for a in schedule(problem, seed=seed)]

    def _row(self, item: ContentItem, assignment: Assignment, seed: int) -> dict[str, Any]:
        decision = Decision(
            decision_id=str(uuid5(NAMESPACE_URL, f"pulso:slot:{item.content_item_id}:{self._now.date()}")),
            client_id=item.client_id,
            account_id=item.account_id,
            kind="post_slot",
            decided_at=self._now,
            chosen=assignment.chosen.slot.at.isoformat(),
            candidates=tuple({"id": c.slot.at.isoformat(), "gain": c.gain} for c in assignment.candidates),
            propensity=assignment.propensity,
            is_exploration=assignment.is_exploration,
            seed=seed,
            model_version=item.forecast.model_version if item.forecast else None,
            prompt_version=SCHEDULE_VERSION,
            policy_version=POLICY_VERSION,
        )
        return {
            **evidence_columns(decision),
            "content_item_id": item.content_item_id,
            "network": item.network.value,
            "scheduled_at": assignment.chosen.slot.at,
            "predicted_gain": assignment.chosen.gain,
        }
