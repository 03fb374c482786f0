"""What the audience says: comments, read where a post's count says that there are new ones, and direct messages."""

import dagster as dg

from assets.bronze.directory import STAGE
from assets.bronze.entry import checks_of, enter
from assets.bronze.observations import messages_since, only_new, posts_to_ask
from assets.bronze.readings import own
from assets.checks.boundary import inspect
from assets.checks.expectations import rules_for
from assets.frames import to_frame
from assets.keys import asset_options, key_of
from assets.partitions import DAYS, ONE_RUN, Narrowed, Targeted, run_days
from contracts.clock import Clock
from contracts.ports import Collected, Collector, Lake, Store
from contracts.tables import COMMENTS, MESSAGES, POST_METRICS, POSTS


@dg.asset(
    **asset_options(COMMENTS),
    deps=[key_of(POSTS), key_of(POST_METRICS)],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    check_specs=checks_of(COMMENTS),
    pool="networks",
)
def comments(
    context: dg.AssetExecutionContext,
    config: Targeted,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    collector: dg.ResourceParam[Collector],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: comment, as first observed. A past day asks no network."""
    days, scope = run_days(context, clock.now(), config), config.scope(STAGE)
    connected = config.accounts(store, STAGE)
    wanted = () if days.is_past else posts_to_ask(lake, scope, config.targets, now=days.now)
    collected = collector.comments(connected, wanted) if wanted else Collected()
    frame = to_frame(collected.rows, COMMENTS, day=days.end).unique("comment_id", keep="first", maintain_order=True)
    checked = inspect(frame, COMMENTS, rules_for(COMMENTS), now=days.now)
    return enter(
        lake,
        COMMENTS,
        checked,
        write=lake.append,
        rows=frame.height,
        failures=collected.failures,
        asked=() if days.is_past else own(connected),
        as_of=days.now,
        new=only_new(checked.good, COMMENTS, lake, scope),
        metadata={"posts_read": len(wanted)},
    )


@dg.asset(
    **asset_options(MESSAGES),
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    check_specs=checks_of(MESSAGES),
    pool="networks",
)
def messages(
    context: dg.AssetExecutionContext,
    config: Narrowed,
    lake: dg.ResourceParam[Lake],
    store: dg.ResourceParam[Store],
    collector: dg.ResourceParam[Collector],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Grain: direct message, as first observed. Words and people go to the store and nowhere else. A past day asks no network."""
    days, scope = run_days(context, clock.now()), config.scope(STAGE)
    connected = store.accounts(scope)
    since = {} if days.is_past else messages_since(lake, scope, connected, now=days.now)
    collected = collector.messages(connected, since=since) if since else Collected()
    kept = store.save_messages(collected.rows)
    frame = to_frame(collected.rows, MESSAGES, day=days.end).unique("message_id", keep="first", maintain_order=True)
    checked = inspect(frame, MESSAGES, rules_for(MESSAGES), now=days.now)
    return enter(
        lake,
        MESSAGES,
        checked,
        write=lake.append,
        rows=frame.height,
        failures=collected.failures,
        asked=() if days.is_past else own(connected),
        as_of=days.now,
        new=only_new(checked.good, MESSAGES, lake, scope),
        metadata={"new_in_the_store": kept},
    )
