"""TikTok's wire: both products' envelopes, paging, uploads in parts, processing, tokens, limits, errors."""

import json

import httpx
import pytest

FILM = b"\x00\x00\x00\x18ftypmp42" + b"f" * 988
INFO = {"title": "Hello #tiktok", "privacy_level": "PUBLIC_TO_EVERYONE"}
FIELDS = "id,create_time,video_description,title,share_url,duration,like_count,comment_count,share_count,view_count"


class Caller:
    """One account's calls."""

    def __init__(self, sandbox, account) -> None:
        self.sandbox, self.account = sandbox, account
        self.http = sandbox.http
        self.headers = {"authorization": f"Bearer {account['access_token']}"}

    def post(self, path: str, body=None, **params) -> httpx.Response:
        return self.http.post(f"/tiktok/v2/{path}/", json=body or {}, params=params, headers=self.headers)

    def business(self, path: str, body=None, **params) -> httpx.Response:
        query = {k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()}
        headers = {"access-token": self.account["grants"]["business"]["access_token"]}
        url = f"/tiktok/business-api/open_api/v1.3/business/{path}/"
        me = self.account["native_id"]
        if body is not None:
            return self.http.post(url, json={"business_id": me, **body}, headers=headers)
        return self.http.get(url, params={"business_id": me, **query}, headers=headers)

    def begin(self, size: int = len(FILM), part: int | None = None, **info) -> dict:
        part = part or size
        source = {
            "source": "FILE_UPLOAD",
            "video_size": size,
            "chunk_size": part,
            "total_chunk_count": max(1, size // part),
        }
        answer = self.post("post/publish/video/init", {"post_info": INFO | info, "source_info": source})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def upload(self, url: str, content: bytes, first: int = 0, total: int | None = None) -> httpx.Response:
        total = total or len(content)
        headers = {"content-type": "video/mp4", "content-range": f"bytes {first}-{first + len(content) - 1}/{total}"}
        return self.http.put(url, content=content, headers=headers)

    def status(self, publish_id: str) -> dict:
        return self.post("post/publish/status/fetch", {"publish_id": publish_id}).json()["data"]

    def videos(self, **body) -> dict:
        return self.post("video/list", body, fields=FIELDS).json()["data"]

    def published(self) -> list[dict]:
        return self.sandbox.posts(network="tiktok", native_account_id=self.account["native_id"], origin="api")


def caller_of(sandbox, index: int = 0) -> Caller:
    accounts = [a for a in sandbox.accounts() if a["network"] == "tiktok" and not a["is_competitor"]]
    return Caller(sandbox, accounts[index])


@pytest.fixture(scope="module")
def crowded(shared_process, tmp_path_factory):
    """A sandbox with a crowd, shared by the tests of this file: its clock is not to be moved."""
    process = type(shared_process)(tmp_path_factory.mktemp("tiktok"), "--crowd", "18")
    yield process
    process.stop()


@pytest.fixture
def me(crowded):
    yield caller_of(crowded)
    crowded.http.delete("/_sandbox/faults")


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def put_picture(sandbox, jpeg: bytes, name: str = "one.jpg") -> str:
    answer = sandbox.http.put(f"/_sandbox/cdn/{name}", content=jpeg, headers={"content-type": "image/jpeg"})
    return answer.json()["url"]


def content(*urls: str, **changes) -> dict:
    source = {"source": "PULL_FROM_URL", "photo_cover_index": 0, "photo_images": list(urls)}
    info = {"title": "T", "description": "Two pictures", "privacy_level": "PUBLIC_TO_EVERYONE"}
    return {"media_type": "PHOTO", "post_mode": "DIRECT_POST", "post_info": info, "source_info": source} | changes


# --- reading -----------------------------------------------------------------------------------------------------------


def test_the_profile_carries_what_was_asked_for(me):
    answer = me.http.get(
        "/tiktok/v2/user/info/", params={"fields": "open_id,username,follower_count,video_count"}, headers=me.headers
    )
    assert answer.json()["error"]["code"] == "ok"
    user = answer.json()["data"]["user"]
    assert user.keys() == {"open_id", "username", "follower_count", "video_count"}
    assert (user["open_id"], user["username"]) == (me.account["native_id"], me.account["handle"])
    assert user["follower_count"] > 0
    assert error_of(me.http.get("/tiktok/v2/user/info/", params={"fields": "shoe_size"}, headers=me.headers)) == (
        400,
        "invalid_params",
    )


def test_the_listing_pages_back_to_the_beginning_without_gap_or_overlap(me):
    whole, cursor = [], None
    while True:
        data = me.videos(max_count=7, **({"cursor": cursor} if cursor else {}))
        whole += data["videos"]
        assert len(data["videos"]) <= 7
        if not data["has_more"]:
            break
        cursor = data["cursor"]
    ids = [video["id"] for video in whole]
    assert len(ids) == len(set(ids)) > 7
    times = [video["create_time"] for video in whole]
    assert times == sorted(times, reverse=True)
    assert all(isinstance(video["id"], str) and int(video["id"]) > 2**53 for video in whole)
    assert all(video["view_count"] >= 0 for video in whole)
    expected = me.sandbox.posts(network="tiktok", native_account_id=me.account["native_id"])
    assert set(ids) == {post["native_id"] for post in expected}


def test_an_empty_page_in_the_middle_skips_nothing(me):
    first = me.videos(max_count=3)
    me.sandbox.fault(network="tiktok", operation="read", kind="empty_page", times=1)
    empty = me.videos(max_count=3, cursor=first["cursor"])
    assert (empty["videos"], empty["has_more"]) == ([], True)
    assert empty["cursor"] != first["cursor"]
    straight = me.videos(max_count=3, cursor=first["cursor"])
    assert me.videos(max_count=3, cursor=empty["cursor"])["videos"] == straight["videos"]


def test_counts_of_some_posts_and_the_fault_of_a_retired_one(me):
    ids = [video["id"] for video in me.videos(max_count=2)["videos"]]
    body = {"filters": {"video_ids": [*ids, "1"]}}
    answer = me.post("video/query", body, fields="id,like_count").json()["data"]["videos"]
    assert {video["id"] for video in answer} == set(ids)
    assert all(video.keys() == {"id", "like_count"} for video in answer)
    me.sandbox.fault(network="tiktok", operation="read", kind="retired_metric", params={"metric": "like_count"})
    assert error_of(me.post("video/query", body, fields="id,like_count")) == (400, "invalid_params")
    assert me.post("video/query", body, fields="id,view_count").status_code == 200


def test_other_accounts_posts_are_nobody_elses(me):
    theirs = caller_of(me.sandbox, 1).videos(max_count=1)["videos"][0]["id"]
    body = {"filters": {"video_ids": [theirs]}}
    assert me.post("video/query", body, fields="id").json()["data"]["videos"] == []
    refused = me.business("comment/list", video_id=theirs)
    assert (refused.status_code, refused.json()["code"]) == (200, 40002)


# --- films -------------------------------------------------------------------------------------------------------------


def test_a_film_is_visible_when_its_last_byte_is_there_and_has_its_id_after_processing(me):
    before = len(me.published())
    begun = me.begin(title="A film")
    assert me.status(begun["publish_id"]) == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0}
    assert len(me.published()) == before
    assert me.upload(begun["upload_url"], FILM).status_code == 201
    assert len(me.published()) == before + 1
    assert me.status(begun["publish_id"])["status"] == "PROCESSING_UPLOAD"
    done = me.status(begun["publish_id"])
    assert done["status"] == "PUBLISH_COMPLETE"
    (native_id,) = done["publicaly_available_post_id"]
    assert isinstance(native_id, int)
    newest = me.videos(max_count=1)["videos"][0]
    assert (newest["id"], newest["video_description"]) == (str(native_id), "A film")
    assert me.upload(begun["upload_url"], FILM).status_code == 416
    assert len(me.published()) == before + 1


