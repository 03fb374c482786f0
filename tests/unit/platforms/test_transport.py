"""The one transport: what is retried, what is ambiguous, when tokens and budgets hold a call back, what the journal shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from platforms._budget import RateBudget, Usage
from platforms._http import Call, CallKind, Patience, all_of, retry_after_seconds
from platforms._journal import JsonlJournal, redact_text, redact_url, silence_secrets_in_logs
from platforms._quotas import LocalLimit, QuotaCounter, Window
from platforms.bluesky.client import BlueskyDialect
from platforms.instagram.client import InstagramDialect

READ = Call(CallKind.READ, "read", "GET", "/xrpc/read", params=(("cursor", "c1"), ("q", "private words")))
STAGE = Call(CallKind.STAGE, "stage", "POST", "/xrpc/stage", json={})
COMMIT = Call(CallKind.COMMIT, "commit", "POST", "/xrpc/commit", json={"text": "hello"})


def answers(*items: Any):
    """A handler that gives these answers in turn; an exception is raised instead."""
    queue = list(items)

    def handler(request: httpx.Request) -> httpx.Response:
        item = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(item, type) and issubclass(item, Exception):
            raise item("lost", request=request)
        return item

    return handler


def refusal(status: int, error: str = "InternalServerError", **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": error, "message": "words"}, headers=headers)


OK = httpx.Response(200, json={"fine": True})
LOST = [httpx.ReadTimeout, httpx.WriteTimeout, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError]
NEVER_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]


@pytest.mark.parametrize("error", LOST)
async def test_a_lost_answer_to_a_commit_is_ambiguous_and_not_repeated(exchange, tokens, bluesky_account, error):
    wire = exchange(answers(error))
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, COMMIT)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 307])
async def test_an_unclear_status_at_commit_is_ambiguous(exchange, tokens, bluesky_account, status):
    wire = exchange(answers(refusal(status)))
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, COMMIT)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS
    assert len(wire.requests) == 1


async def test_a_commit_answered_by_something_unreadable_is_ambiguous(exchange, tokens, bluesky_account):
    wire = exchange(answers(httpx.Response(200, text="<html>hello</html>")))
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, COMMIT)
    assert caught.value.error_class is ErrorClass.AMBIGUOUS


@pytest.mark.parametrize("error", NEVER_SENT)
async def test_a_commit_without_a_connection_was_certainly_not_sent(exchange, tokens, bluesky_account, error):
    wire = exchange(answers(error))
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, COMMIT)
    assert caught.value.error_class is ErrorClass.TRANSIENT


@pytest.mark.parametrize("trouble", [*LOST, *NEVER_SENT, refusal(500)])
async def test_lost_staging_is_transient_and_not_repeated(exchange, tokens, bluesky_account, trouble):
    wire = exchange(answers(trouble))
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, STAGE)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    assert len(wire.requests) == 1


async def test_reads_are_repeated_with_growing_waits_and_then_given_up(exchange, tokens, bluesky_account):
    wire = exchange(answers(httpx.ReadTimeout, refusal(503), OK))
    answer = await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)
    assert answer.body == {"fine": True}
    assert wire.slept == [1.0, 2.0]
    wire = exchange(answers(refusal(503)))
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)
    assert (caught.value.error_class, len(wire.requests)) == (ErrorClass.TRANSIENT, 3)


async def test_permanent_refusals_are_not_repeated(exchange, tokens, bluesky_account):
    wire = exchange(answers(refusal(400, "InvalidRequest")))
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)
    assert (caught.value.error_class, len(wire.requests)) == (ErrorClass.INVALID, 1)


async def test_a_short_retry_after_is_waited_for_and_a_long_one_handed_on(exchange, tokens, bluesky_account):
    limited = refusal(429, "RateLimitExceeded", **{"retry-after": "4"})
    wire = exchange(answers(limited, OK))
    await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)
    assert sum(wire.slept) == pytest.approx(4, abs=0.5)
    wire = exchange(answers(refusal(429, "RateLimitExceeded", **{"retry-after": "1800"})))
    before = datetime.now(UTC)
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)
    assert caught.value.error_class is ErrorClass.RATE
    assert caught.value.retry_at is not None
    assert caught.value.retry_at - before > timedelta(minutes=29)


async def test_after_a_long_limit_the_next_call_is_not_even_sent(exchange, tokens, bluesky_account):
    wire = exchange(answers(refusal(429, "RateLimitExceeded", **{"retry-after": "600"}), OK))
    transport = wire.transport(BlueskyDialect(), tokens)
    for _ in range(2):
        with pytest.raises(NetworkError) as caught:
            await transport.send(bluesky_account, COMMIT)
        assert caught.value.error_class is ErrorClass.RATE
    assert len(wire.requests) == 1
    other = bluesky_account.model_copy(update={"account_id": "bluesky:did:plc:other"})
    assert (await transport.send(other, COMMIT)).body == {"fine": True}


async def test_reads_leave_the_last_fifth_of_a_limit_to_publishing(exchange, tokens, instagram_account):
    used = httpx.Response(200, json={}, headers={"x-app-usage": '{"call_count": 85, "total_time": 3}'})
    wire = exchange(answers(used))
    transport = wire.transport(InstagramDialect(), tokens)
    await transport.send(instagram_account, READ)
    with pytest.raises(NetworkError) as caught:
        await transport.send(instagram_account, READ)
    assert caught.value.error_class is ErrorClass.RATE
    await transport.send(instagram_account, COMMIT)
    assert len(wire.requests) == 2


async def test_a_cookie_set_for_one_account_is_not_sent_for_another(exchange, tokens, bluesky_account):
    wire = exchange(answers(httpx.Response(200, json={}, headers={"set-cookie": "seen=first; Path=/"}), OK))
    transport = wire.transport(BlueskyDialect(), tokens)
    for name in ("bluesky:did:plc:first", "bluesky:did:plc:second"):
        await transport.send(bluesky_account.model_copy(update={"account_id": name}), READ)
    assert [request.headers.get("cookie") for request in wire.requests] == [None, None]


class FullUntilTheNextMinute:
    """contracts.ports.Quotas that refuse until they are asked again after a wait."""

    def __init__(self, slept: list[float]) -> None:
        self._slept = slept

    async def reserve(self, key: str, *, window_start: datetime, units: int, limit: int) -> bool:
        return bool(self._slept)


class TenAMinute(BlueskyDialect):
    """A network whose limit of a minute we count."""

    def local_limits(self, _account, _call):
        return (LocalLimit("app", 10, Window.MINUTE),)


@pytest.mark.parametrize(
    ("call", "longest_wait", "is_sent"), [(READ, 75.0, True), (READ, 0.0, False), (STAGE, 75.0, False)]
)
async def test_only_a_read_waits_for_our_own_count_and_only_as_long_as_it_may(
    exchange, tokens, bluesky_account, call, longest_wait, is_sent
):
    wire = exchange(answers(OK))
    transport = wire.transport(TenAMinute(), tokens)
    transport.patience = Patience(longest_wait=longest_wait)
    transport._quotas = QuotaCounter(FullUntilTheNextMinute(wire.slept))
    if is_sent:
        assert (await transport.send(bluesky_account, call)).status == 200
        assert [0 <= seconds <= 60 for seconds in wire.slept] == [True]
    else:
        with pytest.raises(NetworkError) as caught:
            await transport.send(bluesky_account, call)
        assert (caught.value.error_class, caught.value.code) == (ErrorClass.RATE, "local_limit")
        assert not wire.slept
    assert len(wire.requests) == is_sent


def test_budget_forgets_what_has_reset_and_disbelieves_absurd_headers():
    now = [0.0]
    budget = RateBudget(monotonic=lambda: now[0])
    budget.note(Usage("a", 1.0, 30))
    assert budget.wait_seconds(["a", "b"], is_read=False) == 30
    now[0] = 31
    assert budget.wait_seconds(["a"], is_read=True) <= 0
    budget.note(Usage("a", 1.0, 10**12))
    assert budget.wait_seconds(["a"], is_read=True) <= 86_400
    budget.note(Usage("a", 1.0, -500))
    assert budget.wait_seconds(["a"], is_read=True) <= 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("12", 12.0), ("0", 0.0), ("-3", 0.0), ("soon", None), ("nan", None), ("inf", None), (None, None)],
)
def test_retry_after_in_seconds(value, seconds):
    assert retry_after_seconds({} if value is None else {"retry-after": value}) == seconds


def test_retry_after_as_a_date_counts_from_the_servers_own_time():
    headers = {"retry-after": "Wed, 01 Jan 2020 00:02:00 GMT", "date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    assert retry_after_seconds(headers) == 120


# --- tokens --------------------------------------------------------------------------------------------------------------

RENEWED = httpx.Response(200, json={"accessJwt": "access-2", "refreshJwt": "refresh-2"})


def network_that_wants(token: str):
    """Accepts one access token, refuses others as expired, renews with `refresh-1`."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("refreshSession"):
            assert request.headers["authorization"] == "Bearer refresh-1"
            return RENEWED
        is_good = request.headers["authorization"] == f"Bearer {token}"
        return OK if is_good else refusal(400, "ExpiredToken")

    return handler


