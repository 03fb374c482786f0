"""The catalogue: every language has every string, every string is used, and quantities read as people write them."""

import ast
import re
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter

import pytest

from apps.streamlit.language import LANGUAGES, load_language
from assets.checks.anomalies import WORDS
from contracts.freshness import DEADLINES, Arrival, LateCause
from contracts.networks import ContentFormat, Network
from contracts.records import Autonomy, TroubleKind
from operations.states import IntentState, ItemState, ParkReason

APP = Path(__file__).resolve().parents[3] / "apps" / "streamlit"
POLICY = APP.parents[1] / "policy"
CATALOGUES = {code: load_language(code).strings for code in LANGUAGES}
PLURAL_FORMS = {"one", "other"}
_TROUBLES = [*(kind.value for kind in TroubleKind if kind is not TroubleKind.PARKED), *(r.value for r in ParkReason)]


def _forms(text: str | dict[str, str]) -> dict[str, str]:
    return text if isinstance(text, dict) else {"other": text}


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _asked_for() -> tuple[set[str], list[re.Pattern[str]]]:
    """Keys that the source asks for: literally, and as patterns where a part is filled in."""
    literal, patterns = set(), []
    for file in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literal.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [re.escape(p.value) if isinstance(p, ast.Constant) else r"[\w.]+" for p in node.values]
                patterns.append(re.compile("".join(parts)))
            elif (
                isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
            ):
                patterns.append(re.compile(re.escape(node.left.value) + r"[\w.]+"))
    return literal, patterns


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_languages_have_the_same_keys_forms_and_fields(code: str) -> None:
    english, other = CATALOGUES["en"], CATALOGUES[code]
    assert set(other) == set(english)
    for key, text in english.items():
        assert set(_forms(other[key])) == set(_forms(text)), key
        for form, words in _forms(text).items():
            assert _fields(_forms(other[key])[form]) == _fields(words), key


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_string_is_empty_and_plurals_have_both_forms(code: str) -> None:
    for key, text in CATALOGUES[code].items():
        forms = _forms(text)
        assert all(isinstance(words, str) and words.strip() for words in forms.values()), key
        assert set(forms) in ({"other"}, PLURAL_FORMS), key


def test_every_string_that_a_page_names_exists() -> None:
    english = set(CATALOGUES["en"])
    called = set()
    for file in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            callee = node.func
            name = (
                callee.id if isinstance(callee, ast.Name) else callee.attr if isinstance(callee, ast.Attribute) else ""
            )
            if name in ("text", "language"):
                called.add(node.args[0].value)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "empty":
                called |= {f"{node.args[1].value}.{part}" for part in ("title", "remedy")}
    assert called, "the scan found no string at all"
    assert called <= english


def test_every_string_is_used() -> None:
    literal, patterns = _asked_for()
    patterns = [pattern for pattern in patterns if re.match(r"[a-z]+\\?\.", pattern.pattern)]
    empties = {key.rsplit(".", 1)[0] for key in CATALOGUES["en"] if key.endswith((".title", ".remedy"))}
    unused = [
        key
        for key in CATALOGUES["en"]
        if key not in literal
        and key.rsplit(".", 1)[0] not in literal & empties
        and not any(pattern.fullmatch(key) for pattern in patterns)
        and not key.endswith(".title")
    ]
    assert unused == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_state_rule_and_name_of_the_contracts_has_words(code: str) -> None:
    language = load_language(code)
    rules = set(re.findall(r'rule="(\w+)"', "".join(file.read_text() for file in POLICY.glob("*.py"))))
    assert len(rules) > 10
    keys = {
        *(f"rule.{rule}" for rule in rules),
        *(f"state.{state.value}" for state in ItemState),
        *(f"intent.{state.value}" for state in IntentState),
        *(f"park.{reason.value}" for reason in ParkReason),
        *(f"network.{network.value}" for network in Network),
        *(f"format.{content_format.value}" for content_format in ContentFormat),
        *(f"trouble.kind.{kind.value}" for kind in TroubleKind),
        *(f"trouble.{said}.{key}" for said in ("owner", "remedy") for key in _TROUBLES),
        *(f"autonomy.{autonomy.value}" for autonomy in Autonomy),
        *(f"source.{deadline.table.name}" for deadline in DEADLINES),
        *(f"arrival.{state.value}" for state in Arrival),
        *(f"late.{said}.{cause.value}" for said in ("seen", "owner", "remedy") for cause in LateCause),
        *(f"unusual.{said}.{kind}" for said in ("seen", "owner", "remedy") for kind in set(WORDS) - {"copies"}),
    }
    assert [key for key in sorted(keys) if not language.knows(key)] == []


def test_quantities_are_written_as_each_language_does() -> None:
    english, spanish = load_language("en"), load_language("es")
    at = datetime(2026, 5, 27, 14, 5, tzinfo=UTC)
    assert (english.number(12345.6), spanish.number(12345.6)) == ("12,346", "12.346")
    assert (english.compact(15_940), english.compact(9_412), english.compact(0.25)) == ("15.9K", "9,412", "0.2")
    assert english.percent(0.0349, digits=2) == "3.49%"
    assert spanish.percent(0.0349, digits=2).replace("\xa0", " ") == "3,49 %"
    assert (english.change(0.153), english.change(-0.031), english.change(None)) == ("+15%", "-3.1%", None)
    assert english.moment(at, "America/New_York") == "Wed, May 27, 10:05"
    assert spanish.moment(at, "Europe/Madrid") == "mié, 27 may, 16:05"
    assert spanish.short_day(date(2026, 5, 27)) == "27 may"
    assert (english.number(0, digits=2), spanish.number(-0.001, digits=2)) == ("0.00", "0,00")
    assert english.number(None) == english.percent(None) == english.moment(None, "UTC") == "–"


def test_plural_forms_follow_the_count() -> None:
    english = load_language("en")
    assert english("need.parked", count=1).startswith("post ")
    assert english("need.parked", count=2).startswith("posts ")


def test_an_unknown_key_or_language_is_an_error() -> None:
    with pytest.raises(KeyError):
        load_language("en")("nothing.here")
    with pytest.raises(ValueError, match="choose one of"):
        load_language("xx")
