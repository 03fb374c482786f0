"""Publishing on Pinterest: what is sent, what is staged, and what can and cannot be known after a lost answer."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import ContentFormat
from contracts.records import Account, Poll, PublishOptions, Staging
from platforms.pinterest.client import PinterestApp, PinterestConnector, PinterestDialect
from platforms.pinterest.models import Pin
from platforms.pinterest.publishing import is_tracked, tracked_link
from tests.unit.platforms import openapi_pinterest
from tests.unit.platforms.pinterest_network import ACCOUNT, NOW, UPLOADS, Pinterest, refuse

LINK = "https://harbor.example/menu?utm_source=pinterest&a=b%20c#top"


@pytest.fixture
def network() -> Pinterest:
    return Pinterest()


@pytest.fixture
def account() -> Account:
    return ACCOUNT


@pytest.fixture
def connect(exchange, tokens, media):
    def build(handler, app=None, *, may_move_pins=False):
        wire = exchange(handler)
        transport = wire.transport(PinterestDialect(app), tokens)
        return PinterestConnector(transport, media, may_move_pins=may_move_pins), wire

    return build


@pytest.fixture
def pin_request(request_of, account, media):
    """An intent with pictures of these names; `link=None` leaves the link out."""

    def build(*names: str, link: str | None = LINK, title: str | None = "Menu", **changes):
        names = names or ("one",)
        kind = ContentFormat.CAROUSEL if len(names) > 1 else ContentFormat.IMAGE
        fields = {
            "text": "Café abierto ☕",
            "content_format": kind,
            "media": tuple(media.picture(name) for name in names),
            "options": PublishOptions(title=title, link=link, board_id="77"),
        }
        return request_of(account, **(fields | changes))

    return build


@pytest.fixture
def film_request(pin_request, media):
    def build(*, has_cover: bool = True, **changes):
        film = media.picture("film", mime_type="video/mp4").model_copy(update={"duration_seconds": 12.0})
        cover = (media.picture("cover"),) if has_cover else ()
        return pin_request(**({"content_format": ContentFormat.VIDEO, "media": (film, *cover)} | changes))

    return build


async def staged(connector, request, staging=None):
    staging = staging or connector.prepare(request)
    while not staging.is_complete:
        # What was persisted is all that survives: stage goes on from a copy of it.
        staging = await connector.stage(request, Staging.model_validate_json(staging.model_dump_json()))
    return staging


async def refused(awaitable) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        await awaitable
    return caught.value


async def lose_the_answer(connector, network, request, staging):
    network.cut = "/pins"
    assert (await refused(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS
    network.cut = None


# --- what is sent --------------------------------------------------------------------------------------------------------


async def test_a_picture_becomes_a_pin(connect, network, pin_request):
    connector, _ = connect(network)
    request = pin_request()
    receipt = await connector.commit(request, await staged(connector, request))
    (pin,) = network.pins
    sent = json.loads(network.requests[-1].content)
    assert (pin["board_id"], pin["title"], pin["description"]) == ("77", "Menu", "Café abierto ☕")
    assert pin["alt_text"] == "Picture one"
    assert base64.b64decode(sent["media_source"]["data"]) == b"one"
    assert (receipt.native_id, receipt.how, receipt.published_at) == (pin["id"], "answered", NOW)
    assert receipt.permalink == f"https://www.pinterest.com/pin/{pin['id']}/"


async def test_a_carousel_carries_its_pictures_in_order(connect, network, pin_request):
    connector, _ = connect(network)
    request = pin_request("one", "two", "three")
    await connector.commit(request, await staged(connector, request))
    source = json.loads(network.requests[-1].content)["media_source"]
    assert source["source_type"] == "multiple_image_base64"
    assert [base64.b64decode(item["data"]) for item in source["items"]] == [b"one", b"two", b"three"]


async def test_a_film_is_uploaded_as_told_and_waited_for(connect, network, film_request):
    network.polls_needed = 3
    connector, wire = connect(network)
    request = film_request()
    await connector.commit(request, await staged(connector, request))
    ((upload, form),) = network.uploads
    (media_id,) = network.films
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="policy"\r\n\r\ncG9saWN5' in form
    assert form.index(b'name="key"') < form.index(b'name="file"'), "Amazon ignores what follows the file"
    assert b"Content-Type: video/mp4\r\n\r\nfilm\r\n" in form
    source = json.loads(network.requests[-1].content)["media_source"]
    assert (source["source_type"], source["media_id"]) == ("video_id", media_id)
    assert base64.b64decode(source["cover_image_data"]) == b"cover"
    assert wire.slept == sorted(wire.slept), "it asks ever less often"
    assert wire.slept
    assert "cG9saWN5" not in str(wire.journal)


async def test_a_film_is_uploaded_once_even_after_a_crash(connect, network, film_request):
    connector, _ = connect(network)
    request = film_request()
    staging = connector.prepare(request)
    while "media_id" not in staging.handles:
        staging = await connector.stage(request, staging)
    assert not {"policy", "upload_url"} & staging.handles.keys(), "credentials are not kept"
    connector, _ = connect(network)
    await connector.commit(request, await staged(connector, request, staging))
    assert len(network.uploads) == len(network.films) == 1


async def test_an_upload_address_that_is_refused_is_asked_for_again(connect, network, film_request):
    refusals = [httpx.Response(403, text="<Error><Code>AccessDenied</Code></Error>")]

    def handler(request: httpx.Request) -> httpx.Response:
        return refusals.pop() if refusals and str(request.url) == UPLOADS else network(request)

    connector, _ = connect(handler)
    request = film_request()
    staging = await connector.stage(request, connector.prepare(request))
    error = await refused(connector.stage(request, staging))
    assert (error.error_class, error.code) == (ErrorClass.TRANSIENT, "upload_address")
    await connector.commit(request, await staged(connector, request, staging))
    assert (len(network.films), len(network.pins)) == (2, 1)


async def test_a_film_without_a_picture_shows_its_first_frame(connect, network, film_request):
    connector, _ = connect(network)
    request = film_request(has_cover=False)
    await connector.commit(request, await staged(connector, request))
    source = json.loads(network.requests[-1].content)["media_source"]
    assert source["cover_image_key_frame_time"] == 0


async def test_a_film_that_fails_is_told_and_one_that_expired_is_uploaded_again(connect, network, film_request):
    connector, _ = connect(network)
    request = film_request()
    staging = await staged(connector, request)
    media_id = staging.handles["media_id"]
    network.films[media_id]["status"] = "failed"
    error = await refused(connector.stage(request, staging))
    assert (error.error_class, error.code) == (ErrorClass.INVALID, "failed")
    del network.films[media_id]
    again = await staged(connector, request, await connector.stage(request, staging))
    assert again.handles["media_id"] != media_id
    assert len(network.uploads) == 2


async def test_a_film_that_takes_long_is_left_for_later(connect, network, film_request):
    network.polls_needed = 100
    connector, _ = connect(network)
    request = film_request()
    before = await connector.stage(request, await connector.stage(request, connector.prepare(request)))
    assert await connector.stage(request, before) == before


async def test_every_request_is_what_the_official_description_allows(
    connect, network, pin_request, film_request, account, post_of
):
    judge = openapi_pinterest.load()
    connector, _ = connect(network, PinterestApp(app_id="1234", app_secret=SecretStr("secret")))
    unchosen = PublishOptions(title="Menu")
    for request in (
        pin_request(),
        pin_request("one", "two"),
        pin_request(link=None),
        pin_request(options=unchosen),
        film_request(),
        film_request(has_cover=False),
    ):
        staging = await staged(connector, request)
        await connector.commit(request, staging)
        await connector.find_published(request, staging)
    posts = [post_of(account, pin["id"], content_format=kind) for pin in network.pins for kind in ("image", "video")]
    network.has_batch_analytics = False
    assert await connector.post_metrics(account, posts) == ()
    assert await connector.account_metrics(account, start=NOW.date() - timedelta(days=200), end=NOW.date()) == ()
    assert [page async for page in connector.posts(account, since=None)]
    await connector.delete(account, network.pins[0]["id"])
    await refused(connector.profile(account))
    await refused(connector.refresh_token(account))
    checked = {judge.check_request(request) for request in network.requests if str(request.url) != UPLOADS}
    assert checked == {
        "GET /boards",
        "GET /media/{media_id}",
        "POST /media",
        "GET /pins",
        "POST /pins",
        "DELETE /pins/{pin_id}",
        "GET /pins/analytics",
        "GET /pins/{pin_id}/analytics",
        "GET /user_account",
        "GET /user_account/analytics",
        "POST /oauth/token",
    }


# --- the board -----------------------------------------------------------------------------------------------------------


async def test_a_board_is_taken_where_there_is_one_and_asked_for_where_there_are_more(connect, network, pin_request):
    connector, _ = connect(network)
    request = pin_request(options=PublishOptions())
    assert (await connector.stage(request, connector.prepare(request))).handles == {"board_id": "77"}
    network.boards.append({"id": "78", "name": "Tea"})
    error = await refused(connector.stage(request, connector.prepare(request)))
    assert (error.error_class, error.code) == (ErrorClass.INVALID, "no_board")
    assert "Coffee (77), Tea (78)" in error.message
    network.boards = []
    assert "Make a board" in (await refused(connector.stage(request, connector.prepare(request)))).message


# --- what is refused before anything is sent -----------------------------------------------------------------------------


async def test_what_the_network_can_not_show_is_refused(connect, network, pin_request, film_request, media):
    connector, _ = connect(network)
    webp = media.picture("webp", mime_type="image/webp")
    picture = media.picture()
    unfit = [
        pin_request(media=()),
        pin_request(media=(picture, picture)),
        pin_request("1", "2", "3", "4", "5", "6"),
        pin_request(content_format=ContentFormat.CAROUSEL),
        pin_request(media=(webp,)),
        film_request(media=(picture,)),
        film_request(media=(film_request().media[0], webp)),
        film_request(media=(film_request().media[0], picture, picture)),
        pin_request(content_format=ContentFormat.TEXT, media=()),
        pin_request(reply_to_native_post_id="5"),
        pin_request(reply_to_native_comment_id="5"),
        pin_request(options=PublishOptions(poll=Poll(choices=("a", "b"), open_minutes=5))),
        pin_request(options=PublishOptions(place_id="5")),
        pin_request(link="harbor.example/menu"),
        pin_request(link="https://[harbor/"),
        pin_request(link="javascript:alert(1)"),
        pin_request(link="https://harbor.example/" + "a" * 2020),
    ]
    for request in unfit:
        error = await refused(connector.stage(request, connector.prepare(request)))
        assert error.error_class is ErrorClass.INVALID
    assert not network.requests


async def test_comments_are_declared_absent_and_refused(connect, network, account, post_of):
    connector, _ = connect(network)
    assert not connector.capabilities.has_comments
    assert not connector.capabilities.can_reply
    with pytest.raises(NetworkError) as caught:
        await anext(connector.comments(account, post_of(account, "5")))
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.INVALID, "unsupported")


# --- after a lost answer -------------------------------------------------------------------------------------------------


async def test_a_linked_pin_is_found_by_its_tracking_id(connect, network, pin_request):
    connector, _ = connect(network)
    request = pin_request()
    staging = await staged(connector, request)
    await lose_the_answer(connector, network, request, staging)
    network.lag = 1
    assert (await connector.find_published(request, staging)).outcome == "absent", (
        "one look a call: the publisher waits"
    )
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.how, found.receipt.native_id) == (
        "published",
        "reconciled",
        network.pins[0]["id"],
    )
    assert network.calls.count("POST /v5/pins") == 1


async def test_a_linked_pin_is_found_behind_younger_ones_and_whatever_was_edited(connect, network, pin_request):
    connector, _ = connect(network)
    request = pin_request()
    staging = await staged(connector, request)
    await lose_the_answer(connector, network, request, staging)
    network.pins[0]["description"] = "edited since"
    network.page_size = 2
    for i in range(7):
        network.create({"link": LINK, "media_source": {"source_type": "image_url"}, "title": str(i)})
    assert (await connector.find_published(request, staging)).receipt.native_id == network.pins[0]["id"]


async def test_a_commit_that_never_arrived_leaves_an_absent_pin_and_no_proof(connect, network, pin_request):
    connector, _ = connect(network)
    for request in (pin_request(), pin_request(link=None)):
        staging = await staged(connector, request)
        assert (await connector.find_published(request, staging)).outcome == "absent"
    assert not network.pins


async def test_a_repost_is_told_from_the_first_pin(connect, network, pin_request):
    connector, _ = connect(network)
    first, second = pin_request(), pin_request(intent_id="item-1/a/2")
    await connector.commit(first, await staged(connector, first))
    staging = await staged(connector, second)
    assert (await connector.find_published(second, staging)).outcome == "absent"
    await lose_the_answer(connector, network, second, staging)
    assert (await connector.find_published(second, staging)).receipt.native_id == network.pins[1]["id"]
    assert (await connector.find_published(first, staging)).receipt.native_id == network.pins[0]["id"]


async def test_a_linkless_pin_is_found_by_its_words_if_it_is_the_only_new_one(connect, network, pin_request):
    connector, _ = connect(network)
    earlier, request = pin_request(link=None), pin_request(link=None, intent_id="item-1/a/2")
    await connector.commit(earlier, await staged(connector, earlier))
    staging = await staged(connector, request)
    assert (await connector.find_published(request, staging)).outcome == "absent", "the earlier pin is no evidence"
    await lose_the_answer(connector, network, request, staging)
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", network.pins[1]["id"])

    network.create(
        json.loads(network.requests[-2].content)
        if network.requests[-2].content
        else network.pins[1] | {"media_source": {"source_type": "image_url"}}
    )
    assert (await connector.find_published(request, staging)).outcome == "undecided", "two new ones are alike"
    claimed = request.model_copy(update={"claimed_native_ids": (network.pins[2]["id"],)})
    assert (await connector.find_published(claimed, staging)).receipt.native_id == network.pins[1]["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Other"},
        {"description": "Other"},
        {"board_id": "78"},
        {"link": "https://elsewhere.example"},
        {"created_at": "2026-06-01T11:30:00"},
    ],
)
async def test_pins_that_differ_are_no_evidence(connect, network, pin_request, change):
    connector, _ = connect(network)
    request = pin_request(link=None)
    staging = await staged(connector, request)
    await lose_the_answer(connector, network, request, staging)
    network.pins[0] |= change
    assert (await connector.find_published(request, staging)).outcome == "absent"


async def test_a_pin_without_words_and_link_is_never_recognised(connect, network, pin_request):
    connector, _ = connect(network)
    request = pin_request(link=None, title=None, text=" ")
    staging = await staged(connector, request)
    await lose_the_answer(connector, network, request, staging)
    assert (await connector.find_published(request, staging)).outcome == "undecided"


async def test_what_was_never_ready_was_never_published(connect, network, film_request):
    connector, _ = connect(network)
    request = film_request()
    staging = await connector.stage(request, await connector.stage(request, connector.prepare(request)))
    assert (await connector.find_published(request, staging)).outcome == "not_published"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (500, 1, ErrorClass.AMBIGUOUS),
        (503, 1, ErrorClass.AMBIGUOUS),
        (408, 1, ErrorClass.AMBIGUOUS),
        (400, 1, ErrorClass.INVALID),
        (404, 40, ErrorClass.INVALID),
        (403, 3, ErrorClass.SCOPE),
        (429, 8, ErrorClass.RATE),
        (401, 2, ErrorClass.AUTH),
    ],
)
async def test_what_a_refused_commit_means(connect, network, pin_request, status, code, expected):
    connector, _ = connect(lambda r: refuse(status, code) if r.method == "POST" else network(r))
    request = pin_request()
    error = await refused(connector.commit(request, await staged(connector, request)))
    assert (error.error_class, error.code) == (expected, str(code))


async def test_an_unreadable_answer_to_the_commit_is_ambiguous(connect, network, pin_request):
    for body in (b"<html>", b"{}", b'{"id": null}'):
        connector, _ = connect(lambda r, body=body: httpx.Response(201, content=body))
        request = pin_request()
        staging = Staging(handles={"board_id": "77"}, is_complete=True)
        assert (await refused(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS


# --- tracking links ------------------------------------------------------------------------------------------------------


def test_a_tracked_link_leaves_the_rest_as_it_was():
    tracked = tracked_link(LINK, "item-1/a/1")
    assert tracked.startswith("https://harbor.example/menu?utm_source=pinterest&a=b%20c&pulso_id=")
    assert tracked.endswith("#top")
    assert "item-1" not in tracked
    assert tracked_link(tracked_link(LINK, "other"), "item-1/a/1") == tracked


@given(
    st.from_regex(
        r"https://[a-z]{1,9}\.example(/[A-Za-z0-9%._~-]{0,9}){0,3}(\?[A-Za-z0-9=&%+._~-]{0,20})?(#[a-z]{0,5})?",
        fullmatch=True,
    ),
    st.text(min_size=1),
    st.text(min_size=1),
)
def test_a_tracking_id_belongs_to_one_intent(link, intent, other):
    tracked = tracked_link(link, intent)
    assert is_tracked(Pin(id="1", link=tracked), intent)
    assert is_tracked(Pin(id="1", link=tracked), other) == (intent == other)
    assert urlsplit(tracked).fragment == urlsplit(link).fragment
    kept = [pair for pair in parse_qsl(urlsplit(tracked).query, keep_blank_values=True) if pair[0] != "pulso_id"]
    assert kept == [p for p in parse_qsl(urlsplit(link).query, keep_blank_values=True) if p[0] != "pulso_id"]


@pytest.mark.parametrize("link", [None, "", "https://[", "no link", "https://a.example?pulso_id"])
def test_foreign_links_are_not_tracked(link):
    assert not is_tracked(Pin(id="1", link=link), "item-1/a/1")


# --- deletion, tokens ----------------------------------------------------------------------------------------------------


async def test_deleting_twice_succeeds_and_refusals_are_told(connect, network, pin_request, account):
    connector, _ = connect(network)
    request = pin_request()
    receipt = await connector.commit(request, await staged(connector, request))
    await connector.delete(account, receipt.native_id)
    await connector.delete(account, receipt.native_id)
    assert not network.pins
    connector, _ = connect(lambda _: refuse(403, 3))
    error = await refused(connector.delete(account, "5"))
    assert (error.error_class, error.code) == (ErrorClass.SCOPE, "3")


def renewing(answers: list[dict], seen: list[httpx.Request]):
    """A network whose tokens are `access-1` (expired) and those that it hands out."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v5/oauth/token":
            seen.append(request)
            return httpx.Response(200, json=answers.pop(0)) if answers else refuse(400, 2)
        if request.headers["authorization"] == "Bearer access-1":
            return refuse(401, 2)
        return httpx.Response(200, json={"id": "1", "username": "harborandoak"})

    return handler


