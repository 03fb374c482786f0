from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.profile_page import parse_profile_page


def test_a_page_is_read_by_its_markup(page, posting) -> None:
    content = parse_profile_page(page(posting(1), posting(2), next_url="?page=2"))
    assert (content.is_profile, content.followers, content.next_url, content.unreadable_posts) == (
        True,
        1234,
        "?page=2",
        0,
    )
    first = content.posts[0]
    assert (first.native_id, first.text, first.likes, first.comments) == ("p1", "Post 1 <3", 11, 1)
    assert first.published_at == datetime(2026, 5, 1, 8, tzinfo=UTC)


def test_other_shapes_of_the_same_markup_are_read(page, posting) -> None:
    graph = {"@graph": [posting(1, identifier=None), {"@type": "Person"}]}
    listed = [posting(2, **{"@type": ["SocialMediaPosting", "Article"]})]
    typed = posting(3, interactionStatistic={"interactionType": {"@type": "LikeAction"}, "userInteractionCount": "7"})
    offset = posting(4, datePublished="2026-05-01T03:00:00-05:00")
    posts = parse_profile_page(page(graph, listed, typed, offset)).posts
    assert [post.native_id for post in posts] == ["https://rival.example/posts/p1", "p2", "p3", "p4"]
    assert (posts[2].likes, posts[2].comments) == (7, None)
    assert posts[3].published_at == datetime(2026, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "many", 1.5, True, {}])
def test_a_count_that_is_none_is_never_a_zero(value, page, posting) -> None:
    statistic = {"interactionType": "https://schema.org/LikeAction", "userInteractionCount": value}
    (post,) = parse_profile_page(page(posting(1, interactionStatistic=[statistic]))).posts
    assert post.likes is None


@pytest.mark.parametrize(
    "change",
    [{"datePublished": "yesterday"}, {"datePublished": "2026-05-01T08:00:00"}, {"datePublished": None}, {"url": ""}],
)
def test_a_broken_post_is_counted_and_the_others_are_kept(change, page, posting) -> None:
    content = parse_profile_page(page(posting(1), posting(2, **change), '{"@type": "SocialMediaPosting", '))
    assert [post.native_id for post in content.posts] == ["p1"]
    assert content.unreadable_posts == 2
    assert content.problems


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_exception(html: str) -> None:
    assert parse_profile_page(html).posts == ()


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5) | st.integers(),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["@type", "@graph", "interactionStatistic", "url", "mainEntity"]), x, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_any_markup_is_read_without_an_exception(document) -> None:
    import json

    parse_profile_page(f'<script type="application/ld+json">{json.dumps(document).replace("<", "")}</script>')
