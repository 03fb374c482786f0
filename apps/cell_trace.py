"""A KPI traced to its raw rows, as a tree for a terminal: the row, what its column means, and the rows below, level by level.

Does not belong here: following the rows (lakehouse/provenance.py), reading declarations (apps/marts.py).
"""

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from rich.tree import Tree

from apps.marts import Definition
from apps.terminal import printable
from lakehouse.provenance import FILE, RAW, Recount, Step

SHOWN_CHARACTERS = 160
_TENANT = "client_id"


def render(trace: Step, definitions: Mapping[str, Definition], *, whole: bool = False) -> Tree:
    """The trace as a tree. Payloads are cut unless `whole`."""
    tree = Tree(_title(trace, counted=False))
    row = trace.shown.row(0, named=True)
    asked = trace.columns if len(trace.columns) < len(row) else ()
    tree.add(_values(row, bold=asked))
    for column in asked:
        if (meant := definitions.get(column)) is not None:
            node = tree.add(_line(f"{column}: {meant.meaning}"))
            if meant.formula is not None:
                node.add(_line(f"formula: {meant.formula}"))
                node.add(_line(f"source: {meant.source}; definition version {meant.version}"))
    _add_below(tree, trace, whole=whole)
    if doubt := _doubt(trace):
        tree.add(Text(doubt, style="yellow"))
    return tree


def _add_below(tree: Tree, step: Step, *, whole: bool) -> None:
    """How the rows of a step add up, and the rows that they were made of."""
    for recount in step.recounts:
        tree.add(_recounted(recount))
    for column in step.beyond:
        tree.add(_line(f"{column} is more than a sum, count or mean of these rows: it is not computed again here"))
    for origin in step.origins:
        node = tree.add(_title(origin))
        for row in origin.shown.iter_rows(named=True):
            _add_row(node, origin, row, whole=whole)
        if origin.rows and (withheld := [name for name in origin.personal if name not in origin.shown.columns]):
            node.add(Text(f"withheld: {', '.join(withheld)} (--personal shows them)", style="dim"))
        _add_below(node, origin, whole=whole)


def _title(step: Step, *, counted: bool = True) -> Text:
    title = Text(step.table, style="bold")
    written = f", version {step.version} of {step.written_at:%Y-%m-%d %H:%M}" if step.written_at else ", never written"
    title.append(written, style="dim")
    if counted:
        title.append(f": {step.rows:,} row{'' if step.rows == 1 else 's'}", style="not dim")
        if step.days:
            span = (
                str(step.days[0])
                if len(step.days) == 1
                else f"{len(step.days)} days, {step.days[0]} to {step.days[-1]}"
            )
            title.append(f" of {span}", style="not dim")
        if step.rows > step.shown.height:
            title.append(f"; the first {step.shown.height}:", style="not dim")
    return title


def _add_row(node: Tree, step: Step, row: Mapping[str, Any], *, whole: bool) -> None:
    """A row: its key and the columns that matter, then its file and its payload. A raw row without payload is shown whole."""
    longest = None if whole else SHOWN_CHARACTERS
    is_raw = FILE in row
    if is_raw and RAW not in row and RAW not in step.personal:
        names = [name for name, value in row.items() if name != FILE and value is not None]
    else:
        names = [name for name in row if name in (*step.key, *step.columns)]
    line = node.add(_values({name: row[name] for name in names if name != _TENANT}))
    if is_raw:
        line.add(Text(f"in {row[FILE]}", style="dim"))
    for name in dict.fromkeys((*step.personal, RAW)):
        if row.get(name) is not None:
            line.add(_line(row[name] if name == RAW else f"{name}={row[name]}", longest=longest))


def _recounted(recount: Recount) -> Text:
    if recount.agreeing == recount.rows:
        if recount.values is None:
            told = f"{recount.column} adds up from the rows below in all {recount.rows:,} rows: {recount.how}"
        else:
            told = f"{recount.column} = {_told(recount.values[0])}, and {recount.how} of the rows below gives {_told(recount.values[1])}: it adds up"
        return Text(told, style="green")
    missed = [
        f"{', '.join(f'{name}={_told(value)}' for name, value in row.items() if name not in ('here', 'below', _TENANT))}: "
        f"{_told(row['here'])} here, {_told(row['below'])} from the rows below"
        for row in recount.differing.iter_rows(named=True)
    ]
    count = f" in {recount.rows - recount.agreeing:,} of {recount.rows:,} rows" if recount.values is None else ""
    return Text(f"{recount.column} does NOT add up{count} by {recount.how}: {'; '.join(missed)}", style="red")


def _doubt(trace: Step) -> str | None:
    """Why numbers may not add up although nothing is wrong: raw rows that came after the table was built."""
    if all(recount.agreeing == recount.rows for step in trace.walk() for recount in step.recounts):
        return None
    newer = sorted(
        {
            step.table
            for step in trace.walk()
            if step.written_at
            and trace.written_at
            and step.table.startswith("bronze/")
            and step.written_at > trace.written_at
        }
    )
    if not newer:
        return None
    return f"{', '.join(newer)} came to a new version after {trace.table} was built: its next build may settle the difference."


def _values(row: Mapping[str, Any], *, bold: tuple[str, ...] = ()) -> Text:
    text = Text()
    for name, value in row.items():
        text.append("  " if text else "")
        text.append(f"{name}=", style="dim")
        text.append(_told(value), style="bold" if name in bold else "")
    return text


def _told(value: Any) -> str:
    return "null" if value is None else printable(value, longest=SHOWN_CHARACTERS)


def _line(text: str, longest: int | None = None) -> Text:
    return Text(printable(text, longest=longest))
