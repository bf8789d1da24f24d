"""The paths of a simulation, one a seed, and the threads that fill them; what chain and weights share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import numpy as np

from practicum.values import threads


@dataclass(frozen=True)
class Paths:
    """What a simulation returns before it is labelled: leading axis seed, then the points asked for.

    ``Q`` and ``R`` have shape (seeds, points, blocks, K, K) and (..., K, M): one block for inputs of one variance.
    """

    Q: np.ndarray
    R: np.ndarray
    v: np.ndarray
    generalization_error: np.ndarray
    status: list[str]
    alpha_end: np.ndarray

    @classmethod
    def unreached(cls, seeds: int, points: int, blocks: int, K: int, M: int) -> Paths:
        """Paths of which no point is reached yet: all NaN, to be filled row by row."""
        return cls(
            Q=np.full((seeds, points, blocks, K, K), np.nan),
            R=np.full((seeds, points, blocks, K, M), np.nan),
            v=np.full((seeds, points, K), np.nan),
            generalization_error=np.full((seeds, points), np.nan),
            status=["ok"] * seeds,
            alpha_end=np.zeros(seeds),
        )


def fill_rows(fill: Callable[[int], None], rows: int, workers: int | None, cancelled: Event) -> None:
    """Call ``fill(row)`` for every row in threads; an error or an interrupt sets `cancelled`, which ends the others."""
    with ThreadPoolExecutor(threads(workers)) as pool:
        futures = [pool.submit(fill, row) for row in range(rows)]
        try:
            for future in futures:
                future.result()
        except BaseException:
            cancelled.set()
            raise
