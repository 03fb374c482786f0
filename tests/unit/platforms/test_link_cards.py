"""The page that a post leads to, in the words of each network; whatever stands in its place never loses the post."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.networks import Network
from contracts.records import Account, Post
from platforms._shapes import title_or_none, web_address_or_none
from platforms.facebook.client import POST_FIELDS as FACEBOOK_FIELDS
from platforms.remapping import MAPPINGS
from platforms.x.client import POST_FIELDS as X_FIELDS

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = "2026-05-30T10:00:00Z"
PAGE, TITLE = "https://harbor.example/menu?a=1", "The new menu"


def mapped(network: Network, raw: dict[str, Any], *, handle: str = "h") -> Post | None:
    account = Account(
        account_id=f"{network.value}:1", client_id="c", network=network, native_id="1", handle=handle, base_url=""
    )
    return MAPPINGS[network].remapped_post(account, raw, observed_at=NOW)


def card_in(network: Network, raw: dict[str, Any]) -> tuple[str | None, str | None]:
    post = mapped(network, raw)
    assert post is not None
    assert post.text == "Hi"
    return post.link_url, post.link_title


def facebook(attachment: Any, **more: Any) -> dict[str, Any]:
    return {"id": "1_2", "created_time": AT, "message": "Hi", "attachments": {"data": [attachment]}, **more}


def facebook_link(url: Any, title: Any, **more: Any) -> dict[str, Any]:
    shim = {"url": "https://l.facebook.com/l.php?u=x", "target": {"url": "https://l.facebook.com/l.php?u=x"}}
    return facebook({"media_type": "link", "type": "share", "unshimmed_url": url, "title": title, **shim, **more})


def linkedin(url: Any, title: Any) -> dict[str, Any]:
    article = {"source": url, "title": title}
    return {"id": "urn:li:share:1", "commentary": "Hi", "publishedAt": 1780000000000, "content": {"article": article}}


def bluesky(embed: Any) -> dict[str, Any]:
    return {"uri": "at://1/app.bsky.feed.post/2", "record": {"text": "Hi", "createdAt": AT, "embed": embed}}


def external(url: Any, title: Any) -> dict[str, Any]:
    return {"$type": "app.bsky.embed.external", "external": {"uri": url, "title": title, "description": ""}}


def mastodon(card: Any, **more: Any) -> dict[str, Any]:
    return {"id": "2", "created_at": AT, "content": "<p>Hi</p>", "card": card, **more}


def pinterest(url: Any, title: Any, **more: Any) -> dict[str, Any]:
    return {"id": "2", "created_at": AT, "description": "Hi", "link": url, "title": title, **more}


def x(*urls: Any, **more: Any) -> dict[str, Any]:
    return {"id": "1346889436626259968", "created_at": AT, "text": "Hi", "entities": {"urls": list(urls)}, **more}


def x_link(url: Any, title: Any, **more: Any) -> dict[str, Any]:
    return {"url": "https://t.co/a", "expanded_url": url, "title": title, **more}


CARDS = {
    Network.BLUESKY: lambda url, title: bluesky(external(url, title)),
    Network.FACEBOOK: facebook_link,
    Network.LINKEDIN: linkedin,
    Network.MASTODON: lambda url, title: mastodon({"url": url, "title": title, "type": "link"}),
    Network.PINTEREST: pinterest,
    Network.X: lambda url, title: x(x_link(url, title)),
}
EACH = pytest.mark.parametrize("network", CARDS)


@EACH
def test_the_card_is_kept(network):
    assert card_in(network, CARDS[network](PAGE, f" {TITLE}\u00a0")) == (PAGE, TITLE)


@EACH
def test_what_is_kept_is_mapped_again_alike(network):
    post = mapped(network, CARDS[network](PAGE, TITLE))
    assert post is not None
    again = mapped(network, json.loads(post.raw))
    assert again is not None
    assert (again.link_url, again.link_title) == (PAGE, TITLE)


@EACH
@pytest.mark.parametrize("title", [None, "", "  ", 7, ["a"], {"text": "a"}, True])
def test_a_title_that_is_none_leaves_the_address(network, title):
    url, said = card_in(network, CARDS[network](PAGE, title))
    assert said is None
    assert url == (None if network is Network.X else PAGE), "on X an untitled link is a part of the text"


@EACH
@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        7,
        ["https://a.example"],
        "javascript:alert(1)",
        "ftp://a.example/b",
        "menu",
        "https://",
        "http://[",
        "//a.example/b",
    ],
)
def test_an_address_that_is_none_is_not_kept(network, url):
    assert card_in(network, CARDS[network](url, TITLE))[0] is None


@EACH
@pytest.mark.parametrize("odd", ["\ud800", "a\udfffb"])
def test_broken_characters_can_be_stored(network, odd):
    url, title = card_in(network, CARDS[network](f"https://a.example/{odd}", odd))
    assert url is not None
    assert title is not None
    (url + title).encode()


@EACH
@given(
    st.one_of(st.none(), st.integers(), st.text(max_size=12), st.lists(st.text(max_size=3)), st.just(PAGE)), st.text()
)
def test_no_card_loses_its_post(network, url, title):
    raw = CARDS[network](url, title)
    found = mapped(network, raw)
    assert found is not None
    assert found.link_url != ""
    assert found.link_title != ""


@pytest.mark.parametrize("garbage", [None, 3, "x", [], [3], {}, {"data": 3}, {"external": [1]}])
def test_garbage_in_place_of_a_card_is_no_card(garbage):
    raws = {
        Network.BLUESKY: [bluesky(garbage), bluesky({"$type": "app.bsky.embed.external", "external": garbage})],
        Network.FACEBOOK: [facebook(garbage), facebook(None) | {"attachments": garbage}],
        Network.LINKEDIN: [linkedin(None, None) | {"content": content} for content in (garbage, {"article": garbage})],
        Network.MASTODON: [mastodon(garbage)],
        Network.X: [x(garbage), x() | {"entities": garbage}, x(note_post={"text": "Hi", "entities": garbage})],
    }
    for network, examples in raws.items():
        for raw in examples:
            assert card_in(network, raw) == (None, None), (network, raw)


def test_networks_without_cards_have_none():
    youtube = {"snippet": {"title": "t", "resourceId": {"videoId": "v"}, "publishedAt": AT}, "link": PAGE}
    for network, raw in {
        Network.INSTAGRAM: {"id": "1", "timestamp": AT, "caption": PAGE, "media_type": "IMAGE", "link": PAGE},
        Network.TIKTOK: {"id": "1", "create_time": 1780000000, "title": PAGE, "share_url": PAGE},
        Network.YOUTUBE: {"id": "v", **youtube},
    }.items():
        post = mapped(network, raw)
        assert post is not None, network
        assert (post.link_url, post.link_title) == (None, None)


# --- Facebook ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["photos/a.1/2/?type=3", "videos/2/", "reel/2", "photo.php?fbid=2"],
)
@pytest.mark.parametrize("page", ["h", "H", "1", "Harbor-Coffee-1"])
def test_a_photo_or_film_of_its_own_leads_nowhere_else(page, path):
    shown_at = {"permalink_url": "https://www.facebook.com/Harbor-Coffee-1/posts/2"}
    raw = facebook_link(f"https://m.facebook.com/{page}/{path}", TITLE) | shown_at
    assert card_in(Network.FACEBOOK, raw) == (None, TITLE)


@pytest.mark.parametrize("path", ["photo.php?fbid=2", "photo/?fbid=2", "watch/?v=2", "reel/2"])
def test_a_photo_or_film_of_an_unknown_page_is_taken_as_its_own(path):
    assert card_in(Network.FACEBOOK, facebook_link(f"https://www.facebook.com/{path}", TITLE)) == (None, TITLE)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.facebook.com/events/2/",
        "https://www.facebook.com/elsewhere/videos/2/",
        "https://www.facebook.com/harbor/posts/2",
        "https://notfacebook.com/photos/2",
        "https://a.example/facebook.com/photos/2",
    ],
)
def test_other_pages_are_kept_also_on_facebook(url):
    assert card_in(Network.FACEBOOK, facebook_link(url, TITLE)) == (url, TITLE)


@pytest.mark.parametrize("kind", ["photo", "album"])
def test_the_name_of_an_album_is_no_headline(kind):
    shared = "https://www.facebook.com/elsewhere/photos/2/"
    assert card_in(Network.FACEBOOK, facebook_link(shared, "Timeline Photos", media_type=kind)) == (shared, None)


def test_a_share_is_a_link_also_without_its_media_type():
    assert card_in(Network.FACEBOOK, facebook({"type": "share", "unshimmed_url": PAGE, "title": TITLE})) == (
        PAGE,
        TITLE,
    )
    first_is_photo = facebook({"media_type": "photo"})
    first_is_photo["attachments"]["data"].append({"media_type": "link", "unshimmed_url": PAGE})
    assert card_in(Network.FACEBOOK, first_is_photo) == (None, None)


# --- the others ----------------------------------------------------------------------------------------------------------


def test_a_card_beside_a_quoted_post_is_one():
    both = {"$type": "app.bsky.embed.recordWithMedia", "record": {}, "media": external(PAGE, TITLE)}
    assert card_in(Network.BLUESKY, bluesky(both)) == (PAGE, TITLE)
    assert card_in(Network.BLUESKY, bluesky(both | {"media": both})) == (None, None)
    assert card_in(
        Network.BLUESKY,
        bluesky({"$type": "app.bsky.embed.images", **external(PAGE, TITLE)} | {"$type": "app.bsky.embed.images"}),
    ) == (None, None)


def test_the_title_of_a_pin_is_said_once():
    without_words = mapped(Network.PINTEREST, pinterest(PAGE, TITLE, description=None))
    assert without_words is not None
    assert (without_words.text, without_words.link_url, without_words.link_title) == (TITLE, PAGE, None)
    assert card_in(Network.PINTEREST, pinterest(None, TITLE)) == (None, None), "no link, no headline of one"


def test_x_says_where_redirects_end():
    assert card_in(Network.X, x(x_link("https://bit.ly/1", TITLE, unwound_url=PAGE))) == (PAGE, TITLE)
    assert card_in(Network.X, x(x_link(PAGE, TITLE, unwound_url="rubbish"))) == (PAGE, TITLE)


def test_x_shows_the_last_page_that_it_knows_and_none_beside_media():
    other, plain = x_link("https://a.example", "Another"), x_link("https://b.example", None)
    assert card_in(Network.X, x(other, x_link(PAGE, TITLE), plain)) == (PAGE, TITLE)
    assert card_in(Network.X, x(x_link(PAGE, TITLE), attachments={"media_keys": ["3_1"]})) == (None, None)
    assert card_in(Network.X, x(x_link(PAGE, TITLE), attachments={"poll_ids": ["1"]})) == (None, None)
    assert card_in(Network.X, x(x_link(PAGE, TITLE, media_key="3_1"))) == (None, None)


def test_the_links_of_a_long_post_are_those_of_its_whole_text():
    note = {"text": "Hi", "entities": {"urls": [x_link(PAGE, TITLE)]}}
    assert card_in(Network.X, x(x_link("https://a.example", "Cut"), note_post=note)) == (PAGE, TITLE)
    assert card_in(Network.X, x(x_link(PAGE, TITLE), note_post={"text": "Hi", "entities": 3})) == (PAGE, TITLE)


def test_what_is_read_is_asked_for():
    assert {"title", "unshimmed_url", "media_type", "type"} <= set(
        FACEBOOK_FIELDS.replace("{", ",").replace("}", ",").split(",")
    )
    assert {"entities", "attachments", "note_post"} <= set(X_FIELDS.split(","))


@pytest.mark.parametrize("value", ["http://a.example", "HTTPS://A.example/Ä b?c#d", " https://a.example/\n"])
def test_addresses_stay_as_they_were_sent(value):
    assert web_address_or_none(value) == value.strip()


def test_addresses_without_a_proper_host_are_none():
    assert [web_address_or_none(f"https://{host}/x") for host in ("", "not a host", ":80", "a@")] == [None] * 4
    assert title_or_none(" a\nb ") == "a\nb"


# --- recordings ----------------------------------------------------------------------------------------------------------


@pytest.mark.reference_data
def test_recorded_links_of_facebook(recorded_exchanges: Path):
    found = {}
    for path in (recorded_exchanges / "facebook").glob("facebook__apidata__posts__*.json"):
        body = json.loads(path.read_text())["response"]["body"]
        for raw in body.get("data", [body]):
            post = mapped(Network.FACEBOOK, raw, handle="facebookfordevelopers")
            parts = raw.get("attachments", {}).get("data", [])
            if post is not None and parts:
                first = parts[0]
                is_own = "/FacebookforDevelopers/" in first["unshimmed_url"]  # whose listing it is
                assert post.link_url == (None if is_own else first["unshimmed_url"])
                assert post.link_title == first.get("title")
                found[post.native_id] = post.link_title
    assert set(found.values()) >= {None, "Peering automation at Facebook - Facebook Engineering", "iCook Success Story"}


@pytest.mark.reference_data
def test_a_recorded_link_of_x(recorded_exchanges: Path):
    path = recorded_exchanges / "x" / "apis__searches__search_tweets_for_nyc.json"
    (raw,) = [
        raw
        for raw in json.loads(path.read_text())["response"]["body"]["data"]
        if any("title" in url for url in raw.get("entities", {}).get("urls", ()))
    ]
    assert mapped(Network.X, raw) is None, "a repost of another's"
    post = mapped(Network.X, {name: value for name, value in raw.items() if name != "referenced_tweets"})
    assert post is not None
    assert post.link_url == "https://www.zerohedge.com/political/de-blasio-considers-laying-22000-nyc-employees"
    assert post.link_title == "De Blasio Considers Laying Off 22,000 NYC Employees"
