"""Determinantal point processes by enumeration of all subsets, with exact determinants, and kernels to try it on.

A float is a fraction, so that determinants of floats can be computed without any rounding. Knows none of the formulas
of the package: only that a subset has the weight det L_SS.
"""

from fractions import Fraction
from itertools import combinations
from math import lcm

import numpy as np
from scipy import stats

from practicum.pruning import Kernel


def whole_numbers(L):
    """(entries of c L, c), all whole: L as exact fractions over one denominator."""
    fractions = [[Fraction(float(x)) if not isinstance(x, Fraction) else x for x in row] for row in L]
    c = lcm(*(x.denominator for row in fractions for x in row))
    return [[int(x * c) for x in row] for row in fractions], c


def determinant(entries):
    """Of a square matrix of whole numbers, by elimination without fractions (Bareiss)."""
    A = [list(row) for row in entries]
    n, sign, previous = len(A), 1, 1
    for step in range(n - 1):
        pivot = next((i for i in range(step, n) if A[i][step]), None)
        if pivot is None:
            return 0
        if pivot != step:
            A[step], A[pivot], sign = A[pivot], A[step], -sign
        for i in range(step + 1, n):
            for j in range(step + 1, n):
                A[i][j] = (A[i][j] * A[step][step] - A[i][step] * A[step][j]) // previous
        previous = A[step][step]
    return sign * A[-1][-1] if n else 1


def weights(L, k):
    """All subsets of size k, (subsets, k), and their exact determinants."""
    entries, c = whole_numbers(L)
    subsets = list(combinations(range(len(entries)), k))
    dets = [Fraction(determinant([[entries[i][j] for j in S] for i in S]), c**k) for S in subsets]
    return np.array(subsets, dtype=np.int64).reshape(len(subsets), k), dets


def law(L, k):
    """All subsets of size k and their probabilities under the k-DPP."""
    subsets, dets = weights(L, k)
    total = sum(dets)
    return subsets, np.array([float(d / total) for d in dets])


def full_law(L):
    """Masks of all subsets and their probabilities under the DPP."""
    masks, dets = [], []
    for k in range(len(L) + 1):
        subsets, found = weights(L, k)
        for S in subsets:
            mask = np.zeros(len(L), bool)
            mask[S] = True
            masks.append(mask)
        dets += found
    total = sum(dets)
    return np.array(masks), np.array([float(d / total) for d in dets])


def inclusions(subsets, probabilities, items):
    """First and second order by enumeration, (items, items)."""
    masks = np.zeros((len(subsets), items))
    np.put_along_axis(masks, subsets, 1.0, axis=1)
    return (masks.T * probabilities) @ masks


def random_kernel(n, rank=None, seed=0):
    B = np.random.default_rng(seed).standard_normal((n, rank or n))
    return B @ B.T / n


def smooth_kernel(n, width=1.0, dimension=2, seed=0):
    """exp(-|a_i - a_j|^2 / (2 width^2)): its eigenvalues fall faster than any power."""
    a = np.random.default_rng(seed).standard_normal((n, dimension))
    return np.exp(-((a[:, None] - a) ** 2).sum(-1) / (2 * width**2))


def kernels():
    """Name to kernel and matrix (of floats, or of fractions where floats would round): easy and hard ones."""
    rng = np.random.default_rng(3)
    B = np.round(rng.standard_normal((7, 4)) * 64) / 64  # few digits: B B^T is exact in floats
    copies = np.repeat(np.eye(3), [3, 2, 3], axis=0)
    copies = copies @ copies.T
    fine = np.array([1.0, 2.0**-10, 2.0**-20, 2.0**-30, 2.0**-40, 2.0**-50])
    steep = np.round(rng.standard_normal((6, 6)) * 16) / 16 * np.sqrt(fine)
    exact = [[sum(Fraction(x) * Fraction(y) for x, y in zip(a, b)) for b in steep] for a in steep]
    near = np.array([1, 1, 1, 1 + 2.0**-30, 4, 4, 4])
    Q = np.linalg.qr(rng.standard_normal((7, 7)))[0]
    clusters = (Q * near) @ Q.T
    clusters = (clusters + clusters.T) / 2
    odds = np.array([0.5, 3.0, 0.0, 0.01, 7.0, 3.0, 20.0])
    extreme = np.array([0.5, 3.0, 0.0, 1e-100, 7.0, 3.0, 1e100])
    return {
        "random": (Kernel(random_kernel(8)), random_kernel(8)),
        "identity": (Kernel(np.eye(6)), np.eye(6)),
        "clusters of eigenvalues": (Kernel(clusters), clusters),
        "copies": (Kernel(copies, jitter=2.0**-6), copies + 2.0**-6 * np.eye(8)),
        "copies without jitter": (Kernel(copies), copies),
        "low rank": (Kernel(B @ B.T), B @ B.T),
        "low rank, features": (Kernel.from_features(B), B @ B.T),
        "more features than items": (Kernel.from_features(B.T), B.T @ B),
        "features with jitter": (Kernel.from_features(B, jitter=0.25), B @ B.T + 0.25 * np.eye(7)),
        "smooth": (Kernel(smooth_kernel(10, 0.5)), smooth_kernel(10, 0.5)),
        "nearly singular": (Kernel(smooth_kernel(7, 2.0)), smooth_kernel(7, 2.0)),
        "nearly singular, features": (Kernel.from_features(steep), exact),
        "diagonal": (Kernel.from_diagonal(odds), np.diag(odds)),
        "extreme odds": (Kernel.from_diagonal(extreme), np.diag(extreme)),
    }


def chi_square(counts, probabilities, least=5.0):
    """p-value of counts against a law; outcomes expected fewer than `least` times are one bin."""
    counts, expected = np.asarray(counts), np.sum(counts) * np.asarray(probabilities)
    assert counts[expected == 0].sum() == 0, "what is impossible was drawn"
    many = expected >= least
    rest = expected[~many].sum()
    observed, wanted = counts[many], expected[many]
    if rest > 0:
        observed, wanted = np.append(observed, counts[~many].sum()), np.append(wanted, rest)
        if rest < least:  # join the smallest bin
            order = np.argsort(wanted)
            observed = np.append(observed[order[2:]], observed[order[:2]].sum())
            wanted = np.append(wanted[order[2:]], wanted[order[:2]].sum())
    return float(stats.chi2.sf(((observed - wanted) ** 2 / wanted).sum(), len(wanted) - 1))


def count_rows(drawn, known):
    """How often each row of `known` was drawn; every drawn row must be one of them."""
    numbers = {row.tobytes(): place for place, row in enumerate(np.ascontiguousarray(known))}
    rows, counts = np.unique(drawn, axis=0, return_counts=True)
    found = np.zeros(len(known), np.int64)
    for row, count in zip(np.ascontiguousarray(rows), counts):
        found[numbers[row.tobytes()]] += count
    return found
