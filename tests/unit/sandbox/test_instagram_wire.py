"""The Instagram Graph over real HTTP: shapes of the recordings, container lifecycle, limits, insights, comments, tenants."""

import hmac
import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sandbox.networks.graph import decode_cursor, encode_cursor, parse_fields
from sandbox.networks.graph_insights import pacific_days
from sandbox.wire import Refusal
from sandbox.world.model import to_datetime, to_ms

FIELDS = (
    "id,caption,media_type,media_product_type,media_url,permalink,thumbnail_url,timestamp,like_count,comments_count"
)
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 100


def jpeg(width: int = 1080, height: int = 1080) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(buffer, "JPEG")
    return buffer.getvalue()


def put(sandbox: Any, name: str, content: bytes) -> str:
    answer = sandbox.http.put(f"/_sandbox/cdn/{name}", content=content, headers={"content-type": "image/jpeg"})
    assert answer.status_code == 201
    return answer.json()["url"]


def error(answer: Any) -> tuple[int, int | None]:
    assert answer.status_code in (400, 403), answer.text
    return answer.json()["error"]["code"], answer.json()["error"].get("error_subcode")


@pytest.fixture
def account(sandbox: Any) -> dict[str, Any]:
    return sandbox.account("instagram")


@pytest.fixture
def picture(sandbox: Any) -> str:
    return put(sandbox, "picture.jpg", jpeg())


def publish(sandbox: Any, account: dict[str, Any], picture: str, caption: str) -> tuple[str, str]:
    """Container and media id of a published picture."""
    me = account["native_id"]
    container = sandbox.graph(account, f"{me}/media", "POST", image_url=picture, caption=caption).json()["id"]
    media = sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=container)
    assert media.status_code == 200, media.text
    return container, media.json()["id"]


@pytest.mark.reference_data
def test_answers_have_the_keys_of_the_recordings(
    sandbox: Any, account: dict[str, Any], recorded_exchanges: Path
) -> None:
    def recorded(name: str) -> Any:
        return json.loads((recorded_exchanges / "instagram" / f"instagram__apidata__{name}.json").read_text())[
            "response"
        ]["body"]

    me = account["native_id"]
    media = sandbox.graph(account, f"{me}/media", fields=FIELDS, limit=25).json()
    expected = recorded("users__medias_p1")
    assert media.keys() == expected.keys()
    assert media["paging"].keys() == expected["paging"].keys()
    plain = next(item for item in media["data"] if item["media_type"] == "IMAGE")
    assert expected["data"][0].keys() <= plain.keys()
    assert [len(plain["timestamp"]), plain["timestamp"][-5:]] == [24, "+0000"]

    insights = sandbox.graph(account, f"{plain['id']}/insights", metric="reach,saved").json()
    assert insights["data"][0].keys() == recorded("medias__insights")["data"][0].keys()
    user = sandbox.graph(account, f"{me}/insights", metric="reach", period="day").json()
    assert user["data"][0].keys() == recorded("users__user_insights")["data"][0].keys()
    assert user["data"][0]["values"][0].keys() == {"value", "end_time"}
    profile = sandbox.graph(
        account, me, fields="id,username,name,biography,followers_count,media_count,profile_picture_url"
    )
    assert profile.json().keys() == recorded("users__user_fields").keys()
    commented = next(item for item in media["data"] if item["comments_count"])
    comments = sandbox.graph(account, f"{commented['id']}/comments").json()
    assert comments["data"][0].keys() == recorded("medias__comments_p1")["data"][0].keys()
    fields = "id,like_count,text,timestamp,username"
    one = sandbox.graph(account, comments["data"][0]["id"], fields=fields).json()
    assert one.keys() == recorded("comments__comment_fields").keys()


