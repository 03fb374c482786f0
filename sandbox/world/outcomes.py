"""From a post's log engagement to its final counts, and from those to the counts at any age."""

import math
from dataclasses import dataclass

from sandbox.world.effects import EngagementLaw
from sandbox.world.growth import GrowthCurve
from sandbox.world.laws import LAWS
from sandbox.world.model import HOUR_MS, Post
from sandbox.world.parameters import WorldParameters
from sandbox.world.seeding import stream


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a post will have gathered in the end, and how fast."""

    expected_log_engagement: float
    likes: int
    comments: int
    shares: int
    saves: int
    quotes: int | None
    reach: int | None
    views: int | None
    growth: GrowthCurve
    attention: GrowthCurve
    """Reach and views come before interactions: the same shape, a shorter scale."""

    @property
    def interactions(self) -> int:
        return self.likes + self.comments + self.shares + self.saves + (self.quotes or 0)

    def arrival_hours(self, seed: int, post: Post) -> list[float]:
        """Ages at which the comments arrive, ascending: one in each of `comments` equal parts of the growth curve."""
        rng = stream(seed, "arrivals", post.native_id)
        return [self.growth.age_at((index + rng.random()) / self.comments * 0.9999) for index in range(self.comments)]

    def at(self, age_hours: float, arrived_comments: int) -> dict[str, int]:
        """Counts at an age; monotone. Comments are counted one by one, so that the count equals the list."""
        counts = {
            "likes": self.growth.count(self.likes, age_hours),
            "comments": arrived_comments,
            "shares": self.growth.count(self.shares, age_hours),
            "saves": self.growth.count(self.saves, age_hours),
        }
        if self.quotes is not None:
            counts["quotes"] = self.growth.count(self.quotes, age_hours)
        if self.reach is not None:
            counts["reach"] = self.attention.count(self.reach, age_hours)
        if self.views is not None:
            counts["views"] = self.attention.count(self.views, age_hours)
        return counts


def outcome(parameters: WorldParameters, seed: int, law: EngagementLaw, post: Post) -> Outcome:
    """The outcome of a post: fixed by (parameters, seed, post), whoever published it."""
    expected = law.expected(post)
    total = max(0, round(math.expm1(expected + law.residual(post))))
    rng = stream(seed, "composition", post.native_id)

    def share(median: float) -> float:
        return min(0.4, median * math.exp(rng.gauss(0.0, parameters.share_log_sd)))

    constants = LAWS[post.network]
    is_video = post.content_format in ("video", "short_video")
    comments, shares, saves = (
        share(median) for median in (constants.comment_share, constants.share_share, constants.save_share)
    )
    quotes = share(constants.quote_share) if constants.quote_share else 0.0
    shares *= 2.0 if is_video else 1.0
    whole = max(1.0, comments + shares + saves + quotes + 0.15)
    parts = [int(total * part / whole + rng.random()) for part in (comments, shares, saves, quotes)]
    while sum(parts) > total:
        parts[parts.index(max(parts))] -= 1
    scale = constants.growth_scale_hours * math.exp(rng.gauss(0.0, parameters.growth_scale_log_sd))
    rate = parameters.interactions_per_reach * math.exp(rng.gauss(0.0, parameters.interactions_per_reach_log_sd))
    reach = max(round(total / min(rate, 0.6)), total + 3)
    views_per_reach = parameters.views_per_reach * (1.5 if is_video else 1.0) * math.exp(rng.gauss(0.0, 0.08))
    return Outcome(
        expected_log_engagement=expected,
        likes=total - sum(parts),
        comments=parts[0],
        shares=parts[1],
        saves=parts[2],
        quotes=parts[3] if constants.quote_share else None,
        reach=reach if constants.has_reach else None,
        views=max(reach, round(reach * views_per_reach)) if constants.has_views else None,
        growth=GrowthCurve(scale, parameters.growth_shape),
        attention=GrowthCurve(0.6 * scale, parameters.growth_shape),
    )


def age_hours(post: Post, now_ms: int) -> float:
    """Hours since publication; negative before."""
    return (now_ms - post.created_ms) / HOUR_MS
