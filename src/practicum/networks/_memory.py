"""How much the weights of networks take, asked before they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from practicum.memory import require

_BYTES = 20
"""Of a weight: in a list of seeds and in an array of all, in float64, and as it is kept."""


def check_weights(sizes: Sequence[int], seeds: int) -> None:
    """One sentence if perceptrons of the sizes (d, n_1, ..., C), one a seed, need more memory than there is.

    Raises:
        ParameterError: see :func:`practicum.memory.require`.
    """
    inputs, *layers, outputs = sizes

    def estimate(seeds: int, inputs: int, hidden: int, outputs: int) -> int:
        widths = (inputs, *(min(width, hidden) for width in layers), outputs)
        return _BYTES * seeds * sum(above * (below + 1) for below, above in pairwise(widths))

    # The widest hidden layer bounds all others.
    require("A set of networks", estimate, seeds=seeds, inputs=inputs, hidden=max(layers), outputs=outputs)
