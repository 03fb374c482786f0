"""Feast definitions over gold: entities, sources, views, services. Their place; features are read from `features/*` in the lake.

Belongs here: definitions alone. Does not belong here: how a feature is computed (`ml/features.py`). Never imported by the asset graph.
"""
