"""What the networks do to a publisher during a campaign.

Belongs here: the rules, as the sandbox's fault plane takes them. Does not belong here: what publishers do to themselves (`mortality.py`).
"""

from collections.abc import Sequence
from typing import Any

Rule = dict[str, Any]

ANSWER_SECONDS = 1.5
"""How long a publisher of a campaign waits for an answer."""

LOST_AND_LATE: Sequence[Rule] = (
    {"operation": "publish", "kind": "disconnect_after_commit", "probability": 0.12},
    {"operation": "publish", "kind": "disconnect_before_commit", "probability": 0.08},
    {"operation": "publish", "kind": "server_error", "probability": 0.05, "params": {"after_commit": True}},
    {"operation": "publish", "kind": "server_error", "probability": 0.05, "params": {"after_commit": False}},
    {"operation": "publish", "kind": "timeout", "probability": 0.02, "params": {"seconds": 2, "after_commit": True}},
    # The publisher has given up when this one lands.
    {"operation": "publish", "kind": "slow", "probability": 0.02, "params": {"seconds": ANSWER_SECONDS + 0.5}},
    {"operation": "publish", "kind": "duplicate_answer", "probability": 0.03},
    {"operation": "stage", "kind": "disconnect_after_commit", "probability": 0.05},
    {"operation": "stage", "kind": "server_error", "probability": 0.03},
    {"operation": "any", "kind": "rate_limit", "probability": 0.01, "params": {"retry_after_seconds": 1}},
    {"operation": "any", "kind": "expire_token", "probability": 0.002},
    {"operation": "any", "kind": "unknown_fields", "probability": 0.05},
)

USUAL_READS: Sequence[Rule] = (
    {"operation": "read", "kind": "server_error", "probability": 0.03},
    {"operation": "read", "kind": "slow", "probability": 0.03, "params": {"seconds": 0.2}},
    {"operation": "read", "kind": "read_lag", "probability": 1.0, "params": {"seconds": 0.5}},
)

HOSTILE: Sequence[Rule] = (
    {"operation": "publish", "kind": "guard_off"},
    {"operation": "read", "kind": "server_error", "probability": 0.12},
    {"operation": "read", "kind": "disconnect_before_commit", "probability": 0.08},
    {"operation": "read", "kind": "timeout", "probability": 0.02, "params": {"seconds": 2}},
    {"operation": "read", "kind": "duplicate_answer", "probability": 0.05},
    # As long as a connector expects of its network at most (`Capabilities.read_lag_seconds`).
    {"operation": "read", "kind": "read_lag", "probability": 1.0, "params": {"seconds": 1.9}},
)
"""The networks' own guards against duplicates do nothing, and the reads that reconcile fail, lag and repeat themselves."""


def rules(*, is_hostile: bool) -> Sequence[Rule]:
    """All rules of a campaign."""
    return (*LOST_AND_LATE, *(HOSTILE if is_hostile else USUAL_READS))
