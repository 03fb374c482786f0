"""Every quantity of the seeded world, with its meaning, unit and default.

Defaults are the measured values of real public panels (posting rhythm, engagement noise, growth of counts, sentiment);
where nothing could be measured the value is a judgement and its description says so. Logs are natural. `GET /_sandbox/world`
serves this table; no model may read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


def _parameter(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True)
class WorldParameters:
    """The laws' constants. Change one and the world changes; the seed picks one world among those of equal constants."""

    # --- posting ---
    history_days: int = _parameter(90, "days of posts that exist when the world starts")
    posting_variance_ratio: float = _parameter(
        0.6, "variance / mean of an account's daily post count: brands post sub-Poisson"
    )
    weekend_posting: float = _parameter(0.75, "posting rate on Saturday and Sunday, as a multiple of a weekday's")
    crowd_rate: float = _parameter(
        0.3, "posts a day of each account of a crowd: little, so that a large one is not slow"
    )
    habit_share: float = _parameter(0.8, "share of posts that go out at one of the account's habitual hours")
    full_hour_share: float = _parameter(0.15, "share of posts published in minute :00")
    five_minute_share: float = _parameter(0.25, "further share of posts published on another five-minute mark")
    occasion_share: float = _parameter(0.06, "share of posts about an occasion (launch, event, give-away)")
    unusual_hour_share: float = _parameter(
        0.6, "share of occasion posts that go out at a non-habitual hour: rare hours confound"
    )

    # --- engagement of a post: log1p(interactions) = sum of the terms below ---
    residual_sd: float = _parameter(1.00, "mean over accounts of the sd of what no term explains")
    residual_sd_between: float = _parameter(0.12, "sd between accounts of that sd")
    residual_degrees: float = _parameter(8.0, "degrees of freedom of the residual's Student t: heavy tails")
    residual_skew: float = _parameter(0.3, "strength of the right skew of the residual; rare hits, never repeated")
    level_reversion_sd: float = _parameter(0.25, "stationary sd of the account's mean-reverting level")
    level_reversion_days: float = _parameter(25.0, "time constant of that level, days")
    level_walk_sd_week: float = _parameter(0.057, "sd per square root of week of the account's random walk")
    level_jumps_year: float = _parameter(0.66, "sudden level changes per account and year")
    level_jump_size: float = _parameter(0.67, "size of such a jump; half go down")
    network_week_sd: float = _parameter(0.06, "sd of the weekly factor that all accounts of a network share")
    format_sd: float = _parameter(0.30, "sd of the account x format effect: its sign differs between accounts")
    pillar_sd: float = _parameter(0.28, "sd of the account x pillar effect")
    hour_of_week_sd: float = _parameter(0.045, "sd of the hour-of-week effect common to a network")
    account_hour_sd: float = _parameter(0.09, "sd of the account x local hour effect")
    weekend_effect: float = _parameter(0.06, "engagement per post on weekends, when few post")
    crowding_effect: float = _parameter(-0.06, "a post within 15 minutes of the account's previous one")
    volume_elasticity: float = _parameter(-0.03, "effect of log(1 + posts of the account in the 24 hours before)")
    occasion_effect: float = _parameter(0.80, "a post about an occasion")
    question_effect: float = _parameter(0.12, "a text that asks the reader something")
    number_effect: float = _parameter(0.06, "a text with a concrete number")
    link_effect: float = _parameter(-0.18, "a text that holds a link")
    emoji_effect: float = _parameter(0.05, "a text with one to four emoji")
    length_curvature: float = _parameter(
        -0.12, "effect of the squared distance of log length from the network's best length"
    )
    hashtag_excess_effect: float = _parameter(
        -0.05, "per hashtag above the network's tolerance (Instagram 6, Bluesky 2)"
    )
    word_sd: float = _parameter(0.16, "sd of the sum of hidden appeals of a text's words")
    ranking_change_day: float | None = _parameter(
        None,
        "days after the world's start on which all networks change what they rank up; none by itself",
    )
    ranking_change_level: float = _parameter(-0.5, "what every post gains or loses from that day on (judgement)")
    ranking_change_strength: float = _parameter(
        2.5, "format and pillar effects are drawn anew that day, with this many times their sd (judgement)"
    )

    # --- composition (shares of interactions; reach and views) ---
    share_log_sd: float = _parameter(0.5, "log sd of each of those shares")
    interactions_per_reach: float = _parameter(0.045, "median interactions per account reached (Instagram)")
    interactions_per_reach_log_sd: float = _parameter(0.45, "log sd of it")
    views_per_reach: float = _parameter(1.35, "median views per account reached; 1.5 times as many for video")

    # --- growth of counts: 1 - exp(-(age / scale) ^ shape) ---
    growth_shape: float = _parameter(0.51, "shape of the curve: fast start, long tail")
    growth_scale_log_sd: float = _parameter(0.5, "log sd of the scale between posts")

    # --- followers ---
    follower_growth_day: float = _parameter(
        0.0009, "median new followers per follower and day (judgement: small brands)"
    )
    follower_growth_log_sd: float = _parameter(0.5, "log sd of it between accounts")
    follower_day_log_sd: float = _parameter(0.65, "log sd of one day's new followers")
    unfollow_day: float = _parameter(0.0002, "unfollows per follower and day (judgement)")

    # --- comments ---
    comment_questions: float = _parameter(0.30, "share of comments that ask something")
    comment_compliments: float = _parameter(0.36, "share that praise")
    comment_complaints: float = _parameter(0.12, "share that complain")
    comment_spam: float = _parameter(0.08, "share that advertise something else")

    # --- what measurement does ---
    profile_visit_reach: float = _parameter(0.012, "accounts reached per follower and day without any post (judgement)")

    @classmethod
    def with_values(cls, values: Mapping[str, float]) -> "WorldParameters":
        """The usual world with some quantities set, by name. Raises ValueError for a name that is none."""
        if unknown := sorted(set(values) - {item.name for item in fields(cls)}):
            known = ", ".join(item.name for item in fields(cls))
            raise ValueError(f"the seeded world has no parameter {', '.join(unknown)}; it has {known}")
        return cls(**values)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Name -> value and description, for the admin page."""
        return {
            item.name: {"value": getattr(self, item.name), "description": item.metadata["description"]}
            for item in fields(self)
        }
