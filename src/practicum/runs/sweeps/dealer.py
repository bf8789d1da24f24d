"""The one who deals out cells: claims them, packs cheap ones into batches, and counts what comes back."""

from __future__ import annotations

import queue
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from practicum.errors import PracticumError, StorageError
from practicum.runs.claims import Claims
from practicum.runs.failures import failed, read_failure, record_failure
from practicum.runs.sweeps.cells import TRIES, Done, Stop, compute_cells, identity
from practicum.runs.sweeps.plan import Plan
from practicum.runs.sweeps.remaining import Clock

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Client, Future

    from practicum.runs.config import RunConfig
    from practicum.runs.store import Store

_BATCH_SECONDS = 1.0
"""What a batch should take: handing it out costs some milliseconds, whatever is in it."""
_LARGEST_BATCH = 500
_AHEAD = 2
"""Batches a worker has at hand, so that it never waits for the next one."""
_LOOK = 0.5
"""Seconds between two looks at what other processes have done, at most."""
_BEAT = 5.0
_ALONE = 300.0
"""Seconds without any worker after which a cluster is given up."""


class Progress(NamedTuple):
    """Where a sweep stands."""

    cells: int
    done: int
    failed: int
    remaining: str
    """Words for the time that is left, or nothing while it is not known."""
    dashboard: str


