"""Random numbers of the starts: those of a row depend on the seed and the row's place alone.

Rows are attacked in parts that fit into memory, whose size depends on the networks and on the number of radii; and a
search that has succeeded draws no more. Neither may change where the others start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from practicum.networks.randomness import generator

_ROWS, _ENTRIES = 256, 2**20
"""Rows that share a generator, and numbers that they have at most."""

Rngs = Callable[..., Sequence[Any]]
"""``rngs(restart, ...)``: generators of NumPy or :class:`Rows`, one for all seeds, or one a seed."""


class Rows:
    """A generator of some rows out of many.

    Main arguments:
        seed: whole number >= 0.
        key: of the start: the number of the restart, or of several things.
        first: place of the first row.
    """

    def __init__(self, seed: int, key: tuple[int, ...], first: int) -> None:
        self.seed, self.key, self.first, self.calls = seed, key, first, 0

    def standard_normal(self, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
        """Normal numbers (rows, ...)."""
        return self._drawn("standard_normal", shape, dtype)

    def random(self, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
        """Uniform numbers (rows, ...) from 0 to 1."""
        return self._drawn("random", shape, dtype)

    def _drawn(self, law: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """What the generators of the blocks that the rows lie in draw for them."""
        rows, entries = shape[0], shape[1:]
        size = max(1, min(_ROWS, _ENTRIES // math.prod(entries)))
        found, row = [], self.first
        while row < self.first + rows:
            block, skipped = divmod(row, size)
            count = min(size, skipped + self.first + rows - row)
            rng = generator(self.seed, "attack", *self.key, self.calls, block)
            found.append(getattr(rng, law)((count, *entries), dtype=dtype)[skipped:])
            row += count - skipped
        self.calls += 1
        return found[0] if len(found) == 1 else np.concatenate(found)
