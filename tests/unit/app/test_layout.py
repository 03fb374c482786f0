"""Words and links from outside, shown as they are and never as markup."""

import pytest

from apps.streamlit.layout import link_to, one_line, plain


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "at://did:plc:1/app.bsky.feed.post/2"])
def test_only_web_addresses_become_links(url: str | None) -> None:
    assert link_to(url, "Open") is None


def test_an_address_cannot_end_its_link_early() -> None:
    assert link_to("https://example.test/p/a b)[x](y", "Open") == "[Open](https://example.test/p/a%20b%29%5Bx%5D%28y)"


def test_text_loses_no_character_and_gains_no_meaning() -> None:
    assert plain("**bold** :red[x] <b>") == "\\*\\*bold\\*\\* \\:red\\[x\\] \\<b\\>"
    assert one_line("a\n b   c", 10) == "a b c"
    assert one_line("abcdefghij klm", 10) == "abcdefghi…"
