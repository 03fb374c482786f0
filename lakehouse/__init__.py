"""The lake: Delta tables that are read as of a version, replaced by the day, appended to and merged, atomically.

Belongs here: opening, reading and writing tables of the lake, and the read-only SQL sessions over them.
Does not belong here: business rules, what a KPI means (dbt_project/), when anything is written (orchestration/).
"""

from lakehouse.analyst import AnalystLake, connect
from lakehouse.duckdb_session import open_session
from lakehouse.lake import DeltaLake, open_lake

__all__ = ["AnalystLake", "DeltaLake", "connect", "open_lake", "open_session"]
