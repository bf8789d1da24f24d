"""The most probable subset, item by item."""

from __future__ import annotations

import numpy as np

from practicum.errors import ParameterError
from practicum.pruning.dpp._checks import beyond, size
from practicum.pruning.dpp.kernel import Kernel

_EQUAL = 1000
"""Roundings of its diagonal entry by which the residuals of two equal items may differ."""


def greedy_map(kernel: Kernel, k: int) -> np.ndarray:
    """An order of k items: each is the one that, with those before it, makes the largest determinant ``det L_SS``.

    The first m of it are the answer for m, so that one order serves every size. Of items that are equally good to
    rounding the one of the lowest number comes first. The determinant is within a factor (k!)^2 of the largest there is
    (and usually far closer). Needs no eigendecomposition.

    Main arguments:
        kernel: L.
        k: how many items, 1 <= k <= items.

    Returns:
        Item numbers, the best first; shape (k,).

    Raises:
        ParameterError: no item is left that is independent of those before it (k is above the rank), or L is not
            positive semidefinite.

    Cost: O(items k^2).

    Source: Chen, Zhang & Zhou (2018), algorithm 1.
    """
    from practicum.pruning.dpp._pivots import grow

    items = kernel.items
    k = size("greedy_map", k, items, items)
    L = kernel.matrix
    order, residuals = np.empty(k, np.int64), L.diagonal().copy()
    rounding = items * kernel._epsilon
    found = grow(L, rounding, _EQUAL * kernel._epsilon, order, residuals, np.empty((k, items)))
    if (residuals < -100 * rounding * np.abs(L.diagonal())).any() or (L.diagonal() < 0).any():
        raise ParameterError(
            "The 'L' parameter of Kernel must be positive semidefinite, because determinants are weights and must not "
            f"be negative. Got a negative one after {found} items; a Gram matrix B B^T is positive semidefinite."
        )
    if found < k:
        raise ParameterError(beyond("greedy_map", k, found, items))
    return order
