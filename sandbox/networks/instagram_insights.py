"""Instagram's insights: of a media object (lifetime) and of an account (per Pacific day), in both shapes that the Graph uses."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.faults import Effects
from sandbox.host import Host
from sandbox.networks.graph import graph_error, graph_time
from sandbox.networks.graph_insights import Gains, bad_metric, metric_names, pacific_days, span, without_retired
from sandbox.world.model import Account, Post
from sandbox.world.seeding import stream

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


def _title(name: str) -> str:
    return name.replace("ig_", "").replace("_", " ").capitalize()


class Insights:
    """Answers insights requests from the world's counts. A metric that the world does not know is left out."""

    def __init__(self, host: Host, counts: Callable[[Post, Effects], Mapping[str, int]]) -> None:
        self._host = host
        self._counts = counts
        self._gains = Gains(host)

    # --- media ---

    def of_media(self, post: Post, params: Mapping[str, str], effects: Effects) -> dict[str, Any]:
        """Lifetime metrics of one media object."""
        names = metric_names(params)
        known = [*_MEDIA, "total_interactions", *(_REELS if post.content_format == "video" else ())]
        known = without_retired(known, effects)
        if any(name not in known for name in names):
            raise bad_metric(names, known)
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
        names = metric_names(params)
        as_total = params.get("metric_type") == "total_value"
        known = without_retired([*_SERIES, *(name for name in (*_TOTALS, "replies") if name != "reach")], effects)
        if any(name not in known for name in names):
            raise bad_metric(names, known)
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
        since_ms, until_ms = span(params, self._host.clock.now_ms)
        data = [
            item
            for name in dict.fromkeys(names)
            if (item := self._account_item(account, name, since_ms, until_ms, as_total)) is not None
        ]
        return {"data": data}

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
        gained = self._gains.between(account, start_ms, end_ms).get(_TOTALS[name], 0)
        return round(_DAILY_OVERLAP * gained) + idle if name == "reach" else gained