def test_paging_by_next_shows_every_post_once(sandbox: Any, account: dict[str, Any]) -> None:
    page = sandbox.graph(account, f"{account['native_id']}/media", fields="id,timestamp", limit=40).json()
    seen = list(page["data"])
    while "next" in page["paging"]:
        page = sandbox.http.get(page["paging"]["next"]).json()
        seen += page["data"]
    known = sandbox.posts(native_account_id=account["native_id"])
    assert len(seen) == len(known)
    assert {item["id"] for item in seen} == {post["native_id"] for post in known}
    assert [item["timestamp"] for item in seen] == sorted((item["timestamp"] for item in seen), reverse=True)


def test_a_picture_goes_through_container_publish_and_permalink(
    sandbox: Any, account: dict[str, Any], picture: str
) -> None:
    container, media = publish(sandbox, account, picture, "Hello #coffee")
    shown = sandbox.graph(account, container, fields="status_code,status").json()
    assert shown["status_code"] == "PUBLISHED"
    item = sandbox.graph(account, media, fields=FIELDS).json()
    assert item["caption"] == "Hello #coffee"
    assert item["permalink"].startswith("https://www.instagram.com/p/")
    assert (item["like_count"], item["comments_count"]) == (0, 0)
    again = sandbox.graph(account, f"{account['native_id']}/media_publish", "POST", creation_id=container)
    assert error(again) == (9007, 2207027)
    same = [post for post in sandbox.posts(origin="api") if post["text"] == "Hello #coffee"]
    assert [post["native_id"] for post in same] == [media], "the second publish made nothing"


def test_a_film_is_polled_until_it_is_finished(sandbox: Any, account: dict[str, Any]) -> None:
    me = account["native_id"]
    url = put(sandbox, "film.mp4", MP4)
    container = sandbox.graph(account, f"{me}/media", "POST", video_url=url, media_type="REELS", caption="Reel").json()[
        "id"
    ]
    early = sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=container)
    assert error(early) == (9007, 2207027)
    seen = [sandbox.graph(account, container, fields="status_code").json()["status_code"] for _ in range(3)]
    assert seen == ["IN_PROGRESS", "IN_PROGRESS", "FINISHED"]
    media = sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=container).json()["id"]
    item = sandbox.graph(account, media, fields="media_type,media_product_type").json()
    assert (item["media_type"], item["media_product_type"]) == ("VIDEO", "REELS")


def test_what_is_wrong_with_a_film_is_found_while_it_is_processed(sandbox: Any, account: dict[str, Any]) -> None:
    me = account["native_id"]
    broken = put(sandbox, "broken.mp4", b"not a film")
    for kind in ("REELS", "STORIES"):
        container = sandbox.graph(account, f"{me}/media", "POST", video_url=broken, media_type=kind).json()["id"]
        seen = [sandbox.graph(account, container, fields="status_code,status").json() for _ in range(3)]
        assert [item["status_code"] for item in seen] == ["IN_PROGRESS", "IN_PROGRESS", "ERROR"]
        assert seen[-1]["status"] == "Error: Media upload has failed with error code 2207026"
        assert error(sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=container)) == (352, 2207026)


def test_a_carousel_is_made_of_finished_items(sandbox: Any, account: dict[str, Any], picture: str) -> None:
    me = account["native_id"]
    children = [
        sandbox.graph(account, f"{me}/media", "POST", image_url=picture, is_carousel_item="true").json()["id"]
        for _ in range(3)
    ]
    alone = sandbox.graph(account, f"{me}/media", "POST", media_type="CAROUSEL", children=children[0])
    assert error(alone) == (100, 2207028)
    parent = sandbox.graph(
        account, f"{me}/media", "POST", media_type="CAROUSEL", children=",".join(children), caption="Three"
    ).json()["id"]
    states = [sandbox.graph(account, parent, fields="status_code").json()["status_code"] for _ in range(2)]
    assert states == ["IN_PROGRESS", "FINISHED"]
    media = sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=parent).json()["id"]
    item = sandbox.graph(account, media, fields="media_type,children{id,media_type}").json()
    assert item["media_type"] == "CAROUSEL_ALBUM"
    assert len(item["children"]["data"]) == 3


