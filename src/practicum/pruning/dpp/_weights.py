"""How many and which of some independent choices: exactly k of n, with probability proportional to a product of odds.

The eigenvectors of a k-DPP are chosen by this law, and so are the items of conditional-Poisson sampling. It does not
change when all odds are multiplied by the same c. With the c that makes k the mean of independent choices
(:func:`tilt`), k is their most probable number, and all that is needed are probabilities of numbers: sums of positive
terms, none of which overflows, and what underflows had no chance.
"""

from __future__ import annotations

import numpy as np

from practicum.pruning.dpp._compiled import kernel, loop


def tilt(odds: np.ndarray, size: float) -> float:
    """log c, such that independent choices of odds ``c odds`` are `size` on average; 0 < size < n, odds > 0."""
    from scipy.optimize import brentq
    from scipy.special import expit, logit

    logs = np.log(odds)
    middle = float(logit(size / len(odds)))

    def excess(x: float) -> float:
        return float(expit(x + logs).sum()) - size

    # Were all odds the largest, or the smallest, this c would be exact; the margin is for rounding.
    low, high = middle - logs.max() - 1.0, middle - logs.min() + 1.0
    return float(brentq(excess, low, high, xtol=1e-15, rtol=1e-15))  # type: ignore[arg-type]


def chances(odds: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(p, q = 1 - p) of the independent choices whose law, given that they are k, is wanted; q without cancellation."""
    from scipy.special import expit

    if k == len(odds):
        return np.ones(k), np.zeros(k)
    logs = np.log(odds) + tilt(odds, k)
    return expit(logs), expit(-logs)


def table(p: np.ndarray, q: np.ndarray, k: int) -> np.ndarray:
    """``[n, m]``: the probability that m of the choices n, n + 1, ... are taken; shape (n + 1, k + 1)."""
    rest = np.zeros((len(p) + 1, k + 1))
    fill_table(p, q, rest)
    return rest


def marginals(odds: np.ndarray, k: int) -> np.ndarray:
    """The probability that choice n is among the k, ``odds_n e_{k-1}(odds without n) / e_k(odds)``; shape (n,)."""
    p, q = chances(odds, k)
    out = np.empty(len(p))
    fill_marginals(p, q, table(p, q, k), np.empty(k + 1), out)
    return out


def pair_marginals(odds: np.ndarray, k: int) -> np.ndarray:
    """The probability that both n and m are among the k; shape (n, n), 0 on the diagonal. O(n^2 k)."""
    p, q = chances(odds, k)
    out = np.zeros((len(p), len(p)))
    fill_pair_marginals(p, q, table(p, q, k), np.empty(k + 1), np.empty(k + 1), out)
    return out


@kernel
def fill_table(p, q, rest):
    count, k = p.size, rest.shape[1] - 1
    rest[count, 0] = 1.0
    for n in range(count - 1, -1, -1):
        rest[n, 0] = q[n] * rest[n + 1, 0]
        for m in range(1, min(k, count - n) + 1):
            rest[n, m] = q[n] * rest[n + 1, m] + p[n] * rest[n + 1, m - 1]


@kernel
def include(before, p, q):
    """One more choice: `before` holds the probabilities of how many were taken."""
    for m in range(before.size - 1, 0, -1):
        before[m] = q * before[m] + p * before[m - 1]
    before[0] *= q


@loop
def fill_marginals(p, q, rest, before, out):
    k = before.size - 1
    before[:] = 0.0
    before[0] = 1.0
    for n in range(p.size):
        others = 0.0
        for m in range(k):
            others += before[m] * rest[n + 1, k - 1 - m]
        out[n] = p[n] * others / rest[0, k]
        include(before, p[n], q[n])


@loop
def fill_pair_marginals(p, q, rest, before, between, out):
    k = before.size - 1
    before[:] = 0.0
    before[0] = 1.0
    for n in range(p.size):
        for taken in range(k + 1):
            between[taken] = before[taken]
        for m in range(n + 1, p.size):
            others = 0.0
            for taken in range(k - 1):
                others += between[taken] * rest[m + 1, k - 2 - taken]
            out[n, m] = out[m, n] = p[n] * p[m] * others / rest[0, k]
            include(between, p[m], q[m])
        include(before, p[n], q[n])


@kernel
def choose(p, rest, uniforms, chosen):
    """Exactly k choices for each row of uniforms, one after the other by the probability that the others fill up."""
    for draw in range(chosen.shape[0]):
        left = rest.shape[1] - 1
        for n in range(p.size):
            if left == 0:
                break
            if uniforms[draw, n] * rest[n, left] < p[n] * rest[n + 1, left - 1]:
                chosen[draw, n] = True
                left -= 1
