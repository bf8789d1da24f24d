"""Which path of a simulation stands where: each is copied by its own thread, between two of its updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np

from practicum.simulation.paths import Paths
from practicum.simulation.state import State

Arrays = dict[str, np.ndarray]
Save = Callable[[State], object]

_KEPT = ("Q", "R", "v", "generalization_error")


class Mark(NamedTuple):
    """Where one path stands: updates done, points filled, and what it needs to go on (nothing if it has ended)."""

    updates: int
    points: int
    ended: bool
    arrays: Arrays


class Ledger:
    """Saves states of a simulation whose paths run in several threads.

    When a state is due, every path under way is copied at its next look, and with the last copy the state is saved.

    Main arguments:
        config, seeds, steps, last: as in :class:`~practicum.simulation.state.State`.

    Other arguments:
        save: called with a State. If it has an attribute ``due``, that is asked first, and nothing is copied while it
            is false; otherwise every path is copied at every look.
        resume: a State to go on from.
    """

    def __init__(
        self,
        config: str,
        seeds: Sequence[int],
        steps: np.ndarray,
        last: int,
        save: Save | None = None,
        resume: State | None = None,
    ) -> None:
        self.config, self.seeds, self.steps, self.last = config, seeds, steps, last
        self.save, self.resume = save, resume
        self.marks: dict[int, Mark] = {}
        self.running: set[int] = set()
        self.waiting: set[int] = set()
        """Paths that are still to be copied for the next state."""
        self.lock = Lock()

    def open(self, paths: Paths) -> int:
        """Fill in what was done before; returns how many updates those were."""
        self.paths = paths
        state = self.resume
        if state is None:
            return 0
        for b, row in enumerate(state.rows.tolist()):
            ended, points = bool(state.ended[b]), int(state.points[b])
            for name in _KEPT:
                getattr(paths, name)[row, :points] = state.paths[name][b, :points]
            if ended:
                paths.alpha_end[row] = state.alpha_end[b]
                paths.status[row] = "diverged" if state.diverged[b] else "ok"
            own = {} if ended else _of_row(state.running, row)
            self.marks[row] = Mark(int(state.updates[b]), points, ended, own)
        return state.done

    def begin(self, row: int) -> Mark:
        """Where a path begins or goes on; whoever calls it makes the updates of that path."""
        with self.lock:
            mark = self.marks.get(row, Mark(0, 0, False, {}))
            if not mark.ended:
                self.running.add(row)
            return mark

    def look(self, row: int, updates: int, points: int, copy: Callable[[], Arrays]) -> None:
        """Between two updates of a path: copy it if a state is due."""
        if self.save is None:
            return
        with self.lock:
            if not self.waiting and getattr(self.save, "due", True):
                self.waiting = set(self.running)
            if row in self.waiting:
                self._mark(row, Mark(updates, points, False, copy()))

    def end(self, row: int, updates: int) -> None:
        """A path has come to its end, whichever."""
        with self.lock:
            self.running.discard(row)
            self._mark(row, Mark(updates, len(self.steps), True, {}))

    def _mark(self, row: int, mark: Mark) -> None:
        self.marks[row] = mark
        if row in self.waiting:
            self.waiting.discard(row)
            if not self.waiting and self.save is not None:
                self.save(self._state())

    def _state(self) -> State:
        rows = np.array(sorted(self.marks), np.int64)
        marks = [self.marks[row] for row in rows.tolist()]
        return State(
            config=self.config,
            seeds=np.array(self.seeds, np.int64),
            steps=self.steps,
            last=self.last,
            rows=rows,
            updates=np.array([mark.updates for mark in marks], np.int64),
            points=np.array([mark.points for mark in marks], np.int64),
            ended=np.array([mark.ended for mark in marks]),
            diverged=np.array([self.paths.status[row] == "diverged" for row in rows.tolist()]),
            alpha_end=self.paths.alpha_end[rows],
            paths={name: getattr(self.paths, name)[rows] for name in _KEPT},
            running={f"{row}/{name}": array for row, mark in self.marks.items() for name, array in mark.arrays.items()},
        )


def _of_row(running: Arrays, row: int) -> Arrays:
    found = {}
    for key, array in running.items():
        owner, _, name = key.partition("/")
        if owner == str(row):
            found[name] = array
    return found