def test_a_carousel_may_mix_pictures_and_films(sandbox: Any, account: dict[str, Any], picture: str) -> None:
    me = account["native_id"]
    film = put(sandbox, "item.mp4", MP4)
    item = {"is_carousel_item": "true"}
    still = sandbox.graph(account, f"{me}/media", "POST", image_url=picture, **item).json()["id"]
    moving = sandbox.graph(account, f"{me}/media", "POST", video_url=film, media_type="VIDEO", **item).json()["id"]
    form = {"media_type": "CAROUSEL", "children": f"{still},{moving}"}
    assert error(sandbox.graph(account, f"{me}/media", "POST", **form)) == (9007, 2207027), "the film is not ready"
    while sandbox.graph(account, moving, fields="status_code").json()["status_code"] != "FINISHED":
        pass
    parent = sandbox.graph(account, f"{me}/media", "POST", **form).json()["id"]
    while sandbox.graph(account, parent, fields="status_code").json()["status_code"] != "FINISHED":
        pass
    media = sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=parent).json()["id"]
    shown = sandbox.graph(account, media, fields="media_type,children{media_type,media_url}").json()
    assert shown["media_type"] == "CAROUSEL_ALBUM"
    assert [(c["media_type"], c["media_url"]) for c in shown["children"]["data"]] == [
        ("IMAGE", picture),
        ("VIDEO", film),
    ]


@pytest.mark.parametrize(
    ("extra", "is_taken"),
    [
        ({"user_tags": '[{"username":"ana","x":0.5,"y":0.5}]', "location_id": "106078429431815"}, True),
        ({"user_tags": '[{"username":"ana"}]'}, False),
        ({"user_tags": '[{"username":"ana","x":0.5,"y":1.5}]'}, False),
        ({"user_tags": '[{"x":0.5,"y":0.5}]'}, False),
        ({"user_tags": "ana"}, False),
        ({"location_id": "Lisbon"}, False),
    ],
)
def test_people_and_places_are_checked(
    sandbox: Any, account: dict[str, Any], picture: str, extra: dict[str, str], is_taken: bool
) -> None:
    answer = sandbox.graph(account, f"{account['native_id']}/media", "POST", image_url=picture, **extra)
    assert answer.status_code == (200 if is_taken else 400), answer.text
    assert is_taken or error(answer)[0] == 100


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (jpeg(1080, 400), (36003, 2207009)),
        (jpeg(300, 300), (36003, 2207009)),
        (b"not a picture", (36001, 2207005)),
        (jpeg(400, 400) + b"\x00" * (8 * 1024 * 1024), (36000, 2207004)),
    ],
    ids=["too wide", "too small", "no JPEG", "too heavy"],
)
def test_pictures_outside_the_limits_are_refused(
    sandbox: Any, account: dict[str, Any], content: bytes, expected: tuple[int, int]
) -> None:
    url = put(sandbox, "limits.jpg", content)
    assert error(sandbox.graph(account, f"{account['native_id']}/media", "POST", image_url=url)) == expected


def test_only_loopback_media_is_fetched(sandbox: Any, account: dict[str, Any]) -> None:
    for url in (
        "https://example.com/a.jpg",
        "http://10.0.0.1/a.jpg",
        f"{sandbox.url}/_sandbox/cdn/none.jpg",
        "file:///etc/hostname",
    ):
        assert error(sandbox.graph(account, f"{account['native_id']}/media", "POST", image_url=url)) == (9004, 2207052)
    assert error(sandbox.graph(account, f"{account['native_id']}/media", "POST"))[0] == 100


def test_captions_have_limits(sandbox: Any, account: dict[str, Any], picture: str) -> None:
    me = account["native_id"]
    for caption, expected in (
        ("x" * 2201, (36004, 2207010)),
        (" #a" * 31, (100, 2207040)),
        (" @a" * 21, (100, 2207040)),
    ):
        assert error(sandbox.graph(account, f"{me}/media", "POST", image_url=picture, caption=caption)) == expected
    assert sandbox.graph(account, f"{me}/media", "POST", image_url=picture, caption=" #a" * 30).status_code == 200


