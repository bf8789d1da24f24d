"""How much fits into this machine, asked before anything is drawn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise

from practicum.errors import ParameterError

_BYTES = 8
"""Of a number: all are drawn in float64."""


def check_memory(what: str, numbers: int, remedy: str) -> None:
    """One sentence if so many numbers are more than the memory of this machine holds.

    A process that asks for too much is killed without a word on many machines, after minutes of swapping.

    Raises:
        ParameterError: they are. Nothing is said where the system does not tell how much memory there is.
    """
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return
    if _BYTES * numbers > memory:
        raise ParameterError(
            f"{what} would be {_BYTES * numbers / 1e9:.3g} GB of numbers, and this machine has {memory / 1e9:.3g} GB "
            f"of memory; {remedy}."
        )


def check_weights(sizes: Sequence[int], seeds: int) -> None:
    """:func:`check_memory` for perceptrons of the sizes (d, n_1, ..., C), one a seed."""
    count = seeds * sum(above * (below + 1) for below, above in pairwise(sizes))
    what = f"The weights of {seeds} network(s) of sizes {tuple(sizes)}"
    check_memory(what, count, "take narrower layers or fewer seeds")