def test_parts_come_in_order_each_once(me):
    part = 5_000_000
    film = FILM.ljust(2 * part + 5, b"x")
    begun = me.begin(len(film), part)
    url, before = begun["upload_url"], len(me.published())
    assert me.upload(url, film[part:], part, len(film)).status_code == 416, "the second before the first"
    assert me.upload(url, film[: part - 1], 0, len(film)).status_code == 400, "not the announced size"
    assert me.upload(url, film[:part], 0, len(film)).status_code == 206
    assert me.status(begun["publish_id"])["uploaded_bytes"] == part
    assert me.upload(url, film[:part], 0, len(film)).status_code == 416
    assert len(me.published()) == before
    assert me.upload(url, film[part:], part, len(film)).status_code == 201
    assert len(me.published()) == before + 1
    assert me.http.put(url.replace("upload_token=", "upload_token=x"), content=b"x").status_code == 404


@pytest.mark.parametrize(
    ("size", "part", "parts"),
    [(10_000_000, 4_000_000, 2), (70_000_000, 70_000_000, 1), (20_000_000, 10_000_000, 3), (1000, 500, 2), (0, 0, 0)],
)
def test_films_that_are_cut_badly_are_refused(me, size, part, parts):
    source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": part, "total_chunk_count": parts}
    answer = me.post("post/publish/video/init", {"post_info": INFO, "source_info": source})
    assert error_of(answer) == (400, "invalid_param")


