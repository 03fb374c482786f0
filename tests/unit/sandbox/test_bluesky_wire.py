"""Bluesky over real HTTP: shapes of the official lexicons, bodies of the recordings, and the network's own oddities."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.networks.cid import blob_cid, record_cid

POST = "app.bsky.feed.post"
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 400


def recorded(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / "bluesky" / f"{name}.json").read_text())


@pytest.fixture
def account(sandbox: Any) -> dict[str, Any]:
    return sandbox.account("bluesky")


@pytest.mark.reference_data
@pytest.mark.parametrize(
    "name",
    ["06_createRecord_text_client_rkey", "10_putRecord_first", "13_createRecord_image", "18_reply_by_other_user"],
)
def test_record_identifiers_equal_the_real_servers(recorded_exchanges: Path, name: str) -> None:
    exchange = recorded(recorded_exchanges, name)
    assert record_cid(exchange["request"]["body"]["record"]) == exchange["response"]["body"]["cid"]


@pytest.mark.reference_data
def test_recorded_requests_get_answers_of_the_recorded_shape(
    sandbox: Any, account: dict[str, Any], recorded_exchanges: Path
) -> None:
    """Sent again to the sandbox, each recorded request gets the same status and the same keys."""
    for name in (
        "06_createRecord_text_client_rkey",
        "08_getRecord_reconcile_found",
        "10_putRecord_first",
        "14_createRecord_too_long_400",
        "16_createRecord_bad_token_400",
        "17_createRecord_no_auth_401",
        "29_deleteRecord",
    ):
        exchange = recorded(recorded_exchanges, name)
        request, expected = exchange["request"], exchange["response"]
        renamed = json.loads(json.dumps(request).replace("did:plc:o6y7sm2tpblnupwrfuh7anys", account["native_id"]))
        headers = {} if "no_auth" in name else {"authorization": f"Bearer {account['access_token']}"}
        if "bad_token" in name:
            headers = {"authorization": "Bearer nonsense"}
        answer = sandbox.http.request(
            request["method"],
            f"/bluesky{request['path']}",
            headers=headers,
            params=renamed["query"],
            json=renamed["body"],
        )
        assert answer.status_code == expected["status"], name
        assert answer.json().keys() == expected["body"].keys(), name
        assert answer.headers["content-type"] == expected["headers"]["content-type"]
        if answer.status_code >= 400:
            assert answer.json() == expected["body"], name


def test_answers_fit_the_official_lexicons(sandbox: Any, account: dict[str, Any], lexicons: Any) -> None:
    did = account["native_id"]
    feed = sandbox.xrpc(account, "app.bsky.feed.getAuthorFeed", params={"actor": did, "limit": 100}).json()
    lexicons.check_output("app.bsky.feed.getAuthorFeed", feed)
    for item in feed["feed"]:
        lexicons.check_record(POST, item["post"]["record"])
    busy = max(feed["feed"], key=lambda item: item["post"]["replyCount"])["post"]["uri"]
    for nsid, params in (
        ("app.bsky.actor.getProfile", {"actor": did}),
        ("app.bsky.feed.getPosts", {"uris": [busy]}),
        ("app.bsky.feed.getPostThread", {"uri": busy}),
        ("app.bsky.notification.listNotifications", {"limit": 20}),
        ("com.atproto.server.describeServer", {}),
        ("com.atproto.server.getSession", {}),
        ("com.atproto.identity.resolveHandle", {"handle": account["handle"]}),
        ("com.atproto.repo.listRecords", {"repo": did, "collection": POST, "limit": 10}),
    ):
        answer = sandbox.xrpc(account, nsid, params=params)
        assert answer.status_code == 200, answer.text
        lexicons.check_output(nsid, answer.json())
    created = sandbox.create(account, "3kaaaaaaaaa2a", "Shape of an answer")
    lexicons.check_output("com.atproto.repo.createRecord", created.json())
    blob = sandbox.xrpc(account, "com.atproto.repo.uploadBlob", content=JPEG, headers={"content-type": "image/jpeg"})
    lexicons.check_output("com.atproto.repo.uploadBlob", blob.json())
    session = sandbox.http.post(
        "/bluesky/xrpc/com.atproto.server.createSession",
        json={"identifier": account["handle"], "password": account["app_password"]},
    )
    lexicons.check_output("com.atproto.server.createSession", session.json())


def test_one_record_key_is_one_post_for_ever(sandbox: Any, account: dict[str, Any]) -> None:
    before = len(sandbox.posts(origin="api", native_account_id=account["native_id"]))
    first = sandbox.create(account, "3kbbbbbbbbb2a")
    again = sandbox.create(account, "3kbbbbbbbbb2a")
    assert (first.status_code, again.status_code) == (200, 500)
    assert again.json() == {"error": "InternalServerError", "message": "Internal Server Error"}

    body = {
        "repo": account["native_id"],
        "collection": POST,
        "rkey": "3kbbbbbbbbb2b",
        "record": {"text": "Put", "createdAt": "2026-05-30T06:00:00Z"},
    }
    put, noop = (sandbox.xrpc(account, "com.atproto.repo.putRecord", json=body) for _ in range(2))
    assert (put.status_code, noop.status_code) == (200, 200)
    assert put.json()["cid"] == noop.json()["cid"]
    assert "commit" in put.json()
    assert "commit" not in noop.json(), "nothing was written"
    assert len(sandbox.posts(origin="api", native_account_id=account["native_id"])) == before + 2

    old = sandbox.posts(origin="history", native_account_id=account["native_id"])[0]["native_id"]
    assert sandbox.create(account, old.split("/")[-1]).status_code == 500, "history holds its keys too"


def blob(mime_type: str, size: int) -> dict[str, Any]:
    return {"$type": "blob", "ref": {"$link": blob_cid(b"x")}, "mimeType": mime_type, "size": size}


def card(**changes: Any) -> dict[str, Any]:
    fields = {"uri": "https://harbor.example", "title": "Menu", "description": "", **changes}
    shown = {name: value for name, value in fields.items() if value is not None}
    return {"$type": "app.bsky.embed.external", "external": shown}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rkey": "my-own-key"}, "tid"),
        ({"text": "x" * 301}, "grapheme too big (maximum 300, got 301) at $.record.text"),
        ({"text": "👨‍👩‍👧‍👦" * 200}, "string too big (maximum 3000, got 5000) at $.record.text"),
        ({"createdAt": "yesterday"}, "Invalid datetime at $.record.createdAt"),
        ({"facets": [{"features": []}]}, "$.record.facets[0]"),
        ({"reply": {"root": {}}}, "$.record.reply"),
        ({"embed": {"$type": "app.bsky.embed.images", "images": [{"image": {}}]}}, '"alt"'),
        ({"embed": {"$type": "app.bsky.embed.video"}}, 'Missing required key "video"'),
        ({"embed": {"$type": "app.bsky.embed.video", "video": blob("image/png", 9)}}, "mimeType not accepted"),
        ({"embed": {"$type": "app.bsky.embed.video", "video": blob("video/mp4", 300_000_001)}}, "blob too big"),
        ({"embed": {"$type": "app.bsky.embed.external"}}, 'Missing required key "external"'),
        ({"embed": card(title=None)}, 'Missing required key "title"'),
        ({"embed": card(uri="harbor")}, "Invalid uri"),
        ({"embed": card(thumb=blob("image/png", 1_000_001))}, "blob too big (maximum 1000000"),
    ],
)
def test_records_that_break_the_rules_are_refused(
    sandbox: Any, account: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    fields = {"rkey": "3kcccccccccca", "text": "Hello", **change}
    answer = sandbox.create(account, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"] == "InvalidRequest"
    assert message in answer.json()["message"]


def test_three_hundred_composed_emoji_would_be_bytes_too_many_but_graphemes_are_counted(
    sandbox: Any, account: dict[str, Any]
) -> None:
    assert sandbox.create(account, "3kdddddddddda", "é" * 300).status_code == 200
    assert sandbox.create(account, "3kddddddddddb", "👨‍👩‍👧‍👦" * 100).status_code == 200


def test_pictures_must_be_uploaded_first_and_are_sniffed(sandbox: Any, account: dict[str, Any]) -> None:
    image = {
        "$type": "blob",
        "ref": {"$link": blob_cid(b"never uploaded")},
        "mimeType": "image/jpeg",
        "size": 14,
    }
    embed = {"$type": "app.bsky.embed.images", "images": [{"alt": "a", "image": image}]}
    missing = sandbox.create(account, "3keeeeeeeeeea", embed=embed)
    assert (missing.status_code, missing.json()["error"]) == (400, "BlobNotFound")

    blob = sandbox.xrpc(account, "com.atproto.repo.uploadBlob", content=JPEG, headers={"content-type": "*/*"}).json()
    assert blob["blob"]["mimeType"] == "image/jpeg"
    assert blob["blob"]["ref"]["$link"] == blob_cid(JPEG)
    embed["images"][0]["image"] = blob["blob"]
    uri = sandbox.create(account, "3keeeeeeeeeeb", embed=embed).json()["uri"]
    view = sandbox.xrpc(account, "app.bsky.feed.getPosts", params={"uris": uri}).json()["posts"][0]
    assert view["embed"]["$type"] == "app.bsky.embed.images#view"

    large = dict(blob["blob"], size=2_000_001)
    embed["images"][0]["image"] = large
    assert "blob too big" in sandbox.create(account, "3keeeeeeeeeec", embed=embed).json()["message"]


MP4 = b"\x00\x00\x00\x18ftypisom" + b"\x00" * 100


def service_token(sandbox: Any, account: dict[str, Any], **changes: Any) -> str:
    server = sandbox.xrpc(account, "com.atproto.server.describeServer", params={}).json()["did"]
    params = {"aud": server, "lxm": "com.atproto.repo.uploadBlob", **changes}
    answer = sandbox.xrpc(account, "com.atproto.server.getServiceAuth", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


def upload_film(sandbox: Any, account: dict[str, Any], token: str, content: bytes = MP4) -> Any:
    headers = {"content-type": "video/mp4"}
    return sandbox.xrpc(account, "app.bsky.video.uploadVideo", token=token, content=content, headers=headers)


def ended(sandbox: Any, account: dict[str, Any], job_id: str) -> list[dict[str, Any]]:
    """The job's statuses up to its end."""
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["state"] not in ("JOB_STATE_COMPLETED", "JOB_STATE_FAILED"):
        answer = sandbox.xrpc(account, "app.bsky.video.getJobStatus", params={"jobId": job_id})
        assert answer.status_code == 200, answer.text
        seen.append(answer.json()["jobStatus"])
    return seen


