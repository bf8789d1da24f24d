"""Long computations: a bounded queue of jobs, each in a thread, whose results are streamed and forgotten.

A job is known by an id of 128 random bits. Its events wait in a short queue for the one page that listens; when the
queue is full the job waits, and when nobody listens it is cancelled. Memory is bounded by that, whatever a job makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import Request

from practicum.errors import ParameterError, PracticumError
from practicum.web.answers import Busy, Unknown, event_of
from practicum.web.desk import client_of, gone, yielding
from practicum.web.limits import Limits
from practicum.web.problems import field_of

_ROOM = 16
"""Events of one job that wait to be read."""
_ABANDONED = 60.0
"""Seconds after which a job whose events nobody reads is cancelled."""
_ALIVE = 15.0
"""Seconds between two signs of life to a page that waits."""


class Cancelled(Exception):
    """Raised inside the work of a job that nobody wants any more."""


class Job:
    """One computation. Its work runs in a thread and calls :meth:`tell` and :meth:`check`; the rest is the server's."""

    def __init__(self, client: str, work: Callable[[Job], dict[str, Any]]) -> None:
        self.id = secrets.token_urlsafe(16)
        self.client = client
        self.work = work
        self.cancelled = threading.Event()
        self.ended: tuple[str, dict[str, Any]] | None = None
        self.ended_at = 0.0
        self.listened = False
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = threading.Semaphore(_ROOM)
        self._over = asyncio.Event()

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Send an event to the page; waits while it has not read those before.

        Raises:
            Cancelled: nobody wants it.
        """
        deadline = time.monotonic() + _ABANDONED
        while not self._room.acquire(timeout=0.1):
            self.check()
            if time.monotonic() > deadline:
                raise Cancelled
        self.check()
        self._loop.call_soon_threadsafe(self._events.put_nowait, event_of(name, data))

    def check(self, *_: object) -> None:
        """Raise :class:`Cancelled` if nobody wants the job; a `progress` of practicum can be this very function."""
        if self.cancelled.is_set():
            raise Cancelled

    async def result(self, request: Request) -> dict[str, Any]:
        """What the work returned, once it has. A client that goes away cancels the job.

        Raises:
            ParameterError: it failed, with the sentence.
        """
        self.listened = True
        waits = [asyncio.create_task(wait) for wait in (self._over.wait(), gone(request))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.cancelled.set()
            for wait in waits:
                wait.cancel()
        name, data = self.ended or ("failed", {"problem": "The job was cancelled."})
        if name == "failed":
            raise ParameterError(data["problem"])
        return data

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """The events as text of server-sent events, up to the last one. A page that goes away cancels the job."""
        waited = 0.0
        try:
            while True:
                try:
                    event = await asyncio.wait_for(self._events.get(), 1.0)
                except TimeoutError:
                    if self.ended is not None or await request.is_disconnected():
                        break
                    waited += 1.0
                    if waited >= _ALIVE:
                        waited = 0.0
                        yield b": still computing\n\n"
                    continue
                self._room.release()
                yield event
                if self.ended is not None and self._events.empty():
                    break
            if self.ended is not None:
                yield event_of(*self.ended)
        finally:
            self.cancelled.set()

    def end(self, name: str, data: dict[str, Any]) -> None:
        """Note how the work ended; called by the server."""
        self.ended, self.ended_at = (name, data), time.monotonic()
        self._over.set()
        self._events.put_nowait(b"")  # wakes the listener


class Jobs:
    """All jobs of a server. Its state changes on the event loop only; the threads come back to it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._running: set[Job] = set()

    def start(self, request: Request, work: Callable[[Job], dict[str, Any]]) -> Job:
        """A job that calls ``work(job)`` in a thread as soon as there is room; what it returns is the event "done".

        Raises:
            Busy: too many jobs wait, or this client has its share.
        """
        limits, client = self.limits, client_of(request)
        self._forget()
        active = [*self._running, *self._waiting]
        if Counter(job.client for job in active)[client] >= limits.jobs_per_client:
            raise Busy(
                f"{limits.jobs_per_client} jobs of yours run or wait, which is all that one client may have. Cancel "
                "one, or wait until one has ended.",
                retry_after=10,
            )
        if len(self._waiting) >= limits.queued:
            raise Busy("The queue of jobs is full. Try again when some have ended.", retry_after=10)
        job = Job(client, work)
        self._jobs[job.id] = job
        self._waiting.append(job)
        self._begin()
        return job

    def get(self, name: str) -> Job:
        """The job of an id.

        Raises:
            Unknown: there is none, or it is forgotten.
        """
        self._forget()
        if name not in self._jobs:
            raise Unknown("There is no such job, or it ended some minutes ago and is forgotten.")
        return self._jobs[name]

    def cancel(self, name: str) -> None:
        """End a job; its page is told."""
        job = self.get(name)
        job.cancelled.set()
        if job in self._waiting:
            self._waiting.remove(job)
            job.end("failed", {"problem": "The job was cancelled."})

    def close(self) -> None:
        """Cancel everything."""
        for job in [*self._waiting, *self._running]:
            job.cancelled.set()
        self._waiting.clear()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < self.limits.jobs:
            job = self._waiting.popleft()
            self._running.add(job)
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._work, args=(job, loop), name="practicum-job", daemon=True).start()

    def _work(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        yielding()
        try:
            job.check()
            outcome = "done", job.work(job)
        except Cancelled:
            outcome = "failed", {"problem": "The job was cancelled."}
        except PracticumError as error:
            field = field_of(error) if isinstance(error, ParameterError) else None
            outcome = "failed", {"problem": str(error), "field": field}
        except MemoryError:
            outcome = "failed", {"problem": "There is not enough memory for this; ask for less at once."}
        except Exception:
            import traceback

            traceback.print_exc()
            outcome = "failed", {"problem": "The server made a mistake; its terminal shows which."}
        with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(self._ended, job, *outcome)

    def _ended(self, job: Job, name: str, data: dict[str, Any]) -> None:
        self._running.discard(job)
        job.end(name, data)
        self._forget()
        self._begin()

    def _forget(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended is not None]
        too_old = time.monotonic() - self.limits.kept
        for i, job in enumerate(sorted(ended, key=lambda job: job.ended_at, reverse=True)):
            if i >= self.limits.remembered or job.ended_at < too_old:
                del self._jobs[job.id]
