"""`pulso sql`: what is asked and how it is answered, printed, exported, refused, on the demo home."""

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from apps.sql.answers import Answers, ask
from apps.sql.export import export
from apps.sql.prompt import converse, is_complete, terminal_reader
from contracts.errors import PulsoError
from contracts.scope import TenantScope
from lakehouse import AnalystLake, DeltaLake, connect
from tests import forked

HARBOR = TenantScope.of("harbor-coffee")


@pytest.fixture(scope="module")
def lake(demo_template: Path) -> Iterator[AnalystLake]:
    with connect("harbor-coffee", home=demo_template) as lake:
        yield lake


@pytest.fixture
def console() -> Console:
    return Console(file=StringIO(), width=120)


@pytest.fixture
def answers(lake: AnalystLake, console: Console) -> Answers:
    return Answers(lake, console, limit=5)


def printed(console: Console) -> str:
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


# --- answers -----------------------------------------------------------------------------------------------------------------


def test_rows_are_printed_and_those_left_out_are_counted(
    answers: Answers, console: Console, demo_template: Path
) -> None:
    weeks = DeltaLake(demo_template / "lake").scan("gold/kpi_client_weekly", scope=HARBOR).sort("week").collect()
    answers.answer("select week, engagements from gold.kpi_client_weekly order by week")
    text = printed(console)
    for week, engagements in weeks.select("week", "engagements").head(5).rows():
        assert f"{week} │ {engagements} │" in text
    assert str(weeks["week"][5]) not in text
    assert f"{weeks.height} rows; {weeks.height - 5} of them left out. --limit shows more" in text


def test_what_all_fits_is_said_to_be_all(answers: Answers, console: Console) -> None:
    answers.answer("select 1 as a")
    assert printed(console).endswith("1 row.")


def test_a_wide_answer_is_printed_one_record_below_the_other(answers: Answers, console: Console) -> None:
    answers.answer("select * from gold.fct_posts limit 2")
    lines = [line.split() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert ["row", "2"] in lines
    assert lines.count(["client_id", "harbor-coffee"]) == 2


def test_null_is_told_from_nothing_and_every_type_can_be_shown(answers: Answers, console: Console) -> None:
    answers.answer("select null as n, '' as e, interval 3 day as i, [1, null] as l, {'k': 1.5} as s, 2::hugeint as h")
    assert "NULL │ │ 3 days │ [1, NULL] │ {'k': 1.5} │ 2" in printed(console)


def test_words_of_strangers_do_not_steer_the_terminal(answers: Answers, console: Console) -> None:
    answers.answer("select chr(27) || '[31m' as code, '[bold]x[/bold]' as markup, chr(7) as bell")
    text = printed(console)
    assert r"\x1b[31m" in text
    assert "[bold]x[/bold]" in text
    assert r"\x07" in text
    assert not {"\x1b", "\x07"} & set(text)


def test_an_empty_answer_names_its_columns(answers: Answers, console: Console) -> None:
    answers.answer("select week, engagements from gold.kpi_client_weekly where false")
    assert printed(console) == "No rows. Columns: week, engagements"


def test_each_statement_of_a_text_is_answered(answers: Answers, console: Console) -> None:
    answers.answer("create temp table kept as select 41 as x; select x + 1 as y from kept; select ';' as z")
    text = printed(console)
    assert text.startswith("Done.")
    assert "42" in text
    assert "│ ; │" in text


def test_dot_commands_list_tables_and_columns(answers: Answers, console: Console) -> None:
    answers.answer(".tables")
    assert "gold.kpi_client_weekly (13 columns)" in printed(console)
    answers.answer(".schema kpi_client_weekly")
    answers.answer(".schema gold/dim_clients;")
    text = printed(console)
    assert "│ week │ DATE │" in text
    assert "│ autonomy │ VARCHAR │" in text


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("selec 1", "syntax error"),
        ("select nope from gold.fct_posts", 'column "nope" not found'),
        ("select * from gold.nope", r"gold.*does not exist|nope does not exist"),
        ("select * from nope", r"stage\.table; `\.tables` lists them"),
        ("select 'x'::int", "Could not convert string 'x'"),
        ("select * from read_csv('/etc/passwd')", "reads this client's lake and no files; `--output FILE`"),
        ("set memory_limit = '1GB'", "Settings are closed here"),
        (".schema nope", "no table nope"),
        (".schema", "no command here"),
        (".drop gold.fct_posts", "no command here"),
    ],
)
def test_what_can_not_be_answered_is_told(answers: Answers, asked: str, told: str) -> None:
    with pytest.raises(PulsoError, match=told):
        answers.answer(asked)


