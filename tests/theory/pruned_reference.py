"""Referees of the theory of pruned students, written to be read: every subset by itself, every weight drawn.

No line is shared with the package; the two-node integrals are those of :mod:`readable`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np

from practicum import OrderParameters
from theory.readable import INTEGRALS, generalization_error, joint


def a_student(K=4, M=3, seed=0, dimension=None, spread=1.0):
    """Random weights in few dimensions: students that overlap with each other and with all teachers."""
    rng = np.random.default_rng(seed)
    d = dimension or K + M + 1
    J, B = spread * rng.standard_normal((K, d)) / 2, rng.standard_normal((M, d)) / 2
    return OrderParameters.from_weights(J, B, rng.uniform(-1.5, 1.5, K), rng.uniform(-1.5, 1.5, M))


def of_subset(o, S, activation, v=None):
    S = list(S)
    fan = (o.v if v is None else np.asarray(v))[S]
    return generalization_error(o.Q[np.ix_(S, S)], o.R[S], o.T, fan, o.v_star, activation)


def output_overlaps(o, activation):
    """``<g g^T>``, ``<g t>`` and ``<t^2>``."""
    i2, C, K = INTEGRALS[activation][0], joint(o.Q, o.R, o.T), o.students
    G = np.array([[i2(C, a, b) for b in range(len(C))] for a in range(len(C))])
    return G[:K, :K], G[:K, K:] @ o.v_star, float(o.v_star @ G[K:, K:] @ o.v_star)


def subsets(K, k):
    return list(combinations(range(K), k))


def determinant(rows):
    """Exact, of fractions."""
    rows, total = [list(row) for row in rows], Fraction(1)
    for n in range(len(rows)):
        pivot = next((m for m in range(n, len(rows)) if rows[m][n]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != n:
            rows[n], rows[pivot], total = rows[pivot], rows[n], -total
        total *= rows[n][n]
        for m in range(n + 1, len(rows)):
            factor = rows[m][n] / rows[n][n]
            rows[m] = [a - factor * b for a, b in zip(rows[m], rows[n])]
    return total


def kdpp_law(L, k, epsilon=0):
    """P(S) of all subsets of k: floats for a kernel of floats, exact for integers and a fraction epsilon."""
    exact = isinstance(epsilon, Fraction)
    K = len(L)
    if exact:
        rows = [[Fraction(int(L[i][j])) + epsilon * (i == j) for j in range(K)] for i in range(K)]
        minors = [determinant([[rows[i][j] for j in S] for i in S]) for S in subsets(K, k)]
    else:
        L = np.asarray(L) + epsilon * np.eye(K)
        minors = [np.linalg.det(L[np.ix_(S, S)]) for S in subsets(K, k)]
    return np.array([float(m / sum(minors)) for m in minors])


def inclusion(law, K, k):
    """First and second order by counting."""
    masks = np.array([[i in S for i in range(K)] for S in subsets(K, k)], dtype=float)
    return law @ masks, np.einsum("s,si,sj->ij", law, masks, masks)


# ---- weights ---------------------------------------------------------------------------------------------------------


def weights_of(C, N, rng):
    """Gaussian weights with exactly the overlaps C (rows), which may be singular."""
    X = rng.standard_normal((len(C), N))
    values, vectors = np.linalg.eigh(X @ X.T)
    X = vectors @ np.diag(values**-0.5) @ vectors.T @ X
    values, vectors = np.linalg.eigh(C)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T @ X


def kept_weights(J, p, selector, rng):
    """The student after pruning: exactly round(p N) weights of every node stay."""
    e = round(p * J.shape[1])
    out = np.zeros_like(J)
    for i, w in enumerate(J):
        if selector == "magnitude":
            S = np.argsort(-np.abs(w))[:e]
        elif selector == "dpp":
            S = conditional_poisson(w**2, e, rng)
        else:
            S = rng.permutation(len(w))[:e]
        out[i, S] = w[S] / p if selector == "rescaled" else w[S]
    return out


def conditional_poisson(odds, e, rng):
    """A k-DPP of a diagonal kernel: independent coins of these odds, tossed until e of them show heads."""
    low, high = np.log(1e-9 / odds.max()), np.log(1e9 / odds[odds > 0].min())
    for _ in range(60):  # any common factor is right; one that gives e heads on average is quick
        middle = 0.5 * (low + high)
        chances = odds / (math.exp(-middle) + odds)
        low, high = (middle, high) if chances.sum() < e else (low, middle)
    while True:
        heads = rng.random(len(odds)) < chances
        if heads.sum() == e:
            return np.flatnonzero(heads)


def z_score(samples, value):
    return (np.mean(samples) - value) / (np.std(samples, ddof=1) / math.sqrt(len(samples)))
