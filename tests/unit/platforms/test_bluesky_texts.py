"""Facets and record keys: properties that hold for every text and every intent."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.bluesky import tid
from platforms.bluesky.facets import facets, mentions


def covered(text: str, facet: dict) -> str:
    index = facet["index"]
    return text.encode()[index["byteStart"] : index["byteEnd"]].decode()


PIECES = st.sampled_from(
    [
        "https://example.com/a?b=c",
        "http://é.example/ü",
        "#café",
        "#açaí2026",
        "@ana.bsky.social",
        "plain",
        "día",
        "👩‍👩‍👧",
        "日本",
        "\n",
        "(",
        ")",
        ".",
        ",",
        "#",
        "@",
        "#2026",
        "mail@host.example",
        "https://",
        "🇧🇷",
    ]
)
DIDS = {"ana.bsky.social": "did:plc:ana"}


@given(st.lists(PIECES, max_size=30).map(" ".join) | st.text(max_size=200) | st.lists(PIECES, max_size=20).map("".join))
def test_facets_cover_what_they_name_in_bytes_and_never_overlap(text):
    end = 0
    for facet in facets(text, DIDS):
        index, feature = facet["index"], facet["features"][0]
        assert end <= index["byteStart"] < index["byteEnd"] <= len(text.encode())
        end = index["byteEnd"]
        words = covered(text, facet)
        match feature["$type"].partition("#")[2]:
            case "link":
                assert words == feature["uri"]
            case "tag":
                assert words[1:] == feature["tag"]
                assert words[0] in "#＃"
            case "mention":
                assert words.lower() == "@ana.bsky.social"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nuevo café: https://verde.example/menú.", [("link", "https://verde.example/menú")]),
        ("(see https://a.example/b_(c))", [("link", "https://a.example/b_(c)")]),
        ("☕ #MañanaCafé, ya", [("tag", "MañanaCafé")]),
        ("#2026 is no tag, #2026goals is", [("tag", "2026goals")]),
        ("price #1", []),
        ("a https://x.example/#frag b", [("link", "https://x.example/#frag")]),
        ("hi @ana.bsky.social!", [("mention", "did:plc:ana")]),
        ("hi @ANA.bsky.social and @nobody.example", [("mention", "did:plc:ana")]),
        ("mail@ana.bsky.social", []),
        ("https://x.example/@ana.bsky.social", [("link", "https://x.example/@ana.bsky.social")]),
        ("https://", []),
        ("", []),
    ],
)
def test_what_counts_as_a_facet(text, expected):
    found = [
        (f["features"][0]["$type"].partition("#")[2], next(v for k, v in f["features"][0].items() if k != "$type"))
        for f in facets(text, DIDS)
    ]
    assert found == expected


def test_byte_offsets_as_recorded_on_a_real_server():
    text = "hello from the record run #launch https://example.test"
    (tag,) = [f for f in facets(text, {}) if "tag" in f["features"][0]]
    assert tag["index"] == {"byteStart": 26, "byteEnd": 33}
    assert covered(text, tag) == "#launch"


def test_mentions_are_listed_once_and_not_out_of_links():
    assert mentions("@b.example @A.example @b.example https://x.example/@c.example") == ("b.example", "a.example")


MOMENTS = st.integers(1_672_531_200, 4_102_444_800).map(lambda s: datetime.fromtimestamp(s + 0.25, UTC))


@given(st.integers(0, 2**53 - 1), st.integers(0, 1023))
def test_tids_decode_to_what_they_encode(microseconds, clock_id):
    assert tid.decode(tid.encode(microseconds, clock_id)) == (microseconds, clock_id)


@given(
    st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 1023)),
    st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 1023)),
)
def test_tids_sort_like_their_times(left, right):
    assert (tid.encode(*left) < tid.encode(*right)) == (left < right)


@given(st.text(max_size=40), MOMENTS)
def test_an_intent_has_one_key_within_the_second_it_was_taken_up(intent_id, moment):
    key = tid.for_intent(intent_id, moment)
    assert key == tid.for_intent(intent_id, moment)
    microseconds, _ = tid.decode(key)
    assert (
        timedelta(0)
        <= datetime.fromtimestamp(microseconds / 1e6, UTC) - moment.replace(microsecond=0)
        <= timedelta(seconds=1)
    )


def test_many_intents_of_one_moment_have_different_keys():
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    assert len({tid.for_intent(f"item/{i}", moment) for i in range(2_000)}) == 2_000


@pytest.mark.parametrize("text", ["", "3n2vnll52qoi", "zn2vnll52qoia", "3N2VNLL52QOIA", "3n2vnll52qoi0"])
def test_what_is_no_tid_is_refused(text):
    with pytest.raises(ValueError, match=r"TID|substring"):
        tid.decode(text)


def test_a_recorded_key_decodes_to_its_day():
    microseconds, _ = tid.decode("3n2vnll52qoia")
    assert datetime.fromtimestamp(microseconds / 1e6, UTC).date().isoformat() == "2026-11-22"
