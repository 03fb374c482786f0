"""Pinterest's analytics: what a pin or an account gathered on each day, with a status that says whether the day is settled.

Belongs here: days, statuses, names of metrics. Does not belong here: pins. The world knows no clicks; they follow from what it
knows, by the two constants below, which are judgements.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sandbox.host import Host
from sandbox.networks.pinterest_wire import invalid
from sandbox.networks.rest import RestCall
from sandbox.world.model import Post, to_datetime, to_ms

_CLICKS_PER_INTERACTION = 3
"""People open a pin more often than they react to it or save it."""
_CLICKS_PER_OUTBOUND_CLICK = 4

_REACH_DAYS = 90
_SETTLED_AFTER_DAYS = 2  # [K]: in the one recorded answer the last two days are not settled

_COMMON = ("IMPRESSION", "OUTBOUND_CLICK", "PIN_CLICK", "SAVE", "SAVE_RATE")
_LIFETIME = ("TOTAL_COMMENTS", "TOTAL_REACTIONS")
_PICTURE = (*_COMMON, *_LIFETIME, "USER_FOLLOW", "PROFILE_VISIT")
_FILM = (*_COMMON, *_LIFETIME, "VIDEO_MRC_VIEW", "VIDEO_10S_VIEW", "QUARTILE_95_PERCENT_VIEW", "VIDEO_V50_WATCH_TIME")
_FILM_TOO = ("VIDEO_START", "VIDEO_AVG_WATCH_TIME")
_ACCOUNT = (
    "ENGAGEMENT",
    "ENGAGEMENT_RATE",
    "IMPRESSION",
    "OUTBOUND_CLICK",
    "OUTBOUND_CLICK_RATE",
    "PIN_CLICK",
    "PIN_CLICK_RATE",
    "SAVE",
    "SAVE_RATE",
)


class PinterestAnalytics:
    """Answers the three analytics endpoints out of the world's counts at the ends of days."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def listed(self, counts: Mapping[str, int]) -> dict[str, Any]:
        """`pin_metrics` of a listed pin."""
        known = _totals(counts)
        names = {"impression": "IMPRESSION", "pin_click": "PIN_CLICK", "clickthrough": "OUTBOUND_CLICK", "save": "SAVE"}
        lifetime = {theirs: known[name] for theirs, name in names.items() if name in known}
        lifetime |= {"reaction": counts.get("likes", 0), "comment": counts.get("comments", 0)}
        return {"lifetime_metrics": lifetime}

    def of_pin(self, call: RestCall, post: Post) -> dict[str, Any]:
        """Analytics of one pin. Raises Refusal."""
        known = (*_FILM, *_FILM_TOO) if post.content_format == "video" else _PICTURE
        metrics, (start, end) = self._metrics(call, known), self._days(call)
        lifetime = {"TOTAL_COMMENTS": "comments", "TOTAL_REACTIONS": "likes"}
        late = self._late(call)
        counts = self._host.counts(post, late_hours=late / timedelta(hours=1))
        answer = self._slice([post], start, end, [name for name in metrics if name not in _LIFETIME], late)
        answer["lifetime_metrics"] = {name: counts.get(lifetime[name], 0) for name in metrics if name in lifetime}
        return {"all": answer}

    def of_account(self, call: RestCall, posts: Sequence[Post]) -> dict[str, Any]:
        """Analytics of all pins of an account together. Raises Refusal."""
        metrics = self._metrics(call, _ACCOUNT) if "metric_types" in call.params else list(_ACCOUNT)
        start, end = self._days(call)
        return {"all": self._slice(posts, start, end, metrics, self._late(call))}

    @staticmethod
    def _metrics(call: RestCall, known: Sequence[str]) -> list[str]:
        asked = [name for name in call.params.get("metric_types", "").split(",") if name]
        retired = (
            call.effects.param("retired_metric", "metric", "PIN_CLICK") if "retired_metric" in call.effects else None
        )
        if not asked or any(name not in known or name == retired for name in asked):
            raise invalid(f"metric_types: each must be one of {', '.join(name for name in known if name != retired)}")
        return asked

    def _days(self, call: RestCall) -> tuple[date, date]:
        try:
            start, end = (date.fromisoformat(call.params[name]) for name in ("start_date", "end_date"))
        except (KeyError, ValueError):
            raise invalid("start_date and end_date: YYYY-MM-DD are expected") from None
        if start < self._today - timedelta(days=_REACH_DAYS):
            raise invalid(f"start_date: at most {_REACH_DAYS} days back")
        if not timedelta(0) <= end - start <= timedelta(days=_REACH_DAYS):
            raise invalid(f"end_date: from start_date to {_REACH_DAYS} days after it")
        return start, end

    @property
    def _today(self) -> date:
        return self._host.clock.now().date()

    @staticmethod
    def _late(call: RestCall) -> timedelta:
        """How much later than usual days settle (fault `late_counts`)."""
        hours = float(call.effects.param("late_counts", "hours", 24.0)) if "late_counts" in call.effects else 0.0
        return timedelta(hours=hours)

    def _slice(
        self, posts: Sequence[Post], start: date, end: date, metrics: Sequence[str], late: timedelta
    ) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        summary: dict[str, float] = {}
        settled = (self._host.clock.now() - late).date() - timedelta(days=_SETTLED_AFTER_DAYS)
        first = min((to_datetime(post.created_ms).date() for post in posts), default=None)
        for day in (start + timedelta(days=n) for n in range((end - start).days + 1)):
            if len(posts) == 1 and first is not None and day < first:
                status, values = "BEFORE_PIN_CREATED", dict.fromkeys(metrics, 0.0)
            elif day > settled:
                status, values = "PROCESSING", dict.fromkeys(metrics, 0.0)
            else:
                status, values = "READY", _chosen(metrics, self._gathered(posts, day))
                summary |= {name: summary.get(name, 0) + value for name, value in values.items()}
            rows.append({"date": day.isoformat(), "data_status": status, "metrics": values})
        return {"daily_metrics": rows, "summary_metrics": summary}

    def _gathered(self, posts: Sequence[Post], day: date) -> dict[str, int]:
        """What these pins gathered on one day."""
        opens = to_ms(datetime.combine(day, time(), UTC))
        closes = opens + round(timedelta(days=1).total_seconds() * 1000)
        total: dict[str, int] = {}
        for post in posts:
            if post.created_ms >= closes:
                continue
            after = _totals(self._host.world.counts(post, closes))
            before = _totals(self._host.world.counts(post, opens)) if post.created_ms < opens else {}
            for name, value in after.items():
                total[name] = total.get(name, 0) + value - before.get(name, 0)
        return total


