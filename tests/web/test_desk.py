"""Short computations: a few at a time, a few wait, nobody computes for a client who has gone."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum.web.answers import Busy
from practicum.web.cache import Cache
from practicum.web.desk import Desk
from practicum.web.limits import Limits


def by(client, gone=None):
    """A request from an address, which closes its connection when the event `gone` is set."""

    async def receive():
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    return SimpleNamespace(client=SimpleNamespace(host=client), receive=receive)


def test_some_are_computed_some_wait_and_the_next_is_refused():
    go = threading.Event()
    running, most = [0], [0]

    def work(halt):
        running[0] += 1
        most[0] = max(most[0], running[0])
        assert go.wait(10)
        running[0] -= 1
        return "done"

    async def body():
        desk = Desk(Limits(computing=2, waiting=3, waiting_per_client=4))
        tasks = [asyncio.create_task(desk.run(by("a"), work)) for _ in range(4)]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy, match="4 requests of yours"):
            await desk.run(by("a"), work)
        tasks.append(asyncio.create_task(desk.run(by("b"), work)))
        await asyncio.sleep(0.05)
        with pytest.raises(Busy, match="everyone who may wait"):
            await desk.run(by("c"), work)
        go.set()
        assert await asyncio.gather(*tasks) == ["done"] * 5
        assert await desk.run(by("a"), work) == "done"  # there is room again

    asyncio.run(body())
    assert most[0] == 2


def halted(halt):
    """Work that ends when it is halted; returns after how long."""
    began = time.monotonic()
    while not halt[0]:
        assert time.monotonic() < began + 10
        time.sleep(0.002)
    return time.monotonic() - began


def test_work_is_halted_when_patience_ends():
    async def body():
        return await Desk(Limits(patience=0.2)).run(by("a"), halted)

    assert 0.15 < asyncio.run(body()) < 5


def test_work_is_halted_when_its_client_goes():
    async def body():
        gone = asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, gone.set)
        return await Desk(Limits(patience=60)).run(by("a", gone), halted)

    assert asyncio.run(body()) < 5


def test_an_error_frees_the_place():
    def fails(halt):
        raise ZeroDivisionError

    async def body():
        desk = Desk(Limits(computing=1, waiting=0, waiting_per_client=1))
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await desk.run(by("a"), fails)

    asyncio.run(body())


def test_a_cache_forgets_what_was_not_used_for_longest():
    cache = Cache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]
