"""The server of the page under load: two hundred requests at a time, and a flood of computations.

    python benchmarks/reliability/page_load.py [--seconds 30] [--parallel 200]

First `parallel` clients ask on loopback, each for its next thing as soon as it has the last: nine of ten read what is
in memory (files, parameters, a flow that was asked for before), one asks for a flow of its own. Then as many clients
ask for computations only. The tables show answers by status, latency, and the memory of the server. The exit code is 1
if an answer has a status of 500 or more, a client is cut off, a refusal has no sentence, the 95th percentile of the
cached reads exceeds 200 ms, or memory grows by more than 200 MB during the flood.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CACHED_READ = 0.2
"""Seconds within which 95 of 100 cached reads are answered."""
GROWTH = 200e6
"""Bytes that a flood may add to the server's memory: the queues and caches, full."""
PATIENCE = 60.0

KNOWN = {"learning_rate": 0.4}
"""The problem that is asked for before the load begins."""


@dataclass(frozen=True)
class Request:
    """One request; `kind` is the row of the table."""

    kind: str
    method: str
    path: str
    body: Any = None


@dataclass
class Seen:
    """What the clients have met."""

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[tuple[str, bool], list[float]] = field(default_factory=lambda: defaultdict(list))
    cut_off: int = 0
    wordless: int = 0
    """Refusals without a sentence, or without Retry-After where the server is busy."""

    def add(self, kind: str, status: int, seconds: float, head: str, body: bytes) -> None:
        self.statuses[kind][status] += 1
        self.seconds[kind, status < 400].append(seconds)
        if status >= 400:
            said = json.loads(body).get("problem", "")
            busy = "retry-after: " in head.lower()
            self.wordless += not said.endswith(".") or (status == 429 and not busy)

    def quantile(self, kind: str, share: float, good: bool = True) -> float:
        """Of the seconds of a kind's answers; NaN if there were none."""
        found = sorted(self.seconds[kind, good])
        return found[min(int(share * len(found)), len(found) - 1)] if found else float("nan")

    @property
    def broken(self) -> int:
        """Answers of status 500 or more."""
        return sum(count for each in self.statuses.values() for status, count in each.items() if status >= 500)


class Server:
    """``practicum serve`` as a process of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def memory(self, name: str = "VmRSS") -> float:
        """Resident bytes now, or at most so far (``VmHWM``)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(rf"{name}:\s+(\d+) kB", status)
        return 1e3 * int(match[1]) if match else float("nan")