async def test_a_refused_token_is_renewed_saved_and_then_used(exchange, tokens, bluesky_account):
    wire = exchange(network_that_wants("access-2"))
    await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)
    assert [request.url.path for request in wire.requests] == [
        "/xrpc/read",
        "/xrpc/com.atproto.server.refreshSession",
        "/xrpc/read",
    ]
    assert [(t.access_token, t.refresh_token, t.version) for t in tokens.saves] == [("access-2", "refresh-2", 4)]


async def test_a_commit_with_an_expired_token_renews_it_but_is_left_to_the_caller(exchange, tokens, bluesky_account):
    wire = exchange(network_that_wants("access-2"))
    transport = wire.transport(BlueskyDialect(), tokens)
    with pytest.raises(NetworkError) as caught:
        await transport.send(bluesky_account, COMMIT)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    assert [r.url.path for r in wire.requests].count("/xrpc/commit") == 1
    assert (await transport.send(bluesky_account, COMMIT)).body == {"fine": True}


async def test_another_process_newer_token_is_used_instead_of_renewing(exchange, tokens, bluesky_account):
    wire = exchange(network_that_wants("access-9"))
    transport = wire.transport(BlueskyDialect(), tokens)
    await transport._current_token(bluesky_account)
    tokens.token = tokens.token.model_copy(update={"access_token": "access-9", "version": 8})
    await transport.send(bluesky_account, READ)
    assert not tokens.saves
    assert not [r for r in wire.requests if r.url.path.endswith("refreshSession")]


