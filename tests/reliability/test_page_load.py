"""Two hundred requests at a time break nothing, and a flood of computations is refused politely."""

import asyncio
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "reliability"))
import page_load
from page_load import Outcome, Request, Seen, load, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")


def without_clock(outcome: Outcome) -> list[str]:
    """The faults but for latency, which says more of a shared machine than of the server."""
    return [fault for fault in outcome.faults() if "percentile" not in fault]


@pytest.mark.slow
def test_a_moment_of_load():
    outcome = measure(seconds=1.0, parallel=50)
    assert without_clock(outcome) == []
    assert outcome.reads.statuses["cached read"][200] > 50
    assert sum(each[429] for each in outcome.flood.statuses.values()) > 0  # the flood was one
    assert sum(each[200] for each in outcome.flood.statuses.values()) > 0  # and was served as far as there is room


@pytest.mark.soak
def test_half_a_minute_of_load():
    outcome = measure(seconds=30.0, parallel=200)
    page_load.show(outcome, 30.0)
    assert without_clock(outcome) == []


def outcome(statuses, seconds=0.01, growth=0.0, cut_off=0, wordless=0):
    reads, flood = Seen(), Seen(cut_off=cut_off, wordless=wordless)
    reads.add("cached read", 200, seconds, "", b"")
    for status in statuses:
        flood.statuses["flow"][status] += 1
    return Outcome(reads, flood, (1e8, 1e8, 1e8, 1e8 + growth))


@pytest.mark.parametrize(
    "given, fault",
    [
        ({}, None),
        ({"statuses": [200, 429, 500]}, "1 answers of status 500 or more"),
        ({"statuses": [200, 429, 503]}, "1 answers of status 500 or more"),
        ({"statuses": [200, 429, 422]}, "refused with [422, 429] instead of 429 alone"),
        ({"statuses": [200]}, "refused with [] instead of 429 alone"),  # no flood at all
        ({"seconds": 0.3}, "95th percentile 300 ms"),
        ({"growth": 3e8}, "memory grew by 300 MB"),
        ({"cut_off": 2}, "2 clients cut off"),
        ({"wordless": 2}, "2 refusals without a sentence"),
    ],
    ids=str,
)
def test_every_fault_is_found(given, fault):
    faults = outcome(**{"statuses": [200, 429], **given}).faults()
    assert [fault in found for found in faults] == ([] if fault is None else [True])


@pytest.mark.parametrize(
    "answer, wordless, cut_off",
    [
        (b"HTTP/1.1 429 No\r\nRetry-After: 2\r\nContent-Length: 18\r\n\r\n" + b'{"problem":"Oh. "}', 1, 0),
        (b"HTTP/1.1 429 No\r\nRetry-After: 2\r\nContent-Length: 17\r\n\r\n" + b'{"problem":"Oh."}', 0, 0),
        (b"HTTP/1.1 429 No\r\nContent-Length: 17\r\n\r\n" + b'{"problem":"Oh."}', 1, 0),
        (b"HTTP/1.1 429 No\r\nRetry-After: 2\r\nContent-Length: 99\r\n\r\n" + b'{"problem":"Oh."}', 0, 1),
    ],
    ids=["no sentence", "polite", "no hint when", "cut off"],
)
def test_an_impolite_server_is_noticed(answer, wordless, cut_off):
    async def rude(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def body():
        server = await asyncio.start_server(rude, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            # No time at all: each client ends after one answer.
            return await load(port, 1, 0.05, lambda _: Request("flow", "GET", "/"))

    seen = asyncio.run(body())
    assert min(seen.wordless, 1) == wordless
    assert seen.cut_off == 1  # every one of these closes its connection in the end
    assert sum(seen.statuses["flow"].values()) == (0 if cut_off else 1)
