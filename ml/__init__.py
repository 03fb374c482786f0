"""Models as pure functions: frames in, frames or models out.

Belongs here: features, models, their evaluation, choices of time and content, scoring of forecasts, experiments.
Does not belong here: the clock, the environment, the network, Dagster; MLflow lives in `ml/registry.py` alone.
"""
