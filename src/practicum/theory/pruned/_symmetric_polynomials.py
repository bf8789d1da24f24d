"""Elementary symmetric polynomials in the logarithm, and what they say of a random set of eigenvectors.

A k-DPP first picks k eigenvectors J with ``P(J) = prod_J lambda / e_k(lambda)``. The probabilities of one and of two
of them being in J need ``e_{k-1}`` and ``e_{k-2}`` of the other eigenvalues. Prefixes and suffixes of the list give
those as sums of positive terms; dividing a factor out of ``e_k`` would cancel.

Source: Kulesza & Taskar, Found. Trends Mach. Learn. 5, 123 (2012), algorithm 7 and section 5.2.3, for the polynomials;
the probabilities in this form: this package.
"""

from __future__ import annotations

import numpy as np


def pick_probabilities(logs: np.ndarray, k: int) -> np.ndarray:
    """P(n in J), shape (..., n), of sets of k out of n values with weights prod exp(logs); k of them are not zero."""
    count = logs.shape[-1]
    if k == 0:
        return np.zeros(logs.shape)
    before = _prefixes(logs, k)
    after = _prefixes(logs[..., ::-1], k)[::-1]
    # Of J without n: j values before n, k - 1 - j after it.
    rest = np.stack([before[n][..., :k] + after[n + 1][..., k - 1 :: -1] for n in range(count)], axis=-2)
    return np.exp(logs + np.logaddexp.reduce(rest, axis=-1) - before[-1][..., k, None])


def pair_probabilities(logs: np.ndarray, k: int, first: np.ndarray) -> np.ndarray:
    """P(n and m in J), shape (..., n, n), zero for n = m; `first` holds P(n in J)."""
    count = logs.shape[-1]
    pairs = np.zeros((*logs.shape, count))
    for n in range(count if k > 1 else 0):
        others = np.delete(np.arange(count), n)
        # Given that n is picked, the rest is such a set again. If n cannot be picked, the rest may be impossible, too.
        with np.errstate(invalid="ignore"):
            given = pick_probabilities(logs[..., others], k - 1)
        pairs[..., n, others] = np.where(first[..., n, None] > 0.0, first[..., n, None] * given, 0.0)
    return 0.5 * (pairs + np.swapaxes(pairs, -1, -2))


def _prefixes(logs: np.ndarray, k: int) -> np.ndarray:
    """log e_j of the first n values, shape (n + 1, ..., k + 1)."""
    count = logs.shape[-1]
    table = np.full((count + 1, *logs.shape[:-1], k + 1), -np.inf)
    table[..., 0] = 0.0
    for n in range(count):
        table[n + 1][..., 1:] = np.logaddexp(table[n][..., 1:], logs[..., n, None] + table[n][..., :-1])
    return table
