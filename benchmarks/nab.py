"""The Numenta Anomaly Benchmark: its labelled series of tweet counts, and its score.

Belongs here: reading the files, the score. Does not belong here: detectors, and how their parameters are chosen (`anomalies`).

The score is that of Lavin & Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark" (2015), as NAB's own
scorer computes it: in each labelled window the first alert counts, the earlier the better; an alert outside costs, less just behind a window.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from ml.streams.stream import Stream

FOLDER = "nab_realtweets"
FILES = ("realtweets.parquet", "realtweets_dev_labelled.parquet")
"""The whole set, or the half of it that comes with labels. The first one found is read."""
PROBATION_RATIO, PROBATION_OF_AT_MOST = 0.15, 5000


@dataclass(frozen=True)
class Profile:
    """What a true alert earns, a false one costs, and a missed window costs."""

    true_positive: float
    false_positive: float
    false_negative: float


@dataclass(frozen=True)
class Labelled:
    """A stream and its labelled windows, as first and last bin."""

    stream: Stream
    windows: tuple[tuple[int, int], ...]

    @property
    def bins(self) -> int:
        return len(self.stream.counts)


@dataclass(frozen=True)
class Scored:
    """Raw score of one series, and what it is made of. `found`: window -> its first alert."""

    raw: float
    windows: int
    found: dict[tuple[int, int], int]
    false_alerts: int


def read_series(reference_data: Path) -> dict[str, Labelled]:
    """The series by name. Raises FileNotFoundError where no file is there."""
    paths = [reference_data / FOLDER / name for name in FILES]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"None of {', '.join(map(str, paths))} is there (docs/reference-data.md).")
    series = {}
    for (name,), rows in pl.read_parquet(path).sort("series", "timestamp").group_by("series", maintain_order=True):
        times = rows["timestamp"]
        if times.diff().drop_nulls().n_unique() != 1:
            raise ValueError(f"{path}: the bins of {name} are not regular.")
        edges = np.diff(np.concatenate([[0], rows["in_window"].to_numpy().astype(np.int8), [0]]))
        first, behind = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        stream = Stream(
            client_id="nab",
            stream_id=str(name),
            starts_at=times[0].replace(tzinfo=UTC),
            bin=timedelta(minutes=5),
            counts=rows["value"].cast(pl.Float64).to_numpy(),
        )
        series[str(name)] = Labelled(stream, tuple((int(a), int(b) - 1) for a, b in zip(first, behind, strict=True)))
    return series


def read_profiles(reference_data: Path) -> dict[str, Profile]:
    """The profiles by name: standard, reward_low_FP_rate, reward_low_FN_rate."""
    weights = json.loads((reference_data / FOLDER / "profiles.json").read_text())
    return {
        name: Profile(matrix["tpWeight"], matrix["fpWeight"], matrix["fnWeight"])
        for name, matrix in ((name, profile["CostMatrix"]) for name, profile in weights.items())
    }


def probation(bins: int) -> int:
    """Bins at the beginning in which alerts do not count: 15 %, at most 750."""
    return min(int(PROBATION_RATIO * bins), int(PROBATION_RATIO * PROBATION_OF_AT_MOST))


def scaled_sigmoid(position: float) -> float:
    """From 0.99 at a window's beginning (-1) over 0 at its end (0) to -1 far behind it."""
    return -1.0 if position > 3.0 else 2 / (1 + math.exp(5 * position)) - 1


def score(alerts: Sequence[int], windows: Sequence[tuple[int, int]], bins: int, profile: Profile) -> Scored:
    """Raw score of one series' alerts (indices of bins); windows as first and last bin."""
    counted = sorted(index for index in alerts if index >= probation(bins))
    raw, false_alerts = 0.0, 0
    found: dict[tuple[int, int], int] = {}
    for index in counted:
        window = next((window for window in windows if window[0] <= index <= window[1]), None)
        if window is not None:
            found.setdefault(window, index)
            continue
        false_alerts += 1
        behind = max((window for window in windows if window[1] < index), default=None)
        position = math.inf if behind is None else (index - behind[1]) / (behind[1] - behind[0])
        raw += profile.false_positive * scaled_sigmoid(position)
    for first, last in windows:
        if (first, last) in found:
            position = -(last - found[first, last] + 1) / (last - first + 1)
            raw += profile.true_positive * scaled_sigmoid(position) / scaled_sigmoid(-1.0)
        else:
            raw -= profile.false_negative
    return Scored(raw, len(windows), found, false_alerts)


def normalised(scores: Sequence[Scored], profile: Profile) -> float:
    """All series together, from 0 (no alert at all) to 100 (each window found at its beginning, nothing else)."""
    windows = sum(scored.windows for scored in scores)
    null, perfect = -profile.false_negative * windows, profile.true_positive * windows
    return 100 * (sum(scored.raw for scored in scores) - null) / (perfect - null)
