"""Where a training stands: plain arrays and numbers, from which it goes on bitwise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class State:
    """All that a training needs to go on, at the end of an epoch.

    Random numbers are not among it: they are drawn anew from seed and epoch.

    Main arguments:
        epoch: epochs done.
        step: updates done.
        seeds: of the students, (S,).
        weights: the students' ``state_dict``.
        optimizer: what the optimizer remembers, by name.
        history: what was observed so far; arrays whose first axis is the step.
        dimensions: of each array in `history`, after the step.
        training_loss: of the epoch just done, (S,).
        diverged_at: the update after which a seed was found diverged, -1 if it was not, (S,).
    """

    epoch: int
    step: int
    seeds: np.ndarray
    weights: dict[str, np.ndarray]
    optimizer: dict[str, np.ndarray]
    history: dict[str, np.ndarray]
    dimensions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    training_loss: np.ndarray = field(default_factory=lambda: np.empty(0))
    diverged_at: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def done(self) -> int:
        """Epochs."""
        return self.epoch

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        return f"{self.epoch} epoch(s)"