def test_a_film_is_processed_by_a_job_and_then_shown_by_a_post(
    sandbox: Any, account: dict[str, Any], lexicons: Any
) -> None:
    uploaded = upload_film(sandbox, account, service_token(sandbox, account))
    lexicons.check_output("app.bsky.video.uploadVideo", uploaded.json())
    job = uploaded.json()["jobStatus"]
    assert job["did"] == account["native_id"]
    seen = ended(sandbox, account, job["jobId"])
    assert len(seen) > 1, "not at once"
    lexicons.check_output("app.bsky.video.getJobStatus", {"jobStatus": seen[-1]})
    blob = seen[-1]["blob"]
    assert (blob["mimeType"], blob["size"], blob["ref"]["$link"]) == ("video/mp4", len(MP4), blob_cid(MP4))
    embed = {"$type": "app.bsky.embed.video", "video": blob, "alt": "Waves", "aspectRatio": {"width": 9, "height": 16}}
    uri = sandbox.create(account, "3kxxxxxxxxxxa", embed=embed).json()["uri"]
    posts = sandbox.xrpc(account, "app.bsky.feed.getPosts", params={"uris": uri}).json()
    lexicons.check_output("app.bsky.feed.getPosts", posts)
    assert posts["posts"][0]["embed"]["cid"] == blob["ref"]["$link"]
    truth = next(item for item in sandbox.posts(origin="api") if item["native_id"] == uri)
    assert truth["content_format"] == "video"