async def test_a_refused_token_is_renewed_once_with_the_apps_password(connect, account, tokens):
    seen: list[httpx.Request] = []
    app = PinterestApp(app_id="1234", app_secret=SecretStr("app-secret"))
    answer = {"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 2_592_000, "token_type": "bearer"}
    connector, wire = connect(renewing([answer], seen), app)
    assert (await connector.profile(account)).handle == "harborandoak"
    (renewal,) = seen
    assert base64.b64decode(renewal.headers["authorization"].removeprefix("Basic ")) == b"1234:app-secret"
    assert dict(parse_qsl(renewal.content.decode())) == {"grant_type": "refresh_token", "refresh_token": "refresh-1"}
    assert (tokens.token.access_token, tokens.token.refresh_token) == ("access-2", "refresh-2")
    assert timedelta(days=29) < tokens.token.expires_at - datetime.now(UTC) <= timedelta(days=30)
    assert "app-secret" not in str(wire.journal)


async def test_a_legacy_refresh_token_is_kept(connect, account, tokens):
    app = PinterestApp(app_id="1234", app_secret=SecretStr("app-secret"))
    connector, _ = connect(renewing([{"access_token": "access-2"}], []), app)
    await connector.refresh_token(account)
    assert (tokens.token.access_token, tokens.token.refresh_token) == ("access-2", "refresh-1")


async def test_a_refused_renewal_means_connect_again(connect, account, tokens):
    app = PinterestApp(app_id="1234", app_secret=SecretStr("app-secret"))
    connector, _ = connect(renewing([], []), app)
    assert (await refused(connector.profile(account))).error_class is ErrorClass.AUTH
    connector, _ = connect(renewing([], []))
    assert (await refused(connector.profile(account))).error_class is ErrorClass.AUTH
    assert (await refused(connector.refresh_token(account))).error_class is ErrorClass.AUTH
    assert not tokens.saves


async def test_a_commit_with_an_expired_token_is_never_repeated_here(connect, pin_request, tokens):
    app = PinterestApp(app_id="1234", app_secret=SecretStr("app-secret"))
    connector, wire = connect(renewing([{"access_token": "access-2"}], []), app)
    staging = Staging(handles={"board_id": "77"}, is_complete=True)
    error = await refused(connector.commit(pin_request(), staging))
    assert error.error_class is ErrorClass.TRANSIENT
    assert [r.url.path for r in wire.requests] == ["/v5/pins", "/v5/oauth/token"]


# --- pins that wait on a secret board --------------------------------------------------------------------------------------


async def test_a_pin_waits_unseen_until_its_commit_moves_it(connect, network, pin_request):
    connector, _ = connect(network, may_move_pins=True)
    request = pin_request()
    staging = await staged(connector, request)
    (board,) = [board for board in network.boards if board["privacy"] == "SECRET"]
    assert (len(network.pins), network.visible) == (1, [])
    receipt = await connector.commit(request, staging)
    assert [pin["id"] for pin in network.visible] == [receipt.native_id] == [staging.handles["pin_id"]]
    assert network.visible[0]["board_id"] == "77"
    await staged(connector, pin_request(intent_id="another"))
    assert [b["id"] for b in network.boards if b["privacy"] == "SECRET"] == [board["id"]], "one for all pins"


async def test_a_moved_pin_whose_answer_was_lost_is_known_by_its_board(connect, network, pin_request):
    connector, _ = connect(network, may_move_pins=True)
    request = pin_request(link=None, title=None, text="")
    staging = await staged(connector, request)
    network.cut = staging.handles["pin_id"]
    assert (await refused(connector.commit(request, staging))).error_class is ErrorClass.AMBIGUOUS
    network.cut = None
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.receipt.native_id) == ("published", staging.handles["pin_id"])
    assert (await refused(connector.stage(request, staging))).error_class is ErrorClass.DUPLICATE


