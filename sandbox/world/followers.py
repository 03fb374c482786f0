"""How an account's audience grows: new followers day by day with noise, a few leaving. Posts do not move it (unmeasured)."""

import math

from sandbox.world.model import DAY_MS
from sandbox.world.parameters import WorldParameters
from sandbox.world.residents import Resident
from sandbox.world.seeding import stream


class FollowerPath:
    """Followers of one account at any moment, anchored at the persona's count on the first day of history."""

    def __init__(self, parameters: WorldParameters, seed: int, resident: Resident, start_ms: int) -> None:
        self._parameters = parameters
        self._names = (seed, "followers", resident.account.network, resident.account.handle)
        self._first_ms = start_ms - parameters.history_days * DAY_MS
        between = stream(*self._names, "rate").gauss(0.0, parameters.follower_growth_log_sd)
        self._rate = parameters.follower_growth_day * math.exp(between)
        self._counts = [resident.followers]
        self._gains: list[int] = []

    def _extend(self, day: int) -> None:
        while len(self._gains) <= day:
            rng = stream(*self._names, len(self._gains))
            now = self._counts[-1]
            gained = round(now * self._rate * math.exp(rng.gauss(0.0, self._parameters.follower_day_log_sd)))
            lost = round(now * self._parameters.unfollow_day * math.exp(rng.gauss(0.0, 0.5)))
            self._gains.append(gained)
            self._counts.append(max(0, now + gained - lost))

    def at(self, moment_ms: int) -> int:
        """Followers at a moment, linear within the day."""
        days = max(0.0, (moment_ms - self._first_ms) / DAY_MS)
        day = int(days)
        self._extend(day)
        return self._counts[day] + math.floor((days - day) * (self._counts[day + 1] - self._counts[day]))

    def gained(self, start_ms: int, end_ms: int) -> int:
        """New followers between two moments, unfollows not deducted."""
        return max(0, self._gained_until(end_ms) - self._gained_until(start_ms))

    def _gained_until(self, moment_ms: int) -> int:
        days = max(0.0, (moment_ms - self._first_ms) / DAY_MS)
        day = int(days)
        self._extend(day)
        return sum(self._gains[:day]) + math.floor((days - day) * self._gains[day])