def test_what_is_no_film_fails_under_its_publish_id(me):
    before = len(me.published())
    begun = me.begin(100)
    assert me.upload(begun["upload_url"], b"x" * 100).status_code == 201
    me.status(begun["publish_id"])
    assert me.status(begun["publish_id"])["fail_reason"] == "file_format_check_failed"
    assert len(me.published()) == before


def test_a_film_for_oneself_is_published_without_an_id_and_without_a_listing(me):
    begun = me.begin(privacy_level="SELF_ONLY", title="Only me")
    me.upload(begun["upload_url"], FILM)
    me.status(begun["publish_id"])
    assert me.status(begun["publish_id"]) == {
        "status": "PUBLISH_COMPLETE",
        "publicaly_available_post_id": [],
        "uploaded_bytes": len(FILM),
    }
    assert [post["text"] for post in me.published()].count("Only me") == 1
    assert "Only me" not in [video["video_description"] for video in me.videos(max_count=20)["videos"]]


def test_with_read_lag_published_is_not_the_same_as_having_an_id(me):
    begun = me.begin()
    me.upload(begun["upload_url"], FILM)
    me.status(begun["publish_id"])
    me.sandbox.fault(network="tiktok", operation="read", kind="read_lag", params={"seconds": 3600})
    done = me.status(begun["publish_id"])
    assert (done["status"], done["publicaly_available_post_id"]) == ("PUBLISH_COMPLETE", [])
    me.sandbox.http.delete("/_sandbox/faults")
    assert len(me.status(begun["publish_id"])["publicaly_available_post_id"]) == 1


def test_without_the_guard_a_last_part_sent_again_is_a_second_post(me):
    begun = me.begin(title="Twice")
    me.sandbox.fault(network="tiktok", operation="publish", kind="guard_off")
    assert [me.upload(begun["upload_url"], FILM).status_code for _ in range(2)] == [201, 201]
    assert [post["text"] for post in me.published()].count("Twice") == 2


def test_faults_tell_the_last_part_from_the_others(me):
    part = 5_000_000
    film = FILM.ljust(2 * part, b"x")
    begun = me.begin(len(film), part)
    me.sandbox.fault(network="tiktok", operation="publish", kind="disconnect_after_commit", times=1)
    assert me.upload(begun["upload_url"], film[:part], 0, len(film)).status_code == 206
    before = len(me.published())
    with pytest.raises(httpx.RemoteProtocolError):
        me.upload(begun["upload_url"], film[part:], part, len(film))
    assert len(me.published()) == before + 1


