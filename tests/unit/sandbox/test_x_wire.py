"""X over real HTTP: answers as its description says, words, paging, texts as shown, uploads, guards, conversations, tokens, limits."""

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from PIL import Image

from sandbox.networks.x_views import weighted_length

MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 3000
ALL = "attachments,conversation_id,created_at,entities,id,public_metrics,text"


class Description:
    """X's own description, as far as it says what an answer looks like. Problems of the type `about:blank`, which X sends and does not
    describe, are left out."""

    def __init__(self, path: Path) -> None:
        self.document = json.loads(path.read_text())
        self.patterns = {
            re.compile("^/x" + re.sub(r"\{[^}]+\}", "[^/]+", name) + "$"): name
            for name in sorted(self.document["paths"], key=lambda name: "{" in name)
        }

    def check(self, answer: httpx.Response) -> None:
        """Assert that the answer is one that X describes for its request."""
        request, body = answer.request, answer.json()
        name = next((name for pattern, name in self.patterns.items() if pattern.match(request.url.path)), None)
        if name is None or body.get("type") == "about:blank":
            return
        responses = self.document["paths"][name][request.method.lower()]["responses"]
        kind = "application/json" if answer.is_success else "application/problem+json"
        schema = responses.get(str(answer.status_code), responses["default"])["content"][kind]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": self.document["components"]}).validate(body)


@pytest.fixture(scope="module")
def description() -> Description | None:
    """None where it is not at hand: then answers are not held against it, and one test says so by skipping."""
    data = os.environ.get("PULSO_REFERENCE_DATA")
    path = Path(data).parent / "specs" / "x-openapi.json" if data else None
    return Description(path) if path is not None and path.is_file() else None


