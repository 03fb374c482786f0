"""Trends from a lake: what rises around a client is told with who uses it and how near it is; habits and the client's own doing are not."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.learning.trends import trends
from contracts.clock import FixedClock
from contracts.scope import TenantScope
from contracts.tables import PILLARS, TRENDS
from lakehouse import DeltaLake
from tests.assets.fakes import ALL, NOW

ANA, BEN = TenantScope.of("ana"), TenantScope.of("ben")
POST = {"client_id": pl.String, "post_id": pl.String, "published_at": TRENDS.schema["judged_at"], "text": pl.String}
OWN = pl.Schema({**POST, "account_id": pl.String, "is_reply": pl.Boolean})
RIVAL = pl.Schema(
    {("competitor_post_id" if name == "post_id" else name): kind for name, kind in POST.items()}
    | {"competitor_id": pl.String}
)


def posts(client_id: str, source: str, texts: dict[int, list[str]], *, is_own: bool) -> list[dict[str, Any]]:
    """Posts of `texts` by how many days ago they were published."""
    who = {"account_id": source, "is_reply": False} if is_own else {"competitor_id": source}
    key = "post_id" if is_own else "competitor_post_id"
    return [
        {
            "client_id": client_id,
            key: f"{source}-{back}-{n}",
            "published_at": NOW - timedelta(days=back),
            "text": text,
            **who,
        }
        for back, of_day in texts.items()
        for n, text in enumerate(of_day)
    ]


def habit(text: str, *, offset: int) -> dict[int, list[str]]:
    """A post every third day, the accounts on different ones."""
    return {back: [text] for back in range(1, 80) if back % 3 == offset}


def lake_of(folder: Path) -> DeltaLake:
    """Three rivals of ana take up #ColdBrew this week; #coffee is everybody's habit, #harbor ana's own campaign. Ben watches nobody."""
    rises = {back: [f"A slow coffee from the fridge #ColdBrew #ColdBrew {n}" for n in range(2)] for back in (1, 2, 3)}
    other = {back: ["Our knitting circle meets again #yarn"] for back in (1, 2, 3)}
    own = [
        *posts("ana", "x:ana", habit("Slow coffee, roasted here #coffee", offset=0), is_own=True),
        *posts("ana", "x:ana", {back: ["Campaign #harbor"] * 4 for back in (1, 2, 3)}, is_own=True),
        *posts("ben", "x:ben", habit("A bicycle repaired today #bicycle", offset=0), is_own=True),
    ]
    rivals = [
        row
        for offset, rival in enumerate(("x:one", "x:two", "x:three"))
        for texts in (habit("Beans and milk #coffee", offset=offset), rises, other if rival != "x:one" else {})
        for row in posts("ana", rival, texts, is_own=False)
    ]
    lake = DeltaLake(folder / "lake")
    pl.DataFrame(own, schema=OWN).write_delta(lake.path("gold/fct_posts"))
    pl.DataFrame(rivals, schema=RIVAL).write_delta(lake.path("gold/fct_competitor_posts"))
    pillar = {"client_id": "ana", "pillar_id": "p", "name": "Fridge drinks", "keywords": ["coffee"], "is_active": True}
    lake.merge(PILLARS, pl.DataFrame([{**pillar, "exported_at": NOW}], schema=PILLARS.schema))
    return lake


def run(lake: DeltaLake) -> list[dict[str, Any]]:
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    dg.materialize([trends], resources={"lake": lake, "clock": FixedClock(NOW)}, run_config=quiet)
    return lake.scan(TRENDS, scope=ALL).collect().sort("client_id", "term").to_dicts()


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> DeltaLake:
    lake = lake_of(tmp_path_factory.mktemp("trends"))
    run(lake)
    return lake


def test_what_rises_among_rivals_is_told_with_its_evidence(judged: DeltaLake) -> None:
    rows = {row["term"]: row for row in judged.scan(TRENDS, scope=ANA).collect().to_dicts()}
    assert set(rows) == {"coldbrew", "yarn"}, "a habit is no trend, nor what the client does alone"
    rise = rows["coldbrew"]
    assert rise["stage"] in {"emerging", "rising", "peaking"}
    assert (rise["sources"], rise["own_posts"], rise["rival_posts"]) == (3, 0, 18), (
        "a post counts once for a hashtag that it repeats"
    )
    assert rise["growth"] > 3
    assert rise["since"] <= (NOW - timedelta(days=1)).date() == rise["last_seen_day"]
    assert rise["daily_posts"] == [0] * 25 + [6, 6, 6]
    assert len(rise["post_ids"]) == 10
    assert rise["post_ids"][0].endswith(("-1-0", "-1-1"))


def test_a_trend_is_nearer_to_whoever_writes_of_such_things(judged: DeltaLake) -> None:
    rows = {row["term"]: row for row in judged.scan(TRENDS, scope=ANA).collect().to_dicts()}
    assert rows["coldbrew"]["relevance"] > rows["yarn"]["relevance"] + 0.1
    assert "coffee" in rows["coldbrew"]["shared_words"]


def test_a_client_without_rivals_has_no_trend_and_sees_nobody_elses(judged: DeltaLake) -> None:
    assert judged.scan(TRENDS, scope=BEN).collect().is_empty()


def test_a_rerun_says_the_same(judged: DeltaLake) -> None:
    before = judged.scan(TRENDS, scope=ALL).collect().sort("client_id", "term").to_dicts()
    assert run(judged) == before


def test_where_nothing_was_posted_nothing_rises(tmp_path: Path) -> None:
    lake = DeltaLake(tmp_path / "lake")
    pl.DataFrame(schema=OWN).write_delta(lake.path("gold/fct_posts"))
    pl.DataFrame(schema=RIVAL).write_delta(lake.path("gold/fct_competitor_posts"))
    assert run(lake) == []
