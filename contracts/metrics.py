"""Metric contracts: for each network which metric means what, of which day, since when and until when.

Belongs here: reading and judging the one file that says so, `dbt_project/seeds/metric_contracts.csv`, which dbt reads too. Does not belong
here: what a connector asks for (its `Capabilities`; a test holds the two against each other), what of it has arrived (the mart
`metric_availability`), how a KPI is made of it (dbt_project/models).
"""

import csv
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from contracts.errors import PulsoError
from contracts.networks import Network

METRIC_CONTRACTS = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds" / "metric_contracts.csv"
CLIENT_DAY = "client"
"""`day_boundary` of what Pulso observes itself: it lies on the day of the client's calendar on which it was observed."""


class MetricGrain(StrEnum):
    """What a value is about."""

    POST = "post"
    """A post so far: a count that Pulso reads again and again."""
    ACCOUNT = "account"
    """An account at the moment of observation."""
    ACCOUNT_DAY = "account_day"
    """A day of an account, as the network reports it afterwards."""


class Counts(StrEnum):
    """How it is counted, and so whether values can be added up."""

    TOTAL = "total"
    UNIQUE = "unique"
    """People, each once: values of several days or posts count some of them twice."""
    NET = "net"
    """Gains less losses: may be negative."""
    MEAN = "mean"
    STOCK = "stock"


class Traffic(StrEnum):
    """What a network counts in it."""

    ALL = "all"
    ORGANIC = "organic"
    """What came through advertising is left out."""


class SentWith(StrEnum):
    """With which posts, or on which days, it comes."""

    ALL = "all"
    SOME = "some"
    """Only where the contract's `condition` holds: that it lacks somewhere says nothing."""


class Evidence(StrEnum):
    """How well the weakest part of a contract is known."""

    RECORDED = "R"
    OFFICIAL = "O"
    CLIENTS = "C"
    """Seen in other clients' code or tests."""
    KNOWLEDGE = "K"
    """General knowledge, not verified."""


class MetricContract(BaseModel):
    """What one metric of one network means, in Pulso's name for it. A row of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Network
    grain: MetricGrain
    metric: str = Field(pattern=r"^[a-z][a-z_]*$")
    native_names: str = Field(min_length=1)
    """The network's own names for it, separated by `; `."""
    meaning: str = Field(min_length=10)
    counts: Counts
    traffic: Traffic
    day_boundary: str
    """`client`, or the zone (IANA) whose midnight ends the network's own day."""
    sent_with: SentWith
    after_days: int = Field(ge=0, le=14)
    """How many days after publication it may first be told."""
    condition: str | None
    """What it takes, where not every account or post has it."""
    since: date | None
    until: date | None
    """The first day on which the network does not tell it any more."""
    replaced_by: str | None
    evidence: Evidence

    @field_validator("condition", "since", "until", "replaced_by", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _is_whole(self) -> "MetricContract":
        is_reported = self.grain is MetricGrain.ACCOUNT_DAY
        if is_reported == (self.day_boundary == CLIENT_DAY):
            raise ValueError(f"day_boundary of {self.grain.value} is {'a zone' if is_reported else repr(CLIENT_DAY)}")
        if is_reported:
            try:
                ZoneInfo(self.day_boundary)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError(f"{self.day_boundary!r} is no time zone") from error
        if self.sent_with is SentWith.SOME and self.condition is None:
            raise ValueError("what comes only sometimes says when: `condition`")
        if self.since and self.until and self.since >= self.until:
            raise ValueError("it ends before it begins")
        if self.replaced_by and not self.until:
            raise ValueError("only what has ended is replaced")
        return self

    @property
    def key(self) -> tuple[Network, MetricGrain, str]:
        return self.network, self.grain, self.metric

    def is_in_force(self, day: date) -> bool:
        """Whether the network promises it on that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


@cache
def metric_contracts(file: Path = METRIC_CONTRACTS) -> Mapping[tuple[Network, MetricGrain, str], MetricContract]:
    """All contracts by network, grain and metric, in the order of the file.

    Raises PulsoError that names the line, when one is no contract, stands twice, or is replaced by none.
    """
    contracts: dict[tuple[Network, MetricGrain, str], MetricContract] = {}
    with file.open(encoding="utf-8", newline="") as rows:
        for line, row in enumerate(csv.DictReader(rows), start=2):
            try:
                contract = MetricContract.model_validate(row)
            except ValidationError as error:
                why = "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}".strip() for e in error.errors())
                raise PulsoError(f"{file.name}, line {line}: {why}") from error
            if contract.key in contracts:
                raise PulsoError(f"{file.name}, line {line}: {' '.join(contract.key)} has a contract already")
            contracts[contract.key] = contract
    for contract in contracts.values():
        if contract.replaced_by and (contract.network, contract.grain, contract.replaced_by) not in contracts:
            raise PulsoError(
                f"{file.name}: {' '.join(contract.key)} is replaced by {contract.replaced_by}, which has no contract"
            )
    return contracts


def known_metrics(grain: MetricGrain) -> tuple[str, ...]:
    """Names that any network has, or had, at this grain, in alphabetical order."""
    return tuple(sorted({contract.metric for contract in metric_contracts().values() if contract.grain is grain}))
