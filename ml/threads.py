"""How many threads a fit or a forecast is worth.

Belongs here: those two rules. Does not belong here: what is computed.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

PARALLEL_FROM_ROWS = 200_000
ROWS_PER_SLICE = 5_000
"""Rows that a thread forecasts at once: fixed, so that a forecast is the same to the last bit whatever the number of cores."""

Floats = NDArray[np.float64]


def threads_for(rows: int) -> AbstractContextManager[object]:
    """One thread for few rows, all that there are for many.

    Boosting on few rows is thousands of tiny parallel regions: threads that wait for each other cost far more than they give, and on a
    busy machine a hundred times more.
    """
    return cast(AbstractContextManager[object], threadpool_limits(1 if rows < PARALLEL_FROM_ROWS else None))


def forecast_by_slices(forecast: Callable[[pl.DataFrame], Floats], rows: pl.DataFrame) -> Floats:
    """`forecast` of `rows`, one number a row that depends on that row alone, ROWS_PER_SLICE at a time.

    Slices are shared out among as many threads as Polars has (POLARS_MAX_THREADS, else one a core). Each works alone, so that none waits
    for another before the end; libraries below start no more of them.
    """
    with threads_for(1):
        if rows.height <= ROWS_PER_SLICE:
            return forecast(rows)
        # OpenMP's limit is each thread's own; that of BLAS is the process's, and stands above.
        with ThreadPoolExecutor(pl.thread_pool_size(), initializer=threadpool_limits, initargs=(1, "openmp")) as pool:
            return np.concatenate(list(pool.map(forecast, rows.iter_slices(ROWS_PER_SLICE))))
