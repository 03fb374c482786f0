"""Feast definitions over the lake's features: entities, the source, views, and a service for each model that reads them.

Belongs here: definitions alone, without paths, clocks or settings. Does not belong here: how a feature is computed (`ml/`), where it
is stored and read (`feature_store/`). Importing it imports Feast (seconds, some 180 MB), so nothing on the asset graph's way does.
"""