async def test_a_move_that_never_arrived_is_made_again_without_harm(connect, network, pin_request):
    connector, _ = connect(network, may_move_pins=True)
    request = pin_request()
    staging = await staged(connector, request)
    found = await connector.find_published(request, staging)
    assert (found.outcome, found.is_repeat_harmless) == ("absent", True)
    first, second = await connector.commit(request, staging), await connector.commit(request, staging)
    assert first.native_id == second.native_id
    assert len(network.visible) == 1


async def test_a_pin_that_got_lost_on_its_way_to_the_secret_board_is_never_seen(connect, network, pin_request):
    connector, _ = connect(network, may_move_pins=True)
    request = pin_request()
    staging = await connector.stage(request, await connector.stage(request, connector.prepare(request)))
    network.cut = "/pins"
    assert (await refused(connector.stage(request, staging))).error_class is ErrorClass.TRANSIENT
    network.cut = None
    await connector.commit(request, await staged(connector, request, staging))
    assert (len(network.pins), len(network.visible)) == (2, 1)


async def test_a_waiting_pin_that_somebody_deleted_is_made_again_or_left_to_a_person(connect, network, pin_request):
    connector, _ = connect(network, may_move_pins=True)
    request = pin_request()
    staging = await staged(connector, request)
    network.pins.clear()
    assert (await connector.find_published(request, staging)).outcome == "undecided"
    again = await staged(connector, request, await connector.stage(request, staging))
    assert again.handles["pin_id"] != staging.handles["pin_id"]


async def test_a_secret_board_is_no_choice_of_where_a_pin_goes(connect, network, pin_request):
    connector, _ = connect(network, may_move_pins=True)
    request = pin_request(options=PublishOptions(title="Menu"))
    await staged(connector, request)
    staging = await staged(connector, request)
    assert staging.handles["board_id"] == "77"
