"""Tolerant field types: they take what networks send, and never invent a value."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms._shapes import as_json, count_or_none, storable, time_or_none


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (5, 5),
        ("5", 5),
        (" -5 ", -5),
        (5.0, 5),
        (5.5, None),
        (True, None),
        ("5.5", None),
        ("", None),
        (None, None),
        ([], None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_counts(said, expected):
    assert count_or_none(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2020-06-01T10:56:52+0000", datetime(2020, 6, 1, 10, 56, 52, tzinfo=UTC)),
        ("2020-06-01T10:56:52.123Z", datetime(2020, 6, 1, 10, 56, 52, 123000, tzinfo=UTC)),
        ("2020-06-01T10:56:52+02:00", datetime(2020, 6, 1, 8, 56, 52, tzinfo=UTC)),
        ("2020-06-01T10:56:52", datetime(2020, 6, 1, 10, 56, 52, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
        (1591008000, None),
        (None, None),
    ],
)
def test_times(said, expected):
    assert time_or_none(said) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON)
def test_kept_payloads_are_valid_json_in_utf8(value):
    text = as_json(value).encode().decode()
    json.loads(text, parse_constant=pytest.fail)


@given(st.text(st.characters(codec=None)))
def test_texts_can_be_stored_and_good_ones_are_untouched(text):
    kept = storable(text)
    kept.encode()
    assert len(kept) == len(text)
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert kept == text
