"""Each network's way to count: known values, boundaries, and properties that any text must fulfil."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policy.text_entities import indivisible, links
from policy.text_measures import (
    count_bytes,
    count_for_linkedin,
    count_for_mastodon,
    count_for_x,
    count_graphemes,
    count_utf16,
)

FAMILY = "👨‍👩‍👧‍👦"
pieces = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [
                "https://example.org/a?b=c#d",
                "example.com",
                "@ana",
                "@ana@mastodon.social",
                "#pan",
                "$TSLA",
                FAMILY,
                "🇪🇸",
                "é",
            ]
        ),
        st.sampled_from([" ", "\n", ". ", "， "]),
    ),
    max_size=14,
).map("".join)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("a", 1),
        ("á", 1),
        ("a\u0301", 1),  # composed before it is counted
        ("ӑ", 1),
        ("Ồ", 2),  # beyond the single-weight range, though a page of X's shows it as 1: the larger one is safe
        ("漢字", 4),
        ("한", 2),
        ("👾", 2),
        ("🙋🏽", 2),
        ("👨‍🎤", 2),
        (FAMILY, 2),
        ("🇪🇸", 2),
        ("1️⃣", 2),
        ("❤️", 2),
        ("☺\ufe0e", 4),  # shown as text: two characters of the double weight
        ("©", 1),
        ("©️", 2),
        ("“quotes” – dash…", 17),
        ("\u200e", 2),
        ("https://t.co", 23),
        ("http://example.org/" + "x" * 300, 23),
        ("Hi http://test.co", 26),
        ("see example.com.", 4 + 23 + 1),
        ("see example.com/menu, or call", 4 + 23 + 9),
        ("foo.co.jp", 23),
        ("t.co", 23),
        ("at five.It smells", 17),  # a missing space is no link
        ("me@example.org", 14),  # nor is an address of mail
        ("index.html", 10),
        ("(https://example.org/a_(b))", 25),
        ("見て https://example.org です", 4 + 1 + 23 + 1 + 4),
    ],
)
def test_x_counts_weights_links_and_emoji(text: str, length: int) -> None:
    assert count_for_x(text) == length


@given(st.text())
@example("\U000e0020")
def test_x_never_counts_more_than_two_for_a_character_without_links(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    if not links(composed, is_scheme_optional=True):
        assert count_for_x(text) <= 2 * len(composed)


@given(
    st.text(st.characters(max_codepoint=0x10FF, exclude_characters=".©®"), max_size=400).filter(
        lambda t: "\ufe0f" not in t
    )
)
def test_x_counts_what_is_in_the_single_weight_ranges_once(text: str) -> None:
    assert count_for_x(text) == len(unicodedata.normalize("NFC", text))


@given(st.lists(st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF), max_size=200).map("".join))
def test_x_counts_han_twice(text: str) -> None:
    assert count_for_x(text) == 2 * len(text)


@given(pieces, pieces)
def test_x_counts_parts_that_stand_apart_by_themselves(one: str, other: str) -> None:
    assert count_for_x(f"{one}\n\n{other}") == count_for_x(one) + 2 + count_for_x(other)


@given(pieces)
def test_x_counts_any_form_of_the_same_text_alike(text: str) -> None:
    assert count_for_x(text) == count_for_x(unicodedata.normalize("NFD", text))


@given(st.text(st.characters(codec="utf-8")))
def test_the_plain_measures_are_what_encoders_say(text: str) -> None:
    assert count_bytes(text) == len(text.encode("utf-8"))
    assert count_utf16(text) == len(text.encode("utf-16-le")) // 2
    assert count_graphemes(text) <= len(text) <= count_utf16(text) <= count_bytes(text)


def test_a_grapheme_is_one_character_as_seen() -> None:
    assert count_graphemes(f"{FAMILY}🇪🇸e\u0301\r\n") == 4
    assert count_utf16(FAMILY) == 11
    assert count_bytes(FAMILY) == 25
    assert count_bytes("\ud83d") == 3  # half a character is measured, not a crash


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("https://example.org/" + "x" * 300, 23),
        ("example.org", 11),  # no link without its scheme
        ("@ana@mastodon.social says", 9),
        ("@ana says", 9),
        (FAMILY, 1),
        ("me@example.org", 14),
    ],
)
def test_mastodon_reserves_for_links_and_gives_servers_away(text: str, length: int) -> None:
    assert count_for_mastodon(text) == length


def test_mastodon_reserves_what_the_instance_says() -> None:
    assert count_for_mastodon("at https://example.org now", link_length=40) == 3 + 40 + 4


@given(st.text())
def test_linkedin_counts_the_escapes(text: str) -> None:
    escaped = "".join(f"\\{c}" if c in r"\|{}@[]()<>#*_~" else c for c in text)
    assert count_for_linkedin(text) == len(escaped)


@given(pieces)
def test_indivisible_spans_are_apart_in_order_and_hold_no_space(text: str) -> None:
    spans = indivisible(text)
    assert all(start < end for start, end in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert not any(c.isspace() for start, end in spans for c in text[start:end])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Read https://example.org/a, now.", ["https://example.org/a"]),
        ("(see https://example.org/a_(b))", ["https://example.org/a_(b)"]),
        ("“https://example.org”", ["https://example.org"]),
        ("https://example.org/niño/путь?q=1&z=%20#x!", ["https://example.org/niño/путь?q=1&z=%20#x"]),
        ("https://exämple.org:8080/", ["https://exämple.org:8080/"]),
        ("https://localhost/ http://nowhere", []),
        ("ftp://example.org", []),
        ("www.example.es/menu y example.es", ["www.example.es/menu"]),
    ],
)
def test_links_end_before_the_sentence_goes_on(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in links(text, is_scheme_optional=True)] == found