async def test_a_faster_holder_wins_the_save_and_its_token_is_used(exchange, tokens, bluesky_account):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("refreshSession"):
            tokens.token = tokens.token.model_copy(update={"access_token": "theirs", "version": 4})
            return RENEWED
        return OK if request.headers["authorization"] == "Bearer theirs" else refusal(400, "ExpiredToken")

    wire = exchange(handler)
    await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)
    assert wire.requests[-1].headers["authorization"] == "Bearer theirs"


async def test_a_token_is_renewed_before_it_expires_and_once_for_many_calls(exchange, tokens, bluesky_account):
    soon = datetime.now(UTC) + timedelta(minutes=1)
    tokens.token = tokens.token.model_copy(update={"expires_at": soon})
    wire = exchange(network_that_wants("access-2"))
    transport = wire.transport(BlueskyDialect(), tokens)
    await all_of([transport.send(bluesky_account, READ) for _ in range(8)])
    paths = [request.url.path for request in wire.requests]
    assert paths.count("/xrpc/com.atproto.server.refreshSession") == 1
    assert paths.count("/xrpc/read") == 8


async def test_failing_to_renew_early_does_not_stop_a_token_that_still_works(exchange, tokens, bluesky_account):
    tokens.token = tokens.token.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(minutes=1)})

    def handler(request: httpx.Request) -> httpx.Response:
        return refusal(503) if request.url.path.endswith("refreshSession") else OK

    wire = exchange(handler)
    assert (await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)).status == 200


async def test_a_refresh_token_that_is_refused_means_connect_again(exchange, tokens, bluesky_account):
    wire = exchange(answers(refusal(400, "ExpiredToken")))
    with pytest.raises(NetworkError) as caught:
        await wire.transport(BlueskyDialect(), tokens).send(bluesky_account, READ)
    assert caught.value.error_class is ErrorClass.AUTH
    assert not tokens.saves


# --- redaction -----------------------------------------------------------------------------------------------------------


async def test_the_journal_tells_what_happened_without_secrets_or_words(exchange, tokens, instagram_account):
    wire = exchange(answers(httpx.ReadTimeout, OK))
    await wire.transport(InstagramDialect(), tokens).send(instagram_account, READ)
    lost, fine = wire.journal
    assert (lost["outcome"], lost["attempt"], fine["outcome"], fine["status"]) == ("transient", 1, "ok", 200)
    assert "cursor=c1" in fine["url"]
    text = str(wire.journal)
    assert "access-1" not in text
    assert "private words" not in text


def test_messages_of_networks_lose_what_looks_like_a_token():
    said = redact_text("Malformed access token EAABsbCS1iHgBAKZCZCqvZAZBZC8ZAZC9ZAxyz0123456789 given")
    assert said == "Malformed access token *** given"
    assert len(redact_text("word " * 1000)) <= 300


def test_unknown_query_parameters_and_userinfo_are_masked():
    url = redact_url(
        "https://user:pw@graph.example/v25.0/me?limit=5&access_token=abc&appsecret_proof=def&new_thing=ghi"
    )
    assert url == "https://graph.example/v25.0/me?limit=5&access_token=***&appsecret_proof=***&new_thing=***"


async def test_the_http_librarys_own_log_shows_no_token(exchange, tokens, instagram_account, caplog):
    silence_secrets_in_logs()
    silence_secrets_in_logs()
    caplog.set_level("INFO", logger="httpx")
    wire = exchange(answers(OK))
    await wire.transport(InstagramDialect(), tokens).send(instagram_account, READ)
    assert "graph.example" in caplog.text
    assert "access-1" not in caplog.text


def test_the_journals_file_stays_bounded(tmp_path):
    path = tmp_path / "wire" / "journal.jsonl"
    journal = JsonlJournal(path, max_bytes=2_000)
    for i in range(200):
        journal({"i": i, "text": "ñandú"})
    sizes = [file.stat().st_size for file in path.parent.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 2_000
    assert '"i": 199' in path.read_text("utf-8")
