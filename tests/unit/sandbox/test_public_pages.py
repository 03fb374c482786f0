"""Public profile pages: what a polite robot can read, page by page."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import orjson
from protego import Protego


def test_every_post_of_a_rival_stands_on_exactly_one_page(sandbox: Any) -> None:
    rivals = [account for account in sandbox.accounts() if account["is_competitor"]]
    assert {account["watched_by"][0] for account in rivals} == {"harbor-coffee", "verde-cocina", "brisa-surf"}
    for rival in rivals:
        seen: dict[str, str] = {}
        address: str | None = rival["profile_url"]
        while address:
            page = sandbox.http.get(address)
            assert page.status_code == 200
            for article in re.findall(r'<article class="post".*?</article>', page.text, re.DOTALL):
                native_id = unescape(re.search(r'data-post-id="([^"]+)"', article).group(1))
                assert native_id not in seen
                seen[native_id] = unescape(re.search(r'<p class="text">(.*?)</p>', article, re.DOTALL).group(1))
                linked = orjson.loads(re.search(r"<script[^>]*>(.*?)</script>", article, re.DOTALL).group(1))
                assert linked["articleBody"] == seen[native_id]
                actions = {item["interactionType"].rsplit("/", 1)[-1] for item in linked["interactionStatistic"]}
                assert actions == {"LikeAction", "CommentAction"}
            following = re.search(r'rel="next" href="([^"]+)"', page.text)
            address = following and unescape(following.group(1))
        known = sandbox.posts(native_account_id=rival["native_id"])
        assert seen == {post["native_id"]: post["text"] for post in known}


def test_rivals_have_no_credentials(sandbox: Any) -> None:
    for account in sandbox.accounts():
        assert (account["access_token"] is None) == account["is_competitor"]
    rival = next(a for a in sandbox.accounts() if a["is_competitor"] and a["network"] == "bluesky")
    own = sandbox.account("bluesky")
    answer = sandbox.xrpc(own, "app.bsky.feed.getAuthorFeed", params={"actor": rival["native_id"]})
    assert answer.status_code == 400


def test_robots_txt_forbids_one_path_and_visits_there_are_counted(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    robots = Protego.parse(sandbox.http.get("/robots.txt").text)
    page = sandbox.http.get("/public/instagram/tidewaterroasters").text
    forbidden = re.search(r'class="members" href="([^"]+)"', page).group(1)
    assert robots.can_fetch("/public/instagram/tidewaterroasters?page=2", "pulso")
    assert not robots.can_fetch(forbidden, "pulso")
    assert robots.crawl_delay("pulso") == 0.2
    assert sandbox.http.get("/_sandbox/world").json()["disallowed_page_hits"] == 0
    sandbox.http.get(forbidden)
    assert sandbox.http.get("/_sandbox/world").json()["disallowed_page_hits"] == 1


def test_unknown_profiles_and_pages_are_not_found(sandbox: Any) -> None:
    for path in (
        "instagram/nobody",
        "instagram/tidewaterroasters?page=99",
        "bluesky/tidewaterroasters",
        "instagram/x?page=a",
    ):
        assert sandbox.http.get(f"/public/{path}").status_code == 404


def test_a_permalink_leads_to_its_post(sandbox: Any) -> None:
    page = sandbox.http.get("/public/bluesky/foundrybeans.bsky.test").text
    link = re.search(r'class="permalink" href="([^"]+)"', page).group(1)
    single = sandbox.http.get(link)
    assert single.status_code == 200
    assert single.text.count("<article") == 1


def test_the_world_page_documents_every_parameter(sandbox: Any) -> None:
    world = sandbox.http.get("/_sandbox/world").json()
    assert (world["kind"], world["seed"], world["start"]) == ("seeded", 7, "2026-05-30T06:00:00+00:00")
    assert world["parameters"]["hour_of_week_sd"]["value"] == 0.045
    truth = sandbox.http.get("/_sandbox/posts", params={"network": "bluesky", "truth": "1"}).json()[0]["truth"]
    assert truth["final_engagements"] >= 0
    comments = sandbox.http.get("/_sandbox/comments", params={"network": "bluesky", "origin": "audience"}).json()
    assert {comment["kind"] for comment in comments} == {"question", "compliment", "complaint", "spam", "chatter"}
