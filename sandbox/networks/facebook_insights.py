"""Facebook's insights: of a post over its life, of a Page per Pacific day. A metric may come with several periods."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.faults import Effects
from sandbox.host import Host
from sandbox.networks.facebook_posts import reactions_by_type
from sandbox.networks.graph import graph_error, graph_time
from sandbox.networks.graph_insights import Gains, bad_metric, metric_names, pacific_days, span, without_retired
from sandbox.networks.rest import RestCall
from sandbox.world.model import DAY_MS, Account, Post

_POST = ("post_media_view", "post_total_media_view_unique", "post_reactions_by_type_total", "post_clicks")
_PAGE = ("page_media_view", "page_total_media_view_unique", "page_post_engagements", "page_daily_follows")
_PERIODS = {"day": 1, "week": 7, "days_28": 28}
_DAILY_OVERLAP = 0.85
"""A Page's daily reach as a share of the sum over its posts: some people see two."""


class Insights:
    """Answers insights requests from the world's counts. A metric that the world does not know (clicks) is left out."""

    def __init__(self, host: Host, counts: Callable[[RestCall, Post], Mapping[str, int]]) -> None:
        self._host = host
        self._counts = counts
        self._gains = Gains(host)

    # --- posts ---

    def of_post(self, post: Post, call: RestCall) -> dict[str, Any]:
        """Metrics of one post over its life; its views also of the last day, as the network sends them unasked."""
        names, known = metric_names(call.params), without_retired(_POST, call.effects)
        if any(name not in known for name in names):
            raise bad_metric(names, known)
        counts = self._counts(call, post)
        data = []
        for name in dict.fromkeys(names):
            value = _of_life(name, counts)
            if value is None:
                continue
            if name == "post_media_view":
                before = self._host.world.counts(post, self._host.clock.now_ms - DAY_MS).get("views", 0)
                data.append(_item(post.native_id, name, "day", [{"value": max(0, counts["views"] - before)}]))
            data.append(_item(post.native_id, name, "lifetime", [{"value": value}]))
        return {"data": data}

    # --- Pages ---

    def of_page(self, page: Account, params: Mapping[str, str], effects: Effects) -> dict[str, Any]:
        """A series per metric and period; all three periods where none is named."""
        names, known = metric_names(params), without_retired(_PAGE, effects)
        if any(name not in known for name in names):
            raise bad_metric(names, known)
        period = params.get("period")
        if period is not None and period not in _PERIODS:
            raise graph_error(f"(#100) period must be one of the following values: {', '.join(_PERIODS)}", 100)
        since_ms, until_ms = span(params, self._host.clock.now_ms)
        days = pacific_days(since_ms, min(until_ms, self._host.clock.now_ms))
        data = []
        for name in dict.fromkeys(names):
            for shown in [period] if period else _PERIODS:
                length = _PERIODS[shown] - 1
                values = [
                    {"value": value, "end_time": graph_time(end_ms)}
                    for start_ms, end_ms in days
                    if (value := self._value(page, name, start_ms - length * DAY_MS, end_ms)) is not None
                ]
                if values:
                    data.append(_item(page.native_id, name, shown, values))
        return {"data": data}

    def _value(self, page: Account, name: str, start_ms: int, end_ms: int) -> int | None:
        if name == "page_daily_follows":
            return self._host.world.new_followers(page, start_ms, end_ms)
        idle = self._host.world.idle_reach(page, end_ms)
        if idle is None:
            return None
        gained = self._gains.between(page, start_ms, end_ms)
        if name == "page_total_media_view_unique":
            return round(_DAILY_OVERLAP * gained.get("reach", 0)) + idle
        if name == "page_media_view":
            return gained.get("views", 0)
        return sum(gained.get(part, 0) for part in ("likes", "comments", "shares"))


def _of_life(name: str, counts: Mapping[str, int]) -> Any:
    if name == "post_reactions_by_type_total":
        return reactions_by_type(counts["likes"]) if "likes" in counts else None
    return counts.get({"post_media_view": "views", "post_total_media_view_unique": "reach"}.get(name, name))


def _item(node: str, name: str, period: str, values: list[dict[str, Any]]) -> dict[str, Any]:
    title = name.partition("_")[2].replace("_", " ").capitalize()
    shown = {"name": name, "period": period, "values": values, "title": title, "description": title}
    return shown | {"id": f"{node}/insights/{name}/{period}"}
