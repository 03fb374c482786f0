"""The web that posts of the sandbox lead to: headlines out of texts, addresses out of headlines, titles out of addresses."""

import pytest

from sandbox.world import pages


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Our new menu is here. Come by!\n\n#menu #fresh", "Our new menu is here"),
        ("Who is in? We are.", "Who is in?"),
        ("☕ Coffee 🇪🇸 for 3.50 euros, see https://a.example/b #now", "Coffee for 3.50 euros, see"),
        ("#only #tags\n\n  \nThen words", "Then words"),
        ("#only https://a.example", ""),
        ("", ""),
    ],
)
def test_the_headline_of_a_text(text, expected):
    assert pages.headline(text) == expected


def test_a_long_headline_is_cut_at_a_word():
    said = pages.headline("word, " * 40)
    assert len(said) <= pages.LONGEST_HEADLINE
    assert said.endswith("word…")


def test_an_address_leads_back_to_its_title():
    address = pages.address_on("Harbor & Oak", "2026-03-04", "Our new menu is here")
    assert address == "https://www.harboroak.example/2026-03-04/our-new-menu-is-here"
    assert pages.title_at(address) == "Our new menu is here"
    assert pages.address_on("海", "2026-03-04", "海") == "https://www.brand.example/2026-03-04"


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("https://harbor.example/menu", "Menu"),
        ("https://harbor.example/a/autumn%20menu_2026.html?x=1", "Autumn menu 2026"),
        ("https://harbor.example", "harbor.example"),
        ("https://example.com/", "example.com"),
        ("https://www.example.test/a", "A"),
        ("https://real.com/menu", None),
        ("https://notexample.com/menu", None),
        ("ftp://harbor.example/menu", None),
        ("http://[", None),
        ("menu", None),
    ],
)
def test_of_real_pages_nothing_is_known(address, title):
    assert pages.title_at(address) == title
