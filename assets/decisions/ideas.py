"""Content ideas: what to write about next."""

import dagster as dg
import polars as pl
from pydantic import Field

from assets.decisions.once import seed_of, standing
from assets.decisions.options import told, why_not_drafted
from assets.decisions.rows import decision_frame, evidence_columns
from assets.keys import asset_options, gold
from assets.partitions import DAYS, ONE_RUN, Narrowed, run_days
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake, Store
from contracts.tables import CALIBRATION, CONTENT_IDEAS
from ml.content import propose_ideas
from policy import POLICY_VERSION, limits_for

STAGE = "decisions are made for all clients in one run; each reads its own client's rows"


class Ideas(Narrowed):
    """How much to propose."""

    ideas_per_account: int = Field(default=2, ge=0, le=20, description="Ideas for each account and day.")


@dg.asset(
    **asset_options(CONTENT_IDEAS),
    deps=[gold("fct_posts"), dg.AssetKey([CALIBRATION.stage, CALIBRATION.name])],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
)
def content_ideas(
    context: dg.AssetExecutionContext,
    config: Ideas,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: idea. Decided once a day for each account; a past day is left as it was decided.

    An account whose drafts could not be sent gets no idea, and the run says why.
    """
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    kept = standing(lake, CONTENT_IDEAS, scope, start=days.start, end=days.end)
    posts = lake.scan("gold/fct_posts", scope=scope).collect()
    clients = {c.client_id: c for c in store.clients(scope) if c.is_active}
    terms = store.terms(scope)
    accounts = [a for a in store.accounts(scope) if a.client_id in clients]
    reasons = {
        a.account_id: why
        for a in accounts
        if (why := why_not_drafted(a, limits_for(a.network, terms.get(a.account_id)), terms.get(a.account_id)))
    }
    open_accounts = [a for a in accounts if not days.is_past and a.account_id not in {*kept["account_id"], *reasons}]
    rows = [
        {
            **evidence_columns(idea.decision(account_id=account.account_id, policy_version=POLICY_VERSION)),
            "idea_id": idea.idea_id,
            "network": idea.network.value,
            "pillar_id": idea.pillar_id,
            "fact_ids": list(idea.fact_ids),
            "angle": idea.angle,
            "content_format": idea.content_format.value,
            "reason": idea.reason,
        }
        for account in open_accounts
        for idea in propose_ideas(
            clients[account.client_id],
            account.network,
            posts.filter(pl.col("client_id") == account.client_id),
            count=config.ideas_per_account,
            now=days.now,
            seed=seed_of("idea", days.end, account.account_id),
        )
    ]
    frame = decision_frame(rows, CONTENT_IDEAS)
    without_facts = sorted(c.client_id for c in clients.values() if not c.brand.facts)
    return materialised(
        CONTENT_IDEAS,
        lake.append(CONTENT_IDEAS, frame),
        frame=pl.concat([kept, frame]),
        as_of=days.now,
        metadata={
            "new": frame.height,
            "clients_without_facts": ", ".join(without_facts) or "none",
            "nothing_drafted_for": told(reasons),
        },
    )
