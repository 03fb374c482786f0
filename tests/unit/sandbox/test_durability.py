"""Kill -9 at any time: what was answered is there after the restart, and the world goes on where it was."""

from collections.abc import Callable
from typing import Any


def test_everything_that_was_answered_survives_kill_9(start_sandbox: Callable[..., Any], jpeg: bytes) -> None:
    sandbox = start_sandbox()
    bluesky, instagram = sandbox.account("bluesky"), sandbox.account("instagram")
    me = instagram["native_id"]
    uris, media = [], []
    url = sandbox.http.put("/_sandbox/cdn/p.jpg", content=jpeg).json()["url"]
    staged = sandbox.graph(instagram, f"{me}/media", "POST", image_url=url, caption="Staged").json()["id"]
    for index, letter in enumerate("abcdef"):
        sandbox.advance(3600)
        uris.append(sandbox.create(bluesky, f"3k{letter * 10}2", f"Post {index}").json()["uri"])
        container = sandbox.graph(instagram, f"{me}/media", "POST", image_url=url, caption=f"Picture {index}").json()[
            "id"
        ]
        media.append(sandbox.graph(instagram, f"{me}/media_publish", "POST", creation_id=container).json()["id"])
        comment = sandbox.graph(instagram, f"{media[-1]}/comments", "POST", message=f"First {index}").json()["id"]
        sandbox.restart()
        assert [post["native_id"] for post in sandbox.posts(origin="api", network="bluesky")] == uris
        assert [post["native_id"] for post in sandbox.posts(origin="api", network="instagram")] == media
        assert sandbox.graph(instagram, comment, fields="text").json()["text"] == f"First {index}"
    assert sandbox.http.get("/_sandbox/clock").json()["now"] == "2026-05-30T12:00:00+00:00"
    assert sandbox.graph(instagram, staged, fields="status_code").json()["status_code"] == "FINISHED"
    assert sandbox.graph(instagram, f"{me}/media_publish", "POST", creation_id=container).status_code == 400
    assert sandbox.create(bluesky, "3kaaaaaaaaaa2").status_code == 500


def test_the_same_post_gets_the_same_outcome_after_a_restart(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    account = sandbox.account("bluesky")
    uri = sandbox.create(account, "3kgggggggggg2", "What is your favourite roast?").json()["uri"]
    sandbox.advance(4 * 86400)

    def seen() -> Any:
        thread = sandbox.xrpc(account, "app.bsky.feed.getPostThread", params={"uri": uri}).json()
        return thread["thread"]["post"]["likeCount"], thread

    before = seen()
    sandbox.restart()
    assert seen() == before
    assert before[0] > 0


def test_a_deleted_post_stays_deleted(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    account = sandbox.account("bluesky")
    old = sandbox.posts(origin="history", native_account_id=account["native_id"])[0]["native_id"]
    key = {"repo": account["native_id"], "collection": "app.bsky.feed.post", "rkey": old.split("/")[-1]}
    sandbox.xrpc(account, "com.atproto.repo.deleteRecord", json=key)
    sandbox.restart()
    assert sandbox.xrpc(account, "com.atproto.repo.getRecord", params=key).json()["error"] == "RecordNotFound"


def test_the_clock_page_moves_time_and_refuses_the_future(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox("--now", "2026-03-01T00:00:00Z")
    assert sandbox.http.get("/_sandbox/clock").json() == {"now": "2026-03-01T00:00:00+00:00"}
    moved = sandbox.http.post("/_sandbox/clock", json={"set": "2026-03-02T12:30:00+01:00"})
    assert moved.json() == {"now": "2026-03-02T11:30:00+00:00"}
    for body, status in (
        ({"advance_seconds": 40 * 365 * 86400}, 409),
        ({"advance_seconds": -1}, 409),
        ({"set": "2026-03-01T00:00:00Z"}, 409),
        ({"set": "2026-03-05T00:00:00"}, 400),
        ({"set": "soon"}, 400),
        ({}, 400),
    ):
        answer = sandbox.http.post("/_sandbox/clock", json=body)
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]
    assert sandbox.http.get("/_sandbox/health").json()["now"] == "2026-03-02T11:30:00+00:00"