def test_stories_are_listed_apart_and_are_empty_at_first(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    account = sandbox.account("instagram")
    me = account["native_id"]
    assert sandbox.graph(account, f"{me}/stories").json() == {"data": []}
    url = put(sandbox, "story.jpg", jpeg(1080, 1920))
    form = {"image_url": url, "media_type": "STORIES", "caption": "nobody sees this"}
    container = sandbox.graph(account, f"{me}/media", "POST", **form).json()["id"]
    media = sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=container).json()["id"]
    shown = sandbox.graph(account, media, fields="caption,media_type,media_product_type").json()
    assert shown == {"id": media, "media_type": "IMAGE", "media_product_type": "STORY"}
    assert [item["id"] for item in sandbox.graph(account, f"{me}/stories").json()["data"]] == [media]
    assert media not in {item["id"] for item in sandbox.graph(account, f"{me}/media", limit=5).json()["data"]}
    sandbox.advance(25 * 3600)
    assert sandbox.graph(account, f"{me}/stories").json() == {"data": []}


def test_containers_expire_after_a_day_and_the_quota_is_enforced_when_real(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox("--rate-limits", "real")
    account = sandbox.account("instagram")
    me = account["native_id"]
    url = put(sandbox, "picture.jpg", jpeg())
    old = sandbox.graph(account, f"{me}/media", "POST", image_url=url).json()["id"]
    sandbox.advance(25 * 3600)
    assert sandbox.graph(account, old, fields="status_code").json()["status_code"] == "EXPIRED"
    assert error(sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=old)) == (24, 2207008)
    for index in range(50):
        publish(sandbox, account, url, f"Post {index}")
    limit = sandbox.graph(account, f"{me}/content_publishing_limit", fields="quota_usage,config").json()["data"][0]
    assert limit == {"quota_usage": 50, "config": {"quota_total": 50, "quota_duration": 86400}}
    extra = sandbox.graph(account, f"{me}/media", "POST", image_url=url).json()["id"]
    refused = sandbox.graph(account, f"{me}/media_publish", "POST", creation_id=extra)
    assert error(refused) == (9, 2207042)
    assert json.loads(refused.headers["x-app-usage"])["call_count"] > 50
    answers = [sandbox.graph(account, me) for _ in range(160)]
    over = next(answer for answer in answers if answer.status_code == 400)
    assert error(over)[0] == 80002
    regain = json.loads(over.headers["x-business-use-case-usage"])[me][0]
    assert regain["call_count"] == 100
    assert regain["estimated_time_to_regain_access"] >= 1


