"""The feature store: Feast behind the port `contracts.ports.FeatureStore`.

Belongs here: the snapshot of the lake that Feast reads, the join that gives each row what was known at its moment, the adapter.
Does not belong here: which features there are (`feature_repo/`), how they are computed (`ml/`), when they are put online
(`orchestration/`). This package imports Feast only where a feature is asked for, never on the way to the asset graph.

Feast sets process-wide things when it is imported (SQLite's adapters for dates, warning filters), so what reads through this package
does it in a run or a process of its own.
"""

from feature_store.store import FeastFeatureStore

__all__ = ["FeastFeatureStore"]