class Client:
    """One account's bare client; every answer is held against X's description."""

    def __init__(self, process: Any, account: dict[str, Any], description: Description | None) -> None:
        self.process, self.account, self.me = process, account, account["native_id"]
        self.token, self.description, self.checked = account["access_token"], description, 0

    def __call__(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", **kwargs.pop("headers", {})}
        answer = self.process.http.request(method, f"/x/2/{path}", headers=headers, **kwargs)
        if self.description is not None and answer.headers["content-type"].startswith("application/"):
            self.description.check(answer)
            self.checked += 1
        return answer

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self("GET", path, params={name.replace("__", "."): value for name, value in params.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, text: str, **fields: Any) -> str:
        answer = self("POST", "tweets", json={"text": text, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["id"]

    def upload(self, content: bytes, category: str = "tweet_image", kind: str = "image/jpeg") -> str:
        body = {"media_type": kind, "media_category": category, "total_bytes": len(content)}
        media_id = self("POST", "media/upload/initialize", json=body).json()["data"]["id"]
        for index in range(0, len(content), 2000):
            self.append(media_id, index // 2000, content[index : index + 2000])
        return media_id

    def append(self, media_id: str, index: int, segment: bytes) -> httpx.Response:
        files = {"media": ("media", segment, "application/octet-stream")}
        return self("POST", f"media/upload/{media_id}/append", data={"segment_index": str(index)}, files=files)


@pytest.fixture(scope="module")
def crowd(shared_process: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A sandbox with accounts on X, for this module; its clock is not to be moved."""
    process = type(shared_process)(tmp_path_factory.mktemp("x"), "--crowd", "27")
    yield process
    process.stop()


@pytest.fixture
def clients(crowd: Any, description: Description | None) -> Iterator[list[Client]]:
    yield [Client(crowd, a, description) for a in crowd.accounts() if a["network"] == "x" and a["access_token"]]
    crowd.http.delete("/_sandbox/faults")


@pytest.fixture
def x(clients: list[Client]) -> Client:
    return clients[0]


@pytest.fixture(scope="module")
def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 640), "navy").save(buffer, "JPEG")
    return buffer.getvalue()


def refused(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    return answer.status_code, body.get("detail") or body.get("error")


def test_answers_are_held_against_xs_description(x: Client) -> None:
    if x.description is None:
        pytest.skip("set PULSO_REFERENCE_DATA: the description stands beside it, in ../specs/x-openapi.json")
    x.get("users/me", user__fields="public_metrics")
    assert x.checked == 1


def test_the_own_profile(x: Client) -> None:
    me = x.get("users/me", user__fields="created_at,description,public_metrics,verified")["data"]
    assert (me["id"], me["username"], me["name"]) == (x.me, x.account["handle"], x.account["display_name"])
    assert me["public_metrics"]["followers_count"] > 100
    assert x.get("users/me")["data"].keys() == {"id", "username", "name"}


def test_people_by_their_names(x: Client) -> None:
    found = x.get("users/by", usernames=f"{x.account['handle'].upper()},nobody")
    assert [user["id"] for user in found["data"]] == [x.me]
    assert [error["value"] for error in found["errors"]] == ["nobody"]
    assert "data" not in x.get("users/by/username/nobody")


def test_walking_all_posts_repeats_and_leaves_out_nothing(crowd: Any, x: Client) -> None:
    listed: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = x.get(
            f"users/{x.me}/tweets", max_results=7, post__fields=ALL, expansions="attachments.media_keys", **token
        )
        assert page["meta"]["result_count"] == len(page["data"])
        assert (page["meta"]["newest_id"], page["meta"]["oldest_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        listed += [post["id"] for post in page["data"]]
        if "next_token" not in page["meta"]:
            break
        token = {"pagination_token": page["meta"]["next_token"]}
    assert listed == [post["native_id"] for post in reversed(crowd.posts(network="x", native_account_id=x.me))]
    assert listed == sorted(listed, key=int, reverse=True), "ids tell the time"


def test_times_and_ids_narrow_a_listing(crowd: Any, x: Client) -> None:
    history = crowd.posts(network="x", native_account_id=x.me)
    middle = history[len(history) // 2]
    since = x.get(f"users/{x.me}/tweets", since_id=middle["native_id"], max_results=100)
    assert middle["native_id"] not in [post["id"] for post in since["data"]]
    start = middle["created_at"][:19] + "Z"
    young = x.get(f"users/{x.me}/tweets", start_time=start, max_results=100)["data"]
    assert young[-1]["id"] == middle["native_id"]
    assert x.get(f"users/{x.me}/tweets", start_time="2036-01-01T00:00:00Z") == {"meta": {"result_count": 0}}


def test_a_post_is_answered_in_the_words_of_the_question(x: Client) -> None:
    new = x.get(
        f"users/{x.me}/tweets", post__fields="public_metrics", expansions="author_id", user__fields="public_metrics"
    )
    x.description = None  # the description has only the new words
    old = x.get(f"users/{x.me}/tweets", tweet__fields="public_metrics,author_id", user__fields="public_metrics")
    counts = {"like_count", "reply_count", "quote_count", "bookmark_count", "impression_count"}
    assert new["data"][0]["public_metrics"].keys() == counts | {"repost_count"}
    assert old["data"][0]["public_metrics"].keys() == counts | {"retweet_count"}
    assert new["data"][0]["author_id"] == old["data"][0]["author_id"] == x.me
    assert new["includes"]["users"][0]["public_metrics"]["post_count"] >= 1
    assert "edit_history_post_ids" in new["data"][0]
    assert "edit_history_tweet_ids" in old["data"][0]


@pytest.mark.parametrize(
    "params",
    [
        {"fields": "text"},
        {"post.fields": "text,likes"},
        {"tweet.fields": "note_post"},
        {"expansions": "author"},
        {"max_results": "4"},
        {"max_results": "101"},
        {"max_results": "many"},
        {"pagination_token": "nonsense!"},
        {"start_time": "yesterday"},
        {"exclude": "everything"},
    ],
)
def test_words_that_x_does_not_have_are_refused(x: Client, params: dict[str, str]) -> None:
    answer = x("GET", f"users/{x.me}/tweets", params=params)
    assert refused(answer)[0] == 400
    assert answer.json()["errors"][0]["parameters"].keys() == params.keys() - {"pagination_token"} | (
        {"next_token"} if "pagination_token" in params else set()
    )


def test_a_text_is_shown_as_x_shows_it(x: Client, picture: bytes) -> None:
    media_id = x.upload(picture)
    x("POST", f"media/upload/{media_id}/finalize")
    text = "Tea & <cake> at https://harbor.example/tea?x=1&y=2."
    native_id = x.post(text, media={"media_ids": [media_id]})
    shown = x.get(
        f"tweets/{native_id}", post__fields=ALL, expansions="attachments.media_keys", media__fields="type,width"
    )
    post = shown["data"]
    links = re.findall(r"https://t\.co/\w{10}", post["text"])
    assert post["text"] == f"Tea &amp; &lt;cake&gt; at {links[0]}. {links[1]}"
    assert [url["expanded_url"] for url in post["entities"]["urls"]] == [
        "https://harbor.example/tea?x=1&y=2",
        f"https://x.com/{x.account['handle']}/status/{native_id}/photo/1",
    ]
    assert post["attachments"]["media_keys"] == [f"3_{media_id}"]
    assert shown["includes"]["media"] == [{"media_key": f"3_{media_id}", "type": "photo", "width": 1080}]
    assert post["conversation_id"] == native_id


def test_x_says_what_it_found_behind_a_link(x: Client) -> None:
    native_id = x.post("Autumn: https://harbor.example/autumn-menu or https://unknown.com/page")
    known, unknown = x.get(f"tweets/{native_id}", post__fields=ALL)["data"]["entities"]["urls"]
    assert (known["title"], known["unwound_url"]) == ("Autumn menu", "https://harbor.example/autumn-menu")
    assert {"title", "unwound_url"} & unknown.keys() == set()


def test_what_is_published_is_listed_and_what_is_deleted_is_gone(x: Client, clients: list[Client]) -> None:
    answer = x("POST", "tweets", json={"text": "Here and gone"})
    native_id = answer.json()["data"]["id"]
    assert answer.headers["location"].endswith(f"/2/tweets/{native_id}")
    assert x.get(f"users/{x.me}/tweets")["data"][0]["id"] == native_id
    assert refused(clients[1]("DELETE", f"tweets/{native_id}"))[0] == 403
    assert x("DELETE", f"tweets/{native_id}").json() == {"data": {"deleted": True}}
    assert x("DELETE", f"tweets/{native_id}").json()["errors"][0]["title"] == "Not Found Error"
    assert "data" not in x.get(f"tweets/{native_id}")
    both = x.get("tweets", ids=f"{native_id},{x.get(f'users/{x.me}/tweets')['data'][0]['id']}")
    assert (len(both["data"]), both["errors"][0]["resource_id"]) == (1, native_id)


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": "x" * 281},
        {"text": "é́́" * 10 + "日" * 140},
        {"text": "x", "colour": "blue"},
        {"text": "x", "media": {"media_ids": ["123"]}},
        {"text": "x", "poll": {"options": ["one"], "duration_minutes": 60}},
        {"text": "x", "poll": {"options": ["one", "two"], "duration_minutes": 1}},
        [],
    ],
)
def test_posts_that_x_refuses(x: Client, body: Any) -> None:
    assert refused(x("POST", "tweets", json=body))[0] == 400


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("plain", 5),
        ("é", 1),
        ("日本", 4),
        ("👩‍👩‍👧‍👦", 2),
        ("🇵🇹", 2),
        ("see https://harbor.example/a-very-long-path-that-never-ends", 27),
        ("see https://a.example.", 28),
        ("it’s", 4),
    ],
)
def test_lengths_are_weighted(text: str, length: int) -> None:
    assert weighted_length(text) == length


def test_a_film_is_processed_while_it_is_asked_for(x: Client) -> None:
    media_id = x.upload(MP4, "tweet_video", "video/mp4")
    closed = x("POST", f"media/upload/{media_id}/finalize").json()["data"]
    assert closed["processing_info"] == {"state": "pending", "check_after_secs": 1}
    assert refused(x("POST", "tweets", json={"text": "Film", "media": {"media_ids": [media_id]}}))[0] == 400
    states = [
        x.get("media/upload", media_id=media_id, command="STATUS")["data"]["processing_info"]["state"] for _ in range(3)
    ]
    assert states == ["in_progress", "in_progress", "succeeded"]
    x.post("Film", media={"media_ids": [media_id]})


def test_segments_may_come_twice_but_must_add_up(x: Client, picture: bytes) -> None:
    body = {"media_type": "image/jpeg", "media_category": "tweet_image", "total_bytes": len(picture)}
    media_id = x("POST", "media/upload/initialize", json=body).json()["data"]["id"]
    assert x.append(media_id, 0, picture[:1000]).status_code == 200
    assert x.append(media_id, 0, picture[:1000]).status_code == 200
    assert refused(x.append(media_id, 2, picture[1000:]))[0] == 400
    assert refused(x("POST", f"media/upload/{media_id}/finalize"))[0] == 400
    assert x.append(media_id, 1, picture[1000:]).status_code == 200
    assert x("POST", f"media/upload/{media_id}/finalize").json()["data"]["size"] == len(picture)
    assert refused(x("POST", f"media/upload/{media_id}/finalize"))[0] == 400
    described = x("POST", "media/metadata", json={"id": media_id, "metadata": {"alt_text": {"text": "Navy"}}})
    assert described.json()["data"]["id"] == media_id


def test_a_picture_in_one_call_and_what_is_no_picture(x: Client, clients: list[Client], picture: bytes) -> None:
    files = {"media": ("a.jpg", picture, "image/jpeg")}
    media_id = x("POST", "media/upload", data={"media_category": "tweet_image"}, files=files).json()["data"]["id"]
    assert refused(clients[1]("POST", "tweets", json={"text": "x", "media": {"media_ids": [media_id]}}))[0] == 400
    x.post("Mine", media={"media_ids": [media_id]})
    fake = x.upload(b"not a picture")
    assert refused(x("POST", f"media/upload/{fake}/finalize"))[0] == 400
    big = {"media_type": "image/jpeg", "media_category": "tweet_image", "total_bytes": 6_000_000}
    assert refused(x("POST", "media/upload/initialize", json=big))[0] == 400


def test_media_end_after_a_day(start_sandbox: Any, picture: bytes) -> None:
    process = start_sandbox("--crowd", "9")
    x = Client(process, next(a for a in process.accounts() if a["network"] == "x" and a["access_token"]), None)
    media_id = x.upload(picture)
    x("POST", f"media/upload/{media_id}/finalize")
    process.advance(86_400)
    assert refused(x("POST", "tweets", json={"text": "Late", "media": {"media_ids": [media_id]}}))[0] == 400


def test_the_same_text_again_is_refused_unless_the_guard_is_off(crowd: Any, x: Client, clients: list[Client]) -> None:
    x.post("Only once")
    answer = x("POST", "tweets", json={"text": "Only once"})
    assert refused(answer) == (403, "You are not allowed to create a Tweet with duplicate content.")
    clients[1].post("Only once")
    crowd.fault(network="x", operation="publish", kind="guard_off", times=1)
    assert x.post("Only once") != x.post("Twice then")


def commented(crowd: Any, x: Client) -> dict[str, Any]:
    """A young comment under one of the account's posts."""
    found = crowd.http.get("/_sandbox/comments", params={"network": "x", "native_account_id": x.me}).json()
    return max((c for c in found if c["origin"] == "audience"), key=lambda c: c["created_at"])


def test_a_conversation_is_found_whole_and_answered(
    start_sandbox: Any, description: Any, clients: list[Client]
) -> None:
    process = start_sandbox("--crowd", "27")
    account = next(a for a in process.accounts() if a["native_id"] == clients[0].me)
    x = Client(process, account, description)
    root = x.post("What shall we brew next? Tell us")
    process.advance(3 * 86_400)
    answer = x.post("Thread goes on", reply={"in_reply_to_tweet_id": root})
    params = {"query": f"conversation_id:{root}", "post__fields": f"{ALL}", "expansions": "author_id,referenced_posts"}
    found = x.get("tweets/search/recent", max_results=100, **params)
    comments = {c["native_id"] for c in process.http.get("/_sandbox/comments", params={"post_id": root}).json()}
    assert {post["id"] for post in found["data"]} == {root, answer} | comments
    assert all(p["referenced_posts"] == [{"type": "replied_to", "id": root}] for p in found["data"] if p["id"] != root)
    assert {u["id"] for u in found["includes"]["users"]} == {p["author_id"] for p in found["data"]}
    audience = comments - {answer}
    if audience:
        comment = max(audience, key=int)
        mine = x.post("Thank you", reply={"in_reply_to_tweet_id": comment})
        shown = x.get("tweets/search/recent", **params)["data"]
        assert next(p for p in shown if p["id"] == mine)["conversation_id"] == root
        assert x("PUT", f"tweets/{comment}/hidden", json={"hidden": True}).json() == {"data": {"hidden": True}}
        assert comment not in [p["id"] for p in x.get("tweets/search/recent", **params)["data"]]
    process.advance(5 * 86_400)
    later = x.get("tweets/search/recent", **params)
    assert root not in [p["id"] for p in later.get("data", ())], "search goes back seven days"


def test_only_those_who_spoke_to_the_account_can_be_answered(x: Client, clients: list[Client]) -> None:
    theirs = clients[1].post("Nobody asked you")
    assert refused(x("POST", "tweets", json={"text": "Hi", "reply": {"in_reply_to_tweet_id": theirs}}))[0] == 403
    assert refused(x("POST", "tweets", json={"text": "Hi", "reply": {"in_reply_to_tweet_id": "1"}}))[0] == 403
    assert refused(x("GET", "tweets/search/recent", params={"query": "coffee"}))[0] == 400


def test_private_counts_are_the_owners_and_of_young_posts(crowd: Any, x: Client, clients: list[Client]) -> None:
    history = crowd.posts(network="x", native_account_id=x.me)
    young = x.post("Counting https://harbor.example/menu")
    fields = "public_metrics,non_public_metrics"
    found = x.get("tweets", ids=f"{young},{history[0]['native_id']}", post__fields=fields)
    assert found["data"][0]["non_public_metrics"].keys() == {
        "impression_count",
        "user_profile_clicks",
        "url_link_clicks",
    }
    assert "non_public_metrics" not in found["data"][1]
    assert [e["field"] for e in found["errors"]] == ["non_public_metrics"]
    theirs = clients[1].get("tweets", ids=young, post__fields=fields)
    assert ("non_public_metrics" in theirs["data"][0], len(theirs["errors"])) == (False, 1)


def test_refresh_tokens_work_once(crowd: Any, clients: list[Client]) -> None:
    account = clients[2].account
    form = {"grant_type": "refresh_token", "refresh_token": account["refresh_token"], "client_id": account["app_id"]}
    basic = httpx.BasicAuth(account["app_id"], account["app_secret"])

    def renew(**changes: Any) -> httpx.Response:
        auth = changes.pop("auth", basic)
        return crowd.http.post("/x/2/oauth2/token", data=form | changes, auth=auth)

    assert renew(auth=httpx.BasicAuth(account["app_id"], "wrong")).status_code == 401
    assert refused(renew(grant_type="password")) == (400, "unsupported_grant_type")
    new = renew().json()
    assert (new["token_type"], new["expires_in"]) == ("bearer", 7200)
    assert refused(renew()) == (400, "invalid_request")
    again = renew(refresh_token=new["refresh_token"]).json()
    bare = crowd.http.get("/x/2/users/me", headers={"authorization": f"Bearer {again['access_token']}"})
    assert bare.json()["data"]["id"] == account["native_id"]


def test_without_a_living_token_nothing_is_told(crowd: Any, clients: list[Client]) -> None:
    assert crowd.http.get("/x/2/users/me").status_code == 401
    other = Client(crowd, clients[1].account, None)
    crowd.fault(network="x", operation="read", kind="expire_token", times=1, params={"account": other.me})
    assert refused(other("GET", "users/me")) == (401, "Unauthorized")
    assert refused(other("GET", "users/me"))[0] == 401
    assert crowd.http.get("/x/2/elsewhere").status_code == 404


def test_windows_are_told_and_kept(start_sandbox: Any) -> None:
    process = start_sandbox("--crowd", "9", "--rate-limits", "real")
    x = Client(process, next(a for a in process.accounts() if a["network"] == "x" and a["access_token"]), None)
    answers = [x("GET", "users/me") for _ in range(76)]
    assert [answers[i].headers["x-rate-limit-remaining"] for i in (0, 74, 75)] == ["74", "0", "0"]
    assert answers[0].headers["x-rate-limit-limit"] == "75"
    assert [a.status_code for a in answers] == [200] * 75 + [429]
    assert answers[75].json()["errors"] == [{"code": 88, "message": "Rate limit exceeded"}]
    assert x("GET", f"users/{x.me}/tweets").status_code == 200, "every endpoint has its own window"


def test_faults_in_xs_own_words(crowd: Any, x: Client) -> None:
    path = f"users/{x.me}/tweets"
    first = x.get(path, max_results=5)["data"]
    crowd.fault(network="x", kind="empty_page", times=1)
    empty = x.get(path, max_results=5)
    assert "data" not in empty
    assert x.get(path, max_results=5, pagination_token=empty["meta"]["next_token"])["data"] == first
    crowd.fault(network="x", kind="duplicate_answer", times=1)
    assert [p["id"] for p in x.get(path, max_results=5)["data"]] == [p["id"] for p in first] * 2
    crowd.fault(network="x", kind="retired_metric", times=1, params={"metric": "quote_count"})
    assert (
        "quote_count"
        not in crowd.http.get(
            f"/x/2/{path}", params={"post.fields": "public_metrics"}, headers={"authorization": f"Bearer {x.token}"}
        ).json()["data"][0]["public_metrics"]
    )
    crowd.fault(network="x", kind="rate_limit", times=1, params={"retry_after_seconds": 40})
    limited = x("GET", path)
    assert (limited.status_code, limited.headers["x-rate-limit-remaining"]) == (429, "0")
    crowd.fault(network="x", kind="server_error", times=1, params={"status": 503})
    assert x("GET", path).json()["title"] == "Service Unavailable"
    crowd.fault(network="x", operation="read", kind="read_lag", times=1, params={"seconds": 600})
    native_id = x.post("Not seen yet")
    assert native_id not in [p["id"] for p in x.get(path)["data"]]
    assert x.get(path)["data"][0]["id"] == native_id
