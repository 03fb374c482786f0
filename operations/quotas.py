"""Counts of limits that networks do not tell in their headers, shared by all processes.

Belongs here: taking units from a window. Does not belong here: which limits there are (platforms).
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, text

from operations.database import Database, UtcDateTime
from operations.models import QuotaRow

FORGOTTEN_AFTER = timedelta(days=1)
"""How long a window is kept once its limit has a newer one: longer than the clocks of two machines differ."""

_TAKE = text(
    "INSERT INTO quotas (key, window_start, used) VALUES (:key, :window_start, :units) "
    "ON CONFLICT (key, window_start) DO UPDATE SET used = quotas.used + excluded.used "
    "WHERE quotas.used + excluded.used <= :limit RETURNING used"
).bindparams(bindparam("window_start", type_=UtcDateTime()))
"""One statement and no ORM: a refresh takes from a limit of each of thousands of accounts."""


class SqlQuotas:
    """Implements contracts.ports.Quotas. The calls touch one row and do not yield to the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, key: str, *, window_start: datetime, units: int, limit: int) -> bool:
        """Take units, or none of them when they are not all there."""
        if units > limit:
            return False
        taken = {"key": key, "window_start": window_start, "units": units, "limit": limit}
        with self._database.write() as session:
            used = session.connection().execute(_TAKE, taken).scalar()
            if used == units:  # the window was opened: the limit's older ones are over
                old = delete(QuotaRow).where(
                    QuotaRow.key == key, QuotaRow.window_start < window_start - FORGOTTEN_AFTER
                )
                session.connection().execute(old)
        return used is not None