def test_a_film_that_is_none_fails_in_its_job(sandbox: Any, account: dict[str, Any]) -> None:
    uploaded = upload_film(sandbox, account, service_token(sandbox, account), b"not a film")
    last = ended(sandbox, account, uploaded.json()["jobStatus"]["jobId"])[-1]
    assert (last["state"], last["failureCode"]) == ("JOB_STATE_FAILED", "validation_failure")
    assert "blob" not in last
    unknown = sandbox.xrpc(account, "app.bsky.video.getJobStatus", params={"jobId": "nothing"})
    assert (unknown.status_code, unknown.json()["error"]) == (400, "InvalidRequest")


def test_the_video_service_wants_a_token_for_just_this(sandbox: Any, account: dict[str, Any]) -> None:
    for token in (
        account["access_token"],
        service_token(sandbox, account, aud="did:web:elsewhere.example"),
        service_token(sandbox, account, lxm="app.bsky.feed.getPosts"),
    ):
        refused = upload_film(sandbox, account, token)
        assert (refused.status_code, refused.json()["error"]) == (401, "InvalidToken")
    for exp in (1_600_000_000, 4_000_000_000):
        params = {"aud": "did:web:localhost", "exp": exp}
        answer = sandbox.xrpc(account, "com.atproto.server.getServiceAuth", params=params)
        assert (answer.status_code, answer.json()["error"]) == (400, "BadExpiration")
    as_access = sandbox.xrpc(
        account, "app.bsky.actor.getProfile", token=service_token(sandbox, account), params={"actor": "x"}
    )
    assert (as_access.status_code, as_access.json()["error"]) == (400, "InvalidToken")


