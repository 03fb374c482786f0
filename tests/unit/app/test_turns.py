"""A turn of the main job remembers what had too little to go on, until it has enough."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from apps.main_job import Turn
from apps.pipeline import Pipeline
from assets.results import NOT_READY


def test_what_had_too_little_to_go_on_is_told_until_it_has_enough(tmp_path: Path) -> None:
    posts = [7, 25]

    @dg.asset(key_prefix="models")
    def popularity_model() -> dg.MaterializeResult:
        seen = posts.pop(0)
        return dg.MaterializeResult(metadata={NOT_READY: f"{seen} of 20"} if seen < 20 else {"model_version": "1"})

    job = dg.define_asset_job("train", selection=dg.AssetSelection.assets(popularity_model))
    definitions = dg.Definitions(assets=[popularity_model], jobs=[job])
    turn = Turn(datetime(2026, 5, 30, tzinfo=UTC))
    with dg.instance_for_test() as instance:
        pipeline = Pipeline(definitions, instance, tmp_path / "runs.log")
        turn.took(pipeline.run("train"))
        assert turn.not_ready == {"models/popularity_model": "7 of 20"}
        turn.took(pipeline.run("train"))
    assert turn.not_ready == {}
    assert turn.runs == 2
