"""Publishers that die: SIGKILL at a chosen step, between any two of them.

Belongs here: what counts as a step, and dying. Does not belong here: what a publisher does (`operations/`), which step it is
(`campaign.py`).
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from benchmarks.wrapped import WrappedConnector
from contracts.ports import Connector
from contracts.records import PublishRequest, Receipt, Reconciliation, Staging
from operations.database import Database


@dataclass
class Death:
    """Kills this process at its n-th step. A step is a call to a network, about to be made or just answered, or a transaction."""

    at_step: int | None
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at_step:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalConnector(WrappedConnector):
    """A connector whose process may die before any publishing call, and after it."""

    def __init__(self, connector: Connector, death: Death) -> None:
        super().__init__(connector)
        self._death = death

    async def stage(self, request: PublishRequest, staging: Staging) -> Staging:
        self._death.step()
        after = await super().stage(request, staging)
        self._death.step()
        return after

    async def commit(self, request: PublishRequest, staging: Staging) -> Receipt:
        self._death.step()
        receipt = await super().commit(request, staging)
        self._death.step()
        return receipt

    async def find_published(self, request: PublishRequest, staging: Staging) -> Reconciliation:
        self._death.step()
        found = await super().find_published(request, staging)
        self._death.step()
        return found


class MortalDatabase(Database):
    """A database whose process may die before a transaction becomes durable, and after it."""

    def __init__(self, url: str, death: Death) -> None:
        super().__init__(url)
        self._death = death

    @contextmanager
    def write(self, *, is_durable: bool = True) -> Iterator[Session]:
        with super().write(is_durable=is_durable) as session:
            yield session
            session.flush()
            self._death.step()
        self._death.step()
