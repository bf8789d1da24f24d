"""Jobs: in their order, within their bounds, streamed and forgotten, and known to nobody who was not told their id."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum import ParameterError
from practicum.runs.store import Store
from practicum.web import jobs as module
from practicum.web.answers import Busy, Unknown
from practicum.web.app import create_app
from practicum.web.jobs import Job, Jobs
from practicum.web.limits import Limits
from web.served import events, served

LONG = {"students": 2, "teachers": 2, "learning_rate": 0.1, "until": 100, "dimension": 10**6, "seeds": 30}


def by(client):
    """A request from an address."""

    async def connected():
        return False

    return SimpleNamespace(client=SimpleNamespace(host=client), is_disconnected=connected)


async def told(job):
    """What a page that listens is told."""
    return b"".join([part async for part in job.stream(by("me"))]).decode()


async def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_a_job_tells_what_it_does_in_order_and_then_its_end():
    def work(job):
        for i in range(40):  # more than there is room for: the job has to wait for the page
            job.tell("step", {"i": i, "value": float("nan")})
        return {"steps": 40}

    async def body():
        return await told(Jobs(Limits()).start(by("me"), work))

    steps = "".join(f'event: step\ndata: {{"i":{i},"value":null}}\n\n' for i in range(40))
    assert asyncio.run(body()) == steps + 'event: done\ndata: {"steps":40}\n\n'


@pytest.mark.parametrize(
    "error, sentence, field",
    [
        (ParameterError("The 'learning_rate' parameter is too large."), "is too large.", "learning_rate"),
        (MemoryError(), "There is not enough memory", None),
        (ZeroDivisionError("a secret"), "The server made a mistake; its terminal shows which.", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)  # fmt: skip
def test_a_job_that_fails_says_one_sentence(error, sentence, field, capsys):
    def work(job):
        raise error

    async def body():
        jobs = Jobs(Limits())
        job = jobs.start(by("me"), work)
        text = await told(job)
        assert jobs.get(job.id).ended[1].get("field") == field
        return text

    text = asyncio.run(body())
    assert text.startswith("event: failed\n")
    assert sentence in text
    assert "secret" not in text
    assert ("a secret" in capsys.readouterr().err) == isinstance(error, ZeroDivisionError)


def test_queue_and_quota_are_bounded():
    go = threading.Event()
    order = []

    def work(name):
        def run(job):
            order.append(name)
            assert go.wait(10)
            return {}

        return run

    async def body():
        jobs = Jobs(Limits(jobs=1, queued=3, jobs_per_client=2))
        jobs.start(by("a"), work("a1"))
        await until(lambda: order == ["a1"])
        jobs.start(by("a"), work("a2"))
        with pytest.raises(Busy, match="2 jobs of yours run or wait"):
            jobs.start(by("a"), work("a3"))
        b1 = jobs.start(by("b"), work("b1"))
        jobs.start(by("b"), work("b2"))
        with pytest.raises(Busy, match="queue of jobs is full") as busy:
            jobs.start(by("c"), work("c1"))
        assert busy.value.retry_after > 0
        assert order == ["a1"]  # one at a time
        jobs.cancel(b1.id)  # makes room at once
        assert "cancelled" in await told(b1)
        jobs.start(by("c"), work("c1"))
        go.set()
        await until(lambda: len(order) == 4)
        assert order == ["a1", "a2", "b2", "c1"]

    asyncio.run(body())


def test_a_running_job_is_cancelled_where_it_looks():
    seen = []

    def work(job):
        while True:
            seen.append(1)
            job.check()
            time.sleep(0.005)

    async def body():
        jobs = Jobs(Limits())
        job = jobs.start(by("me"), work)
        await until(lambda: seen)
        jobs.cancel(job.id)
        assert await told(job) == 'event: failed\ndata: {"problem":"The job was cancelled."}\n\n'

    asyncio.run(body())


def test_a_page_that_goes_away_cancels_its_job():
    def work(job):
        while True:
            job.tell("step", {})

    async def body():
        job = Jobs(Limits()).start(by("me"), work)
        stream = job.stream(by("me"))
        await anext(stream)
        await stream.aclose()
        assert job.cancelled.is_set()
        await until(lambda: job.ended is not None)

    asyncio.run(body())


def test_what_nobody_reads_is_not_made(monkeypatch):
    monkeypatch.setattr(module, "_ABANDONED", 0.3)
    made = []

    def work(job):
        for i in range(10**6):
            made.append(i)
            job.tell("step", {"i": i})
        return {}

    async def body():
        job = Jobs(Limits()).start(by("me"), work)
        await until(lambda: job.ended is not None)
        assert job.ended == ("failed", {"problem": "The job was cancelled."})

    asyncio.run(body())
    assert len(made) == module._ROOM + 1


def test_ends_are_remembered_for_a_while_and_not_more_than_a_few():
    async def body():
        jobs = Jobs(Limits(kept=0.3, remembered=2, jobs_per_client=10, queued=10))
        done = [jobs.start(by("me"), lambda job: {}) for _ in range(4)]
        await until(lambda: all(job.ended for job in done))
        for job in done[:2]:
            with pytest.raises(Unknown):
                jobs.get(job.id)
        assert jobs.get(done[3].id) is done[3]
        await asyncio.sleep(0.35)
        with pytest.raises(Unknown, match="forgotten"):
            jobs.get(done[3].id)

    asyncio.run(body())


def test_ids_are_128_random_bits():
    async def body():
        return {Job("me", lambda job: {}).id for _ in range(200)}

    found = asyncio.run(body())
    assert len(found) == 200
    assert {len(name) for name in found} == {22}  # 16 bytes in base 64
    assert len({name[:4] for name in found}) > 190


def test_who_waits_for_a_result_and_goes_cancels_it():
    def work(job):
        while True:
            job.check()
            time.sleep(0.005)

    async def body():
        leave = asyncio.Event()

        async def receive():
            await leave.wait()
            return {"type": "http.disconnect"}

        job = Jobs(Limits()).start(by("me"), work)
        asyncio.get_running_loop().call_later(0.1, leave.set)
        with pytest.raises(ParameterError, match="cancelled"):
            await job.result(SimpleNamespace(receive=receive))
        await until(lambda: job.ended is not None)

    asyncio.run(body())


# --- over the network


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served(create_app(Store(tmp_path_factory.mktemp("runs")), limits=Limits(jobs_per_client=2))) as client:
        yield client


@pytest.mark.parametrize("name", ["x", "0", "AAAAAAAAAAAAAAAAAAAAAA", "%20", "a" * 500])
def test_a_guessed_id_finds_nothing(client, name):
    own = client.post("/api/chain", json=LONG).json()["job"]
    try:
        for other in (name, own[:-1], own + "A", own.swapcase()):
            assert client.get(f"/api/jobs/{other}/events").status_code == 404
            assert client.delete(f"/api/jobs/{other}").status_code == 404
    finally:
        assert client.delete(f"/api/jobs/{own}").status_code == 200


def test_a_chain_is_cancelled_in_the_middle_of_a_path(client):
    job = client.post("/api/chain", json=LONG).json()["job"]
    threading.Timer(0.5, client.delete, [f"/api/jobs/{job}"]).start()
    began = time.monotonic()
    found = events(client, job)
    assert found[-1] == ("failed", {"problem": "The job was cancelled."})
    assert time.monotonic() - began < 20  # a path takes minutes
    assert events(client, job) == [found[-1]]  # its end is remembered, its paths are not


def test_a_second_page_cannot_listen(client):
    job = client.post("/api/chain", json=LONG).json()["job"]
    with client.stream("GET", f"/api/jobs/{job}/events"):
        refused = client.get(f"/api/jobs/{job}/events")
        assert refused.status_code == 409
    deadline = time.monotonic() + 20  # and the first one, gone, has cancelled it
    while client.get(f"/api/jobs/{job}/events").status_code == 409:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert events(client, job) == [("failed", {"problem": "The job was cancelled."})]


def test_too_many_jobs_are_refused_with_a_sentence(tmp_path):
    with served(create_app(Store(tmp_path), limits=Limits(jobs_per_client=2))) as client:
        started = [client.post("/api/chain", json=LONG) for _ in range(4)]
        assert [answer.status_code for answer in started] == [200, 200, 429, 429]
        assert "2 jobs of yours" in started[-1].json()["problem"]
        assert int(started[-1].headers["retry-after"]) > 0