def test_a_links_card_shows_its_picture(sandbox: Any, account: dict[str, Any], lexicons: Any) -> None:
    headers = {"content-type": "image/jpeg"}
    thumb = sandbox.xrpc(account, "com.atproto.repo.uploadBlob", content=JPEG, headers=headers).json()["blob"]
    card = {"uri": "https://harbor.example/menu", "title": "Menu", "description": "", "thumb": thumb}
    embed = {"$type": "app.bsky.embed.external", "external": card}
    uri = sandbox.create(account, "3kyyyyyyyyyya", embed=embed).json()["uri"]
    posts = sandbox.xrpc(account, "app.bsky.feed.getPosts", params={"uris": uri}).json()
    lexicons.check_output("app.bsky.feed.getPosts", posts)
    shown = posts["posts"][0]["embed"]["external"]
    assert (shown["title"], thumb["ref"]["$link"] in shown["thumb"]) == ("Menu", True)


def test_paging_shows_every_post_once_newest_first(sandbox: Any, account: dict[str, Any]) -> None:
    seen: list[str] = []
    params: dict[str, Any] = {"actor": account["native_id"], "limit": 30}
    while True:
        page = sandbox.xrpc(account, "app.bsky.feed.getAuthorFeed", params=params).json()
        seen += [item["post"]["uri"] for item in page["feed"]]
        if "cursor" not in page:
            break
        params["cursor"] = page["cursor"]
    known = sandbox.posts(native_account_id=account["native_id"])
    assert len(seen) == len(set(seen)) == len(known)
    assert set(seen) == {post["native_id"] for post in known}
    times = {post["native_id"]: post["created_at"] for post in known}
    assert [times[uri] for uri in seen] == sorted((times[uri] for uri in seen), reverse=True)


def test_replies_stand_in_the_thread_and_in_the_count(sandbox: Any, account: dict[str, Any]) -> None:
    feed = sandbox.xrpc(
        account, "app.bsky.feed.getAuthorFeed", params={"actor": account["native_id"], "limit": 60}
    ).json()
    post = next(item["post"] for item in feed["feed"] if item["post"].get("replyCount"))
    thread = sandbox.xrpc(account, "app.bsky.feed.getPostThread", params={"uri": post["uri"]}).json()["thread"]
    assert len(thread["replies"]) == post["replyCount"]
    comment = thread["replies"][0]["post"]
    reference = {"uri": comment["uri"], "cid": comment["cid"]}
    root = {"uri": post["uri"], "cid": post["cid"]}
    reply = sandbox.create(account, "3kffffffffffa", "Thanks", reply={"root": root, "parent": reference}).json()
    again = sandbox.xrpc(account, "app.bsky.feed.getPostThread", params={"uri": post["uri"]}).json()["thread"]
    answered = next(node for node in again["replies"] if node["post"]["uri"] == comment["uri"])
    assert [node["post"]["uri"] for node in answered["replies"]] == [reply["uri"]]
    assert answered["post"]["replyCount"] == 1
    truth = next(item for item in sandbox.posts(origin="api") if item["native_id"] == reply["uri"])
    assert truth["is_reply"]
    assert truth["in_reply_to"] == comment["uri"]


