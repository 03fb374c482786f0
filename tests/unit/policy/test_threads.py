"""Splitting into threads: every part fits, nothing is lost, and no link, mention, hashtag or character is cut."""

from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from contracts.networks import ContentFormat, Network
from policy import LIMITS, mastodon_limits, split_into_thread
from policy.text_entities import indivisible

THREADED = [network for network in Network if ContentFormat.THREAD in LIMITS[network].formats]
PARAGRAPH = "We bake at five in the morning. The rye rests for a day! Do you want to see it? Then come by. "

texts = (
    st.lists(
        st.one_of(
            st.text(min_size=1, max_size=60),
            st.sampled_from(
                [
                    "https://example.org/" + "a/" * 40,
                    "example.com/menu",
                    "@ana@mastodon.social",
                    "#PanDeCenteno",
                    "👨‍👩‍👧‍👦" * 9,
                    "漢字が続く。" * 30,
                    "x" * 700,
                    PARAGRAPH * 3,
                ]
            ),
        ),
        min_size=1,
        max_size=20,
    )
    .map(" ".join)
    .filter(lambda text: text.strip())
)


def fits(part: str, network: Network) -> bool:
    return not any(limit.excess(part) for limit in LIMITS[network].text)


def places(text: str, parts: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where each part stands in the text; fails when one does not, or when more than white space lies between."""
    found, position = [], 0
    for part in parts:
        start = text.index(part, position)
        assert not text[position:start].strip()
        found.append((start, start + len(part)))
        position = start + len(part)
    assert not text[position:].strip()
    return found


def test_threads_are_of_the_networks_that_have_them() -> None:
    assert THREADED == [Network.BLUESKY, Network.MASTODON, Network.X]
    with pytest.raises(ValueError, match="no threads"):
        split_into_thread("Hello", Network.LINKEDIN)


@given(texts, st.sampled_from(THREADED))
def test_every_part_fits_and_nothing_is_lost_or_cut_apart(text: str, network: Network) -> None:
    parts = split_into_thread(text, network)
    spans = places(text, parts)
    assert all(part and fits(part, network) for part in parts)
    graphemes = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    for start, end in spans:
        assert {start, end} <= graphemes
        assert not any(low < place < high for low, high in indivisible(text) for place in (start, end))


@given(texts, st.sampled_from(THREADED))
def test_numbered_parts_fit_with_their_numbers(text: str, network: Network) -> None:
    parts = split_into_thread(text, network, is_numbered=True)
    assert all(fits(part, network) for part in parts)
    if len(parts) == 1:
        return
    bare = []
    for number, part in enumerate(parts, 1):
        assert part.endswith(f" ({number}/{len(parts)})")
        bare.append(part.rsplit(" (", 1)[0])
    places(text, tuple(bare))


@given(texts, st.sampled_from(THREADED))
def test_a_part_ends_early_only_for_the_sake_of_a_sentence(text: str, network: Network) -> None:
    parts = split_into_thread(text, network)
    for (start, end), (_, following) in pairwise(places(text, parts)):
        is_sentence = regex.search(r"[.!?…。！？][\p{P}]*$", text[start:end]) or "\n" in text[end : following + 1]
        assert is_sentence or not fits(text[start:following], network), "the two would have fitted together"


@pytest.mark.parametrize("network", THREADED)
def test_a_text_that_fits_stays_whole(network: Network) -> None:
    assert split_into_thread("  We bake at five.\n", network, is_numbered=True) == ("We bake at five.",)


def test_parts_end_with_sentences_where_they_can() -> None:
    parts = split_into_thread(PARAGRAPH * 8, Network.BLUESKY)
    assert len(parts) == 3
    assert all(part[-1] in ".!?" for part in parts)


def test_parts_end_with_words_where_a_sentence_is_too_long() -> None:
    parts = split_into_thread("word " * 200, Network.X)
    assert len(parts) == 4
    assert all(set(part.split()) == {"word"} for part in parts)


def test_han_text_without_spaces_is_cut_after_its_sentences() -> None:
    parts = split_into_thread("漢字が続く文章。" * 40, Network.X)
    assert len(parts) > 2
    assert all(part.endswith("。") for part in parts)


def test_a_link_that_fits_nowhere_is_said_to() -> None:
    link = "https://example.org/" + "a" * 400
    assert split_into_thread(f"Look: {link}", Network.X) == (f"Look: {link}",)  # there any link counts 23
    with pytest.raises(ValueError, match="fits into no post"):
        split_into_thread(f"Look: {link}", Network.BLUESKY)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_is_no_thread(text: str) -> None:
    with pytest.raises(ValueError, match="no text"):
        split_into_thread(text, Network.BLUESKY)


def test_ten_and_more_parts_are_numbered_with_room_for_their_digits() -> None:
    parts = split_into_thread("seventeen letters " * 160, Network.X, is_numbered=True)
    assert len(parts) > 9
    assert parts[0].endswith(f" (1/{len(parts)})")


def test_an_instance_with_longer_posts_needs_fewer_parts() -> None:
    roomy = mastodon_limits({"statuses": {"max_characters": 5000}})
    assert len(split_into_thread(PARAGRAPH * 12, Network.MASTODON)) == 3
    assert len(split_into_thread(PARAGRAPH * 12, Network.MASTODON, limits=roomy)) == 1
