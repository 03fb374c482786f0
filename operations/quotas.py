"""Counts of limits that networks do not tell in their headers, shared by all processes.

Belongs here: taking units from a window. Does not belong here: which limits there are (platforms).
"""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from operations.database import Database
from operations.models import QuotaRow

FORGOTTEN_AFTER = timedelta(days=40)
"""Longer than any window lasts."""


class SqlQuotas:
    """Implements contracts.ports.Quotas. The calls touch one row and do not yield to the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, key: str, *, window_start: datetime, units: int, limit: int) -> bool:
        """Take units, or none of them when they are not all there."""
        try:
            return self._take(key, window_start, units, limit)
        except IntegrityError:  # another process opened the window at the same moment
            return self._take(key, window_start, units, limit)

    def _take(self, key: str, window_start: datetime, units: int, limit: int) -> bool:
        with self._database.write() as session:
            row = session.get(QuotaRow, (key, window_start), with_for_update=True)
            if (row.used if row else 0) + units > limit:
                return False
            if row is None:
                session.execute(
                    delete(QuotaRow).where(QuotaRow.key == key, QuotaRow.window_start < window_start - FORGOTTEN_AFTER)
                )
                session.add(QuotaRow(key=key, window_start=window_start, used=units))
            else:
                row.used += units
            return True