def test_an_upload_address_works_for_an_hour_and_parts_survive_a_kill(start_sandbox):
    sandbox = start_sandbox("--crowd", "9")
    me = caller_of(sandbox)
    part = 5_000_000
    film = FILM.ljust(2 * part, b"x")
    begun = me.begin(len(film), part)
    me.upload(begun["upload_url"], film[:part], 0, len(film))
    sandbox.restart()
    me = caller_of(sandbox)
    assert me.status(begun["publish_id"])["uploaded_bytes"] == part
    sandbox.advance(3601)
    assert me.upload(begun["upload_url"], film[part:], part, len(film)).status_code == 403
    assert me.published() == []


# --- pictures ----------------------------------------------------------------------------------------------------------


def test_pictures_are_fetched_and_published(me, jpeg):
    urls = [put_picture(me.sandbox, jpeg, name) for name in ("one.jpg", "two.jpg")]
    answer = me.post("post/publish/content/init", content(*urls)).json()
    assert answer["error"]["code"] == "ok"
    assert answer["data"].keys() == {"publish_id"}
    done = me.status(answer["data"]["publish_id"])
    assert done["status"] == "PUBLISH_COMPLETE"
    newest = me.videos(max_count=1)["videos"][0]
    assert (newest["video_description"], newest["title"], newest["duration"]) == ("Two pictures", "T", 0)
    assert "/photo/" in newest["share_url"]
    assert me.published()[-1]["content_format"] == "carousel"


def test_pictures_that_can_not_be_had_or_shown_fail_later_and_foreign_addresses_at_once(me, jpeg):
    before = len(me.published())
    gone = f"{me.sandbox.url}/_sandbox/cdn/nothing.jpg"
    text = put_picture(me.sandbox, b"no picture", "text.jpg")
    for url, reason in ((gone, "photo_pull_failed"), (text, "file_format_check_failed")):
        publish_id = me.post("post/publish/content/init", content(url)).json()["data"]["publish_id"]
        assert me.status(publish_id) == {"status": "FAILED", "fail_reason": reason}
    foreign = me.post("post/publish/content/init", content("https://example.org/a.jpg"))
    assert error_of(foreign) == (403, "url_ownership_unverified")
    many = me.post("post/publish/content/init", content(*[put_picture(me.sandbox, jpeg)] * 36))
    assert error_of(many) == (400, "invalid_param")
    assert len(me.published()) == before


def test_what_may_not_be_published(me, jpeg):
    url = put_picture(me.sandbox, jpeg)
    friends = content(url, post_info={"description": "x", "privacy_level": "FOLLOWER_OF_CREATOR"})
    assert error_of(me.post("post/publish/content/init", friends)) == (403, "privacy_level_option_mismatch")
    secret_ad = {"description": "x", "privacy_level": "SELF_ONLY", "brand_content_toggle": True}
    assert error_of(me.post("post/publish/content/init", content(url, post_info=secret_ad))) == (400, "invalid_param")
    long = {"description": "x" * 4001, "privacy_level": "PUBLIC_TO_EVERYONE"}
    assert error_of(me.post("post/publish/content/init", content(url, post_info=long))) == (400, "invalid_param")
    assert error_of(me.post("post/publish/content/init", {})) == (400, "invalid_param")
    assert error_of(me.post("post/publish/status/fetch", {"publish_id": "v_pub_file~v2-1.0"})) == (
        400,
        "invalid_publish_id",
    )


def test_a_day_has_so_many_posts(start_sandbox, jpeg):
    sandbox = start_sandbox("--crowd", "9", "--rate-limits", "real")
    me = caller_of(sandbox)
    url = put_picture(sandbox, jpeg)
    codes = [error_of(me.post("post/publish/content/init", content(url))) for _ in range(8)]
    assert set(codes) == {(200, "ok"), (429, "rate_limit_exceeded")}
    assert codes.count((429, "rate_limit_exceeded")) >= 1, "more than six a minute"
    assert len(me.published()) == codes.count((200, "ok"))


# --- API for Business --------------------------------------------------------------------------------------------------


