"""Reply drafts: what to answer to whom. Approved by policy where confidence and autonomy allow, by a person otherwise."""

from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from assets.decisions.ideas import STAGE
from assets.decisions.once import seed_of
from assets.decisions.rows import decision_frame, evidence_columns
from assets.keys import asset_options, key_of
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.networks import ContentFormat
from contracts.ports import Lake, Store, TextLabeller
from contracts.records import Account, Client, ContentItem, Decision, Fact
from contracts.tables import COMMENTS, REPLY_DRAFTS, TEXT_LABELS
from ml.replies import REPLIES_VERSION, ReplyDraft, draft_reply
from ml.text_labels.kept import labels_in, with_kept_labels
from policy import POLICY_VERSION

NO_ANSWER = "none"
ANSWERED_WITHIN = timedelta(hours=48)
"""Older comments are left alone: an answer after days looks like a machine catching up."""


@dg.asset(
    **asset_options(REPLY_DRAFTS),
    deps=[key_of(COMMENTS), key_of(TEXT_LABELS)],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
)
def reply_drafts(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    text_labeller: dg.ResourceParam[TextLabeller],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: comment observed on the day. A comment without a safe answer keeps its row, with the reason."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    kept = lake.scan(REPLY_DRAFTS, scope=scope).collect()
    clients = {c.client_id: c for c in store.clients(scope) if c.is_active}
    accounts = {a.account_id: a for a in store.accounts(scope)}
    done = {*kept["comment_id"], *store.answered_comment_ids(scope)}
    observed = lake.scan(COMMENTS, scope=scope).filter(
        pl.col("day").is_between(days.start, days.end)
        & (pl.col("commented_at") > days.now - ANSWERED_WITHIN)
        & ~pl.col("is_own")
        & pl.col("parent_comment_id").is_null()
    )
    labels = lake.scan(TEXT_LABELS, scope=scope)
    comments = observed.sort("commented_at", "comment_id").collect()
    drafts = [
        _drafted(row, clients[row["client_id"]], accounts[row["account_id"]], days.now)
        for row in with_kept_labels(comments, labels, text_labeller.versions).iter_rows(named=True)
        if not days.is_past
        and row["comment_id"] not in done
        and row["client_id"] in clients
        and row["account_id"] in accounts
    ]
    frame = decision_frame([row for row, _ in drafts], REPLY_DRAFTS)
    written = lake.append(REPLY_DRAFTS, frame)
    saved = store.save_drafts([item for _, item in drafts if item is not None])
    approved = 0 if days.is_past else store.approve_by_policy(scope)
    return materialised(
        REPLY_DRAFTS,
        written,
        frame=frame,
        as_of=days.now,
        metadata={
            "comments": frame.height,
            "with_an_answer": saved,
            "for_a_person": int(frame["needs_person"].sum()),
            "offensive": int(frame["is_offensive"].fill_null(value=False).sum()),
            "approved_by_policy": approved,
        },
    )


def _drafted(
    comment: dict[str, Any], client: Client, account: Account, now: datetime
) -> tuple[dict[str, Any], ContentItem | None]:
    """The row of one comment, and the content item where there is something to answer."""
    seed = seed_of("reply", comment["comment_id"])
    reply = draft_reply(comment["text"], client, seed=seed, facts=_facts_on(now, client), labels=labels_in(comment))
    decision = Decision(
        decision_id=str(uuid5(NAMESPACE_URL, f"pulso:reply-decision:{comment['comment_id']}")),
        client_id=client.client_id,
        account_id=account.account_id,
        kind="reply",
        decided_at=now,
        chosen="answer" if reply.text else NO_ANSWER,
        candidates=({"id": "answer", "possible": reply.text is not None}, {"id": NO_ANSWER, "possible": True}),
        propensity=1.0,
        is_exploration=False,
        seed=seed,
        model_version=reply.understanding.labels.labelled_by,
        prompt_version=REPLIES_VERSION,
        policy_version=POLICY_VERSION,
    )
    item_id = str(uuid5(NAMESPACE_URL, f"pulso:reply:{comment['comment_id']}"))
    labels = reply.understanding.labels
    row = {
        **evidence_columns(decision),
        "content_item_id": item_id,
        "comment_id": comment["comment_id"],
        "post_id": comment["post_id"],
        "network": account.network.value,
        "intent": reply.understanding.intent.value,
        "sentiment": labels.sentiment,
        "sentiment_confidence": labels.sentiment_confidence,
        "is_offensive": labels.is_offensive,
        "urgency": reply.understanding.urgency.value,
        "confidence": reply.confidence,
        "needs_person": reply.needs_person,
        "reason": reply.reason,
        "text": reply.text,
    }
    return row, _item(item_id, reply, comment, client, account, decision, now) if reply.text else None


def _facts_on(now: datetime, client: Client) -> tuple[Fact, ...]:
    """The facts that hold on the client's present day."""
    today = now.astimezone(ZoneInfo(client.time_zone)).date()
    return tuple(f for f in client.brand.facts if (f.valid_from or today) <= today <= (f.valid_until or today))


def _item(
    item_id: str,
    reply: ReplyDraft,
    comment: dict[str, Any],
    client: Client,
    account: Account,
    decision: Decision,
    now: datetime,
) -> ContentItem:
    return ContentItem(
        content_item_id=item_id,
        client_id=client.client_id,
        account_id=account.account_id,
        network=account.network,
        text=reply.text or "",
        content_format=ContentFormat.TEXT,
        language=reply.understanding.language or client.language,
        fact_ids=reply.fact_ids,
        reply_to_comment_id=comment["comment_id"],
        reply_to_post_id=comment["post_id"],
        reply_confidence=reply.confidence,
        needs_person=reply.needs_person,
        decisions=(decision,),
        created_at=now,
    )
