"""What is told: an alert with its evidence, and how it reads.

Belongs here: the records, severity and the sentence. Does not belong here: when an alert is raised (`detection`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

WARNING_WEEKS = 8.0
CRITICAL_WEEKS = 52.0
"""An alert is a warning, or critical, when its like comes no more often than once in so many weeks."""

REFRACTORY = timedelta(days=1)
"""For so long after an alert the stream is in the same event, and only what says more is told."""


class Kind(StrEnum):
    VOLUME = "volume"
    """More mentions than usual."""
    NEGATIVITY = "negativity"
    """More negative mentions than usual, and a larger share of all."""
    METRIC = "metric"
    """A day's figure of an account far above or far below the usual."""


class Severity(IntEnum):
    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True)
class Evidence:
    """Why an alert was raised.

    `seen` and `expected` count what came in the `window` that ends at `raised_at`; for negativity the negative ones, of `seen_of` mentions,
    where `expected` is what the usual share of `seen_of` gives. `weeks_between`: about how often this stream gets so high by its own past
    (an extrapolation beyond `compared_days`). `since`: start of the first bin from which it has been high without a break. `compared_days`:
    days of past that it was compared with, at the same `season` (time of day, say) where one is known.
    """

    seen: int
    expected: float
    seen_of: int | None
    window: timedelta
    surprise: float
    threshold: float
    weeks_between: float
    since: datetime
    compared_days: float
    season: str | None


@dataclass(frozen=True)
class Alert:
    """One alert of one client's stream. The first moment at which it could be known is `raised_at`, the end of its bin."""

    client_id: str
    stream_id: str
    kind: Kind
    raised_at: datetime
    evidence: Evidence

    @property
    def alert_id(self) -> str:
        """The same for the same alert, however often it is computed."""
        return f"{self.client_id}/{self.stream_id}/{self.kind}/{self.raised_at:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def severity(self) -> Severity:
        return severity_of(self.evidence.weeks_between)

    def covers(self, later: "Alert", refractory: timedelta = REFRACTORY) -> bool:
        """Whether a later alert says nothing new: the same event, no more severe, and no bad news where there was none."""
        return (
            (self.client_id, self.stream_id) == (later.client_id, later.stream_id)
            and self.kind in (later.kind, Kind.NEGATIVITY)
            and self.severity >= later.severity
            and abs(later.raised_at - self.raised_at) < refractory
        )

    @property
    def sentence(self) -> str:
        """For people, in English."""
        evidence = self.evidence
        window = _duration(evidence.window)
        when = f"on {evidence.since:%Y-%m-%d}" if self.kind is Kind.METRIC else f"in {window}"
        if self.kind is Kind.NEGATIVITY and evidence.seen_of:
            what = (
                f"{evidence.seen:,} of {evidence.seen_of:,} mentions in {window} are negative "
                f"({evidence.seen / evidence.seen_of:.0%}), where {evidence.expected / evidence.seen_of:.0%} is usual"
            )
        else:
            what = f"{evidence.seen:,} {when}, where about {_count(evidence.expected)} were expected"
        weeks = evidence.weeks_between
        rarity = (
            "less often than once a year"
            if weeks > CRITICAL_WEEKS
            else f"about once in {weeks:.0f} weeks"
            if weeks >= 1.5
            else "about once a week"
        )
        past = f"the {evidence.compared_days:.0f} days before{f' at the same {evidence.season}' if evidence.season else ''}"
        return (
            f"{self.stream_id}: {what}. By its own past this comes {rarity}. {'Unusual' if self.kind is Kind.METRIC else 'High'} since {evidence.since:%Y-%m-%d %H:%M} UTC; "
            f"compared with {past}."
        )


def severity_of(weeks_between: float) -> Severity:
    if weeks_between >= CRITICAL_WEEKS:
        return Severity.CRITICAL
    return Severity.WARNING if weeks_between >= WARNING_WEEKS else Severity.NOTICE


def _count(expected: float) -> str:
    return f"{expected:,.0f}" if expected >= 10 else f"{expected:.1f}"


def _duration(span: timedelta) -> str:
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if span >= length and span % length == timedelta(0):
            number = span // length
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return str(span)
