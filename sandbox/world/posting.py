"""When and what a brand posts by itself: regular calendars, habits of hour, weekday, theme and format chosen together.

The habits are confounded on purpose (a theme has its weekday, an occasion its odd hour), so that a naive "best hour" misleads.
"""

import math
import random
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.world import pages, texts
from sandbox.world.ids import post_id, tid
from sandbox.world.laws import LAWS
from sandbox.world.model import DAY_MS, HOUR_MS, Post, to_datetime, to_ms
from sandbox.world.parameters import WorldParameters
from sandbox.world.residents import Resident
from sandbox.world.seeding import identifier, number, stream

_DAY_HOURS = (7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)


@dataclass(frozen=True)
class _Habits:
    """What an account usually does, drawn once."""

    hours: dict[int, tuple[int, ...]]
    """Weekday -> the two or three local hours at which it posts."""
    pillar_of_weekday: tuple[str, ...]
    format_of_pillar: dict[str, str]


def _habits(seed: int, resident: Resident) -> _Habits:
    rng = stream(seed, "habits", resident.account.network, resident.account.handle)
    favourites = rng.sample(_DAY_HOURS, 5)
    themes = list(texts.pillars(resident.sector))
    rng.shuffle(themes)
    formats = LAWS[resident.account.network].formats
    return _Habits(
        hours={weekday: tuple(rng.sample(favourites, 3)) for weekday in range(7)},
        pillar_of_weekday=tuple(themes[weekday % len(themes)] for weekday in range(7)),
        format_of_pillar={theme: rng.choices(list(formats), list(formats.values()))[0] for theme in themes},
    )


class PostingProcess:
    """One brand's own posts, generated day by day and kept; the same seed gives the same posts in any order of asking."""

    def __init__(self, parameters: WorldParameters, seed: int, resident: Resident, start_ms: int) -> None:
        self._parameters = parameters
        self._seed = seed
        self._resident = resident
        self._start_ms = start_ms
        self._zone = ZoneInfo(resident.account.time_zone)
        self._habits = _habits(seed, resident)
        self._first_day = to_datetime(start_ms - parameters.history_days * DAY_MS).astimezone(self._zone).date()
        self._next_day = self._first_day
        self._posts: list[Post] = []
        self._times: list[int] = []

    def until(self, moment_ms: int) -> list[Post]:
        """Posts created up to the moment, oldest first."""
        last = to_datetime(moment_ms).astimezone(self._zone).date()
        while self._next_day <= last:
            for post in self._day(self._next_day):
                self._posts.append(post)
                self._times.append(post.created_ms)
            self._next_day += timedelta(days=1)
        return self._posts[: bisect_right(self._times, moment_ms)]

    def _day(self, day: date) -> list[Post]:
        handle = self._resident.account.handle
        rng = stream(self._seed, "posts", self._resident.account.network, handle, day.isoformat())
        moments: list[tuple[int, bool]] = []
        for _ in range(self._posts_on(day, rng)):
            is_occasion = rng.random() < self._parameters.occasion_share
            moments.append((to_ms(self._moment(day, is_occasion, rng)), is_occasion))
        first_ms = self._start_ms - self._parameters.history_days * DAY_MS
        made: list[Post] = []
        for moment_ms, is_occasion in sorted(moments):
            if moment_ms < first_ms or (made and moment_ms - made[-1].created_ms < HOUR_MS // 6 and rng.random() < 0.8):
                continue
            made.append(self._post(moment_ms, is_occasion, day, len(made), made, rng))
        return made

    def _posts_on(self, day: date, rng: random.Random) -> int:
        midday_ms = to_ms(datetime(day.year, day.month, day.day, 12, tzinfo=self._zone))
        if (midday_ms - self._start_ms) // DAY_MS in self._resident.pause_days:
            return 0
        rate = self._resident.rate * (self._parameters.weekend_posting if day.weekday() >= 5 else 1.0)
        if midday_ms > self._start_ms:
            rate *= self._resident.hand_posting_after_start
        count = math.floor(rate) + (rng.random() < rate % 1)
        # The fractional part alone gives a variance of f(1 - f); one post more or less, at times, makes up the rest.
        missing = self._parameters.posting_variance_ratio * rate - (rate % 1) * (1 - rate % 1)
        if count and rng.random() < max(0.0, missing):
            count += rng.choice((-1, 1))
        return count

    def _moment(self, day: date, is_occasion: bool, rng: random.Random) -> datetime:
        habitual = self._habits.hours[day.weekday()]
        odd_share = self._parameters.unusual_hour_share if is_occasion else 1 - self._parameters.habit_share
        hour = rng.choice(_DAY_HOURS) if rng.random() < odd_share else rng.choice(habitual)
        draw = rng.random()
        if draw < self._parameters.full_hour_share:
            minute = 0
        elif draw < self._parameters.full_hour_share + self._parameters.five_minute_share:
            minute = rng.randrange(5, 60, 5)
        else:
            minute = rng.randrange(60)
        second = rng.randrange(60) if draw > 0.4 else rng.randrange(4)
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=self._zone)

    def _post(
        self, moment_ms: int, is_occasion: bool, day: date, index: int, today: list[Post], rng: random.Random
    ) -> Post:
        account = self._resident.account
        themes = texts.pillars(self._resident.sector)
        usual = self._habits.pillar_of_weekday[day.weekday()]
        pillar = usual if rng.random() < 0.45 else rng.choice(themes)
        formats = LAWS[account.network].formats
        if rng.random() < 0.4:
            content_format = self._habits.format_of_pillar[pillar]
        else:
            content_format = rng.choices(list(formats), list(formats.values()))[0]
        words = stream(self._seed, "text", account.network, account.handle, day.isoformat(), index)
        text = texts.brand_post(
            self._resident.sector, pillar, account.network, self._resident.brand, is_occasion=is_occasion, rng=words
        )
        title = (pages.headline(text) or self._resident.brand) if content_format == "link" else None
        recent = [post.created_ms for post in self._posts[-12:] + today]
        return Post(
            native_id=self._native_id(moment_ms, day, index),
            network=account.network,
            account_id=account.native_id,
            text=text,
            created_ms=moment_ms,
            content_format=content_format,
            media_count={"text": 0, "link": 0, "carousel": rng.choice((3, 4, 5, 6))}.get(content_format, 1),
            origin="history",
            posts_before=sum(moment_ms - past < DAY_MS for past in recent),
            previous_ms=recent[-1] if recent else None,
            pillar=pillar,
            is_occasion=is_occasion,
            link_url=pages.address_on(self._resident.brand, day.isoformat(), title) if title else None,
            link_title=title,
        )

    def _native_id(self, moment_ms: int, day: date, index: int) -> str:
        account = self._resident.account
        if account.network == "bluesky":
            key = number(self._seed, "clock", account.handle, index)
            return f"at://{account.native_id}/app.bsky.feed.post/{tid(moment_ms, key)}"
        if account.network == "instagram":
            return "179" + identifier("0123456789", 14, self._seed, account.handle, day.isoformat(), index)
        return post_id(account.network, account.native_id, moment_ms, self._seed, index)
