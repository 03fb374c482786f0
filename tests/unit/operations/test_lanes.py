"""Places by network: who waits for whom, and what is heard of errors."""

import asyncio

import pytest

from contracts.networks import Network
from operations.lanes import Lanes


async def test_a_network_that_hangs_fills_its_own_places_only() -> None:
    comes_back, done = asyncio.Event(), []

    async def hang() -> None:
        await comes_back.wait()
        done.append("hung")

    async def work() -> None:
        done.append("worked")

    async with Lanes(2) as lanes:
        for n in range(3):
            lanes.begin(f"x:{n}", Network.X, hang)
        for n in range(3):
            lanes.begin(f"bluesky:{n}", Network.BLUESKY, work)
        while done.count("worked") < 3:
            await asyncio.sleep(0)
        assert "hung" not in done
        comes_back.set()
    assert done.count("hung") == 3, "leaving waits for all, also for one that had no place yet"


async def test_no_more_than_the_places_of_a_network_are_taken_at_once() -> None:
    at_once, most = 0, 0

    async def work() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1

    async with Lanes(2) as lanes:
        for n in range(7):
            lanes.begin(f"x:{n}", Network.X, work)
    assert most == 2


async def test_an_account_under_way_is_not_begun_again_and_one_that_ended_is() -> None:
    begun, go_on = 0, asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        await go_on.wait()

    async with Lanes(2) as lanes:
        lanes.begin("x:1", Network.X, work)
        await asyncio.sleep(0)
        lanes.begin("x:1", Network.X, work)
        await asyncio.sleep(0)
        assert begun == 1
        go_on.set()
        while begun < 2:
            lanes.begin("x:1", Network.X, work)
            await asyncio.sleep(0)


async def test_an_error_is_raised_after_the_others_are_done() -> None:
    done = []

    async def fail() -> None:
        raise RuntimeError("broken")

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append(True)

    async def begin_both() -> None:
        async with Lanes(8) as lanes:
            lanes.begin("x:1", Network.X, fail)
            lanes.begin("x:2", Network.X, work)
            while not lanes.has_failed:
                await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="broken"):
        await begin_both()
    assert done == [True]
