"""Kernels of nodes and edges from one table of scalar products, which streams over the data. NumPy only."""

from __future__ import annotations

from typing import Literal

import numpy as np

Similarity = Literal["gaussian", "linear"]


def weighted(weights: np.ndarray, products: np.ndarray) -> np.ndarray:
    """``w_i w_j G_ij``: scalar products of the weighted inputs ``w_i x_i`` of one unit, from those of the inputs.

    Main arguments:
        weights: w of the unit, shape (n,).
        products: ``G = X^T X`` over all samples, shape (n, n), the same for all units.
    """
    result = weights[:, None] * products
    result *= weights
    return result


def similarities(products: np.ndarray, samples: int, similarity: Similarity, bandwidth: float | None) -> np.ndarray:
    """The kernel L of signals a_i over P samples, without jitter.

    "gaussian" is ``exp(-b |a_i - a_j|^2)``, with 1 on the diagonal: items are all equally good, and those that do the
    same are similar. "linear" is ``a_i . a_j``, divided by the mean of its diagonal: strong items are better.

    Main arguments:
        products: ``a_i . a_j``, shape (n, n).
        samples: P.
        similarity: "gaussian" or "linear".
        bandwidth: b; 10 / P if None, so that the exponent is ten times the mean squared difference.

    Source: ``|a_i - a_j|^2 = G_ii + G_jj - 2 G_ij``; the Gaussian kernel and b are those of Mariet & Sra (2016).
    """
    squares = products.diagonal()
    if similarity == "linear":
        mean = squares.mean()
        return products / mean if mean > 0 else products.copy()
    result = products * -2.0
    result += squares[:, None]
    result += squares
    # Where two signals are equal the three terms cancel up to rounding, which must not make a distance negative.
    np.maximum(result, 0.0, out=result)
    result *= -(10.0 / samples if bandwidth is None else bandwidth)
    np.exp(result, out=result)
    np.fill_diagonal(result, 1.0)
    return result
