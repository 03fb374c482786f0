"""Faults on request: which, on which operation of which network, how often. In memory: a restarted server has none.

A rule with `times` fires for that many matching requests; one with `probability` fires at random from its own seed, so that a
run can be repeated; one with neither fires until it is deleted. `params.account` narrows a rule to one native account id and
`params.method` to requests whose method name or path contains that text.
"""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.world.ids import NETWORKS as WORLD_NETWORKS

NETWORKS = (*WORLD_NETWORKS, "any")
OPERATIONS = ("read", "publish", "stage", "reply", "token", "any")
KINDS: Mapping[str, str] = {
    "rate_limit": "refused by the network's own limiter; params: retry_after_seconds (60), code (Instagram)",
    "server_error": "an answer 5xx; params: status (500), after_commit (false: nothing was written)",
    "timeout": "hangs, then closes; params: seconds (30), after_commit (false)",
    "disconnect_before_commit": "the connection is cut before anything is written",
    "disconnect_after_commit": "the connection is cut after the write became durable",
    "expire_token": "the token of the request expires, for good, before the request is looked at",
    "retired_metric": "a metric no longer exists; params: metric",
    "unknown_fields": "every object of the answer carries fields that no client knows",
    "empty_page": "a listing answers an empty page that still names a next one",
    "late_counts": "counts are those of some time ago; params: hours (24)",
    "read_lag": "writes stay invisible to listings; params: seconds (1.3), machine time since the commit",
    "slow": "the answer comes late; params: seconds (2)",
    "guard_off": "the network's own guard against duplicates (a key, a refusal of equal text) does nothing",
    "duplicate_answer": "a listing answers every item twice; a publish is done and answered as one done before",
}


class FaultError(ValueError):
    """The rule makes no sense; the message says which part."""


@dataclass
class FaultRule:
    """One rule and how often it has fired."""

    fault_id: int
    network: str
    operation: str
    kind: str
    probability: float | None = None
    times: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    fired: int = 0

    def __post_init__(self) -> None:
        for value, known, what in (
            (self.network, NETWORKS, "network"),
            (self.operation, OPERATIONS, "operation"),
            (self.kind, tuple(KINDS), "kind"),
        ):
            if value not in known:
                raise FaultError(f"unknown {what} {value!r}; known: {', '.join(known)}")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise FaultError("probability must lie between 0 and 1")
        self._random = random.Random(self.params.get("seed", self.fault_id))

    def matches(self, network: str, operation: str, method: str, account_id: str | None) -> bool:
        """Whether the rule looks at such a request at all."""
        return (
            self.network in (network, "any")
            and self.operation in (operation, "any")
            and self.params.get("account") in (None, account_id)
            and str(self.params.get("method", "")) in method
            and (self.times is None or self.fired < self.times)
        )

    def fires(self) -> bool:
        """Draw once; counts when it fires."""
        if self.probability is not None and self._random.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def describe(self) -> dict[str, Any]:
        """As the admin page shows it."""
        return {
            "id": self.fault_id,
            "network": self.network,
            "operation": self.operation,
            "kind": self.kind,
            "probability": self.probability,
            "times": self.times,
            "params": dict(self.params),
            "fired": self.fired,
        }


class Effects:
    """The faults that hit one request: kind -> params."""

    def __init__(self, hits: Mapping[str, Mapping[str, Any]]) -> None:
        self._hits = hits

    def __contains__(self, kind: str) -> bool:
        return kind in self._hits

    def param(self, kind: str, name: str, default: Any) -> Any:
        """A parameter of a fault that hit, or the default."""
        return self._hits.get(kind, {}).get(name, default)

    def after_commit(self, kind: str) -> bool:
        """The fault hit, and strikes only once the write is durable."""
        return kind in self._hits and bool(self.param(kind, "after_commit", False))

    def before_commit(self, kind: str) -> bool:
        """The fault hit, and strikes before anything is written."""
        return kind in self._hits and not self.param(kind, "after_commit", False)


NO_EFFECTS = Effects({})


class FaultPlane:
    """All rules in force."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._ids = itertools.count(1)

    def add(self, spec: Mapping[str, Any]) -> FaultRule:
        """Put a rule in force; raises FaultError."""
        unknown = set(spec) - {"network", "operation", "kind", "probability", "times", "params"}
        if unknown:
            raise FaultError(f"unknown fields: {', '.join(sorted(unknown))}")
        rule = FaultRule(
            fault_id=next(self._ids),
            network=spec.get("network", "any"),
            operation=spec.get("operation", "any"),
            kind=spec.get("kind", ""),
            probability=spec.get("probability"),
            times=spec.get("times"),
            params=spec.get("params") or {},
        )
        self._rules.append(rule)
        return rule

    @property
    def rules(self) -> Sequence[FaultRule]:
        return tuple(self._rules)

    def clear(self, fault_id: int | None = None) -> int:
        """Remove one rule or all; returns how many."""
        before = len(self._rules)
        self._rules = [rule for rule in self._rules if fault_id is not None and rule.fault_id != fault_id]
        return before - len(self._rules)

    def draw(self, network: str, operation: str, method: str, account_id: str | None) -> Effects:
        """What hits this request: at most one rule of each kind."""
        if not self._rules:
            return NO_EFFECTS
        hits: dict[str, Mapping[str, Any]] = {}
        for rule in self._rules:
            if rule.kind not in hits and rule.matches(network, operation, method, account_id) and rule.fires():
                hits[rule.kind] = rule.params
        return Effects(hits)
