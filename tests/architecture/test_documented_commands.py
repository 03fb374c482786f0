"""Every `pulso …` that a page or a message tells people to type exists, with the options that it is shown with."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from apps.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "apps" / "streamlit" / "locales").glob("*.yaml")]
)
SOURCES = sorted(
    file
    for room in (
        "apps",
        "assets",
        "contracts",
        "operations",
        "orchestration",
        "platforms",
        "policy",
        "providers",
        "lakehouse",
    )
    for file in (ROOT / room).rglob("*.py")
)
IN_CODE = re.compile(r"`(pulso(?: [^`\n]+)?)`")
IN_BLOCK = re.compile(r"^(pulso [^#\n]+)", re.MULTILINE)


def commands_in(text: str) -> Iterator[str]:
    """Commands in backticks, and lines of a code block."""
    yield from IN_CODE.findall(text)
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in IN_BLOCK.findall(block):
            yield from (part.strip() for part in line.split(";"))


def problem_with(command: str, root: Any) -> str | None:
    """What is wrong with a command as it is written, with placeholders in the place of arguments; None when nothing is."""
    found, words = root, command.split()[1:]
    while words and (commands := getattr(found, "commands", None)):
        if words[0] not in commands:
            return f"there is no {words[0]}"
        found = commands[words.pop(0)]
    known = {option for parameter in found.params for option in parameter.opts} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    return f"it has no {unknown[0]}" if unknown else None


@pytest.fixture(scope="module")
def root() -> Any:
    return typer.main.get_command(app)


def wrong_in(file: Path, root: Any) -> dict[str, str]:
    written = set(commands_in(file.read_text(encoding="utf-8")))
    return {command: why for command in written if (why := problem_with(command, root))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_a_page_exists(page: Path, root: Any) -> None:
    assert wrong_in(page, root) == {}


def test_every_command_in_a_message_exists(root: Any) -> None:
    assert {str(file.relative_to(ROOT)): wrong for file in SOURCES if (wrong := wrong_in(file, root))} == {}


def test_commands_are_found_where_people_read_them() -> None:
    assert sum(len(set(commands_in(page.read_text(encoding="utf-8")))) for page in PAGES) > 20


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("pulso", None),
        ("pulso accounts connect ACCOUNT_ID", None),
        ("pulso stop --all", None),
        ("pulso import FILE --client CLIENT", None),
        ("pulso acounts list", "there is no acounts"),
        ("pulso accounts delete X", "there is no delete"),
        ("pulso stop --everybody", "it has no --everybody"),
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str, problem: str | None, root: Any) -> None:
    assert problem_with(command, root) == problem


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "runbooks").glob("*.md")), ids=lambda page: page.name)
def test_settings_and_pages_that_a_runbook_names_exist(page: Path) -> None:
    from contracts.settings import Settings

    text = page.read_text(encoding="utf-8")
    settings = {f"PULSO_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"PULSO_[A-Z_]+", text)) - settings == set()
    assert [name for name in re.findall(r"`(docs/[\w./-]+)`", text) if not (ROOT / name).exists()] == []
