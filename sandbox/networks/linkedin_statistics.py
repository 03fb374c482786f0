"""LinkedIn's three statistics: of shares, of followers, of page views; of all time or per UTC day.

Belongs here: what they ask and answer, from the world's counts. Does not belong here: paging and who may ask (`linkedin.py`).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.host import Host
from sandbox.networks.linkedin_refusals import denied, invalid, refuse
from sandbox.world.model import DAY_MS, Account, Counts, Post
from sandbox.world.seeding import number

HISTORY_MS = 365 * DAY_MS
"""Statistics reach back twelve months from now, rolling."""
_GROWING_DAYS = 40
"""Posts older than this add nothing that a day's sum would show."""
_SEGMENTS = ("AssociationType", "Seniority", "Industry", "Function", "StaffCountRange", "GeoCountry", "Geo")

CountsOf = Callable[[Post], Counts]


class Statistics:
    """Answers from the world. Pure, but for a cache of finished days."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._days: dict[tuple[str, int, int], Counter[str]] = {}

    def of_shares(self, account: Account, query: Mapping[str, Any], counts: CountsOf) -> list[dict[str, Any]]:
        """`organizationalEntityShareStatistics`: of named posts, of each day, or of everything."""
        urns = self._named(query)
        if urns is not None:
            if "timeIntervals" in query:
                raise refuse(400, "timeIntervals can not be combined with shares or ugcPosts here", "ILLEGAL_ARGUMENT")
            return [self._of_post(account, kind, urn, counts) for kind, urn in urns]
        entity = {"organizationalEntity": account.native_id}
        days = self._asked_days(query)
        if days is None:
            total: Counter[str] = Counter()
            for post in self._host.feed(account).posts:
                if post.created_ms > self._host.clock.now_ms - HISTORY_MS:
                    total.update(_totals(post, counts(post)))
            return [{"totalShareStatistics": _share_statistics(total), **entity}]
        return [
            {
                "timeRange": {"start": start, "end": start + DAY_MS},
                "totalShareStatistics": _share_statistics(gained),
                **entity,
            }
            for start in days
            if (gained := self._gained(account, start)) is not None
        ]

    def of_followers(self, account: Account, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`organizationalEntityFollowerStatistics`: gains of each day, or the (empty) breakdowns of all time."""
        entity = {"organizationalEntity": account.native_id}
        days = self._asked_days(query)
        if days is None:
            return [{f"followerCountsBy{segment}": [] for segment in _SEGMENTS} | entity]
        elements = []
        for start in days:
            gained = self._host.world.new_followers(account, start, start + DAY_MS)
            if gained is not None:
                gains = {"organicFollowerGain": gained, "paidFollowerGain": 0}
                elements.append(
                    {"timeRange": {"start": start, "end": start + DAY_MS}, "followerGains": gains, **entity}
                )
        return elements

    def of_page(self, account: Account, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`organizationPageStatistics`: views of the page, some people of a hundred followers a day."""
        elements = []
        for start in self._asked_days(query) or []:
            followers = self._host.world.followers(account, start + DAY_MS)
            if followers is None:
                continue
            views = followers * (5 + number(0, "page views", account.native_id, start) % 10) // 1000
            shown = {"pageViews": views, "uniquePageViews": views * 4 // 5}
            elements.append(
                {
                    "timeRange": {"start": start, "end": start + DAY_MS},
                    "totalPageStatistics": {"views": {"allPageViews": shown, "overviewPageViews": shown}, "clicks": {}},
                    "organization": account.native_id,
                }
            )
        return elements

    @staticmethod
    def _named(query: Mapping[str, Any]) -> list[tuple[str, str]] | None:
        """The posts asked for; a share among UGC posts, or the other way round, is denied."""
        urns: list[tuple[str, str]] = []
        for parameter, kind in (("shares", "share"), ("ugcPosts", "ugcPost")):
            for urn in query.get(parameter, []):
                if not urn.startswith(f"urn:li:{kind}:"):
                    raise denied(f"organizationalEntityShareStatistics.FINDER-organizationalEntity.{parameter}")
                urns.append((kind, urn))
        return urns if "shares" in query or "ugcPosts" in query else None

    def _of_post(self, account: Account, kind: str, urn: str, counts: CountsOf) -> dict[str, Any]:
        post = self._host.post("linkedin", urn)
        if post is None or post.account_id != account.native_id:
            raise invalid("/shares" if kind == "share" else "/ugcPosts", f"{urn} is no post of {account.native_id}")
        return {
            kind: urn,
            "organizationalEntity": account.native_id,
            "totalShareStatistics": _share_statistics(_totals(post, counts(post))),
        }

    def _asked_days(self, query: Mapping[str, Any]) -> list[int] | None:
        """Beginnings of the finished UTC days asked for; None when all of time is."""
        intervals = query.get("timeIntervals")
        if intervals is None:
            return None
        try:
            span = intervals["timeRange"]
            start, end = int(span["start"]), int(span["end"])
            granularity = intervals["timeGranularityType"]
        except (KeyError, TypeError, ValueError):
            raise invalid("/timeIntervals", "not (timeRange:(start:ms,end:ms),timeGranularityType:DAY)") from None
        now = self._host.clock.now_ms
        if granularity != "DAY" or start >= end:
            raise invalid("/timeIntervals", "only days of a range that ends after its start")
        if start < (now - HISTORY_MS) // DAY_MS * DAY_MS:
            raise invalid("/timeIntervals/timeRange", "statistics reach back twelve months")
        first = -(-start // DAY_MS) * DAY_MS
        return [day for day in range(first, end, DAY_MS) if day + DAY_MS <= min(end, now)]

    def _gained(self, account: Account, start: int) -> Counter[str] | None:
        """What an account's posts gained in a day; None where the world knows no views."""
        key = (account.native_id, start, self._host.revision)
        if key not in self._days:
            total: Counter[str] = Counter()
            for post in self._host.feed(account).posts:
                if start - _GROWING_DAYS * DAY_MS <= post.created_ms < start + DAY_MS:
                    total.update(_totals(post, self._host.world.counts(post, start + DAY_MS)))
                    total.subtract(_totals(post, self._host.world.counts(post, start)))
            self._days[key] = total
        return self._days[key]


def _totals(post: Post, counts: Counts) -> Counter[str]:
    """The counts under LinkedIn's names. Clicks are one or two views of a hundred."""
    views = counts.get("views", 0)
    return Counter(
        {
            "impressionCount": views,
            "uniqueImpressionsCount": counts.get("reach", 0),
            "clickCount": views * (10 + number(0, "clicks", post.native_id) % 10) // 1000,
            "likeCount": counts.get("likes", 0),
            "commentCount": counts.get("comments", 0),
            "shareCount": counts.get("shares", 0),
        }
    )


def _share_statistics(totals: Mapping[str, int]) -> dict[str, Any]:
    names: Sequence[str] = (
        "uniqueImpressionsCount",
        "shareCount",
        "clickCount",
        "likeCount",
        "impressionCount",
        "commentCount",
    )
    shown: dict[str, Any] = {name: totals.get(name, 0) for name in names}
    acts = sum(shown[name] for name in ("shareCount", "clickCount", "likeCount", "commentCount"))
    engagement = acts / shown["impressionCount"] if shown["impressionCount"] else 0.0
    return shown | {"engagement": engagement, "shareMentionsCount": 0, "commentMentionsCount": 0}
