"""What scored forecasts teach: per client, how honest the intervals were and how much wider they must be."""

import dagster as dg

from assets.keys import asset_options, gold
from assets.results import materialised
from contracts.clock import Clock
from contracts.ports import Lake
from contracts.scope import TenantScope
from contracts.tables import CALIBRATION
from ml.scoring import calibration

STAGE = "every client's forecasts are scored in one run; each row keeps its tenant"


@dg.asset(**asset_options(CALIBRATION, "scikitlearn"), deps=[gold("fct_forecast_scores")])
def interval_calibration(lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> dg.MaterializeResult:
    """Grain: client. Read by decisions, which widen or narrow their intervals by it."""
    now = clock.now()
    scores = lake.scan("gold/fct_forecast_scores", scope=TenantScope.all_clients(STAGE)).collect()
    frame = calibration(scores, computed_at=now)
    metadata = {"scored_forecasts": scores.height, "mean_coverage": float(frame["coverage_ratio"].mean() or 0.0)}
    return materialised(CALIBRATION, lake.merge(CALIBRATION, frame), frame=frame, as_of=now, metadata=metadata)
