"""The operational store: its parts put together.

Belongs here: the one class that the rest of Pulso opens.
Does not belong here: behaviour; each part has its module.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import policy
from contracts.clock import Clock, SystemClock
from contracts.settings import Settings
from operations.approving import PolicyApproval
from operations.audit import AuditTrail
from operations.content import EditorialDesk
from operations.conversations import Conversations
from operations.credentials import SqlTokenStore
from operations.database import Database
from operations.deliveries import Deliveries
from operations.directory import Directory
from operations.goals import Goals
from operations.ledger import ActionLedger
from operations.machine import MachineTime, SystemMachineTime
from operations.migrations import migrate, require_current
from operations.naming import PostNaming
from operations.part import SendRules
from operations.queue import Queue
from operations.quotas import SqlQuotas
from operations.sending import Sending
from operations.stops import Stops
from operations.terms import Terms
from operations.troubles import Troubles
from operations.vault import Vault


class SqlStore(
    Directory,
    Goals,
    Terms,
    EditorialDesk,
    PolicyApproval,
    Troubles,
    Queue,
    Stops,
    AuditTrail,
    ActionLedger,
    Conversations,
    Deliveries,
):
    """Implements contracts.ports.Store and Deliveries, and what the app and the CLI need. `tokens` and `quotas` implement the ports
    TokenStore and Quotas.

    Raises NotReadyError when the database was not migrated to this version's schema. Close it, or use it in a `with`.
    """

    def __init__(
        self,
        url: str,
        *,
        master_key_path: Path,
        clock: Clock | None = None,
        rules: SendRules = policy.may_send,
        database: Database | None = None,
    ) -> None:
        database = database or Database(url)
        super().__init__(
            database,
            clock=clock or SystemClock(),
            rules=rules,
            tokens=SqlTokenStore(database, Vault(master_key_path)),
        )
        self.quotas = SqlQuotas(database)
        require_current(database)

    def sending(self, *, machine: MachineTime | None = None, lease_seconds: float = 60.0) -> Sending:
        """The publisher's view of the outbox."""
        return Sending(
            self._database,
            clock=self._clock,
            machine=machine or SystemMachineTime(),
            rules=self._rules,
            lease_seconds=lease_seconds,
        )

    def naming(self, *, machine: MachineTime | None = None) -> PostNaming:
        """The receipts that wait for the id of their post."""
        return PostNaming(self._database, clock=self._clock, machine=machine or SystemMachineTime())

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def set_up(settings: Settings) -> None:
    """Make the master key unless there is one, and bring the store to the current schema. Safe to call again."""
    Vault(settings.master_key_path).create()
    migrate(settings.resolved_store_url)


def open_store(settings: Settings, *, clock: Clock | None = None) -> SqlStore:
    """The store that the settings name."""
    return SqlStore(settings.resolved_store_url, master_key_path=settings.master_key_path, clock=clock)
