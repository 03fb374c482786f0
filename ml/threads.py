"""How many threads a fit or a forecast is worth.

Belongs here: that one rule. Does not belong here: what is computed.
"""

from contextlib import AbstractContextManager
from typing import cast

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

PARALLEL_FROM_ROWS = 200_000


def threads_for(rows: int) -> AbstractContextManager[object]:
    """One thread for few rows, all that there are for many.

    Boosting on few rows is thousands of tiny parallel regions: threads that wait for each other cost far more than they give, and on a
    busy machine a hundred times more.
    """
    return cast(AbstractContextManager[object], threadpool_limits(1 if rows < PARALLEL_FROM_ROWS else None))
