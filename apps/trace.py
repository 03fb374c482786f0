"""From a published post back to everything behind it: approval, forecast, model, feature row, and raw payloads."""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl
from rich.tree import Tree

from contracts.errors import PulsoError
from contracts.ports import Lake, Store
from contracts.records import LedgerEntry
from contracts.scope import TenantScope
from contracts.tables import CONTENT_DRAFTS, CONTENT_IDEAS, POST_METRICS, POST_SCHEDULE, POSTS

SHOWN_PAYLOADS = 5
SHOWN_CHARACTERS = 160


@dataclass(frozen=True)
class Trace:
    """What is known about one published post. Lists are empty where nothing exists, never left out."""

    entry: LedgerEntry
    draft: dict[str, Any] | None
    """The row of decisions/content_drafts, with `feature_row` and the candidates."""
    idea: dict[str, Any] | None
    slot: dict[str, Any] | None
    history: list[dict[str, Any]]
    """Bronze rows (with `raw`) of the matured posts that the feature row was computed from, newest first."""
    observations: list[dict[str, Any]]
    """Bronze counts of the post itself."""
    published_payloads: list[dict[str, Any]]
    versions: dict[str, int | None]
    """Version of each lake table that was read."""


def trace_post(lake: Lake, store: Store, post_id: str) -> Trace:
    """Collect the trace. Raises PulsoError when Pulso did not publish this post."""
    everyone = TenantScope.all_clients("an operator names a post, not a client")
    entry = next((e for e in store.ledger(everyone) if e.post_id == post_id), None)
    if entry is None:
        raise PulsoError(
            f"Pulso has not published {post_id}. `pulso posts` lists what it has; a post by others has no decision behind it."
        )
    scope = TenantScope.of(entry.client_id)
    draft = _first(lake, CONTENT_DRAFTS, scope, pl.col("content_item_id") == entry.content_item_id)
    idea = _first(lake, CONTENT_IDEAS, scope, pl.col("idea_id") == draft["idea_id"]) if draft else None
    slot = _first(lake, POST_SCHEDULE, scope, pl.col("content_item_id") == entry.content_item_id)
    return Trace(
        entry=entry,
        draft=draft,
        idea=idea,
        slot=slot,
        history=_history(lake, scope, entry),
        observations=lake.scan(POST_METRICS, scope=scope)
        .filter(pl.col("post_id") == post_id)
        .sort("observed_at", "metric")
        .collect()
        .to_dicts(),
        published_payloads=lake.scan(POSTS, scope=scope).filter(pl.col("post_id") == post_id).collect().to_dicts(),
        versions={
            key: lake.version(key) for key in ("gold/fct_posts", POSTS.key, POST_METRICS.key, CONTENT_DRAFTS.key)
        },
    )


def _first(lake: Lake, table: Any, scope: TenantScope, where: pl.Expr) -> dict[str, Any] | None:
    rows = lake.scan(table, scope=scope).filter(where).collect()
    return rows.row(0, named=True) if rows.height else None


def _history(lake: Lake, scope: TenantScope, entry: LedgerEntry) -> list[dict[str, Any]]:
    """The account's posts that were mature when the forecast was made, joined to their bronze payloads."""
    if entry.forecast is None or lake.version("gold/fct_posts") is None:
        return []
    mature = (
        lake.scan("gold/fct_posts", scope=scope)
        .filter((pl.col("account_id") == entry.account_id) & (pl.col("mature_at") <= entry.forecast.forecast_at))
        .select("post_id", "published_at", "mature_engagements", "mature_at")
        .sort("published_at", descending=True)
    )
    payloads = lake.scan(POSTS, scope=scope).group_by("post_id").agg(pl.col("raw").last(), pl.col("day").last())
    return mature.join(payloads, on="post_id", how="left").sort("published_at", descending=True).collect().to_dicts()


def render(trace: Trace) -> Tree:
    """The trace as a tree for a terminal."""
    entry, forecast = trace.entry, trace.entry.forecast
    tree = Tree(f"[bold]{entry.post_id}[/] {entry.permalink or ''}")
    what = tree.add(f"published {entry.published_at} by intent {entry.ledger_id}, {entry.commit_calls} commit call(s)")
    if trace.draft:
        what.add(_short(trace.draft["text"]))
        what.add(f"pillar {trace.draft['pillar_id']}, facts {', '.join(trace.draft['fact_ids'] or [])}")
    tree.add(f"approved by {entry.approved_by or '-'} at {entry.approved_at or '-'} (revision {entry.revision})")
    if trace.slot:
        tree.add(
            f"slot {trace.slot['scheduled_at']}, propensity {trace.slot['propensity']:.3f}, "
            f"{len(json.loads(trace.slot['candidates']))} candidates"
        )
    if trace.idea:
        tree.add(f"idea {trace.idea['chosen']}: {trace.idea['reason']} (propensity {trace.idea['propensity']:.3f})")
    if forecast is None:
        tree.add("no forecast stood on it")
    else:
        node = tree.add(
            f"forecast of {forecast.forecast_at}: log engagement {forecast.expected_log_engagement:.2f} "
            f"[{forecast.lower_log_engagement:.2f}, {forecast.upper_log_engagement:.2f}] at {forecast.interval_level:.0%}"
        )
        node.add(f"model {forecast.model_name} version {forecast.model_version}")
        features = node.add("feature row")
        for name, value in forecast.feature_row.items():
            features.add(f"{name} = {_short(value)}")
        past = node.add(f"computed from {len(trace.history)} matured posts; the newest {SHOWN_PAYLOADS}:")
        for row in trace.history[:SHOWN_PAYLOADS]:
            past.add(
                f"{row['post_id']} ({row['mature_engagements']} engagements, bronze day {row['day']}): {_short(row['raw'])}"
            )
    outcome = tree.add(f"{len(trace.observations)} counts observed since")
    for row in trace.observations[-SHOWN_PAYLOADS:]:
        outcome.add(f"{row['observed_at']} {row['metric']} = {row['value']}: {_short(row['raw'])}")
    for row in trace.published_payloads[:1]:
        tree.add(f"the network's own payload: {_short(row['raw'])}")
    tree.add("tables: " + ", ".join(f"{key}@{version}" for key, version in trace.versions.items()))
    return tree


def _short(value: Any) -> str:
    text = str(value).replace("\n", " ").replace("[", "\\[")
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
