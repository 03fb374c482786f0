"""The notebooks that analysts start from, run cell by cell against a small demo home; their results are worked out again from the lake."""

import ast
import base64
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from nbclient import NotebookClient

from contracts.scope import TenantScope
from lakehouse import DeltaLake
from tests.unit.app.demo_home import write_demo_home, write_raw_rows

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = ("explore", "benchmark_a_competitor", "audit_a_number")
FIGURE = "application/vnd.plotly.v1+json"
SCOPE = TenantScope.of("harbor-coffee")
INTERACTIONS = ("likes", "comments", "shares", "saves", "quotes")

Execute = Callable[[str], nbformat.NotebookNode]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the repository's: the demo home as `.pulso`, beside the notebooks' folder."""
    root = tmp_path_factory.mktemp("repository")
    (root / "notebooks").mkdir()
    write_raw_rows(write_demo_home(root / ".pulso"))
    return root


@pytest.fixture(scope="module")
def lake(root: Path) -> DeltaLake:
    return DeltaLake(root / ".pulso" / "lake")


@pytest.fixture(scope="module")
def execute(root: Path) -> Execute:
    """Run a notebook as a person does who opens it in its folder."""

    def run(name: str) -> nbformat.NotebookNode:
        with pytest.MonkeyPatch.context() as env:
            for folder in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
                env.setenv(folder, str(root / folder.lower()))
            env.delenv("PULSO_HOME", raising=False)
            notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
            resources = {"metadata": {"path": str(root / "notebooks")}}
            NotebookClient(notebook, timeout=None, kernel_name="python3", resources=resources).execute()
        return notebook

    return run


@pytest.fixture(scope="module")
def explore(execute: Execute) -> nbformat.NotebookNode:
    return execute("explore")


@pytest.fixture(scope="module")
def benchmark(execute: Execute) -> nbformat.NotebookNode:
    return execute("benchmark_a_competitor")


@pytest.fixture(scope="module")
def audit(execute: Execute) -> nbformat.NotebookNode:
    return execute("audit_a_number")


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _output(notebook: nbformat.NotebookNode, mime: str, words: str) -> Any:
    """What the cell that holds these words shows."""
    (cell,) = (cell for cell in _code(notebook) if words in cell.source)
    return next(output.data[mime] for output in cell.outputs if mime in output.get("data", {}))


def _numbers(values: Any) -> list[float]:
    """A trace's values: a list, or plotly's packed array."""
    if isinstance(values, dict):
        content = base64.b64decode(values["bdata"])
        code = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "f4": "f", "f8": "d"}[values["dtype"]]
        return [float(value) for value in struct.unpack(f"<{len(content) // struct.calcsize(code)}{code}", content)]
    return [float(value) for value in values]


def _rows(lake: DeltaLake, table: str) -> pl.DataFrame:
    return lake.scan(table, scope=SCOPE).collect()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_committed_without_outputs(name: str) -> None:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in _code(notebook))


def test_every_notebook_is_run_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NOTEBOOKS)


# --- explore ---------------------------------------------------------------------------------------------------------------------


def test_the_first_chart_takes_five_lines_and_shows_one_clients_weeks(
    explore: nbformat.NotebookNode, lake: DeltaLake
) -> None:
    assert len(_code(explore)[0].source.splitlines()) == 5
    weeks = _rows(lake, "gold/kpi_client_weekly").sort("week")
    (trace,) = _output(explore, FIGURE, "px.bar(weeks")["data"]
    assert _numbers(trace["y"]) == weeks["engagements"].cast(pl.Float64).to_list()


def test_the_formats_chart_shows_intervals_around_the_usual(explore: nbformat.NotebookNode) -> None:
    (trace,) = _output(explore, FIGURE, "times_usual")["data"]
    multiples, above, below = (
        _numbers(values) for values in (trace["x"], trace["error_x"]["array"], trace["error_x"]["arrayminus"])
    )
    assert len(multiples) >= 3
    assert all(0.2 < multiple < 5 for multiple in multiples)
    assert all(size > 0 for size in (*above, *below))


def test_accounts_and_the_best_posts_are_those_of_the_lake(explore: nbformat.NotebookNode, lake: DeltaLake) -> None:
    final = _rows(lake, "gold/fct_posts").filter(pl.col("mature_engagements").is_not_null() & ~pl.col("is_reply"))
    shown = _output(explore, "text/plain", "share_of_the_best_tenth")
    for _, posts in final.group_by("account_id"):
        assert f"{posts['mature_engagements'].median():.1f}" in shown
        assert f" {posts.height} " in shown
    times = pl.col("mature_engagements") / pl.col("mature_engagements").median().over("account_id")
    best = final.with_columns(times.alias("times")).sort("times", descending=True).head(5)
    shown = _output(explore, "text/plain", "times_median")
    assert "shape: (5, 6)" in shown
    for day, engagements in best.select("published_day", "mature_engagements").rows():
        assert str(day) in shown
        assert f" {engagements} " in shown


def test_no_other_client_can_be_reached(explore: nbformat.NotebookNode) -> None:
    shown = _output(explore, "text/plain", "distinct client_id")
    assert "harbor-coffee" in shown
    assert "verde-cocina" not in shown


# --- benchmark a competitor ------------------------------------------------------------------------------------------------------


def _per_1000_followers(lake: DeltaLake) -> dict[str, float]:
    """Likes and comments per 1,000 followers and post, of posts three days old, since rivals are known on the network."""
    theirs = _rows(lake, "gold/fct_competitor_posts").filter(
        pl.col("observed_at") - pl.col("published_at") >= timedelta(hours=72)
    )
    since = dict(_rows(lake, "gold/fct_competitor_posts").group_by("network").agg(pl.col("published_at").min()).rows())
    handles = dict(_rows(lake, "gold/dim_accounts").select("account_id", "handle").rows())
    rates: dict[str, list[int]] = {}
    for row in theirs.to_dicts():
        sums = rates.setdefault(row["handle"], [0, 0])
        sums[0] += row["likes"] + row["comments"]
        sums[1] += row["followers"]
    for row in _rows(lake, "gold/fct_posts").to_dicts():
        if row["age_hours"] >= 72 and not row["is_reply"] and row["published_at"] >= since[row["network"]]:
            sums = rates.setdefault(handles[row["account_id"]], [0, 0])
            sums[0] += row["likes"] + row["comments"]
            sums[1] += row["followers_at_post"]
    return {handle: above / below * 1000 for handle, (above, below) in rates.items()}


def test_profiles_are_compared_by_what_public_pages_show(benchmark: nbformat.NotebookNode, lake: DeltaLake) -> None:
    figure = _output(benchmark, FIGURE, 'y="handle"')
    bars = {handle: x for trace in figure["data"] for handle, x in zip(trace["y"], _numbers(trace["x"]), strict=True)}
    assert bars == pytest.approx(_per_1000_followers(lake))
    assert len(bars) == 5
    (rival,) = (trace for trace in figure["data"] if trace["name"] == "the rival")
    assert list(rival["y"]) == ["brewdistrict"]


def test_weeks_stand_beside_the_rivals_of_the_network(benchmark: nbformat.NotebookNode, lake: DeltaLake) -> None:
    compared = _rows(lake, "gold/kpi_competitor_benchmark").filter(pl.col("rivals") > 0).sort("account_id", "week")
    figure = _output(benchmark, FIGURE, "px.line")
    drawn = {name: sorted(_numbers_of(figure, name)) for name in ("ours", "rivals")}
    assert drawn["ours"] == pytest.approx(sorted(compared["interactions_per_follower"] * 1000))
    assert drawn["rivals"] == pytest.approx(sorted(compared["rivals_average"] * 1000))
    shown = _output(benchmark, "text/plain", "weeks_ahead")
    for _, weeks in compared.group_by("account_id"):
        assert f" {weeks.height} " in shown
        assert f" {weeks.filter(pl.col('gap_to_rivals') > 0).height} " in shown


def _numbers_of(figure: Any, name: str) -> list[float]:
    return [value for trace in figure["data"] if trace["name"] == name for value in _numbers(trace["y"])]


# --- audit a number --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def week(lake: DeltaLake) -> dict[str, Any]:
    """The last whole week, the one that the notebook audits."""
    return _rows(lake, "gold/kpi_client_weekly").sort("week").row(-2, named=True)


def test_the_week_is_the_sum_of_its_posts(audit: nbformat.NotebookNode, week: dict[str, Any]) -> None:
    assert str(week["week"]) in _output(audit, "text/plain", "figure = ")
    shown = ast.literal_eval(_output(audit, "text/plain", "engagements of the week"))
    assert shown == {
        "engagements of the week": week["engagements"],
        "sum over its posts": week["engagements"],
        "posts of the week": week["posts_published"],
        "posts found": week["posts_published"],
    }


def test_the_posts_are_the_sum_of_their_newest_raw_counts(
    audit: nbformat.NotebookNode, lake: DeltaLake, week: dict[str, Any]
) -> None:
    days = (week["week"], week["week"] + timedelta(days=6))
    posts = _rows(lake, "gold/fct_posts").filter(pl.col("published_day").is_between(*days))
    newest = (
        _rows(lake, "bronze/post_metrics")
        .filter(pl.col("post_id").is_in(posts["post_id"].to_list()) & pl.col("metric").is_in(INTERACTIONS))
        .sort("observed_at")
        .group_by("post_id", "metric")
        .last()
    )
    assert newest.height == 3 * posts.height
    shown = ast.literal_eval(_output(audit, "text/plain", "sum over raw counts"))
    assert shown == {"sum over raw counts": newest["value"].sum(), "rows that differ": 0}
    assert shown["sum over raw counts"] == week["engagements"]


def test_the_largest_count_is_in_its_payload(audit: nbformat.NotebookNode) -> None:
    (cell,) = (cell for cell in _code(audit) if "largest =" in cell.source)
    (said,) = (output.text for output in cell.outputs if output.output_type == "stream")
    payload = ast.literal_eval(_output(audit, "text/plain", "largest ="))
    metric, value = said.split(": ")[1].split(",")[0].split(" = ")
    assert payload[metric] == int(value)


def test_what_was_kept_out_is_told(audit: nbformat.NotebookNode, lake: DeltaLake) -> None:
    shown = _output(audit, "text/plain", "kept_out")
    for rule, rows in _rows(lake, "bronze/quarantined_post_metrics").group_by("rule").len().rows():
        assert rule in shown
        assert f" {rows} " in shown