def test_outcomes_of_a_published_post_appear_as_the_clock_moves(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    account = sandbox.account("instagram")
    _, media = publish(sandbox, account, put(sandbox, "p.jpg", jpeg()), "Which origin should we roast next?")
    seen = []
    for days in (0, 1, 2, 4):
        sandbox.advance(days * 86400)
        counts = sandbox.graph(account, media, fields="like_count,comments_count").json()
        metrics = sandbox.graph(
            account, f"{media}/insights", metric="views,reach,saved,shares,total_interactions"
        ).json()
        seen.append([counts["like_count"], *(item["values"][0]["value"] for item in metrics["data"])])
        comments = sandbox.graph(account, f"{media}/comments", limit=50).json()["data"]
        assert len(comments) == min(50, counts["comments_count"])
    assert all(
        later >= earlier
        for first, second in itertools.pairwise(seen)
        for earlier, later in zip(first, second, strict=True)
    )
    assert seen[-1][0] > 0
    assert seen[-1][1] >= seen[-1][2] > seen[-1][0]


def test_insights_come_in_both_shapes_and_one_bad_metric_fails_the_call(sandbox: Any, account: dict[str, Any]) -> None:
    me = account["native_id"]
    media = sandbox.graph(account, f"{me}/media").json()["data"][0]["id"]
    values = sandbox.graph(account, f"{media}/insights", metric="reach").json()["data"][0]
    total = sandbox.graph(account, f"{media}/insights", metric="reach", metric_type="total_value").json()["data"][0]
    assert values["values"][0]["value"] == total["total_value"]["value"]
    for retired in ("impressions", "plays"):
        assert error(sandbox.graph(account, f"{media}/insights", metric=f"reach,{retired}"))[0] == 100
    assert error(sandbox.graph(account, f"{me}/insights", metric="likes", period="day"))[0] == 100
    answer = sandbox.graph(
        account, f"{me}/insights", metric="likes,views,replies", metric_type="total_value", period="day"
    )
    assert {item["name"]: "total_value" in item for item in answer.json()["data"]} == {
        "likes": True,
        "views": True,
        "replies": True,
    }


def test_daily_insights_end_at_pacific_midnight_and_add_up(sandbox: Any, account: dict[str, Any]) -> None:
    me = account["native_id"]
    span = {"since": 1779087600, "until": 1779087600 + 5 * 86400}  # 2026-05-18 07:00Z, a Pacific midnight
    series = sandbox.graph(account, f"{me}/insights", metric="reach,follower_count", period="day", **span).json()[
        "data"
    ]
    ends = [value["end_time"] for value in series[0]["values"]]
    assert ends == [f"2026-05-{day}T07:00:00+0000" for day in (19, 20, 21, 22, 23)]
    assert all(value["value"] > 0 for value in series[0]["values"])

    def likes(since: int, until: int) -> int:
        answer = sandbox.graph(
            account, f"{me}/insights", metric="likes", metric_type="total_value", period="day", since=since, until=until
        )
        return answer.json()["data"][0]["total_value"]["value"]

    days = [likes(span["since"] + day * 86400, span["since"] + (day + 1) * 86400) for day in range(5)]
    assert sum(days) == likes(span["since"], span["until"]) > 0


def test_pacific_days_follow_daylight_saving() -> None:
    since, until = to_ms(datetime(2026, 3, 7, 8, tzinfo=UTC)), to_ms(datetime(2026, 3, 10, 7, tzinfo=UTC))
    ends = [to_datetime(end).hour for _, end in pacific_days(since, until)]
    assert ends == [8, 7, 7], "the clocks went forward on 8 March"


def test_comments_are_answered_hidden_and_deleted(sandbox: Any, account: dict[str, Any]) -> None:
    listed = sandbox.graph(account, f"{account['native_id']}/media", fields="id,comments_count", limit=50).json()[
        "data"
    ]
    post = next(item for item in listed if item["comments_count"] >= 4)
    comments = sandbox.graph(account, f"{post['id']}/comments", fields="id,text,username,timestamp", limit=2).json()
    assert "next" in comments["paging"]
    target = comments["data"][0]["id"]
    assert error(sandbox.graph(account, f"{target}/replies", "POST"))[0] == 100
    reply = sandbox.graph(account, f"{target}/replies", "POST", message="Thank you!").json()["id"]
    nested = sandbox.graph(account, target, fields="id,hidden,replies{id,text,username}").json()
    assert nested["replies"]["data"] == [{"id": reply, "text": "Thank you!", "username": account["handle"]}]
    counted = sandbox.graph(account, post["id"], fields="comments_count").json()["comments_count"]
    assert counted == post["comments_count"] + 1
    assert sandbox.graph(account, target, "POST", hide="true").json() == {"success": True}
    assert sandbox.graph(account, target, fields="hidden").json()["hidden"] is True
    for native_id in (reply, target):
        assert sandbox.graph(account, native_id, "DELETE").json() == {"success": True}
        assert error(sandbox.graph(account, native_id)) == (100, 33)
    assert sandbox.graph(account, post["id"], fields="comments_count").json()["comments_count"] == counted - 2
    own = list(sandbox.http.get("/_sandbox/comments", params={"origin": "api"}).json())
    assert reply not in {item["native_id"] for item in own}


def test_tokens_see_their_own_account_only(sandbox: Any, account: dict[str, Any]) -> None:
    other = sandbox.account("instagram", "verdecocina")
    media = sandbox.graph(other, f"{other['native_id']}/media").json()["data"][0]["id"]
    for path in (other["native_id"], f"{other['native_id']}/media", media, f"{media}/insights", "17999999999999999"):
        assert error(sandbox.graph(account, path, metric="reach")) == (100, 33)
    pages = sandbox.graph(account, "me/accounts").json()["data"]
    assert pages[0]["instagram_business_account"]["id"] == account["native_id"]


def test_tokens_are_checked_in_query_header_and_by_proof(sandbox: Any, account: dict[str, Any]) -> None:
    path, token = f"/instagram/v25.0/{account['native_id']}", account["access_token"]
    assert error(sandbox.http.get(path)) == (104, None)
    assert error(sandbox.http.get(path, params={"access_token": "nonsense"})) == (190, None)
    assert sandbox.http.get(path, headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert sandbox.http.get(path.replace("/v25.0", ""), params={"access_token": token}).status_code == 200
    proof = hmac.new(account["app_secret"].encode(), token.encode(), sha256).hexdigest()
    assert sandbox.graph(account, account["native_id"], appsecret_proof=proof).status_code == 200
    assert error(sandbox.graph(account, account["native_id"], appsecret_proof="0" * 64)) == (100, None)


def test_a_token_is_exchanged_for_a_new_one_while_it_lives(sandbox: Any) -> None:
    account = sandbox.account("instagram", "brisasurf")
    exchange = {
        "grant_type": "fb_exchange_token",
        "client_id": account["app_id"],
        "client_secret": account["app_secret"],
        "fb_exchange_token": account["access_token"],
    }
    fresh = sandbox.http.get("/instagram/v25.0/oauth/access_token", params=exchange).json()
    assert fresh["access_token"] != account["access_token"]
    assert fresh["expires_in"] == 60 * 86400
    both = [
        sandbox.graph({"access_token": token}, "me", fields="id")
        for token in (account["access_token"], fresh["access_token"])
    ]
    assert [answer.status_code for answer in both] == [200, 200]
    sandbox.fault(network="instagram", operation="read", kind="expire_token", times=1)
    assert error(sandbox.graph({"access_token": fresh["access_token"]}, "me")) == (190, 463)
    refused = sandbox.http.get(
        "/instagram/v25.0/oauth/access_token", params=exchange | {"fb_exchange_token": fresh["access_token"]}
    )
    assert error(refused) == (190, 463)


def test_several_nodes_come_in_one_answer(sandbox: Any, account: dict[str, Any]) -> None:
    listed = sandbox.graph(account, f"{account['native_id']}/media", limit=3).json()["data"]
    names = [item["id"] for item in listed]
    answer = sandbox.graph(account, "", ids=",".join(names), fields="id,like_count")
    assert list(answer.json()) == names


def test_an_unknown_field_fails_the_whole_call(sandbox: Any, account: dict[str, Any]) -> None:
    answer = sandbox.graph(account, f"{account['native_id']}/media", fields="id,shoe_size")
    assert error(answer)[0] == 100
    assert "shoe_size" in answer.json()["error"]["message"]


def test_field_lists_nest_and_carry_modifiers() -> None:
    parsed = parse_fields("id, comments.limit(5){id,replies{text}},timestamp")
    assert list(parsed) == ["id", "comments", "timestamp"]
    assert parsed["comments"].modifiers == {"limit": "5"}
    assert list(parsed["comments"].fields["replies"].fields) == ["text"]
    for wrong in ("id{", "a}b", "id%"):
        with pytest.raises(Refusal):
            parse_fields(wrong)


def test_cursors_are_opaque_and_checked() -> None:
    assert decode_cursor(encode_cursor((1779087600123, "178:x"))) == (1779087600123, "178:x")
    with pytest.raises(Refusal):
        decode_cursor("rubbish!")
