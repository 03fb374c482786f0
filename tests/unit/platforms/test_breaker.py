"""Circuits: open after failures in a row, one call through after the cooldown, closed by any working answer."""

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from platforms._breaker import FIRST_COOLDOWN_SECONDS, LONGEST_COOLDOWN_SECONDS, OPENS_AFTER, Breaker
from platforms._http import CIRCUIT_OPEN, Call, CallKind
from platforms.bluesky.client import BlueskyDialect


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_lets_one_through_and_closes():
    time = Time()
    breaker = Breaker(time)
    for _ in range(OPENS_AFTER - 1):
        breaker.failed("a")
    assert breaker.wait_seconds("a") == 0
    breaker.failed("a")
    assert breaker.wait_seconds("a") == FIRST_COOLDOWN_SECONDS
    assert breaker.wait_seconds("b") == 0, "another host is none of its business"
    time.now += FIRST_COOLDOWN_SECONDS
    assert breaker.wait_seconds("a") == 0, "one may try"
    assert breaker.wait_seconds("a") > 0, "only one"
    breaker.failed("a")
    assert breaker.wait_seconds("a") == 2 * FIRST_COOLDOWN_SECONDS
    time.now += 2 * FIRST_COOLDOWN_SECONDS
    assert breaker.wait_seconds("a") == 0
    breaker.succeeded("a")
    assert breaker.wait_seconds("a") == 0
    assert breaker.wait_seconds("a") == 0


def test_the_cooldown_is_bounded():
    time = Time()
    breaker = Breaker(time)
    for _ in range(100):
        breaker.failed("a")
    assert breaker.wait_seconds("a") == LONGEST_COOLDOWN_SECONDS


async def test_a_dead_host_is_left_alone_and_says_until_when(exchange, tokens, bluesky_account):
    wire = exchange(lambda request: httpx.Response(503, json={}))
    transport = wire.transport(BlueskyDialect(), tokens)
    call = Call(CallKind.STAGE, "stage", "POST", "/xrpc/stage")
    for _ in range(OPENS_AFTER):
        with pytest.raises(NetworkError) as caught:
            await transport.send(bluesky_account, call)
        assert caught.value.code != CIRCUIT_OPEN
    with pytest.raises(NetworkError) as caught:
        await transport.send(bluesky_account, call)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.RATE, CIRCUIT_OPEN)
    assert caught.value.retry_at is not None
    assert len(wire.requests) == OPENS_AFTER


async def test_refusals_are_answers_of_a_working_host(exchange, tokens, bluesky_account):
    wire = exchange(lambda request: httpx.Response(400, json={"error": "InvalidRequest"}))
    transport = wire.transport(BlueskyDialect(), tokens)
    for _ in range(2 * OPENS_AFTER):
        with pytest.raises(NetworkError, match="InvalidRequest"):
            await transport.send(bluesky_account, Call(CallKind.READ, "read", "GET", "/xrpc/read"))
    assert len(wire.requests) == 2 * OPENS_AFTER
