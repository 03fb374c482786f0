"""The notebook that an analyst starts from, run cell by cell against a small demo home."""

import base64
import struct
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from nbclient import NotebookClient

from contracts.scope import TenantScope
from lakehouse import DeltaLake
from tests.unit.app.demo_home import write_demo_home

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "first_chart.ipynb"
FIGURE = "application/vnd.plotly.v1+json"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook with its outputs, and the demo home that it read: `.pulso` beside its folder, as in the repository."""
    root = tmp_path_factory.mktemp("repository")
    home, folder = root / ".pulso", root / "notebooks"
    folder.mkdir()
    write_demo_home(home)
    with pytest.MonkeyPatch.context() as env:
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
            env.setenv(name, str(root / name.lower()))
        env.delenv("PULSO_HOME", raising=False)
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    return notebook, home


def _output(cell: nbformat.NotebookNode, mime: str) -> Any:
    return next(output.data[mime] for output in cell.outputs if mime in output.get("data", {}))


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _numbers(values: Any) -> list[float]:
    """A trace's values: a list, or plotly's packed array."""
    if isinstance(values, dict):
        content = base64.b64decode(values["bdata"])
        code = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "f4": "f", "f8": "d"}[values["dtype"]]
        return [float(value) for value in struct.unpack(f"<{len(content) // struct.calcsize(code)}{code}", content)]
    return [float(value) for value in values]


def test_the_first_chart_takes_five_lines_and_shows_one_clients_weeks(
    executed: tuple[nbformat.NotebookNode, Path],
) -> None:
    notebook, home = executed
    first = _code(notebook)[0]
    assert len(first.source.splitlines()) == 5
    weeks = (
        DeltaLake(home / "lake")
        .scan("gold/kpi_client_weekly", scope=TenantScope.of("harbor-coffee"))
        .sort("week")
        .collect()
    )
    (trace,) = _output(first, FIGURE)["data"]
    assert _numbers(trace["y"]) == weeks["engagements"].cast(pl.Float64).to_list()


def test_the_second_chart_shows_intervals_around_the_usual(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = executed
    figure = next(_output(cell, FIGURE) for cell in _code(notebook) if "times_usual" in cell.source)
    (trace,) = figure["data"]
    multiples, above, below = (
        _numbers(values) for values in (trace["x"], trace["error_x"]["array"], trace["error_x"]["arrayminus"])
    )
    assert len(multiples) >= 3
    assert all(0.2 < multiple < 5 for multiple in multiples)
    assert all(size > 0 for size in (*above, *below))


def test_no_other_client_can_be_reached(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = executed
    shown = next(_output(cell, "text/plain") for cell in _code(notebook) if "distinct client_id" in cell.source)
    assert "harbor-coffee" in shown
    assert "verde-cocina" not in shown


def test_it_is_committed_without_outputs() -> None:
    assert all(
        not cell.outputs and cell.execution_count is None for cell in _code(nbformat.read(NOTEBOOK, as_version=4))
    )
