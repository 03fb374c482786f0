"""What a statement or a dot command answers, printed: a table that fits the terminal, or one record below the other.

Does not belong here: reading what a person types (prompt.py), files (export.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

from apps.terminal import printable
from contracts.errors import PulsoError
from lakehouse import AnalystLake

HELP = """\
A statement ends with ; and may take several lines. Tables are written stage.table.
.tables          the tables there are
.schema TABLE    a table's columns and their types
.quit            leave (so does Ctrl-D; Ctrl-C gives up what is typed or running)"""

LONGEST_CELL = 300
_WIDEST_IN_A_TABLE = 60
_BATCH_ROWS = 10_000
NUMBERS = ("TINY", "SMALL", "INTEGER", "BIG", "HUGE", "UTINY", "USMALL", "UINTEGER", "UBIG", "UHUGE", "FLOAT", "DOUBLE")
NUMBERS += ("DECIMAL",)
"""How the names of DuckDB's number types begin."""


class Answers:
    """Answers over one client's lake. Raises PulsoError for what is wrong with a statement, in DuckDB's own words."""

    def __init__(self, lake: AnalystLake, console: Console, *, limit: int) -> None:
        """`limit` is how many rows of an answer are printed."""
        self._lake, self._console, self._limit = lake, console, limit

    def answer(self, text: str) -> None:
        """Run a dot command, or each statement in turn, and print what it answers."""
        if text.strip().startswith("."):
            self._dot_command(*text.strip().rstrip(";").split())
            return
        for statement in statements(text):
            relation = ask(self._lake, statement)
            if relation is None:
                self._console.print("Done.")
            else:
                self._print(relation)

    def _dot_command(self, name: str, *arguments: str) -> None:
        if name == ".tables":
            for table, columns in self._lake.tables().iter_rows():
                self._console.print(Text(f"{table}  ({len(columns)} columns)"))
        elif name == ".schema" and len(arguments) == 1:
            self._print(ask(self._lake, f"select column_name, column_type from (describe {self._table(arguments[0])})"))
        elif name == ".help":
            self._console.print(Text(HELP))
        else:
            raise PulsoError(f"{' '.join([name, *arguments])} is no command here.\n{HELP}")

    def _table(self, name: str) -> str:
        """`stage.table` of what a person calls a table: so, as a path, or by its last name."""
        tables = [table for (table,) in self._lake.tables().select("table").iter_rows()]
        wanted = name.replace("/", ".")
        found = [table for table in tables if table == wanted or table.split(".")[1] == wanted]
        if not found:
            raise PulsoError(f"There is no table {name}. `.tables` lists what there is.")
        if len(found) > 1:
            raise PulsoError(f"{name} may be {' or '.join(found)}.")
        return ".".join(f'"{part}"' for part in found[0].split("."))

    def _print(self, relation: duckdb.DuckDBPyRelation) -> None:
        shown, total = first_rows(relation, self._limit)
        if not shown:
            self._console.print(Text(f"No rows. Columns: {', '.join(relation.columns)}"))
            return
        names = [_cell(name) for name in relation.columns]
        if _fits(names, shown, self._console.width):
            self._console.print(_as_table(names, [_is_number(kind) for kind in relation.types], shown))
        else:
            for number, row in enumerate(shown, 1):
                self._console.print(_as_record(number, names, row))
        rows = f"{total:,} row{'' if total == 1 else 's'}"
        if left_out := total - len(shown):
            told = f"{rows}; {left_out:,} of them left out. --limit shows more, --output writes all."
            self._console.print(Text(told, style="yellow"))
        else:
            self._console.print(Text(f"{rows}."))


def statements(text: str) -> list[str]:
    """The statements of a text, one by one. Raises PulsoError where the text is no SQL."""
    with in_plain_words():
        return [statement.query for statement in duckdb.extract_statements(text)]


def ask(lake: AnalystLake, statement: str) -> duckdb.DuckDBPyRelation | None:
    """The statement's relation; None when it answers nothing. Raises PulsoError for what the session refuses."""
    with in_plain_words():
        return lake.sql(statement)


def first_rows(relation: duckdb.DuckDBPyRelation, limit: int) -> tuple[list[list[str | None]], int]:
    """The first rows as printable texts, null as None; and how many rows there are. Takes little memory, however many."""
    shown: list[list[str | None]] = []
    total = 0
    with in_plain_words():
        for batch in relation.project("columns(*)::varchar").to_arrow_reader(_BATCH_ROWS):
            columns = [column.to_pylist() for column in batch.slice(0, limit - len(shown)).columns]
            shown += ([None if cell is None else _cell(cell) for cell in row] for row in zip(*columns, strict=True))
            total += batch.num_rows
    return shown, total


@contextmanager
def in_plain_words() -> Iterator[None]:
    """DuckDB's errors as PulsoError, with what to do where its words do not tell; Ctrl-C as KeyboardInterrupt."""
    try:
        yield
    except duckdb.Error as error:
        raise PulsoError(f"{error}{_hint(error)}") from error
    except RuntimeError as error:
        if "interrupted" not in str(error):
            raise
        raise KeyboardInterrupt from error


def _hint(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.PermissionException):
        return "\nA session reads this client's lake and no files; `--output FILE` writes an answer to one."
    if isinstance(error, duckdb.CatalogException) and "Table with name" in str(error):
        return "\nTables are written stage.table; `.tables` lists them."
    if "configuration has been locked" in str(error):
        return "\nSettings are closed here, so that nothing can open the session to files."
    return ""


def _cell(text: str) -> str:
    return printable(text, longest=LONGEST_CELL, breaks=True)


def _is_number(kind: object) -> bool:
    return str(kind).startswith(NUMBERS) and not str(kind).endswith("]")


def _fits(names: list[str], rows: list[list[str | None]], width: int) -> bool:
    """Whether the rows can stand side by side, their longest cells wrapped."""
    widths = (
        max(len(line) for cell in column for line in ("NULL" if cell is None else cell).split("\n"))
        for column in zip(names, *rows, strict=True)
    )
    return sum(min(widest, _WIDEST_IN_A_TABLE) + 3 for widest in widths) < width


def _as_table(names: list[str], are_numbers: list[bool], rows: list[list[str | None]]) -> Table:
    table = Table()
    for name, is_number in zip(names, are_numbers, strict=True):
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    return table


def _as_record(number: int, names: list[str], row: list[str | None]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(Text(f"row {number}", style="bold"))
    for name, cell in zip(names, row, strict=True):
        table.add_row(Text(name, style="dim"), _text(cell))
    return table


def _text(cell: str | None) -> Text:
    return Text("NULL", style="dim") if cell is None else Text(cell)