def test_a_deleted_post_is_gone_everywhere(sandbox: Any, account: dict[str, Any]) -> None:
    old = sandbox.posts(origin="history", native_account_id=account["native_id"])[5]["native_id"]
    new = sandbox.create(account, "3kgggggggggga").json()["uri"]
    for uri in (old, new):
        key = {"repo": account["native_id"], "collection": POST, "rkey": uri.split("/")[-1]}
        assert "commit" in sandbox.xrpc(account, "com.atproto.repo.deleteRecord", json=key).json()
        assert sandbox.xrpc(account, "com.atproto.repo.deleteRecord", json=key).json() == {}, "twice is a no-op"
        gone = sandbox.xrpc(account, "com.atproto.repo.getRecord", params=key)
        assert (gone.status_code, gone.json()["error"]) == (400, "RecordNotFound")
        assert sandbox.xrpc(account, "app.bsky.feed.getPosts", params={"uris": uri}).json() == {"posts": []}
        thread = sandbox.xrpc(account, "app.bsky.feed.getPostThread", params={"uri": uri})
        assert (thread.status_code, thread.json()["error"]) == (400, "NotFound")


def test_authorisation_is_checked_as_the_real_server_does(sandbox: Any, account: dict[str, Any]) -> None:
    params = {"actor": account["native_id"]}
    without = sandbox.http.get("/bluesky/xrpc/app.bsky.actor.getProfile", params=params)
    assert (without.status_code, without.json()["error"]) == (401, "AuthMissing")
    bad = sandbox.xrpc(account, "app.bsky.actor.getProfile", token="nonsense", params=params)
    assert (bad.status_code, bad.json()["error"]) == (400, "InvalidToken")
    wrong_kind = sandbox.xrpc(account, "app.bsky.actor.getProfile", token=account["refresh_token"], params=params)
    assert (wrong_kind.status_code, wrong_kind.json()["error"]) == (400, "InvalidToken")
    other = sandbox.account("bluesky", "verdecocina")
    body = {
        "repo": other["native_id"],
        "collection": POST,
        "record": {"text": "x", "createdAt": "2026-05-30T06:00:00Z"},
    }
    foreign = sandbox.xrpc(account, "com.atproto.repo.createRecord", json=body)
    assert foreign.status_code == 401


def test_unknown_methods_and_parameters_are_refused(sandbox: Any, account: dict[str, Any]) -> None:
    missing = sandbox.http.get("/bluesky/xrpc/app.bsky.feed.nothing")
    assert (missing.status_code, missing.json()["error"]) == (501, "MethodNotImplemented")
    did = account["native_id"]
    for nsid, params in (
        ("app.bsky.feed.getAuthorFeed", {"actor": did, "limit": 101}),
        ("app.bsky.feed.getAuthorFeed", {"actor": did, "cursor": "rubbish"}),
        ("app.bsky.feed.getAuthorFeed", {}),
        ("app.bsky.feed.getPosts", {"uris": [f"at://{did}/{POST}/{index}" for index in range(26)]}),
        ("app.bsky.actor.getProfile", {"actor": "nobody.bsky.test"}),
        ("com.atproto.identity.resolveHandle", {"handle": "nobody.bsky.test"}),
    ):
        answer = sandbox.xrpc(account, nsid, params=params)
        assert (answer.status_code, answer.json()["error"]) == (400, "InvalidRequest"), nsid


def test_rate_limits_are_told_in_headers_and_enforced_when_real(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox("--rate-limits", "real")
    account = sandbox.account("bluesky")
    written = sandbox.create(account, "3khhhhhhhhhha")
    assert written.headers["ratelimit-limit"] == "5000"
    assert written.headers["ratelimit-remaining"] == "4997"
    assert written.headers["ratelimit-policy"] == "5000;w=3600"
    read = sandbox.xrpc(account, "app.bsky.actor.getProfile", params={"actor": account["native_id"]})
    assert read.headers["ratelimit-policy"] == "3000;w=300"
    login = {"identifier": account["handle"], "password": "wrong"}
    answers = [sandbox.http.post("/bluesky/xrpc/com.atproto.server.createSession", json=login) for _ in range(62)]
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) in (30, 60), "30 in a window of five minutes, which may turn once meanwhile"
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"] == "RateLimitExceeded"
    assert refused.headers["ratelimit-remaining"] == "0"
