"""Elementary symmetric polynomials whose numbers no double can hold."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.pruning.dpp._checks import nonnegative
from practicum.values import whole


def log_elementary(values: ArrayLike, k: int | None = None) -> np.ndarray:
    """``log e_m(values)`` for m = 0, ..., k, with e_m the sum over subsets of size m of the products of their values.

    e_k of the eigenvalues is the normalisation of a k-DPP. With 784 eigenvalues it reaches 1e600 and more, so each
    e_m is held as a mantissa and an exponent. All terms are positive: e_m is exact to about n roundings.

    Main arguments:
        values: numbers >= 0, shape (n,).
        k: the highest order, 0 <= k <= n; n if not given.

    Returns:
        Logarithms, shape (k + 1,); -inf where fewer than m values are positive.

    Raises:
        ParameterError: a value is negative or not finite, or k is out of range.

    Source: the recursion of Kulesza & Taskar (2012), algorithm 7.
    """
    from practicum.pruning.dpp._elementary import multiply_out

    what = "log_elementary"
    array = nonnegative(what, "values", values)
    k = len(array) if k is None else whole("k", k, 0)
    if k > len(array):
        raise ParameterError(
            f"The 'k' parameter of {what} must be <= {len(array)}, the number of values, because no subset is larger. "
            f"Got {k} instead."
        )
    mantissas, exponents = np.zeros(k + 1), np.zeros(k + 1, np.int64)
    multiply_out(array, mantissas, exponents)
    with np.errstate(divide="ignore"):
        return np.log(mantissas) + exponents * math.log(2.0)