@dataclass
class Dealer:
    """What one process knows of a sweep under way."""

    store: Store
    plan: Plan
    configs: dict[str, RunConfig]
    pending: list[str]
    failed: dict[str, str]
    progress: Callable[[Progress], None] | None
    clock: Clock = field(default_factory=Clock)
    running: dict[Future, list[str]] = field(default_factory=dict)
    ready: queue.SimpleQueue[Future] = field(default_factory=queue.SimpleQueue)
    foreign: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)
    """Cells of a batch that no worker survived: each is tried by itself, to find the one that it was."""
    computed: int = 0
    elsewhere: int = 0
    seconds: float = 0.0
    workers: int = 1
    last_worker: float = field(default_factory=time.monotonic)
    dashboard: str = ""

    def __post_init__(self) -> None:
        # In random order those done stand for those left, a sweep that is looked at early shows the whole grid, and
        # two processes rarely want the same cell. The order is the sweep's own, and no result depends on it.
        random.Random(self.plan.sweep.id).shuffle(self.pending)

    def run(self, client: Client, claims: Claims) -> None:
        expected = identity()
        began = beaten = seen = time.monotonic()
        while self.pending or self.running or self.foreign:
            self._count_workers(client)
            while self.pending and len(self.running) < _AHEAD * self.workers:
                batch = self._claimed(claims)
                if not batch:
                    break
                texts = [self.configs[run].canonical() for run in batch]
                future = client.submit(
                    compute_cells,
                    str(self.store.folder.absolute()),
                    self.plan.sweep.name,
                    expected,
                    texts,
                    key=f"cells-{batch[0]}-{time.monotonic_ns()}",
                    pure=False,
                )
                self.running[future] = batch
                future.add_done_callback(self.ready.put)
            self.show()
            with suppress(queue.Empty):
                self._take(self.ready.get(timeout=_LOOK), claims)
            now = time.monotonic()
            if now - beaten > _BEAT:
                claims.beat()
                beaten = now
            if self.foreign and now - seen > _LOOK:
                self._look_elsewhere()
                seen = now
        self.seconds = time.monotonic() - began
        self.show()

    def show(self) -> None:
        """Tell who wants to know."""
        if self.progress is None:
            return
        left = len(self.pending) + len(self.foreign) + sum(map(len, self.running.values()))
        self.progress(
            Progress(
                cells=len(self.configs),
                done=len(self.configs) - left,
                failed=len(self.failed),
                remaining=self.clock.words(left, self.workers),
                dashboard=self.dashboard,
            )
        )

    def _count_workers(self, client: Client) -> None:
        """How many cells can be computed at once; a cluster may grow and shrink while we sweep."""
        try:
            threads: Any = client.nthreads()
        except Exception as error:  # Dask raises many kinds where nobody answers
            raise self._lost() from error
        self.workers = max(sum(threads.values()), 1)
        now = time.monotonic()
        self.last_worker = now if threads else self.last_worker
        if now - self.last_worker > _ALONE:
            raise PracticumError(
                f"The Dask scheduler has had no worker for {_ALONE:g} seconds; start some with dask worker. "
                f"{self._stored()}"
            )

    def _claimed(self, claims: Claims) -> list[str]:
        """The next batch, ours alone. What other processes hold is looked at later."""
        size = self._batch_size()
        while self.pending:
            asked = [self.pending.pop() for _ in range(min(size, len(self.pending)))]
            ours = set(claims.take(asked))
            self.foreign.update(run for run in asked if run not in ours)
            batch = []
            for run in asked:
                if run not in ours:
                    continue
                if self.configs[run] in self.store:  # finished by another process since we listed the folder
                    claims.release([run])
                    self.elsewhere += 1
                else:
                    batch.append(run)
            if batch:
                return batch
        return []

    def _batch_size(self) -> int:
        if self.pending[-1] in self.alone or not self.clock.count:
            return 1
        mean = self.clock.total / self.clock.count
        fair = len(self.pending) // (_AHEAD * self.workers)  # at the end nobody sits on work that others could do
        return max(1, min(int(_BATCH_SECONDS / max(mean, 1e-4)), fair, _LARGEST_BATCH))

    def _take(self, future: Future, claims: Claims) -> None:
        """Count what a batch has come to."""
        from distributed import KilledWorker

        batch = self.running.pop(future)
        try:
            result: list[Done] | Stop = future.result()
        except KilledWorker as error:
            self._after_death(batch, error, claims)
            return
        except (CancelledError, OSError) as error:
            raise self._lost() from error
        if isinstance(result, Stop):
            raise StorageError(f"{result.reason} {self._stored()}")
        for done in result:
            if done.outcome == "failed":
                self.failed[done.run] = done.problem
            elif done.outcome == "stored":
                self.elsewhere += 1
            else:
                self.computed += 1
            if done.outcome != "stored":
                self.clock.add(done.seconds)
        claims.release(batch)

    def _after_death(self, batch: Sequence[str], error: Any, claims: Claims) -> None:
        """No worker survived a batch: try its cells one by one, and give up the one that does it alone."""
        left = [run for run in batch if self.configs[run] not in self.store]
        self.computed += len(batch) - len(left)
        claims.release(batch)
        if len(batch) > 1:
            self.alone.update(left)
            self.pending.extend(left)
            return
        for run in left:
            problem = (
                f"{TRIES} workers ended while they computed it, most often for lack of memory; sweep with fewer "
                "workers, or make the run smaller."
            )
            record_failure(self.store.folder, self.configs[run], type(error).__name__, problem, TRIES)
            self.failed[run] = problem

    def _look_elsewhere(self) -> None:
        """What others held is done, has failed, or is to be had again."""
        notes = failed(self.store.folder)
        for run in list(self.foreign):
            self.foreign.discard(run)
            if self.configs[run] in self.store:
                self.elsewhere += 1
            elif run in notes:
                self.failed |= problems_in({run: notes[run]})
            else:
                self.pending.insert(0, run)

    def _lost(self) -> PracticumError:
        return PracticumError(f"The Dask scheduler is gone. {self._stored()}")

    def _stored(self) -> str:
        stored = sum(config in self.store for config in self.configs.values())
        return f"{stored} of {len(self.configs)} cells are stored; the same command goes on from there."


def problems_in(notes: dict[str, Path]) -> dict[str, str]:
    """The sentences of notes of failed runs."""
    found = {}
    for run, path in notes.items():
        try:
            found[run] = read_failure(path).problem
        except StorageError as error:
            found[run] = str(error)
    return found
