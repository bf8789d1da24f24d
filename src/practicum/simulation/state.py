"""Where a simulation stands: plain arrays and numbers, from which it goes on bitwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from practicum.errors import ParameterError


@dataclass(frozen=True)
class State:
    """All that a simulation needs to go on. Its paths share nothing, so each is at a place of its own.

    Main arguments:
        config: what is simulated, as it stands in the attribute ``config`` of the result.
        seeds: of all paths, (S,).
        steps: updates after which a path is kept, (P,).
        last: updates after which it ends.
        rows: which of the paths have begun, (B,).
        updates: done by each of those, (B,).
        points: of `steps` that are filled, (B,).
        ended: whether nothing is left to do, (B,).
        diverged: whether it ended so, (B,).
        alpha_end: of those that ended, (B,).
        paths: Q, R, v and generalization_error, (B, P, ...); of a path that has not ended, what comes after its filled
            points means nothing.
        running: of paths that have not ended, ``"row/name"``: coordinates or weights, fan-outs, random streams.
    """

    config: str
    seeds: np.ndarray
    steps: np.ndarray
    last: int
    rows: np.ndarray
    updates: np.ndarray
    points: np.ndarray
    ended: np.ndarray
    diverged: np.ndarray
    alpha_end: np.ndarray
    paths: dict[str, np.ndarray]
    running: dict[str, np.ndarray]

    @property
    def done(self) -> int:
        """Updates of all paths; one that ended early counts as whole."""
        return int(np.where(self.ended, self.last, self.updates).sum())

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        return f"{self.done / (self.last * len(self.seeds)):.1%} of the updates"


def check_state(state: State, config: str, seeds: Sequence[int], steps: np.ndarray) -> None:
    """Whether a simulation can go on from a state.

    Raises:
        ParameterError: it is that of another simulation.
    """
    theirs, ours = [int(seed) for seed in state.seeds], list(seeds)
    if theirs != ours:
        raise ParameterError(
            f"The state to resume from is that of seeds {theirs!r:.60}. Got seeds {ours!r:.60} instead."
        )
    if state.config != config or not np.array_equal(state.steps, steps):
        what = "of another problem" if state.config != config else "with other points to keep"
        raise ParameterError(
            f"The state to resume from is that of a simulation {what}; call simulate as it was called then, or without "
            "'resume'."
        )