def test_daily_figures_of_days_that_are_over(me):
    answer = me.business(
        "get", start_date="2026-05-27", end_date="2026-05-30", fields=["followers_count", "likes", "video_views"]
    ).json()
    assert (answer["code"], answer["message"]) == (0, "OK")
    days = {day["date"]: day for day in answer["data"]["metrics"]}
    assert days.keys() == {"2026-05-27", "2026-05-28", "2026-05-29", "2026-05-30"}
    assert days["2026-05-29"].keys() == {"date", "followers_count", "likes", "video_views"}
    assert days["2026-05-30"] == {"date": "2026-05-30"}, "today is not over"
    assert me.business("get", fields=["shoe_size"]).json()["code"] == 40002
    assert me.business("get", start_date="2026-01-01", end_date="2026-05-30").json()["code"] == 40002


def test_reach_of_some_posts(me):
    ids = [video["id"] for video in me.videos(max_count=3)["videos"]]
    found = me.business("video/list", fields=["item_id", "reach"], filters={"video_ids": ids[:2]}).json()["data"]
    assert [video["item_id"] for video in found["videos"]] == ids[:2]
    assert all(video["reach"] >= 0 for video in found["videos"])
    first = me.business("video/list", max_count=1).json()["data"]
    second = me.business("video/list", max_count=1, cursor=first["cursor"]).json()["data"]
    assert [first["videos"][0]["item_id"], second["videos"][0]["item_id"]] == ids[:2]


def commented(me) -> tuple[str, dict]:
    """A post with a comment of the audience."""
    for video in me.videos(max_count=20)["videos"]:
        found = me.business("comment/list", video_id=video["id"], include_replies="true").json()["data"]["comments"]
        if others := [comment for comment in found if not comment["owner"]]:
            return video["id"], others[0]
    raise AssertionError("nobody commented")


def test_comments_and_the_accounts_own_replies(me):
    video_id, comment = commented(me)
    made = me.business(
        "comment/reply/create", {"video_id": video_id, "comment_id": comment["comment_id"], "text": "Gracias"}
    ).json()
    assert made["code"] == 0
    replies = me.business("comment/reply/list", video_id=video_id, comment_id=comment["comment_id"]).json()["data"]
    assert [(r["comment_id"], r["text"], r["owner"]) for r in replies["comments"]] == [
        (made["data"]["comment_id"], "Gracias", True)
    ]
    listed = me.business("comment/list", video_id=video_id, include_replies="true").json()["data"]["comments"]
    (above,) = (c for c in listed if c["comment_id"] == comment["comment_id"])
    assert (above["replies"], above["reply_list"][0]["comment_id"]) == (1, made["data"]["comment_id"])
    own = me.business("comment/create", {"video_id": video_id, "text": "Ask us"}).json()["data"]["comment_id"]
    first = me.business("comment/list", video_id=video_id, max_count=1).json()["data"]
    assert first["comments"][0]["comment_id"] == own, "newest first"
    rest = me.business("comment/list", video_id=video_id, cursor=first["cursor"]).json()["data"]
    assert own not in {c["comment_id"] for c in rest["comments"]}
    for body in (
        {"video_id": video_id, "comment_id": "1", "text": "x"},
        {"video_id": "1", "comment_id": comment["comment_id"], "text": "x"},
        {"video_id": video_id, "comment_id": comment["comment_id"], "text": "x" * 151},
        {"business_id": "somebody", "video_id": video_id, "comment_id": comment["comment_id"], "text": "x"},
    ):
        assert me.business("comment/reply/create", body).json()["code"] in (40001, 40002)


def test_with_read_lag_an_own_reply_is_not_listed_yet(me):
    video_id, comment = commented(me)
    where = {"video_id": video_id, "comment_id": comment["comment_id"]}
    me.business("comment/reply/create", where | {"text": "Lagging"})
    me.sandbox.fault(network="tiktok", operation="read", kind="read_lag", params={"seconds": 3600})
    listed = me.business("comment/reply/list", **where).json()["data"]["comments"]
    assert "Lagging" not in [c["text"] for c in listed]


# --- tokens, limits, faults --------------------------------------------------------------------------------------------


