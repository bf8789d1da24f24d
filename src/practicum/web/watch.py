"""Sweeps that are followed: one look at the folder a second for all pages, and to each only what has changed."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from practicum.canonical import ID_LENGTH
from practicum.runs import failures, reading, resuming
from practicum.runs._database import NAME
from practicum.runs.claims import claimed
from practicum.runs.index import listed
from practicum.web.answers import Busy
from practicum.web.limits import Limits

_BETWEEN = 1.0
"""Seconds between two looks."""
_SETTLED = 2.0
"""Seconds after which one more change of a folder shows in its time of change: the longest tick of a disk."""
_REMEMBERED = 100_000
"""Changes kept for followers that have not asked yet; they ask every second."""

WAITING = "waiting"
STATES = {"done": "d", "failed": "f", "running": "r", "unfinished": "u", WAITING: "w"}
"""What a cell can be, and the letter that stands for it where many are sent: unfinished has a checkpoint."""


def states_in(folder: Path, taken: Iterable[str]) -> dict[str, str]:
    """What each run of a folder is, of those that are more than waiting. No file is opened.

    Main arguments:
        taken: the runs that somebody computes, see :func:`practicum.runs.claims.claimed`.

    Raises:
        StorageError: the folder cannot be read.
    """
    found = dict.fromkeys(taken, "running")
    endings = {reading.ENDING: "done", failures.ENDING: "failed", resuming.ENDING: "unfinished"}
    for name in listed(folder):
        run, state = name[:ID_LENGTH], endings.get(name[ID_LENGTH:])
        if state == "done" or (state == "failed" and found.get(run) != "done"):
            found[run] = state
        elif state is not None:
            found.setdefault(run, state)
    return found


class Watch:
    """The states of the runs in a folder, looked at while somebody follows. Used on the event loop only.

    Main arguments:
        folder: of the store.
        limits: how many may follow.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits
        self.states: dict[str, str] = {}
        self._followers: Counter[str] = Counter()
        self._changes: deque[str] = deque(maxlen=_REMEMBERED)
        self._count = 0
        self._looked = 0.0
        self._seen: dict[tuple[str, ...], list[tuple[str, int, int]]] = {}
        self._taken: set[str] = set()
        self._lock = asyncio.Lock()

    def enter(self, client: str) -> None:
        """One more follower; each calls :meth:`leave` at its end.

        Raises:
            Busy: there are as many as may be.
        """
        limits = self.limits
        if self._followers.total() >= limits.followers or self._followers[client] >= limits.followers_per_client:
            raise Busy(
                f"{limits.followers_per_client} pages of yours, or {limits.followers} of all, follow a sweep already; "
                "close one, or look again later.",
                retry_after=10,
            )
        self._followers[client] += 1

    def leave(self, client: str) -> None:
        """One follower less."""
        self._followers -= Counter({client: 1})

    async def look(self) -> int:
        """See that the states are not older than a second; the number of changes so far.

        Raises:
            StorageError: the folder cannot be read.
        """
        async with self._lock:
            if time.monotonic() - self._looked >= _BETWEEN:
                # A claim ends with its process, which changes no file. Reading claims touches the folder, so that they
                # are read only where there may be other ones.
                claims = self._may_have_changed(NAME, f"{NAME}-wal") or bool(self._taken)
                if claims:
                    self._taken = await asyncio.to_thread(claimed, self.folder)
                if self._may_have_changed("") or claims:
                    self._note(await asyncio.to_thread(states_in, self.folder, self._taken))
                self._looked = time.monotonic()
        return self._count

    def since(self, count: int) -> Iterable[str]:
        """The runs that have changed since there were `count` changes, some of them twice."""
        new = min(self._count - count, len(self._changes))
        return islice(self._changes, len(self._changes) - new, None)

    def _note(self, new: dict[str, str]) -> None:
        changed = {run for run, _ in new.items() ^ self.states.items()}
        self._changes.extend(changed)
        self._count += len(changed)
        self.states = new

    def _may_have_changed(self, *names: str) -> bool:
        """Whether files of the folder (or "", itself) are others than last time, or so new that it might not show."""
        times = []
        for name in names:
            with suppress(OSError):
                found = os.stat(self.folder / name)
                times.append((name, found.st_mtime_ns, found.st_size))
        recent = any(abs(time.time() - changed / 1e9) < _SETTLED for _, changed, _ in times)
        same = self._seen.get(names) == times
        self._seen[names] = times
        return recent or not same
