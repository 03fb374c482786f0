"""Little text and Rest.li syntax: properties that hold for every text and every value."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.linkedin.little_text import RESERVED, escape, unescape
from platforms.linkedin.restli import encode, query, write

PIECES = st.sampled_from(
    [
        *RESERVED,
        "#café",
        "#2026",
        "##a",
        "a#b",
        "#a_b",
        "{hashtag|\\#|x}",
        "@[Ana](urn:li:person:1)",
        "\n",
        " ",
        "día",
        "👩‍👩‍👧",
        "＃",
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=200)


@given(TEXTS)
def test_every_text_comes_back_as_it_went_in(text):
    assert unescape(escape(text)) == text


@given(TEXTS)
def test_nothing_reserved_is_left_bare_but_the_hashtags_own(text):
    without_hashtags = re.sub(r"\{hashtag\|\\#\|\w+\}", "", escape(text))
    assert not re.search(rf"[{re.escape(RESERVED)}]", re.sub(r"\\.", "", without_hashtags, flags=re.DOTALL))


@given(st.text(max_size=100))
def test_no_commentary_breaks_the_reading(commentary):
    assert len(unescape(commentary)) <= len(commentary)


@pytest.mark.parametrize(
    ("text", "commentary"),
    [
        ("Aberto (hoje) *já*", r"Aberto \(hoje\) \*já\*"),
        ("New #MañanaCafé!", r"New {hashtag|\#|MañanaCafé}!"),
        ("#1 of #2026 and a#b", r"\#1 of \#2026 and a\#b"),
        ("mail@host.example", r"mail\@host.example"),
        ("snake_case #snake_case", r"snake\_case {hashtag|\#|snake_case}"),
        ("C:\\temp", r"C:\\temp"),
        ("", ""),
    ],
)
def test_what_is_escaped(text, commentary):
    assert escape(text) == commentary


@pytest.mark.parametrize(
    ("commentary", "text"),
    [
        ("Thanks @[Ana Sá](urn:li:person:abc-1)!", "Thanks Ana Sá!"),
        (r"By @[A \(B\)](urn:li:organization:7)", "By A (B)"),
        ("{hashtag|#|gartenbau} and {hashtag|＃|b}", "#gartenbau and #b"),
        (r"a \q b", r"a \q b"),
        ("100% (unescaped", "100% (unescaped"),
        ("#plain", "#plain"),
    ],
)
def test_what_people_see_of_others_texts(commentary, text):
    assert unescape(commentary) == text


@given(st.text())
def test_values_are_encoded_so_that_no_syntax_is_left_in_them(text):
    written = encode(text)
    assert not set(written) & set("(),:&=?#/ ")
    assert unquote(written) == (text or "''")


def test_syntax_stays_and_values_are_encoded():
    params = {
        "q": "organizationalEntity",
        "organizationalEntity": "urn:li:organization:9",
        "shares": ["urn:li:share:1", "urn:li:share:2"],
        "timeIntervals": {"timeRange": {"start": 1, "end": 2}, "timeGranularityType": "DAY"},
    }
    assert query("/rest/x", params) == (
        "/rest/x?q=organizationalEntity&organizationalEntity=urn%3Ali%3Aorganization%3A9"
        "&shares=List(urn%3Ali%3Ashare%3A1,urn%3Ali%3Ashare%3A2)"
        "&timeIntervals=(timeRange:(start:1,end:2),timeGranularityType:DAY)"
    )
    assert query("/rest/x", {}) == "/rest/x"
    assert (write([]), write("")) == ("List()", "''")