def test_an_error_amid_the_rows_is_told_too(answers: Answers) -> None:
    with pytest.raises(PulsoError, match="Could not convert"):
        answers.answer("select if(range = 30000, 'x', '1')::int as n from range(40000)")


# --- the prompt --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ends"),
    [("select 1;", True), ("select 1; \n", True), (".tables", True), ("", True), ("select 1", False), ("a;\nb", False)],
)
def test_a_statement_ends_with_a_semicolon(text: str, ends: bool) -> None:
    assert is_complete(text) is ends


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


def test_a_person_types_statements_of_several_lines(
    keyboard: PipeInput, lake: AnalystLake, answers: Answers, console: Console, tmp_path: Path
) -> None:
    keyboard.send_text("select 40 +\r2 as answer;\rselect nope;\r.tables\r.quit\r")
    converse(terminal_reader(lake, tmp_path / "history", "> "), answers, console)
    text = printed(console)
    assert "│ 42 │" in text
    assert 'column "nope" was not found' in text
    assert text.index("nope") < text.index("gold.fct_posts (")
    assert "Traceback" not in text


def test_what_was_typed_comes_back_another_day(
    keyboard: PipeInput, lake: AnalystLake, answers: Answers, console: Console, tmp_path: Path
) -> None:
    keyboard.send_text("select 6 *\r7 as it;\r\x04")
    converse(terminal_reader(lake, tmp_path / "history", "> "), answers, console)
    up = "\x1b[A"
    keyboard.send_text(f"{up}\r.quit\r")
    converse(terminal_reader(lake, tmp_path / "history", "> "), answers, console)
    assert printed(console).count("│ 42 │") == 2


def test_what_is_given_up_does_not_end_the_prompt(lake: AnalystLake, answers: Answers, console: Console) -> None:
    typed: list[str | type[BaseException]] = [KeyboardInterrupt, "", "select 42 as x;", EOFError]

    def read() -> str:
        told = typed.pop(0)
        if isinstance(told, str):
            return told
        raise told

    converse(read, answers, console)
    assert "Given up." in printed(console)
    assert "│ 42 │" in printed(console)


# --- export ------------------------------------------------------------------------------------------------------------------

DANGEROUS = """
    select * from (values
        ('=HYPERLINK("http://x")', -5, ['=1']), ('+1', 7, null), ('-1', 0, []), ('@sum', null, ['a']), ('＝1', 1, null),
        (chr(9) || '=1', 1, null), ('a=1', 1, null), ('say "hi", you', 1, null), ('', 1, null), (null, 1, null)
    ) as t("=text", number, list)
"""


def test_formulas_in_a_csv_are_text(lake: AnalystLake, tmp_path: Path) -> None:
    assert export(ask(lake, DANGEROUS), tmp_path / "a.csv") == 10
    header, *rows = csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines())
    assert header == ["'=text", "number", "list"]
    assert [row[0] for row in rows] == [
        '\'=HYPERLINK("http://x")',
        "'+1",
        "'-1",
        "'@sum",
        "'＝1",
        "'\t=1",
        "a=1",
        'say "hi", you',
        "",
        "",
    ]
    assert [row[1] for row in rows][:4] == ["-5", "7", "0", ""]
    assert rows[0][2] == "['=1']"


def test_parquet_and_json_hold_every_text_unchanged(lake: AnalystLake, tmp_path: Path) -> None:
    for name in ("a.parquet", "a.json"):
        assert export(ask(lake, DANGEROUS), tmp_path / name) == 10
    from_parquet = pl.read_parquet(tmp_path / "a.parquet")
    from_json = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert from_parquet.to_dicts() == from_json
    assert from_json[0] == {"=text": '=HYPERLINK("http://x")', "number": -5, "list": ["=1"]}


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_every_row_is_written_over_several_batches(lake: AnalystLake, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"rows.{ending}"
    assert export(ask(lake, "select range as n, 'p' || range as p from range(120001)"), file) == 120_001
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}[ending](file)
    expected = pl.DataFrame({"n": range(120_001), "p": [f"p{n}" for n in range(120_001)]})
    assert_frame_equal(read, expected)


