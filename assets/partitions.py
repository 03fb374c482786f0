"""Days: the one way in which assets are partitioned, and how an asset learns which days its run is about."""

import warnings
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg
from pydantic import Field

from contracts.ports import Store
from contracts.records import Account
from contracts.scope import TenantScope

# Dagster marks the parameter `backfill_policy` as beta at every use; it has been stable in behaviour since 1.5.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*backfill_policy.*")

ONE_RUN = dg.BackfillPolicy.single_run()
"""A backfill is one run over a range of days, not one run a day."""

DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01", end_offset=1)
"""All clients together, one partition a day (UTC). `end_offset` makes the running day materialisable."""


class Narrowed(dg.Config):
    """Run configuration of assets that may be narrowed to some clients."""

    client_ids: list[str] = Field(default_factory=list, description="Only these clients; empty: all.")

    def scope(self, reason: str) -> TenantScope:
        """The named clients, or all with the stage's reason."""
        return TenantScope.of(*self.client_ids) if self.client_ids else TenantScope.all_clients(reason)


class Targeted(Narrowed):
    """Run configuration of assets that may be narrowed further, to what a network has called about."""

    targets: dict[str, list[str]] = Field(
        default_factory=dict,
        description="By account_id the post_ids concerned (none: the account as a whole); empty: all accounts.",
    )

    def accounts(self, store: Store, reason: str) -> tuple[Account, ...]:
        """The accounts to read."""
        accounts = store.accounts(self.scope(reason))
        return tuple(a for a in accounts if a.account_id in self.targets) if self.targets else accounts


@dataclass(frozen=True)
class RunDays:
    """The event days that a run is about, seen from the business moment `now`."""

    start: date
    end: date
    now: datetime

    @property
    def is_past(self) -> bool:
        """The days are over: what was only observable then cannot be observed any more."""
        return self.end < self.now.date()

    @property
    def days(self) -> list[date]:
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1)]


def run_days(context: dg.AssetExecutionContext, now: datetime, config: Narrowed | None = None) -> RunDays:
    """Days of the run's partition or partition range.

    Raises dg.Failure when they lie after the business moment (nothing can have happened there yet), or before it in a run with targets
    (what a network has called about is to be seen now or not at all).
    """
    window = context.partition_key_range
    days = RunDays(date.fromisoformat(window.start), date.fromisoformat(window.end), now)
    if days.end > now.date():
        raise dg.Failure(
            f"Partition {days.end} lies after the business day {now.date()}. Materialise {now.date()} instead, "
            "or move the sandbox clock forward (`pulso sandbox advance`).",
            allow_retries=False,
        )
    if days.is_past and isinstance(config, Targeted) and config.targets:
        raise dg.Failure(f"Partition {days.end} is over: targets are read on {now.date()} only.", allow_retries=False)
    return days
