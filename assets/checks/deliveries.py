"""An alarm when what was promised does not go out: seen in Dagster, where people are told, and in the log, line by line.

Belongs here: which of the store's troubles are worth an alarm, and how loud. Does not belong here: finding them (operations).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import dagster as dg
import structlog

from assets.keys import key_of
from contracts.clock import Clock
from contracts.ports import Store
from contracts.records import Trouble
from contracts.scope import TenantScope
from contracts.tables import PUBLISHED_POSTS

CHECK_NAME = "everything_goes_out"
LINES = 50
"""More is not read; all of them are in the metadata, the app and `pulso troubles`."""

log = structlog.get_logger(__name__)


@dg.asset_check(
    asset=key_of(PUBLISHED_POSTS),
    name=CHECK_NAME,
    description="No account is paused, nothing is stuck or parked, and nothing was refused or missed since yesterday.",
)
def deliveries_check(store: dg.ResourceParam[Store], clock: dg.ResourceParam[Clock]) -> dg.AssetCheckResult:
    """An error where what comes after will not go out either, a warning where single posts are held up."""
    yesterday = datetime.combine(clock.now().date() - timedelta(days=1), time(), UTC)
    troubles = store.troubles(TenantScope.all_clients("the alarm is for all clients"), since=yesterday)
    for trouble in troubles:
        log.warning("not_going_out", **trouble.model_dump(mode="json"))
    return dg.AssetCheckResult(
        passed=not troubles,
        severity=severity_of(troubles),
        description="\n".join(_told(troubles)) or "Everything that was promised goes out.",
        metadata={
            "troubles": len(troubles),
            "posts_held_up": sum(trouble.posts for trouble in troubles),
            "list": dg.MetadataValue.json([trouble.model_dump(mode="json") for trouble in troubles]),
        },
    )


def severity_of(troubles: Sequence[Trouble]) -> dg.AssetCheckSeverity:
    """By cost: an account or a publisher that stands still loses a post with every slot, a parked post only itself."""
    is_costly = any(trouble.holds_up_others for trouble in troubles)
    return dg.AssetCheckSeverity.ERROR if is_costly else dg.AssetCheckSeverity.WARN


def _told(troubles: Sequence[Trouble]) -> list[str]:
    lines = [
        f"{t.kind.value} since {t.since:%Y-%m-%d %H:%M} UTC, {t.posts} posts: {t.account_id} ({t.client_id})"
        f"{f', item {t.content_item_id}' if t.content_item_id else ''}: {t.reason}. "
        f"The problem of {t.owner}. {t.remedy}"
        for t in troubles[:LINES]
    ]
    return [*lines, *([f"and {len(troubles) - LINES} more"] if len(troubles) > LINES else [])]