def test_both_products_refuse_a_token_in_their_own_voice(me):
    nonsense = {"access_token": "nonsense"}
    stranger = Caller(me.sandbox, me.account | nonsense | {"grants": {"business": nonsense}})
    assert error_of(stranger.post("video/list", fields="id")) == (401, "access_token_invalid")
    refused = stranger.business("get")
    assert (refused.status_code, refused.json()["code"]) == (200, 40105)
    assert error_of(me.http.post("/tiktok/v2/video/list/", params={"fields": "id"})) == (401, "access_token_invalid")
    missing = me.http.get("/tiktok/business-api/open_api/v1.3/business/get/")
    assert (missing.status_code, missing.json()["code"]) == (200, 40104)
    business = me.account["grants"]["business"]
    swapped = {"access_token": business["access_token"], "grants": {"business": me.account}}
    mixed_up = Caller(me.sandbox, me.account | swapped)
    assert error_of(mixed_up.post("video/list", fields="id")) == (401, "access_token_invalid")
    assert mixed_up.business("get").json()["code"] == 40105
    assert error_of(me.http.get("/tiktok/v2/elsewhere/")) == (404, "invalid_api")


def test_a_refresh_token_works_once(crowded):
    me = caller_of(crowded, 1)
    account = me.account
    form = {
        "client_key": account["app_id"],
        "client_secret": account["app_secret"],
        "grant_type": "refresh_token",
        "refresh_token": account["refresh_token"],
    }
    new = crowded.http.post("/tiktok/v2/oauth/token/", data=form).json()
    assert new["open_id"] == account["native_id"]
    assert 86_000 < new["expires_in"] <= 86_400
    fresh = Caller(crowded, account | {"access_token": new["access_token"]})
    assert fresh.videos(max_count=1)["videos"]
    again = crowded.http.post("/tiktok/v2/oauth/token/", data=form)
    assert (again.status_code, again.json()["error"]) == (200, "invalid_grant")
    wrong = crowded.http.post("/tiktok/v2/oauth/token/", data=form | {"client_secret": "x"})
    assert wrong.json()["error"] == "invalid_client"
    body = {
        "client_id": account["app_id"],
        "client_secret": account["app_secret"],
        "grant_type": "refresh_token",
        "refresh_token": account["grants"]["business"]["refresh_token"],
    }
    path = "/tiktok/business-api/open_api/v1.3/tt_user/oauth2/refresh_token/"
    renewed = crowded.http.post(path, json=body).json()
    assert (renewed["code"], renewed["data"]["open_id"]) == (0, account["native_id"])
    assert crowded.http.post(path, json=body).json()["code"] == 40110


def test_each_product_words_its_limits_and_its_trouble(me):
    for kind, open_says, business_says in (
        ("rate_limit", (429, "rate_limit_exceeded"), (200, 40100)),
        ("server_error", (500, "internal_error"), (500, 50000)),
    ):
        me.sandbox.fault(network="tiktok", operation="read", kind=kind, times=2)
        assert error_of(me.post("video/list", fields="id")) == open_says
        answer = me.business("get")
        assert (answer.status_code, answer.json()["code"]) == business_says
    assert "retry-after" not in answer.headers
    assert "x-tt-logid" in me.post("video/list", fields="id").headers


def test_faults_can_be_narrowed_to_an_account_on_the_upload_host_too(crowded):
    me, other = caller_of(crowded), caller_of(crowded, 1)
    begun, theirs = me.begin(), other.begin()
    crowded.fault(
        network="tiktok", operation="publish", kind="server_error", params={"account": me.account["native_id"]}
    )
    assert other.upload(theirs["upload_url"], FILM).status_code == 201
    assert me.upload(begun["upload_url"], FILM).status_code == 500
    crowded.http.delete("/_sandbox/faults")
    assert me.upload(begun["upload_url"], FILM).status_code == 201


def test_a_page_that_is_answered_twice_and_fields_that_nobody_knows(me):
    me.sandbox.fault(network="tiktok", operation="read", kind="duplicate_answer", times=1)
    ids = [video["id"] for video in me.videos(max_count=2)["videos"]]
    assert ids == [ids[0], ids[0], ids[2], ids[2]]
    me.sandbox.fault(network="tiktok", operation="read", kind="unknown_fields", times=1)
    assert "xUnheardOf" in me.post("video/list", fields="id").json()
