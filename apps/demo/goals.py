"""What the demo's clients mean to reach in the quarter in which the demo begins, so that there is something to be ahead of or behind.

Made up, like the brands themselves (`clients.yaml`). A client that comes from elsewhere has no goals until somebody sets them.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from contracts.networks import Network
from contracts.records import Goal, GoalMetric

TARGETS: Mapping[str, tuple[tuple[GoalMetric, float, Network | None], ...]] = {
    "harbor-coffee": (
        (GoalMetric.ENGAGEMENTS, 45_000, None),
        (GoalMetric.POSTS_PUBLISHED, 240, None),
        (GoalMetric.REACH, 300_000, None),
        (GoalMetric.FOLLOWERS, 14_200, Network.INSTAGRAM),
        (GoalMetric.ENGAGEMENT_RATE_BY_REACH, 0.03, Network.INSTAGRAM),
    ),
    "verde-cocina": (
        (GoalMetric.ENGAGEMENTS, 80_000, None),
        (GoalMetric.COMMENTS, 4_500, Network.INSTAGRAM),
        (GoalMetric.FOLLOWERS, 2_150, Network.BLUESKY),
    ),
    "brisa-surf": (
        (GoalMetric.ENGAGEMENTS, 45_000, None),
        (GoalMetric.VIEWS, 400_000, Network.INSTAGRAM),
        (GoalMetric.POSTS_PUBLISHED, 200, None),
    ),
}


def demo_goals(client_id: str, *, today: date) -> tuple[Goal, ...]:
    """The goals of a demo client for the calendar quarter of `today`; none of any other client."""
    first = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    last = (first + timedelta(days=95)).replace(day=1) - timedelta(days=1)
    return tuple(
        Goal(client_id=client_id, metric=metric, target=target, first_day=first, last_day=last, network=network)
        for metric, target, network in TARGETS.get(client_id, ())
    )