def _totals(counts: Mapping[str, int]) -> dict[str, int]:
    """A pin's counts by Pinterest's names. What the world does not know is absent."""
    found: dict[str, int] = {}
    if counts.get("views") is not None:
        found |= {"IMPRESSION": counts["views"], "VIDEO_MRC_VIEW": counts["views"]}
    if "saves" in counts:
        found["SAVE"] = counts["saves"]
        clicks = _CLICKS_PER_INTERACTION * (counts["saves"] + counts.get("likes", 0))
        clicks = min(clicks, counts["views"]) if "views" in counts else clicks
        found |= {"PIN_CLICK": clicks, "OUTBOUND_CLICK": clicks // _CLICKS_PER_OUTBOUND_CLICK}
    return found


def _chosen(metrics: Sequence[str], gathered: Mapping[str, int]) -> dict[str, float]:
    """The metrics asked for, rates and sums among them, as far as the world knows them."""
    impressions = gathered.get("IMPRESSION", 0)
    engagement = sum(gathered.get(name, 0) for name in ("SAVE", "PIN_CLICK", "OUTBOUND_CLICK"))
    known: dict[str, float] = {**gathered, "ENGAGEMENT": engagement}
    for name in ("SAVE", "PIN_CLICK", "OUTBOUND_CLICK", "ENGAGEMENT"):
        if name in known:
            known[f"{name}_RATE"] = known[name] / impressions if impressions else 0.0
    return {name: known[name] for name in metrics if name in known}
