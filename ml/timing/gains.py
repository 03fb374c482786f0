"""What a slot is worth to an account: the cautious effect of its local hour.

Belongs here: from effects to gains of slots. Does not belong here: estimating effects (`effects.py`), choosing (`ml/scheduling.py`).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray


def slot_gains(local_hours: NDArray[np.int64], account_id: str, effects: pl.DataFrame) -> NDArray[np.float64]:
    """Gain (log units) over the account's usual mix of hours of each slot, given its hour on the client's clock.

    `effects`: rows of models/hour_effects. An account without any has no gain anywhere. Forecasts of the engagement model are left
    out on purpose: it learned hours from posts whose hours were chosen with their content.
    """
    own = effects.filter(pl.col("account_id") == account_id)
    gain = dict(own.select("local_hour", "cautious_effect").iter_rows())
    return np.array([gain.get(int(hour), 0.0) for hour in local_hours], dtype=np.float64)
