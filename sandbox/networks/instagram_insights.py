"""Instagram's insights: of a media object (lifetime) and of an account (per Pacific day), in both shapes that the Graph uses."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.faults import Effects
from sandbox.host import Host
from sandbox.networks.graph import graph_error, graph_time
from sandbox.world.model import DAY_MS, Account, Post, to_datetime, to_ms
from sandbox.world.seeding import stream

PACIFIC = ZoneInfo("America/Los_Angeles")
_MEDIA = {
    "views": "views",
    "reach": "reach",
    "saved": "saves",
    "likes": "likes",
    "comments": "comments",
    "shares": "shares",
}
_REELS = ("ig_reels_avg_watch_time", "ig_reels_video_view_total_time")
_SERIES = ("reach", "follower_count")
_TOTALS = {
    "reach": "reach",
    "likes": "likes",
    "views": "views",
    "comments": "comments",
    "shares": "shares",
    "saves": "saves",
}
_DAILY_OVERLAP = 0.85
"""An account's daily reach as a share of the sum over its posts: some people see two."""
_GROWING_DAYS = 40
"""Posts older than this add nothing that a day's sum would show."""


def _title(name: str) -> str:
    return name.replace("ig_", "").replace("_", " ").capitalize()


def _bad_metric(names: Sequence[str], known: Sequence[str]) -> Exception:
    bad = next(index for index, name in enumerate(names) if name not in known)
    return graph_error(f"(#100) metric[{bad}] must be one of the following values: {', '.join(known)}", 100)


class Insights:
    """Answers insights requests from the world's counts. A metric that the world does not know is left out."""

    def __init__(self, host: Host, counts: Callable[[Post, Effects], Mapping[str, int]]) -> None:
        self._host = host
        self._counts = counts
        self._gains: dict[tuple[str, int, int, int], dict[str, int]] = {}
        """Finished spans, by account, span and revision of the feeds: a pure cache."""

    @staticmethod
    def _names(params: Mapping[str, str]) -> list[str]:
        names = [name.strip() for name in params.get("metric", "").split(",") if name.strip()]
        if not names:
            raise graph_error("(#100) The parameter metric is required", 100)
        return names

    @staticmethod
    def _without_retired(known: Sequence[str], effects: Effects) -> list[str]:
        retired = effects.param("retired_metric", "metric", "views") if "retired_metric" in effects else None
        return [name for name in known if name != retired]

    # --- media ---

    def of_media(self, post: Post, params: Mapping[str, str], effects: Effects) -> dict[str, Any]:
        """Lifetime metrics of one media object."""
        names = self._names(params)
        known = [*_MEDIA, "total_interactions", *(_REELS if post.content_format == "video" else ())]
        known = self._without_retired(known, effects)
        if any(name not in known for name in names):
            raise _bad_metric(names, known)
        counts = self._counts(post, effects)
        as_total = params.get("metric_type") == "total_value"
        data = []
        for name in dict.fromkeys(names):
            value = self._media_value(post, name, counts)
            if value is not None:
                shape: dict[str, Any] = (
                    {"total_value": {"value": value}} if as_total else {"values": [{"value": value}]}
                )
                data.append(
                    {
                        "name": name,
                        "period": "lifetime",
                        **shape,
                        "title": _title(name),
                        "description": _title(name),
                        "id": f"{post.native_id}/insights/{name}/lifetime",
                    }
                )
        return {"data": data}

    @staticmethod
    def _media_value(post: Post, name: str, counts: Mapping[str, int]) -> int | None:
        if name in _MEDIA:
            return counts.get(_MEDIA[name])
        if name == "total_interactions":
            parts = [counts[part] for part in ("likes", "comments", "shares", "saves") if part in counts]
            return sum(parts) if parts else None
        if "views" not in counts:
            return None
        watched_ms = stream(0, "watch", post.native_id).randint(3_000, 14_000)
        return watched_ms if name == "ig_reels_avg_watch_time" else watched_ms * counts["views"]

    # --- accounts ---

    def of_account(self, account: Account, params: Mapping[str, str], effects: Effects) -> dict[str, Any]:
        """Daily series, or totals over a span with `metric_type=total_value`."""
        names = self._names(params)
        as_total = params.get("metric_type") == "total_value"
        known = self._without_retired([*_SERIES, *(name for name in (*_TOTALS, "replies") if name != "reach")], effects)
        if any(name not in known for name in names):
            raise _bad_metric(names, known)
        if params.get("period", "day") != "day":
            raise graph_error("(#100) period must be day for these metrics", 100)
        if not as_total:
            wrong = [name for name in names if name not in _SERIES]
            if wrong:
                listed = ",".join(wrong)
                raise graph_error(
                    f"(#100) The following metrics ({listed}) should be specified with parameter metric_type=total_value",
                    100,
                )
        elif "follower_count" in names:
            raise graph_error("(#100) The metric follower_count is not available with metric_type=total_value", 100)
        since_ms, until_ms = self._span(params)
        data = [
            item
            for name in dict.fromkeys(names)
            if (item := self._account_item(account, name, since_ms, until_ms, as_total)) is not None
        ]
        return {"data": data}

    def _span(self, params: Mapping[str, str]) -> tuple[int, int]:
        until_ms = self._moment(params.get("until"), self._host.clock.now_ms)
        since_ms = self._moment(params.get("since"), until_ms - 2 * DAY_MS)
        if since_ms >= until_ms:
            raise graph_error("(#100) The since param must be before until", 100)
        return since_ms, until_ms

    @staticmethod
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

    def _account_item(
        self, account: Account, name: str, since_ms: int, until_ms: int, as_total: bool
    ) -> dict[str, Any] | None:
        head = {"name": name, "period": "day"}
        tail = {"title": _title(name), "description": _title(name), "id": f"{account.native_id}/insights/{name}/day"}
        if as_total:
            value = self._value(account, name, since_ms, min(until_ms, self._host.clock.now_ms))
            return None if value is None else head | {"total_value": {"value": value}} | tail
        values = []
        for start_ms, end_ms in pacific_days(since_ms, min(until_ms, self._host.clock.now_ms)):
            value = self._value(account, name, start_ms, end_ms)
            if value is not None:
                values.append({"value": value, "end_time": graph_time(end_ms)})
        return head | {"values": values} | tail if values else None

    def _value(self, account: Account, name: str, start_ms: int, end_ms: int) -> int | None:
        if end_ms <= start_ms:
            return None
        if name == "follower_count":
            return self._host.world.new_followers(account, start_ms, end_ms)
        idle = self._host.world.idle_reach(account, end_ms)
        if idle is None:
            return None
        if name == "replies":  # answers to stories: this world has none
            return 0
        gained = self._gained(account, start_ms, end_ms).get(_TOTALS[name], 0)
        return round(_DAILY_OVERLAP * gained) + idle if name == "reach" else gained

    def _gained(self, account: Account, start_ms: int, end_ms: int) -> dict[str, int]:
        key = (account.native_id, start_ms, end_ms, self._host.revision)
        if key not in self._gains:
            total: Counter[str] = Counter()
            for post in self._host.feed(account).posts:
                if start_ms - _GROWING_DAYS * DAY_MS <= post.created_ms < end_ms:
                    total.update(self._host.world.counts(post, end_ms))
                    total.subtract(self._host.world.counts(post, start_ms))
            self._gains[key] = dict(total)
        return self._gains[key]


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
