from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import find_phrase, may_send
from policy.text_folding import fold

NOW = datetime(2026, 5, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("So CHEAP!", "cheap"),
        ("Totally #cheap.", "cheap"),
        ("Una promoción", "PROMOCION"),
        ("Grátis hoje", "gratis"),
        ("Das ist GARAN\u00adTIERT", "garantiert"),
        ("die Strasse", "Straße"),
        ("ch\u200beap", "cheap"),
        ("Risk-free, they say", "risk free"),
        ("これは無料です", "無料"),
        ("Самый дешёвый хлеб", "дешевый"),
        ("İNDİRİM var", "indirim"),
        ("ｃｈｅａｐ", "cheap"),
        ("100% sure", "100%"),
    ],
)
def test_a_phrase_is_found_as_a_reader_sees_it(text: str, phrase: str) -> None:
    assert find_phrase(text, phrase)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("cheaper", "cheap"),
        ("a classic", "ass"),
        ("#adventure", "#ad"),
        ("ガス", "カ"),
        ("anything", ""),
        ("हिंदी", "हद"),
    ],
)
def test_a_phrase_is_not_found_inside_another_word(text: str, phrase: str) -> None:
    assert not find_phrase(text, phrase)


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=12), st.text(max_size=20))
def test_a_word_is_found_whatever_its_case_and_surroundings(word: str, around: str) -> None:
    assert (
        find_phrase(f"{around} {word.upper()} {around}", word)
        or fold(word.upper()) != fold(word)
        or not fold(word).strip()
    )


@given(st.text(max_size=60))
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_a_banned_word_is_blocked_in_text_and_in_pictures(make_item, make_media, client) -> None:
    verdict = may_send(make_item(text="Cheap bread"), client, now=NOW)
    assert not verdict.is_allowed
    assert [v.rule for v in verdict.violations] == ["banned_word"]
    assert "Cheap".casefold() in verdict.violations[0].remedy
    from contracts.networks import Network

    item = make_item(network=Network.INSTAGRAM, media=(make_media(alt_text="A cheap loaf"),))
    assert "picture" in may_send(item, client, now=NOW).violations[0].message


def test_advertising_needs_the_brand_s_disclosure(make_item, make_client, client) -> None:
    advert = make_item(is_advertising=True, text="Our bread, and an #adventure")
    assert [v.rule for v in may_send(advert, client, now=NOW).violations] == ["disclosure"]
    assert may_send(make_item(is_advertising=True, text="Our bread #AD"), client, now=NOW).is_allowed
    nothing_set = make_client(brand={"disclosure": " "})
    assert not may_send(make_item(is_advertising=True, text="Our bread #ad"), nothing_set, now=NOW).is_allowed
    assert may_send(make_item(text="Our bread"), client, now=NOW).is_allowed
