"""Every recorded Instagram exchange on an endpoint that the connector uses, through the connector, against what the file says."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat
from contracts.records import Staging
from platforms.instagram import mapping

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

PROFILES = ("instagram__apidata__users__user_fields",)
LISTINGS = ("instagram__apidata__users__medias_p1",)
NODES = ("instagram__apidata__medias__media_default", "instagram__apidata__stories__story_info")
STORIES = ("instagram__apidata__stories__stories_default", "instagram__apidata__users__stories")
COMMENTS = ("instagram__apidata__comments__comment_fields", "instagram__apidata__medias__comments_p1")
MEDIA_INSIGHTS = ("instagram__apidata__medias__insights", "manual_05_media_insights_reel")
ACCOUNT_INSIGHTS = ("instagram__apidata__users__user_insights",)
MADE_CONTAINERS = ("instagram__apidata__publish__create_photo", "instagram__apidata__publish__create_video")
CONTAINERS = ("instagram__apidata__publish__container_info",)
PUBLISHED = ("instagram__apidata__publish__publish_container",)
REFUSALS = ("manual_02_err_code10_permission", "manual_04_err_image_too_large")
USED = (
    *PROFILES,
    *LISTINGS,
    *NODES,
    *STORIES,
    *COMMENTS,
    *MEDIA_INSIGHTS,
    *ACCOUNT_INSIGHTS,
    *MADE_CONTAINERS,
    *CONTAINERS,
    *PUBLISHED,
    *REFUSALS,
)

SEVERAL = "several nodes in one call, which the connector never asks for"
HASHTAGS = "hashtags are not searched: that is other people's content"
SHOPPING = "catalogues and products are not read"
UNUSED = {
    "instagram__apidata__comments__comments_fields": SEVERAL,
    "instagram__apidata__hashtags__hashtag_info": HASHTAGS,
    "instagram__apidata__hashtags__hashtag_recent_medias_p1": HASHTAGS,
    "instagram__apidata__hashtags__hashtag_top_medias_p1": HASHTAGS,
    "instagram__apidata__hashtags__hashtags_info": HASHTAGS,
    "instagram__apidata__medias__children": "a carousel's items come with the post itself; only their number is read",
    "instagram__apidata__medias__medias_fields": SEVERAL,
    "instagram__apidata__medias__product_tags": SHOPPING,
    "instagram__apidata__stories__stories_info": SEVERAL,
    "instagram__apidata__users__available_catalogs": SHOPPING,
    "instagram__apidata__users__catalog_product_search": SHOPPING,
    "instagram__apidata__users__hashtag_search": HASHTAGS,
    "instagram__apidata__users__live_medias": "live broadcasts are not read",
    "instagram__apidata__users__product_appeal": SHOPPING,
    "instagram__apidata__users__recently_searched_hashtags": HASHTAGS,
    "instagram__apidata__users__tagged_medias": "posts of others that tag the account are not read",
}
ON_OUR_ENDPOINTS_BUT_UNUSED: frozenset[str] = frozenset()

Load = Callable[[str], httpx.Response]


@pytest.fixture
def answer_of(recorded_exchanges: Path) -> Load:
    """The recorded answer of a file."""

    def load(name: str) -> httpx.Response:
        said = json.loads((recorded_exchanges / "instagram" / f"{name}.json").read_text())["response"]
        return httpx.Response(said["status"], json=said["body"])

    return load


@pytest.fixture
def answering(instagram):
    """A connector whose network gives these answers in turn, then empty listings."""

    def build(*answers: httpx.Response):
        left = list(answers)
        return instagram(lambda _: left.pop(0) if left else httpx.Response(200, json={"data": []}))

    return build


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)


def test_every_file_is_used_or_has_a_reason(recorded_exchanges):
    there = {path.stem for path in (recorded_exchanges / "instagram").glob("*.json")}
    assert there == set(USED) | set(UNUSED)
    assert not set(USED) & set(UNUSED)
    assert len(USED) / len({*USED, *ON_OUR_ENDPOINTS_BUT_UNUSED}) >= 0.9


@pytest.mark.parametrize("name", PROFILES)
async def test_profiles(answering, instagram_account, answer_of, name):
    body = answer_of(name).json()
    connector, _ = answering(answer_of(name))
    snapshot = await connector.profile(instagram_account)
    assert (snapshot.native_id, snapshot.handle, snapshot.display_name) == (body["id"], body["username"], body["name"])
    assert (snapshot.followers, snapshot.posts_count) == (body["followers_count"], body["media_count"])
    assert json.loads(snapshot.raw) == body


FORMS = {"IMAGE": ContentFormat.IMAGE, "VIDEO": ContentFormat.VIDEO, "CAROUSEL_ALBUM": ContentFormat.CAROUSEL}


def assert_post(post, metrics, item: dict) -> None:
    """The record says what the payload says."""
    assert (post.native_id, post.text, post.permalink) == (item["id"], item.get("caption", ""), item["permalink"])
    assert post.published_at == moment(item["timestamp"])
    assert post.content_format is FORMS[item["media_type"]]
    assert post.media_count == len(item.get("children", {}).get("data", [None]))
    said = {"likes": item.get("like_count"), "comments": item.get("comments_count")}
    assert {m.metric: m.value for m in metrics} == {k: v for k, v in said.items() if v is not None}
    assert json.loads(post.raw) == item


@pytest.mark.parametrize("name", LISTINGS)
async def test_listings(answering, instagram_account, answer_of, name):
    body = answer_of(name).json()
    connector, wire = answering(answer_of(name))
    pages = [page async for page in connector.posts(instagram_account, since=None)]
    posts = [post for page in pages for post in page.posts]
    assert len(posts) == len(body["data"]) > 0
    for post, item in zip(posts, body["data"], strict=True):
        assert_post(post, [m for page in pages for m in page.metrics if m.post_id == post.post_id], item)
    assert [r.url.params.get("after") for r in wire.requests] == [None, body["paging"]["cursors"]["after"]]


@pytest.mark.parametrize("name", NODES)
async def test_single_posts_are_mapped_and_complete_a_receipt(
    answering, instagram_account, request_of, answer_of, name
):
    body = answer_of(name).json()
    post = mapping.remapped_post(instagram_account, body, observed_at=NOW)
    assert_post(post, mapping.remapped_metrics(instagram_account, body, observed_at=NOW), body)
    connector, _ = answering(httpx.Response(200, json={"id": body["id"]}), answer_of(name))
    receipt = await connector.commit(request_of(instagram_account), Staging(handles={"container_id": "1"}))
    assert (receipt.native_id, receipt.permalink) == (body["id"], body["permalink"])
    assert receipt.published_at == moment(body["timestamp"])


@pytest.mark.parametrize("name", STORIES)
async def test_a_story_is_found_among_the_stories(answering, instagram_account, request_of, media, answer_of, name):
    items = answer_of(name).json()["data"]
    for item in items:
        files = (media.film() if item["media_type"] == "VIDEO" else media.picture(),)
        published_at = moment(item["timestamp"])
        request = request_of(
            instagram_account,
            content_format=ContentFormat.STORY,
            media=files,
            created_at=published_at - timedelta(minutes=1),
            claimed_native_ids=tuple(other["id"] for other in items if other is not item),
        )
        status = httpx.Response(200, json={"id": "1", "status_code": "PUBLISHED"})
        connector, wire = answering(status, answer_of(name))
        found = await connector.find_published(request, Staging(handles={"container_id": "1"}, is_complete=True))
        assert found.outcome == "published", found.evidence
        assert (found.receipt.native_id, found.receipt.permalink) == (item["id"], item["permalink"])
        assert found.receipt.published_at == published_at
        assert wire.requests[-1].url.path == f"/v25.0/{instagram_account.native_id}/stories"


@pytest.mark.parametrize("name", COMMENTS)
async def test_comments(answering, instagram_account, post_of, answer_of, name):
    body = answer_of(name).json()
    items = body.get("data", [body])
    connector, _ = answering(httpx.Response(200, json={"data": items}))
    pages = [page async for page in connector.comments(instagram_account, post_of(instagram_account, "1"))]
    found = [comment for page in pages for comment in page]
    assert [(c.native_id, c.text, c.author_handle, c.likes, c.commented_at) for c in found] == [
        (i["id"], i["text"], i.get("username"), i.get("like_count"), moment(i["timestamp"])) for i in items
    ]
    assert [c.is_own for c in found] == [i.get("username") == instagram_account.handle for i in items]


@pytest.mark.parametrize("name", MEDIA_INSIGHTS)
async def test_media_insights(answering, instagram_account, post_of, answer_of, name):
    body = answer_of(name).json()
    post = post_of(instagram_account, "1", content_format=ContentFormat.SHORT_VIDEO)
    connector, _ = answering(answer_of(name))
    points = await connector.post_metrics(instagram_account, [post])
    said = {i["name"]: i["values"][0]["value"] for i in body["data"] if i["name"] in mapping.INSIGHT_METRICS}
    assert len(said) > 2
    units = {"ig_reels_avg_watch_time": 1_000, "ig_reels_video_view_total_time": 60_000}
    assert {p.metric: p.value for p in points} == {
        mapping.INSIGHT_METRICS[metric]: round(value / units.get(metric, 1)) for metric, value in said.items()
    }
    for point in points:
        assert mapping.metric_value(point.source, point.metric, point.raw) == point.value


@pytest.mark.parametrize("name", ACCOUNT_INSIGHTS)
async def test_account_insights_belong_to_the_day_that_they_close(answering, instagram_account, answer_of, name):
    body = answer_of(name).json()
    ends = {v["end_time"] for item in body["data"] for v in item["values"]}
    days = {end: (moment(end) - timedelta(hours=8)).date() for end in ends}  # the Pacific midnight, in summer
    connector, _ = answering(answer_of(name))
    points = await connector.account_metrics(instagram_account, start=min(days.values()), end=max(days.values()))
    assert {(p.metric, p.day): p.value for p in points} == {
        (item["name"], days[v["end_time"]]): v["value"]
        for item in body["data"]
        if item["name"] in mapping.INSIGHT_METRICS
        for v in item["values"]
    }


@pytest.mark.parametrize("name", MADE_CONTAINERS)
async def test_made_containers_are_staged(answering, instagram_account, request_of, media, answer_of, name):
    body = answer_of(name).json()
    is_film = name.endswith("video")
    kind, files = (ContentFormat.SHORT_VIDEO, media.film()) if is_film else (ContentFormat.IMAGE, media.picture())
    request = request_of(instagram_account, content_format=kind, media=(files,))
    connector, wire = answering(httpx.Response(200, json={"data": []}), answer_of(name))  # the quota first
    staging = await connector.stage(request, connector.prepare(request))
    assert staging.handles == {"container_id": body["id"]}
    assert ("video_url" if is_film else "image_url") in wire.requests[-1].content.decode()


@pytest.mark.parametrize("name", CONTAINERS)
async def test_a_containers_status_decides(answering, instagram_account, request_of, media, answer_of, name):
    body = answer_of(name).json()
    request = request_of(instagram_account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
    waiting = Staging(handles={"container_id": body["id"]})
    connector, wire = answering(answer_of(name))
    staging = await connector.stage(request, waiting)
    assert (staging.is_complete, staging.handles["alike_before"]) == (body["status_code"] == "FINISHED", "")
    assert wire.requests[0].url.path == f"/v25.0/{body['id']}"
    connector, _ = answering(answer_of(name))
    found = await connector.find_published(request, staging)
    assert (found.outcome, body["status_code"] in found.evidence) == ("not_published", True)


@pytest.mark.parametrize("name", PUBLISHED)
async def test_what_was_published(answering, instagram_account, request_of, answer_of, name):
    connector, wire = answering(answer_of(name))
    receipt = await connector.commit(request_of(instagram_account), Staging(handles={"container_id": "1"}))
    assert receipt.native_id == answer_of(name).json()["id"]
    assert wire.requests[0].url.path.endswith("/media_publish")
    assert wire.requests[1].url.path == f"/v25.0/{receipt.native_id}"


@pytest.mark.parametrize(
    ("name", "expected"),
    list(zip(REFUSALS, [(ErrorClass.SCOPE, "10"), (ErrorClass.INVALID, "36000/2207004")], strict=True)),
)
async def test_refusals(answering, instagram_account, post_of, request_of, media, answer_of, name, expected):
    said = answer_of(name).json()["error"]
    if name == REFUSALS[0]:
        connector, _ = answering(answer_of(name))
        call = connector.post_metrics(instagram_account, [post_of(instagram_account, "1")])
    else:
        connector, _ = answering(httpx.Response(200, json={"data": []}), answer_of(name))
        request = request_of(instagram_account, content_format=ContentFormat.IMAGE, media=(media.picture(),))
        call = connector.stage(request, connector.prepare(request))
    with pytest.raises(NetworkError) as caught:
        await call
    assert (caught.value.error_class, caught.value.code) == expected
    assert caught.value.message == said.get("error_user_msg", said["message"])
