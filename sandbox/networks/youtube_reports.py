"""YouTube Analytics: tables of counts by day or by video, two or three days late.

Belongs here: reports. Does not belong here: videos as they are now (`youtube_views.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sandbox.host import Host
from sandbox.networks.rest import RestCall
from sandbox.networks.youtube_views import Views
from sandbox.networks.youtube_wire import PACIFIC, refusal
from sandbox.wire import Answer, Refusal
from sandbox.world.model import DAY_MS, Account, Post, to_ms

LATE_DAYS = 2
"""Of the newest days there is no row yet."""

GROWING_DAYS = 60
"""Videos older than this add nothing that a day's sum would show."""

MOST_VIDEO_ROWS = 200
_COUNTED = ("views", "likes", "comments", "shares")
_WATCHED = ("estimatedMinutesWatched", "averageViewDuration")
_AUDIENCE = ("subscribersGained", "subscribersLost")
METRICS = (*_COUNTED, *_WATCHED, *_AUDIENCE)


def _start_ms(day: date) -> int:
    return to_ms(datetime.combine(day, time(), PACIFIC))


def _unknown(names: str, what: str) -> Refusal:
    message = f"Unknown identifier ({names}) given in field parameters.{what}."
    return refusal(400, "badRequest", message, domain="global", location=f"parameters.{what}", locationType="parameter")


class Reports:
    """Answers reports from the world's counts. A metric that the world does not know counts for nothing."""

    def __init__(self, host: Host, views: Views) -> None:
        self._host, self._views = host, views

    async def query(self, call: RestCall) -> Answer:
        """One table."""
        params, account = call.params, call.caller
        if params.get("ids") not in ("channel==MINE", f"channel=={account.native_id}"):
            raise refusal(403, "forbidden", "Forbidden", domain="global")
        start, end = _day(params, "startDate"), _day(params, "endDate")
        metrics = [name for name in params.get("metrics", "").split(",") if name]
        retired = call.effects.param("retired_metric", "metric", "views") if "retired_metric" in call.effects else None
        if not metrics or (unknown := [name for name in metrics if name not in METRICS or name == retired]):
            raise _unknown(",".join(unknown) if metrics else "", "metrics")
        newest = self._host.clock.now().astimezone(PACIFIC).date() - timedelta(days=LATE_DAYS)
        dimension = params.get("dimensions", "")
        if dimension == "day":
            rows = self._by_day(account, metrics, start, min(end, newest))
        elif dimension == "video":
            rows = self._by_video(account, params, metrics, start, min(end, newest))
        else:
            raise _unknown(dimension, "dimensions")
        headers = [{"name": dimension, "columnType": "DIMENSION", "dataType": "STRING"}]
        headers += [{"name": name, "columnType": "METRIC", "dataType": "INTEGER"} for name in metrics]
        body: dict[str, Any] = {"kind": "youtubeAnalytics#resultTable", "columnHeaders": headers}
        return Answer(body | ({"rows": rows} if rows else {}))

    def _by_day(self, account: Account, metrics: Sequence[str], start: date, end: date) -> list[list[Any]]:
        rows = []
        posts = self._host.feed(account).posts
        for offset in range((end - start).days + 1):
            day = start + timedelta(days=offset)
            first, after = _start_ms(day), _start_ms(day + timedelta(days=1))
            growing = [p for p in posts if first - GROWING_DAYS * DAY_MS < p.created_ms < after]
            sums = _sum([self._gained(post, first, after) for post in growing])
            sums |= self._audience(account, first, after)
            if any(sums.get(name) for name in METRICS):
                rows.append([day.isoformat(), *(sums.get(name, 0) for name in metrics)])
        return rows

    def _by_video(
        self, account: Account, params: Mapping[str, str], metrics: Sequence[str], start: date, end: date
    ) -> list[list[Any]]:
        largest = params.get("maxResults", "")
        sort = params.get("sort", "")
        if not largest.isdecimal() or not 0 < int(largest) <= MOST_VIDEO_ROWS or sort.lstrip("-") not in metrics:
            message = "The query is not supported. Reports by video need maxResults and sort."
            raise refusal(400, "badRequest", message, domain="global")
        field, _, ids = params.get("filters", "").partition("==")
        wanted = set(ids.split(",")) if field == "video" else None
        rows: list[list[Any]] = []
        for post in self._host.feed(account).posts:
            if wanted is None or post.native_id in wanted:
                sums = self._gained(post, _start_ms(start), _start_ms(end + timedelta(days=1)))
                if sums.get("views"):
                    rows.append([post.native_id, *(sums.get(name, 0) for name in metrics)])
        column = 1 + list(metrics).index(sort.lstrip("-"))
        rows.sort(key=lambda row: row[column], reverse=sort.startswith("-"))
        return rows[: int(largest)]

    def _gained(self, post: Post, start_ms: int, end_ms: int) -> dict[str, int]:
        """What a video gained between two moments."""
        if end_ms <= max(start_ms, post.created_ms):
            return {}
        before = self._host.world.counts(post, start_ms) if start_ms > post.created_ms else {}
        after = self._host.world.counts(post, end_ms)
        gained = {name: after[name] - before.get(name, 0) for name in _COUNTED if name in after}
        seconds = self._views.watched_seconds(post)
        watched = {"estimatedMinutesWatched": gained.get("views", 0) * seconds // 60, "averageViewDuration": seconds}
        return gained | watched

    def _audience(self, account: Account, start_ms: int, end_ms: int) -> dict[str, int]:
        gained = self._host.world.new_followers(account, start_ms, end_ms)
        before, after = (self._host.world.followers(account, moment) for moment in (start_ms, end_ms))
        if gained is None or before is None or after is None:
            return {}
        return {"subscribersGained": gained, "subscribersLost": max(0, before + gained - after)}


def _sum(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Sums of counts; of averages the one that views give."""
    total = {name: sum(part.get(name, 0) for part in parts) for name in (*_COUNTED, "estimatedMinutesWatched")}
    views = total["views"]
    seconds = sum(part.get("views", 0) * part.get("averageViewDuration", 0) for part in parts)
    return total | {"averageViewDuration": round(seconds / views) if views > 0 else 0}


def _day(params: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(params.get(name, ""))
    except ValueError:
        message = f"Invalid value '{params.get(name, '')}'. Values must match YYYY-MM-DD."
        raise refusal(400, "badRequest", message, domain="global", location=f"parameters.{name}") from None