@contextmanager
def serving() -> Iterator[Server]:
    """A server with an empty store."""
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", "practicum", "serve", "--no-open", "--port", "0", "--store", store]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                address = re.search(r":(\d+)/", process.stdout.readline() if process.stdout else "")
                assert address, "practicum serve did not print its address"
                yield Server(process, int(address[1]))
            finally:
                process.kill()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Callable[[Request], Any]]:
    """A connection that is kept; yields ``ask(request) -> (status, head, body)``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(request: Request) -> tuple[int, str, bytes]:
        body = b"" if request.body is None else json.dumps(request.body).encode()
        writer.write(
            f"{request.method} {request.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"(?i)content-length: (\d+)", head)
        return int(head.split()[1]), head, await reader.readexactly(int(length[1]) if length else 0)

    try:
        yield ask
    finally:
        writer.close()


async def load(port: int, parallel: int, seconds: float, choose: Callable[[random.Random], Request]) -> Seen:
    """`parallel` clients, each with a request under way all the time; in the end all of them leave."""
    seen = Seen()

    async def one(seed: int) -> None:
        choice = random.Random(seed)
        try:
            async with connected(port) as ask:
                while True:
                    request, began = choose(choice), time.perf_counter()
                    async with asyncio.timeout(PATIENCE):
                        status, head, body = await ask(request)
                    seen.add(request.kind, status, time.perf_counter() - began, head, body)
        except (OSError, EOFError, TimeoutError):
            seen.cut_off += 1

    clients = [asyncio.create_task(one(seed)) for seed in range(parallel)]
    _, still = await asyncio.wait(clients, timeout=seconds)
    for client in still:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return seen


def mixed(choice: random.Random) -> Request:
    """Nine reads of what is in memory, one flow that nobody has asked for."""
    if choice.random() < 0.1:
        return Request("flow of its own", "POST", "/api/flow", {"learning_rate": round(choice.uniform(0.1, 1.5), 6)})
    reads = [
        Request("cached read", "GET", "/"),
        Request("cached read", "GET", "/app.js"),
        Request("cached read", "GET", "/api/about"),
        Request("cached read", "POST", "/api/flow", KNOWN),
    ]
    return choice.choice(reads)


def flood(choice: random.Random) -> Request:
    """Computations only: flows, marks and simulations that take long."""
    problem = {
        "students": choice.randint(2, 12),
        "teachers": choice.randint(2, 12),
        "start_seed": choice.randint(0, 10**9),
    }
    kind = choice.choice(["flow", "marks", "chain", "save"])
    if kind in ("chain", "save"):
        problem |= {"dimension": 10_000, "seeds": 8, "overlap": 1e-9, "until": 20}
    return Request(kind, "POST", f"/api/{kind}", problem | ({"kind": "simulate"} if kind == "save" else {}))


async def ready(port: int) -> None:
    """Wait until the server answers and has the known flow."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(OSError):
                async with connected(port) as ask:
                    status, _, _ = await ask(Request("", "POST", "/api/flow", KNOWN))
                    if status == 200:
                        return
            await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Outcome:
    """Both parts, and the server's memory in bytes before, between and after them, and at most."""

    reads: Seen
    flood: Seen
    memory: tuple[float, float, float, float]

    def faults(self) -> list[str]:
        """What the bar forbids."""
        found = []
        for name, seen in (("load", self.reads), ("flood", self.flood)):
            if seen.broken:
                found.append(f"{name}: {seen.broken} answers of status 500 or more")
            if seen.cut_off:
                found.append(f"{name}: {seen.cut_off} clients cut off")
            if seen.wordless:
                found.append(f"{name}: {seen.wordless} refusals without a sentence")
        slow = self.reads.quantile("cached read", 0.95)
        if not slow <= CACHED_READ:
            found.append(f"cached reads: 95th percentile {1e3 * slow:.0f} ms")
        statuses = {status for each in self.flood.statuses.values() for status in each}
        refused = sorted(status for status in statuses if 400 <= status < 500)
        if refused != [429]:
            found.append(f"flood: refused with {refused} instead of 429 alone")
        _, before, _, most = self.memory
        if not most - before <= GROWTH:
            found.append(f"flood: memory grew by {(most - before) / 1e6:.0f} MB")
        return found


def measure(seconds: float, parallel: int) -> Outcome:
    """Run both parts against one server."""
    with serving() as server:
        asyncio.run(ready(server.port))
        first = server.memory()
        reads = asyncio.run(load(server.port, parallel, seconds, mixed))
        between = server.memory()
        flooded = asyncio.run(load(server.port, parallel, seconds, flood))
        asyncio.run(ready(server.port))  # it still answers
        return Outcome(reads, flooded, (first, between, server.memory(), server.memory("VmHWM")))


def show(outcome: Outcome, seconds: float) -> None:
    """Print the tables."""
    for title, seen in (("load", outcome.reads), ("flood", outcome.flood)):
        columns = f"{'answers':>8} {'per s':>7} {'429':>7} {'>=500':>6} {'median ms':>10} {'p95 ms':>8} {'max ms':>8}"
        print(f"{title:<16} {columns}")
        for kind, statuses in sorted(seen.statuses.items()):
            total = statuses.total()
            times = [1e3 * seen.quantile(kind, share) for share in (0.5, 0.95, 1.0)]
            broken = sum(n for status, n in statuses.items() if status >= 500)
            print(
                f"{kind:<16} {total:>8} {total / seconds:>7.0f} {statuses[429]:>7} {broken:>6} "
                f"{times[0]:>10.1f} {times[1]:>8.1f} {times[2]:>8.1f}"
            )
        print()
    first, between, after, most = (value / 1e6 for value in outcome.memory)
    print(f"memory (MB): {first:.0f} at first, {between:.0f} then, {after:.0f} after the flood, {most:.0f} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each part")
    parser.add_argument("--parallel", type=int, default=200, help="clients at a time")
    arguments = parser.parse_args()
    outcome = measure(arguments.seconds, arguments.parallel)
    show(outcome, arguments.seconds)
    for fault in outcome.faults():
        print(f"FAULT {fault}")
    sys.exit(bool(outcome.faults()))


if __name__ == "__main__":
    main()
