"""The law of engagement: expected log1p(interactions) of a post, term by term, and its random residual.

The same law holds for what a brand posted by hand and for what comes over the wire, so that better choices of hour, theme,
format and wording pay off by the documented amounts and no more. Virality does not repeat: the residual is independent.
"""

import math
from datetime import timedelta
from zoneinfo import ZoneInfo

from sandbox.world import texts
from sandbox.world.laws import LAWS
from sandbox.world.model import DAY_MS, Account, Post, to_datetime
from sandbox.world.parameters import WorldParameters
from sandbox.world.residents import Resident
from sandbox.world.seeding import stream

_CROWDING_MS = 15 * 60 * 1000


def _normal(sd: float, seed: int, *names: object) -> float:
    return stream(seed, *names).gauss(0.0, sd)


class LevelPath:
    """An account's slow level, day by day from the first day of history: mean reversion, random walk and rare jumps."""

    def __init__(self, parameters: WorldParameters, seed: int, account: Account, first_ms: int) -> None:
        self._parameters = parameters
        self._names = (seed, "level", account.network, account.handle)
        self._first_ms = first_ms
        self._reverting = _normal(parameters.level_reversion_sd, *self._names, "initial")
        self._walk = 0.0
        self._levels: list[float] = [self._reverting]

    def at(self, moment_ms: int) -> float:
        """Level on the day of the moment; before the first day, the first day's."""
        day = max(0, (moment_ms - self._first_ms) // DAY_MS)
        while len(self._levels) <= day:
            self._advance()
        return self._levels[day]

    def _advance(self) -> None:
        constants = self._parameters
        rng = stream(*self._names, len(self._levels))
        keep = math.exp(-1 / constants.level_reversion_days)
        self._reverting = keep * self._reverting + rng.gauss(
            0.0, constants.level_reversion_sd * math.sqrt(1 - keep * keep)
        )
        self._walk += rng.gauss(0.0, constants.level_walk_sd_week / math.sqrt(7))
        if rng.random() < constants.level_jumps_year / 365:
            self._walk += rng.choice((-1, 1)) * constants.level_jump_size
        self._levels.append(self._reverting + self._walk)


class EngagementLaw:
    """What one account's audience does. All constants of the account are drawn from the seed and its handle."""

    def __init__(self, parameters: WorldParameters, seed: int, resident: Resident, start_ms: int) -> None:
        account = resident.account
        self._parameters = parameters
        self._seed = seed
        self._resident = resident
        self._zone = ZoneInfo(account.time_zone)
        day = parameters.ranking_change_day
        self._change_ms = math.inf if day is None else start_ms + day * DAY_MS
        self._who = (account.network, account.handle)
        self._level = LevelPath(parameters, seed, account, start_ms - parameters.history_days * DAY_MS)
        self._base = math.log1p(resident.followers * resident.interaction_rate)
        spread = _normal(parameters.residual_sd_between, seed, "residual_sd", *self._who)
        self.residual_sd = min(1.3, max(0.6, parameters.residual_sd + spread))

    def terms(self, post: Post) -> dict[str, float]:
        """Every term of the expected log engagement by name; their sum is `expected`."""
        constants, seed = self._parameters, self._seed
        local = to_datetime(post.created_ms).astimezone(self._zone)
        seen = texts.traits(post.text, self._resident.sector)
        pillar = post.pillar or seen.pillar
        is_occasion = seen.is_occasion if post.is_occasion is None else post.is_occasion
        law = LAWS[post.network]
        surplus_tags = max(0, seen.hashtags - law.hashtag_tolerance)
        word_sd = constants.word_sd / math.sqrt(len(seen.words)) if seen.words else 0.0
        week = (local - timedelta(days=local.weekday())).date().isoformat()
        is_crowded = post.previous_ms is not None and post.created_ms - post.previous_ms < _CROWDING_MS
        return {
            "base": self._base,
            "level": self._level.at(post.created_ms),
            "network_week": _normal(constants.network_week_sd, seed, "week", post.network, week),
            "ranking_change": constants.ranking_change_level if post.created_ms >= self._change_ms else 0.0,
            "format": self._taste(constants.format_sd, post, "format", post.content_format),
            "pillar": self._taste(constants.pillar_sd, post, "pillar", pillar) if pillar else 0.0,
            "hour_of_week": _normal(
                constants.hour_of_week_sd, seed, "hour_of_week", post.network, local.weekday(), local.hour
            ),
            "account_hour": _normal(constants.account_hour_sd, seed, "account_hour", *self._who, local.hour),
            "weekend": constants.weekend_effect if local.weekday() >= 5 else 0.0,
            "crowding": constants.crowding_effect if is_crowded else 0.0,
            "volume": constants.volume_elasticity * math.log1p(post.posts_before),
            "occasion": constants.occasion_effect if is_occasion else 0.0,
            "question": constants.question_effect if seen.has_question else 0.0,
            "number": constants.number_effect if seen.has_number else 0.0,
            "link": constants.link_effect if seen.has_link else 0.0,
            "emoji": constants.emoji_effect if 1 <= seen.emoji <= 4 else 0.0,
            "length": constants.length_curvature * math.log(max(seen.length, 10) / law.best_length) ** 2,
            "hashtags": constants.hashtag_excess_effect * surplus_tags,
            "words": word_sd * sum(_normal(1.0, seed, "word", self._resident.sector, word) for word in seen.words),
        }

    def _taste(self, sd: float, post: Post, kind: str, value: str) -> float:
        """The account's effect of a format or a pillar: another one once the networks' ranking has changed."""
        if post.created_ms < self._change_ms:
            return _normal(sd, self._seed, kind, *self._who, value)
        stronger = sd * self._parameters.ranking_change_strength
        return _normal(stronger, self._seed, kind, *self._who, value, "after the ranking change")

    def expected(self, post: Post) -> float:
        """Expected log1p(interactions) before the residual."""
        return sum(self.terms(post).values())

    def residual(self, post: Post) -> float:
        """What nothing explains: Student t, skewed to the right, of the account's own sd; fixed by the post's id."""
        constants = self._parameters
        rng = stream(self._seed, "residual", post.native_id)
        degrees = constants.residual_degrees
        heavy = rng.gauss(0.0, 1.0) / math.sqrt(rng.gammavariate(degrees / 2, 2.0) / degrees)
        heavy *= math.sqrt((degrees - 2) / degrees)
        # |N| - sqrt(2/pi) has mean zero and leans right; mixing it in keeps the variance at one.
        lean = (abs(rng.gauss(0.0, 1.0)) - math.sqrt(2 / math.pi)) / math.sqrt(1 - 2 / math.pi)
        weight = constants.residual_skew
        return self.residual_sd * (heavy + weight * lean) / math.sqrt(1 + weight * weight)
