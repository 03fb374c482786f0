"""Streams of hourly counts with trends planted at known hours: seeded, negative binomial, with a daily season.

Belongs here: making the streams. Does not belong here: finding the trends.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Planted:
    """`counts` and `phase` are streams x hours; phase 0 is as usual, 1 the climb, 2 the top, 3 the fall. `onsets`: (stream, hour)."""

    counts: NDArray[np.int64]
    phase: NDArray[np.int64]
    onsets: list[tuple[int, int]]
    factors: NDArray[np.float64]


def streams(*, number: int, days: int, quiet_days: int, onsets_per_week: float, seed: int) -> Planted:
    """Levels are log-normal around 3 an hour, days differ (log sd 0.2), the daily season swings by half or more at a peak hour near 18.

    A trend climbs for 1 to 8 hours to 4 to 20 times the level, holds for 4 to 24 hours and falls with a half-life of 3 to 12 hours.
    None comes in the first `quiet_days`, nor within three days of another of the same stream.
    """
    rng = np.random.default_rng(seed)
    hours = days * 24
    level = np.exp(rng.normal(np.log(3), 1.2, size=(number, 1)))
    peak, swing = rng.normal(18, 2, size=(number, 1)), rng.uniform(0.5, 1.0, size=(number, 1))
    season = np.exp(swing * np.cos(2 * np.pi * (np.arange(hours)[None, :] - peak) / 24))
    of_day = np.repeat(np.exp(rng.normal(0, 0.2, size=(number, days))), 24, axis=1)
    factor, phase = np.ones((number, hours)), np.zeros((number, hours), dtype=np.int64)
    onsets, factors = [], []
    for stream in range(number):
        hour = quiet_days * 24
        while True:
            hour += int(rng.exponential(7 * 24 / onsets_per_week)) if onsets_per_week > 0 else hours
            if hour >= hours - 12:
                break
            size = float(np.exp(rng.uniform(np.log(4), np.log(20))))
            climb, hold, half_life = int(rng.integers(1, 9)), int(rng.integers(4, 25)), rng.uniform(3, 12)
            age = np.arange(1, hours - hour + 1)
            shape = np.where(
                age <= climb, age / climb, np.where(age <= climb + hold, 1.0, 0.5 ** ((age - climb - hold) / half_life))
            )
            factor[stream, hour:] = np.maximum(factor[stream, hour:], 1 + (size - 1) * shape)
            stage = np.where(age <= climb, 1, np.where(age <= climb + hold, 2, 3))
            is_over = (shape * (size - 1) < 0.5) & (stage == 3)
            phase[stream, hour:] = np.where(is_over, 0, stage)
            onsets.append((stream, hour))
            factors.append(size)
            hour += 72
    mean = level * season * of_day * factor
    shape_of_noise = 4.0
    counts = rng.negative_binomial(shape_of_noise, shape_of_noise / (shape_of_noise + mean))
    return Planted(counts.astype(np.int64), phase, onsets, np.array(factors))
