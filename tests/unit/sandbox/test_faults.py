"""Faults: which requests they hit, and that lost answers are really lost, with the truth told by the network's own state."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.faults import KINDS, FaultError, FaultPlane

KEYS = [f"3k{letter * 10}a" for letter in "ijmnopqrstuvw"]


def test_a_rule_fires_so_often_and_so_likely() -> None:
    plane = FaultPlane()
    plane.add({"network": "bluesky", "operation": "publish", "kind": "server_error", "times": 2})
    drawn = ["server_error" in plane.draw("bluesky", "publish", "m", None) for _ in range(4)]
    assert drawn == [True, True, False, False]
    assert "server_error" not in plane.draw("instagram", "publish", "m", None)
    plane.clear()

    def share(seed: int) -> list[bool]:
        plane.clear()
        plane.add({"kind": "slow", "probability": 0.3, "params": {"seed": seed}})
        return ["slow" in plane.draw("bluesky", "read", "m", None) for _ in range(500)]

    assert 0.2 < sum(share(1)) / 500 < 0.4
    assert share(1) == share(1), "a run can be repeated"
    assert share(1) != share(2)


def test_a_rule_can_be_narrowed_to_an_account_and_a_method() -> None:
    plane = FaultPlane()
    rule = plane.add({"kind": "rate_limit", "params": {"account": "me", "method": "getPosts"}})
    assert "rate_limit" in plane.draw("bluesky", "read", "app.bsky.feed.getPosts", "me")
    assert "rate_limit" not in plane.draw("bluesky", "read", "app.bsky.feed.getPosts", "you")
    assert "rate_limit" not in plane.draw("bluesky", "read", "app.bsky.actor.getProfile", "me")
    assert plane.clear(rule.fault_id) == 1
    assert plane.rules == ()


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "earthquake"},
        {"kind": "slow", "network": "myspace"},
        {"kind": "slow", "operation": "dance"},
        {"kind": "slow", "probability": 2},
        {"kind": "slow", "often": True},
    ],
)
def test_senseless_rules_are_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(FaultError):
        FaultPlane().add(spec)


def texts_published(sandbox: Any) -> list[str]:
    return [post["text"] for post in sandbox.posts(origin="api")]


def test_a_connection_cut_before_the_commit_leaves_nothing(sandbox: Any) -> None:
    account = sandbox.account("bluesky")
    sandbox.fault(network="bluesky", operation="publish", kind="disconnect_before_commit", times=1)
    with pytest.raises(httpx.TransportError):
        sandbox.create(account, KEYS[0], "Cut before")
    assert "Cut before" not in texts_published(sandbox)
    assert sandbox.create(account, KEYS[0], "Cut before").status_code == 200


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "disconnect_after_commit"},
        {"kind": "timeout", "params": {"seconds": 0.2, "after_commit": True}},
        {"kind": "server_error", "params": {"status": 503, "after_commit": True}},
        {"kind": "duplicate_answer"},
    ],
    ids=lambda spec: spec["kind"],
)
@pytest.mark.parametrize("network", ["bluesky", "instagram"])
def test_after_a_commit_the_post_stands_whatever_became_of_the_answer(
    start_sandbox: Callable[..., Any], spec: dict[str, Any], network: str, jpeg: bytes
) -> None:
    sandbox = start_sandbox()
    account = sandbox.account(network)
    me = account["native_id"]

    def publish() -> httpx.Response:
        if network == "bluesky":
            return sandbox.create(account, KEYS[1], "Lost answer")
        return sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=container)

    if network == "instagram":
        url = sandbox.http.put("/_sandbox/cdn/p.jpg", content=jpeg).json()["url"]
        container = sandbox.graph(account, f"{me}/media", "POST", image_url=url, caption="Lost answer").json()["id"]
    sandbox.fault(network=network, operation="publish", times=1, **spec)
    try:
        assert publish().status_code >= 400
    except httpx.TransportError:
        assert spec["kind"] in ("disconnect_after_commit", "timeout")
    assert texts_published(sandbox) == ["Lost answer"]
    if network == "instagram":
        status = sandbox.graph(account, container, fields="status_code").json()
        assert status["status_code"] == "PUBLISHED", "reconciliation can see it"
    assert publish().status_code >= 400, "a second commit is refused"
    assert texts_published(sandbox) == ["Lost answer"]


def test_a_hanging_server_commits_nothing_by_default(sandbox: Any) -> None:
    account = sandbox.account("bluesky")
    sandbox.fault(network="bluesky", operation="publish", kind="timeout", times=1, params={"seconds": 0.2})
    with pytest.raises(httpx.TransportError):
        sandbox.create(account, KEYS[2], "Hanging")
    assert "Hanging" not in texts_published(sandbox)


def test_replies_are_hit_as_replies_and_not_as_posts(sandbox: Any) -> None:
    account = sandbox.account("bluesky")
    root = sandbox.create(account, KEYS[3], "Root").json()
    reference = {"uri": root["uri"], "cid": root["cid"]}
    sandbox.fault(network="bluesky", operation="reply", kind="server_error", times=1)
    assert sandbox.create(account, KEYS[4], "A post").status_code == 200
    reply = {"reply": {"root": reference, "parent": reference}}
    assert sandbox.create(account, KEYS[5], "A reply", **reply).status_code == 500
    assert sandbox.create(account, KEYS[5], "A reply", **reply).status_code == 200


def test_rate_limits_speak_each_networks_language(sandbox: Any) -> None:
    bluesky, instagram = sandbox.account("bluesky"), sandbox.account("instagram")
    sandbox.fault(kind="rate_limit", operation="read", times=2, params={"retry_after_seconds": 120})
    refused = sandbox.xrpc(bluesky, "app.bsky.actor.getProfile", params={"actor": bluesky["native_id"]})
    assert (refused.status_code, refused.json()["error"]) == (429, "RateLimitExceeded")
    assert refused.headers["ratelimit-remaining"] == "0"
    assert int(refused.headers["ratelimit-reset"]) > 1_700_000_000
    refused = sandbox.graph(instagram, instagram["native_id"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 80002)
    assert '"estimated_time_to_regain_access":2' in refused.headers["x-business-use-case-usage"]


def test_an_expired_token_stays_expired_until_it_is_renewed(sandbox: Any) -> None:
    account = sandbox.account("bluesky", "verdecocina")
    params = {"actor": account["native_id"]}
    sandbox.fault(network="bluesky", operation="read", kind="expire_token", times=1)
    for _ in range(2):
        expired = sandbox.xrpc(account, "app.bsky.actor.getProfile", params=params)
        assert (expired.status_code, expired.json()["error"]) == (400, "ExpiredToken")
    renewed = sandbox.xrpc(
        account, "com.atproto.server.refreshSession", token=account["refresh_token"], content=b""
    ).json()
    assert (
        sandbox.xrpc(account, "app.bsky.actor.getProfile", token=renewed["accessJwt"], params=params).status_code == 200
    )


def test_listings_can_be_empty_repeated_strange_and_late(sandbox: Any) -> None:
    account = sandbox.account("instagram", "brisasurf")
    path, fields = f"{account['native_id']}/media", "id,like_count,comments_count"
    clean = sandbox.graph(account, path, fields=fields, limit=5).json()

    sandbox.fault(network="instagram", operation="read", kind="empty_page", times=1)
    empty = sandbox.graph(account, path, fields=fields, limit=5).json()
    assert empty["data"] == []
    assert sandbox.http.get(empty["paging"]["next"]).json()["data"] == clean["data"], "nothing is skipped"

    sandbox.fault(network="instagram", operation="read", kind="duplicate_answer", times=1)
    doubled = sandbox.graph(account, path, fields=fields, limit=5).json()["data"]
    assert doubled[::2] == doubled[1::2] == clean["data"]

    sandbox.fault(network="instagram", operation="read", kind="unknown_fields", times=1)
    strange = sandbox.graph(account, path, fields=fields, limit=5).json()
    assert "xUnheardOf" in strange["data"][0]
    assert strange["data"][0]["id"] == clean["data"][0]["id"]

    sandbox.fault(network="instagram", operation="read", kind="late_counts", times=1, params={"hours": 12})
    late = sandbox.graph(account, path, fields=fields, limit=5).json()["data"]
    assert sum(item["like_count"] for item in late) < sum(item["like_count"] for item in clean["data"])


def test_the_feed_of_bluesky_recovers_from_an_empty_page(sandbox: Any) -> None:
    account = sandbox.account("bluesky", "brisasurf")
    params = {"actor": account["native_id"], "limit": 5}
    clean = sandbox.xrpc(account, "app.bsky.feed.getAuthorFeed", params=params).json()
    sandbox.fault(network="bluesky", operation="read", kind="empty_page", times=1)
    empty = sandbox.xrpc(account, "app.bsky.feed.getAuthorFeed", params=params).json()
    assert empty["feed"] == []
    again = sandbox.xrpc(account, "app.bsky.feed.getAuthorFeed", params=params | {"cursor": empty["cursor"]}).json()
    assert again["feed"] == clean["feed"]


def test_a_retired_metric_is_refused_or_absent_never_zero(sandbox: Any) -> None:
    instagram, bluesky = sandbox.account("instagram"), sandbox.account("bluesky")
    media = sandbox.graph(instagram, f"{instagram['native_id']}/media").json()["data"][0]["id"]
    sandbox.fault(kind="retired_metric", network="instagram", params={"metric": "saved"})
    refused = sandbox.graph(instagram, f"{media}/insights", metric="reach,saved")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 100)
    assert sandbox.graph(instagram, f"{media}/insights", metric="reach").status_code == 200
    sandbox.fault(kind="retired_metric", network="bluesky", params={"metric": "quoteCount"})
    feed = sandbox.xrpc(bluesky, "app.bsky.feed.getAuthorFeed", params={"actor": bluesky["native_id"]}).json()["feed"]
    assert all("quoteCount" not in item["post"] for item in feed)
    assert all("likeCount" in item["post"] for item in feed)


def test_the_app_view_lags_but_the_repository_does_not(sandbox: Any) -> None:
    account = sandbox.account("bluesky")
    sandbox.fault(network="bluesky", operation="read", kind="read_lag", params={"seconds": 3600})
    uri = sandbox.create(account, KEYS[6], "Not indexed yet").json()["uri"]
    params = {"actor": account["native_id"], "limit": 100}
    feed = sandbox.xrpc(account, "app.bsky.feed.getAuthorFeed", params=params).json()["feed"]
    assert uri not in {item["post"]["uri"] for item in feed}
    assert sandbox.xrpc(account, "app.bsky.feed.getPosts", params={"uris": uri}).json()["posts"] == []
    key = {"repo": account["native_id"], "collection": "app.bsky.feed.post", "rkey": KEYS[6]}
    assert sandbox.xrpc(account, "com.atproto.repo.getRecord", params=key).status_code == 200
    sandbox.http.delete("/_sandbox/faults")
    feed = sandbox.xrpc(account, "app.bsky.feed.getAuthorFeed", params=params).json()["feed"]
    assert uri in {item["post"]["uri"] for item in feed}


def test_the_admin_page_lists_adds_and_removes(sandbox: Any) -> None:
    rule = sandbox.fault(network="bluesky", operation="read", kind="slow", times=1, params={"seconds": 0.01})
    listed = sandbox.http.get("/_sandbox/faults").json()
    assert [item["id"] for item in listed["faults"]] == [rule["id"]]
    assert listed["kinds"] == dict(KINDS)
    assert sandbox.http.delete(f"/_sandbox/faults/{rule['id']}").json() == {"removed": 1}
    assert sandbox.http.get("/_sandbox/faults").json()["faults"] == []
    assert sandbox.http.post("/_sandbox/faults", json={"kind": "earthquake"}).status_code == 400
    assert sandbox.http.post("/_sandbox/faults", content=b"rubbish").status_code == 400
