"""How many bytes selecting and reweighting take at their peak, from the sizes that are asked for; in whole numbers.

Compared with measured peaks in ``tests/pruning/test_needs.py``.
"""

from __future__ import annotations

_DOUBLE = 8
_KERNEL = 7
"""Tables of all pairs of items: scalar products, kernel, and the decomposition with its work space."""
_FIT = 3
"""Likewise of a reweighting: the moments, the part of them that stays, and its factor."""
_CHOICE = 700
"""Bytes of a choice besides its masks."""
_DRAWN = 10
"""Bytes of an item while a subset is drawn: its number, a random number, and its place in the mask."""


def choices(draws: int, sizes: int, items: int, units: int, *, signals: bool, workers: int = 1) -> int:
    """Of choices for each of some units of a layer, one kernel for each thread.

    Main arguments:
        draws, sizes: of each size so many choices.
        items: nodes of a layer, or edges into a unit.
        units: 1 for nodes.
        signals: whether the selector compares what items signal.
    """
    masks = draws * sizes * (2 * units * items + _DRAWN * items + _CHOICE)
    return masks + (_DOUBLE * _KERNEL * min(workers, units) * items * items if signals else 0)


def fit(numbers: int) -> int:
    """Of a reweighting of what a layer sees, so many numbers."""
    return _DOUBLE * _FIT * numbers * numbers


def subsets(draws: int, size: int) -> int:
    """Of subsets as item numbers, in parts and as a whole."""
    return 2 * _DOUBLE * draws * size
