"""Short computations in threads: a few at a time, a few wait, the next one is refused with a sentence."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import numpy as np
from fastapi import Request

from practicum.web.answers import Busy
from practicum.web.limits import Limits

T = TypeVar("T")
Halt = np.ndarray
_NICENESS = 10


class Desk:
    """Where requests that are answered within seconds are computed, such as flows.

    Compiled kernels hold no lock, so that these threads keep all processors busy while the server answers others.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._pool = ThreadPoolExecutor(limits.computing, "practicum-desk", yielding)
        self._clients: Counter[str] = Counter()

    async def run(self, request: Request, work: Callable[[Halt], T]) -> T:
        """The result of ``work(halt)``.

        ``halt[0]`` becomes True when the client has gone or patience has ended; what the work then returns is sent.

        Raises:
            Busy: too many wait, of all clients or of this one.
        """
        client = client_of(request)
        limits = self.limits
        if self._clients.total() >= limits.computing + limits.waiting:
            raise Busy("The server is busy: everyone who may wait is waiting already. Ask again in two seconds.")
        if self._clients[client] >= limits.waiting_per_client:
            raise Busy(
                f"{limits.waiting_per_client} requests of yours are being computed or wait, which is all that one "
                "client may have. Ask again in two seconds."
            )
        self._clients[client] += 1
        halt = np.zeros(1, dtype=np.bool_)
        leaving = asyncio.create_task(gone(request))
        leaving.add_done_callback(lambda _: halt.fill(True))
        loop = asyncio.get_running_loop()

        def begun() -> T:
            # Patience begins here and not in the queue. The pool hands out the places by itself: a busy server would
            # leave them empty between two turns of its loop.
            loop.call_soon_threadsafe(loop.call_later, limits.patience, halt.fill, True)
            return work(halt)

        try:
            return await loop.run_in_executor(self._pool, begun)
        finally:
            leaving.cancel()
            self._clients -= Counter({client: 1})

    def close(self) -> None:
        """Let nothing more begin."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def yielding() -> None:
    """Let this thread, which computes, stand back when others want the processor: the server's loop, the browser."""
    if sys.platform == "linux":  # elsewhere threads of one process have one priority
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


async def gone(request: Request) -> None:
    """Return when the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def client_of(request: Request) -> str:
    """Whose quota a request belongs to: the address it comes from."""
    return request.client.host if request.client else "unknown"