@pytest.mark.parametrize(("ending", "content"), [("csv", "week,engagements\n"), ("json", "[]\n")])
def test_an_empty_answer_is_a_file_without_rows(lake: AnalystLake, tmp_path: Path, ending: str, content: str) -> None:
    empty = ask(lake, "select week, engagements from gold.kpi_client_weekly where false")
    assert export(empty, tmp_path / f"empty.{ending}") == 0
    assert (tmp_path / f"empty.{ending}").read_text() == content


def test_numbers_that_json_does_not_have_are_null(lake: AnalystLake, tmp_path: Path) -> None:
    export(ask(lake, "select 'nan'::double as a, '-inf'::float as b, 0.5 as c"), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == [{"a": None, "b": None, "c": 0.5}]


def test_a_file_appears_complete_or_not_at_all(lake: AnalystLake, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    export(ask(lake, "select 1 as a"), file)
    with pytest.raises(PulsoError, match="--force overwrites it"):
        export(ask(lake, "select 2 as a"), file)
    failing = "select if(range = 190000, 'x', '1')::int as a from range(200000)"
    with pytest.raises(PulsoError, match="Could not convert"):
        export(ask(lake, failing), file, force=True)
    assert file.read_text() == "a\n1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    export(ask(lake, "select 2 as a"), file, force=True)
    assert file.read_text() == "a\n2\n"


@pytest.mark.parametrize(
    ("query", "name", "told"),
    [
        ("select 1 as a", "a.xlsx", r"one of \.csv, \.parquet, \.json"),
        ("select 1 as a", "nowhere/a.csv", "no folder"),
        ("select 1 as a, 2 as a", "a.csv", "Two columns are called a"),
        ("select interval 1 day as a", "a.parquet", "was not written.*Cast that column"),
    ],
)
def test_what_can_not_be_written_is_told(lake: AnalystLake, tmp_path: Path, query: str, name: str, told: str) -> None:
    with pytest.raises(PulsoError, match=told):
        export(ask(lake, query), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# --- the command -------------------------------------------------------------------------------------------------------------


def pulso(home: Path, *arguments: str | Path, stdin: str = "") -> CompletedProcess[str]:
    """The command in a process of its own, as a person or a script runs it; stdout and stderr together."""
    return forked.call("apps.cli:main", *arguments, env={"PULSO_HOME": str(home), "NO_COLOR": "1"}, answers=stdin)


def test_a_query_on_the_command_line_and_on_stdin(demo_template: Path, tmp_path: Path) -> None:
    asked = "select distinct client_id from gold.fct_posts"
    done = pulso(demo_template, "sql", "--client", "verde-cocina", asked)
    assert (done.returncode, "verde-cocina" in done.stdout, "harbor" in done.stdout) == (0, True, False)
    file = tmp_path / "out.csv"
    arguments = ("sql", "--client", "verde-cocina", "-", "--output", file)
    done = pulso(demo_template, *arguments, stdin=f"select 1; {asked};")
    assert (done.returncode, "".join(done.stdout.split())) == (0, f"Wrote1rowto{file}."), done.stdout
    assert file.read_text() == "client_id\nverde-cocina\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--client", "harbor-coffee", "selec 1"), "syntax error"),
        (("--client", "nobody", "select 1"), "knows no client 'nobody'"),
        (("--client", "harbor-coffee", "create temp table t as select 1", "--output", "t.csv"), "answers nothing"),
        (("--client", "harbor-coffee", "-"), "stdin is empty"),
    ],
)
def test_a_refusal_is_a_message_and_not_a_traceback(demo_template: Path, arguments: tuple[str, ...], told: str) -> None:
    done = pulso(demo_template, "sql", *arguments)
    assert done.returncode == 1
    assert told in done.stdout
    assert "Traceback" not in done.stdout


def test_without_a_lake_it_says_what_to_do(tmp_path: Path) -> None:
    done = pulso(tmp_path / "none", "sql", "--client", "harbor-coffee", "select 1")
    assert done.returncode == 1
    assert "make run" in done.stdout
    assert not (tmp_path / "none").exists()
