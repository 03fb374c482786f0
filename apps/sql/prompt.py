"""The interactive prompt: statements of several lines, with history, completion and colours.

Does not belong here: what an answer is (answers.py).
"""

import re
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from apps.sql.answers import Answers
from contracts.errors import PulsoError
from lakehouse import AnalystLake

QUIT = (".quit", ".exit")


def converse(read: Callable[[], str], answers: Answers, console: Console) -> None:
    """Answer what `read` returns until it raises EOFError or a person quits. An error is told, and the next statement read.

    `read` raises KeyboardInterrupt when a person gives up what they have typed.
    """
    while True:
        try:
            text = read().strip()
            if text.rstrip(";").lower() in QUIT:
                return
            if text:
                answers.answer(text)
        except EOFError:
            return
        except KeyboardInterrupt:
            console.print("Given up.")
        except PulsoError as error:
            console.print(Text(str(error), style="red"))


def is_complete(text: str) -> bool:
    """Whether Enter ends the statement: a dot command, nothing at all, or text that ends with a semicolon."""
    text = text.strip()
    return not text or text.startswith(".") or text.endswith(";")


def terminal_reader(lake: AnalystLake, history: Path, prompt: str) -> Callable[[], str]:
    """Reads statements at a terminal: Enter ends one that is complete and breaks the line of one that is not."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.sql import SqlLexer

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    tables = dict(lake.tables().iter_rows())
    words = {
        *tables,
        *(column for columns in tables.values() for column in columns),
        ".tables",
        ".schema",
        ".help",
        *QUIT,
    }
    session: PromptSession[str] = PromptSession(
        multiline=True,
        key_bindings=keys,
        history=FileHistory(str(history)),
        completer=WordCompleter(sorted(words), ignore_case=True, pattern=re.compile(r"[\w./]+")),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
        prompt_continuation=lambda width, *_: "...> ".rjust(width),
    )
    return lambda: session.prompt(prompt)
