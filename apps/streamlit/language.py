"""Languages of the app: the catalogue of strings, and how a language writes numbers, dates and times.

Every word that a strategist reads comes from `locales/<code>.yaml`. Words of clients, posts and networks are data, and are
shown as they are.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta, get_timezone_name
from babel.numbers import format_compact_decimal, format_decimal, format_percent

LANGUAGES: dict[str, str] = {"en": "English", "es": "Español"}
"""Code and own name of each language that the app speaks."""

NOTHING = "–"
"""Stands for a quantity that is not known. Never a zero."""

_FOLDER = Path(__file__).parent / "locales"


@dataclass(frozen=True)
class Language:
    """One language: `language("page.key", name=value)` is a string; the methods write quantities.

    A string with the forms `one` and `other` is chosen by the value named `count`. An unknown key raises KeyError.
    """

    code: str
    strings: dict[str, str | dict[str, str]]

    def __hash__(self) -> int:
        return hash(self.code)

    def __call__(self, key: str, **values: Any) -> str:
        text = self.strings[key]
        if isinstance(text, dict):
            form = Locale(self.code).plural_form(values["count"])
            text = text.get(form, text["other"])
        return text.format(**values)

    def knows(self, key: str) -> bool:
        return key in self.strings

    def number(self, value: float | None, *, digits: int = 0) -> str:
        """`12345.6` as `12,346`, or `12.346` in Spanish; `digits` after the point."""
        if value is None:
            return NOTHING
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        # `+ 0.0` turns a rounded -0.0 into 0.0.
        return format_decimal(round(value, digits) + 0.0, format=pattern, locale=self.code)

    def compact(self, value: float | None) -> str:
        """`12345` as `12.3K`; numbers under 10,000 in full."""
        if value is None:
            return NOTHING
        if abs(value) < 10_000:
            return self.number(value, digits=0 if abs(value) >= 100 or float(value).is_integer() else 1)
        return format_compact_decimal(value, locale=self.code, fraction_digits=1)

    def percent(self, ratio: float | None, *, digits: int = 1) -> str:
        if ratio is None:
            return NOTHING
        return format_percent(round(ratio, digits + 2), locale=self.code, decimal_quantization=False)

    def change(self, ratio: float | None) -> str | None:
        """A relative change with its sign, as `+12%`; None when there is nothing to compare with."""
        if ratio is None:
            return None
        return f"{'+' if ratio > 0 else ''}{self.percent(ratio, digits=0 if abs(ratio) >= 0.1 else 1)}"

    def times(self, ratio: float) -> str:
        """A multiple, as `2.4×`."""
        return f"{self.number(ratio, digits=1 if ratio < 10 else 0)}×"

    def day(self, value: date) -> str:
        """`28 May 2026`."""
        return format_date(value, format="medium", locale=self.code)

    def short_day(self, value: date) -> str:
        """`May 28`, or `28 may`."""
        return format_skeleton("MMMd", datetime(value.year, value.month, value.day), locale=self.code)  # noqa: DTZ001

    def weekday(self, weekday: int, *, width: str = "abbreviated") -> str:
        """Name of a weekday, 0 = Monday."""
        return Locale(self.code).days["stand-alone"][width][weekday].capitalize()

    def clock_time(self, moment: datetime, zone: str) -> str:
        """`14:30` in `zone`."""
        return format_datetime(moment, "HH:mm", tzinfo=ZoneInfo(zone), locale=self.code)

    def moment(self, moment: datetime | None, zone: str) -> str:
        """`Thu, May 28, 14:30` in `zone`."""
        if moment is None:
            return NOTHING
        local = moment.astimezone(ZoneInfo(zone))
        return f"{format_skeleton('MMMEd', local, locale=self.code)}, {local:%H:%M}"

    def zone(self, zone: str, at: datetime) -> str:
        """Name of a time zone as people say it there and then, as `Eastern Daylight Time`."""
        return get_timezone_name(at.astimezone(ZoneInfo(zone)), width="long", locale=self.code)

    def age(self, moment: datetime, now: datetime) -> str:
        """How long ago, or how long until: `2 hours ago`, `in 3 days`; under a minute it is `just now`."""
        if abs(moment - now) < timedelta(minutes=1):
            return self("app.just_now")
        return format_timedelta(moment - now, add_direction=True, locale=self.code)

    @property
    def separators(self) -> str:
        """Decimal and thousands separators, as plotly's `layout.separators`."""
        return ",." if self.code == "es" else ".,"


@lru_cache
def load_language(code: str) -> Language:
    """The language `code` (a key of LANGUAGES)."""
    if code not in LANGUAGES:
        raise ValueError(f"no language {code!r}; choose one of {', '.join(LANGUAGES)}")
    tree = yaml.safe_load((_FOLDER / f"{code}.yaml").read_text(encoding="utf-8"))
    return Language(code, dict(_leaves(tree, ())))


def _leaves(tree: dict[str, Any], path: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Flatten nested keys to `page.key`; a mapping with the form `other` is one string with plural forms."""
    leaves: list[tuple[str, Any]] = []
    for name, value in tree.items():
        if isinstance(value, dict) and "other" not in value:
            leaves += _leaves(value, (*path, str(name)))
        else:
            leaves.append((".".join((*path, str(name))), value))
    return leaves
