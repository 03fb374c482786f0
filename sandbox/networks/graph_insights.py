"""What insights of all Graph networks share: parameters, Pacific days, and what an account's posts gained between two moments."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.faults import Effects
from sandbox.host import Host
from sandbox.networks.graph import graph_error
from sandbox.wire import Refusal
from sandbox.world.model import DAY_MS, Account, to_datetime, to_ms

PACIFIC = ZoneInfo("America/Los_Angeles")
_GROWING_DAYS = 40
"""Posts older than this add nothing that a day's sum would show."""


def metric_names(params: Mapping[str, str]) -> list[str]:
    """The metrics asked for; raises the Graph's refusal where there are none."""
    names = [name.strip() for name in params.get("metric", "").split(",") if name.strip()]
    if not names:
        raise graph_error("(#100) The parameter metric is required", 100)
    return names


def without_retired(known: Sequence[str], effects: Effects) -> list[str]:
    """The known metrics but the one that the fault `retired_metric` takes away."""
    retired = effects.param("retired_metric", "metric", "views") if "retired_metric" in effects else None
    return [name for name in known if name != retired]


def bad_metric(names: Sequence[str], known: Sequence[str]) -> Refusal:
    """The refusal of the whole call for its first unknown metric."""
    bad = next(index for index, name in enumerate(names) if name not in known)
    return graph_error(f"(#100) metric[{bad}] must be one of the following values: {', '.join(known)}", 100)


def span(params: Mapping[str, str], now_ms: int) -> tuple[int, int]:
    """`since` and `until` in milliseconds; by default the last two days."""
    until_ms = _moment(params.get("until"), now_ms)
    since_ms = _moment(params.get("since"), until_ms - 2 * DAY_MS)
    if since_ms >= until_ms:
        raise graph_error("(#100) The since param must be before until", 100)
    return since_ms, until_ms


def _moment(text: str | None, default_ms: int) -> int:
    if not text:
        return default_ms
    if text.isdigit():
        return int(text) * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise graph_error("(#100) Must be a unix timestamp or a date", 100) from None
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=PACIFIC))


class Gains:
    """What an account's posts gathered between two moments."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known: dict[tuple[str, int, int, int], dict[str, int]] = {}
        """Finished spans, by account, span and revision of the feeds: a pure cache."""

    def between(self, account: Account, start_ms: int, end_ms: int) -> Mapping[str, int]:
        """Sums over all posts, by metric of the world."""
        key = (account.native_id, start_ms, end_ms, self._host.revision)
        if key not in self._known:
            total: Counter[str] = Counter()
            for post in self._host.feed(account).posts:
                if start_ms - _GROWING_DAYS * DAY_MS <= post.created_ms < end_ms:
                    total.update(self._host.world.counts(post, end_ms))
                    total.subtract(self._host.world.counts(post, start_ms))
            self._known[key] = dict(total)
        return self._known[key]


def pacific_days(since_ms: int, until_ms: int) -> list[tuple[int, int]]:
    """Complete Pacific days whose end lies after `since` and not after `until`, as (start, end) in milliseconds."""
    day = to_datetime(since_ms).astimezone(PACIFIC).date()
    found: list[tuple[int, int]] = []
    while True:
        start = datetime(day.year, day.month, day.day, tzinfo=PACIFIC)
        following = day + timedelta(days=1)
        end = datetime(following.year, following.month, following.day, tzinfo=PACIFIC)
        if to_ms(end) > until_ms:
            return found
        if to_ms(end) > since_ms:
            found.append((to_ms(start), to_ms(end)))
        day = following
