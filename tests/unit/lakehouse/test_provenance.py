"""Rows traced to the rows that they were made of: the right ones, counted, added up again, and no one else's."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from contracts.errors import NotReadyError, PulsoError
from contracts.scope import TenantScope
from contracts.tables import TableKind, TableSpec
from lakehouse import DeltaLake
from lakehouse.provenance import Mart, Origin, Provenance, Step

MONDAY, TUESDAY = date(2026, 5, 4), date(2026, 5, 5)
AT = pl.Datetime("us", "UTC")

COUNTS = TableSpec(
    "bronze",
    "counts",
    TableKind.OBSERVED,
    pl.Schema(
        {
            "post_id": pl.String,
            "client_id": pl.String,
            "metric": pl.String,
            "value": pl.Int64,
            "observed_at": AT,
            "raw": pl.String,
            "day": pl.Date,
        }
    ),
    ("post_id", "metric", "observed_at"),
    "Counts.",
)
LETTERS = TableSpec(
    "bronze",
    "letters",
    TableKind.REPORTED,
    pl.Schema(
        {"post_id": pl.String, "client_id": pl.String, "state": pl.String, "text": pl.String, "day": pl.Date},
    ),
    ("post_id",),
    "One row a post and day.",
    personal=("text",),
)
MARTS = {
    mart.key: mart
    for mart in (
        Mart(
            "gold/kpi_weekly",
            ("client_id", "week"),
            (
                Origin(
                    "gold/fct_posts",
                    "parent.client_id = child.client_id and parent.week = child.week",
                    {"posts": "count(*)", "engagements": "sum(engagements)", "best": ("engagements",)},
                ),
            ),
        ),
        Mart(
            "gold/fct_posts",
            ("post_id",),
            (
                Origin("bronze/letters", "parent.post_id = child.post_id"),
                Origin(
                    "bronze/counts",
                    "parent.post_id = child.post_id and parent.observed_at = "
                    "(select max(newest.observed_at) from bronze.counts as newest where newest.post_id = child.post_id)",
                    {"engagements": "sum(value)", "likes": "any_value(value) filter (where metric = 'likes')"},
                ),
            ),
        ),
        Mart("gold/fct_absent", ("client_id",), ()),
        Mart(
            "gold/kpi_round",
            ("client_id",),
            (Origin("gold/kpi_round", "parent.client_id = child.client_id", {"posts": "sum(posts)"}),),
        ),
        Mart(
            "gold/kpi_early", ("client_id",), (Origin("gold/fct_absent", "parent.client_id = child.client_id", None),)
        ),
    )
}


def counted(client: str, post: str, day: date, **values: int) -> list[dict]:
    at = datetime.combine(day, datetime.min.time(), UTC)
    common = {"post_id": post, "client_id": client, "observed_at": at, "day": day}
    return [{**common, "metric": m, "value": v, "raw": json.dumps({m: v})} for m, v in values.items()]


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    """Two clients of one week: acme has two posts, one of them counted twice, and a week without any; bolt has one post."""
    lake = DeltaLake(tmp_path / "lake", declared=(COUNTS, LETTERS))
    rows = [
        *counted("acme", "a", MONDAY, likes=1, shares=0),
        *counted("acme", "a", TUESDAY, likes=3, shares=2),
        *counted("acme", "b", MONDAY, likes=4),
        *counted("bolt", "z", MONDAY, likes=100),
    ]
    lake.append(COUNTS, pl.DataFrame(rows, schema=COUNTS.schema))
    for day, state in ((MONDAY, "approved"), (TUESDAY, "published")):
        letters = [
            {"post_id": post, "client_id": client, "state": state, "text": f"words of {client}", "day": day}
            for client, post in (("acme", "a"), ("acme", "b"), ("bolt", "z"))
        ]
        lake.replace_partition(LETTERS, pl.DataFrame(letters, schema=LETTERS.schema), day=day)
    posts = {
        "client_id": ["acme", "acme", "bolt"],
        "post_id": ["a", "b", "z"],
        "week": [MONDAY] * 3,
        "likes": [3, 4, 100],
        "engagements": [5, 4, 100],
    }
    write_deltalake(lake.path("gold/fct_posts"), pl.DataFrame(posts))
    weeks = {
        "client_id": ["acme", "acme", "bolt"],
        "week": [MONDAY, date(2026, 5, 11), MONDAY],
        "posts": [2, 0, 1],
        "engagements": [9, None, 100],
        "best": [5, None, 100],
    }
    write_deltalake(lake.path("gold/kpi_weekly"), pl.DataFrame(weeks))
    write_deltalake(lake.path("gold/kpi_round"), pl.DataFrame({"client_id": ["acme"], "posts": [1]}))
    write_deltalake(lake.path("gold/kpi_early"), pl.DataFrame({"client_id": ["acme"]}))
    return lake


@pytest.fixture
def acme(lake: DeltaLake) -> Iterator[Provenance]:
    with Provenance(lake, MARTS, TenantScope.of("acme"), shown=2) as provenance:
        yield provenance


def below(trace: Step, table: str) -> Step:
    (step,) = (step for step in trace.walk() if step.table == table)
    return step


def test_a_sum_is_followed_to_its_raw_rows(acme: Provenance, lake: DeltaLake) -> None:
    trace = acme.cell("kpi_weekly", {"week": "2026-05-04"}, "engagements")
    assert trace.shown["engagements"].to_list() == [9]
    posts, counts = below(trace, "gold/fct_posts"), below(trace, "bronze/counts")
    assert posts.shown["post_id"].to_list() == ["a", "b"]
    assert (counts.rows, counts.days, counts.shown.height) == (3, (MONDAY, TUESDAY), 2)
    assert counts.version == lake.version(COUNTS)
    assert counts.shown.select("post_id", "metric", "value").rows() == [("a", "likes", 3), ("a", "shares", 2)]
    for row in counts.shown.iter_rows(named=True):
        assert json.loads(row["raw"]) == {row["metric"]: row["value"]}
        file = pl.read_parquet(Path(lake.root) / row["file"])
        assert (row["post_id"], row["raw"]) in file.select("post_id", "raw").rows()
        assert f"day={row['day']}" in row["file"]


def test_what_adds_up_is_said_for_each_level(acme: Provenance) -> None:
    trace = acme.cell("kpi_weekly", {"week": "2026-05-04"}, "engagements")
    (total,) = trace.recounts
    assert (total.values, total.how, total.agreeing, total.rows) == ((9, 9), "sum(engagements)", 1, 1)
    (each,) = below(trace, "gold/fct_posts").recounts
    assert (each.column, each.agreeing, each.rows, each.values) == ("engagements", 2, 2, None)


def test_what_does_not_add_up_is_named(acme: Provenance, lake: DeltaLake) -> None:
    rows = counted("acme", "b", TUESDAY, likes=40)
    lake.append(COUNTS, pl.DataFrame(rows, schema=COUNTS.schema))
    with Provenance(lake, MARTS, TenantScope.of("acme")) as later:
        trace = later.cell("kpi_weekly", {"week": "2026-05-04"}, "engagements")
    assert trace.recounts[0].agreeing == 1
    (each,) = below(trace, "gold/fct_posts").recounts
    assert (each.agreeing, each.rows) == (1, 2)
    assert each.differing.rows() == [("b", 4, 40)]


def test_only_what_the_column_is_made_of_is_followed(acme: Provenance) -> None:
    week = {"week": "2026-05-04"}
    assert [step.table for step in acme.cell("kpi_weekly", week, "posts").walk()] == [
        "gold/kpi_weekly",
        "gold/fct_posts",
        "bronze/letters",
    ]
    # A key is given by nothing: whatever the row is made of is behind it.
    assert [step.table for step in acme.cell("kpi_weekly", week, "week").walk()][1:] == [
        "gold/fct_posts",
        "bronze/letters",
    ]
    everything = acme.cell("kpi_weekly", week)
    assert {recount.column for recount in everything.recounts} == {"posts", "engagements"}


def test_what_is_more_than_an_aggregate_is_followed_but_not_computed(acme: Provenance) -> None:
    trace = acme.cell("kpi_weekly", {"week": "2026-05-04"}, "best")
    assert (trace.recounts, trace.beyond) == ((), ("best",))
    assert below(trace, "bronze/counts").rows == 3


def test_an_empty_week_is_made_of_nothing(acme: Provenance) -> None:
    trace = acme.cell("kpi_weekly", {"week": "2026-05-11"})
    assert [(recount.column, recount.values) for recount in trace.recounts] == [
        ("posts", (0, 0)),
        ("engagements", (None, None)),
    ]
    assert [(step.table, step.rows) for step in trace.walk()][1:] == [("gold/fct_posts", 0)]


def test_a_raw_row_of_two_days_is_shown_once_for_each(acme: Provenance) -> None:
    letters = below(acme.cell("fct_posts", {"post_id": "a"}), "bronze/letters")
    assert letters.shown.select("state", "day").rows() == [("approved", MONDAY), ("published", TUESDAY)]
    assert [f"day={day}" in file for day, file in letters.shown.select("day", "file").rows()] == [True, True]


def test_no_other_clients_row_is_behind_anything(lake: DeltaLake) -> None:
    # The same condition that meets every post, to see that the scope alone keeps rows apart.
    open_marts = {"gold/kpi_weekly": Mart("gold/kpi_weekly", ("client_id", "week"), (Origin("bronze/counts", "true"),))}
    with Provenance(lake, open_marts, TenantScope.of("acme"), shown=99) as provenance:
        trace = provenance.rows("kpi_weekly")
        assert {client for step in trace.walk() for client in step.shown["client_id"]} == {"acme"}
        assert below(trace, "bronze/counts").rows == 5
        with pytest.raises(PulsoError, match="no row"):
            provenance.cell("kpi_weekly", {"client_id": "bolt"})


def test_peoples_words_are_withheld_until_they_are_asked_for(acme: Provenance, lake: DeltaLake) -> None:
    letters = below(acme.cell("fct_posts", {"post_id": "a"}), "bronze/letters")
    assert letters.personal == ("text",)
    assert "text" not in letters.shown.columns
    with Provenance(lake, MARTS, TenantScope.of("acme"), personal=True) as asked:
        letters = below(asked.cell("fct_posts", {"post_id": "a"}), "bronze/letters")
    assert set(letters.shown["text"]) == {"words of acme"}


@pytest.mark.parametrize("name", ["kpi_weekly", "gold/kpi_weekly", "gold.kpi_weekly"])
def test_a_table_is_found_by_every_way_to_write_it(acme: Provenance, name: str) -> None:
    assert acme.cell(name, {"week": "2026-05-04"}).table == "gold/kpi_weekly"


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda p: p.cell("kpi_weekly", {}), r"2 rows.*client_id, week: add --where week=.*2026-05-04, 2026-05-11"),
        (lambda p: p.cell("kpi_weekly", {"week": "2026-05-05"}), "no row.*There: week 2026-05-04, 2026-05-11"),
        (lambda p: p.cell("kpi_weekly", {"week": "monday"}), "gold/kpi_weekly: .*date"),
        (lambda p: p.cell("kpi_weekly", {"wek": "2026-05-04"}), "no column wek.*client_id, week, posts"),
        (lambda p: p.cell("kpi_weekly", {"week": "2026-05-04"}, "likes"), "no column likes"),
        (lambda p: p.cell("kpi_weakly", {}), "No gold table.*kpi_weekly"),
        (lambda p: p.cell("fct_posts", {"post_id": "it's"}), "no row.*post_id a, b"),
        (lambda p: p.cell("kpi_round", {}), "never reaches bronze"),
    ],
)
def test_what_is_asked_wrongly_is_told(acme: Provenance, ask: Callable[[Provenance], Step], told: str) -> None:
    with pytest.raises(PulsoError, match=told):
        ask(acme)


def test_what_is_not_built_yet_is_told(acme: Provenance) -> None:
    with pytest.raises(NotReadyError, match="gold/fct_absent is not in the lake"):
        acme.cell("fct_absent", {})
    with pytest.raises(NotReadyError, match=r"Not every table behind it.*fct_absent"):
        acme.cell("kpi_early", {})
