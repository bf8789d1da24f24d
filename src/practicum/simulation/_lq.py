"""Lower-triangular factors that follow a moving Gram matrix without ever inverting anything.

Factors are stored transposed (``columns[j]`` is column j of L), so that a rotation of two columns runs over
contiguous memory.
"""

from __future__ import annotations

import math

from numba import njit

from practicum.simulation._compiled import kernel


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def rank_one_lq(K, factors, b, push, z, at, chi, norms):
    """Replace L by the lower-triangular LQ factor of the K x (K+1) matrix ``[L + push z^T | push chi]``.

    The columns of L are ``factors[b]`` (K + 1 rows, the last one is work space) and z stands in ``z[at : at + K]``;
    ``norms`` (K + 1 entries) is work space, ``chi >= 0``. Two sweeps of Givens
    rotations, O(K^2): the first turns the row vector (z, chi) onto the first axis, which leaves L with one
    superdiagonal, the second removes that.
    """
    total = chi * chi
    norms[K] = chi
    for j in range(K - 1, -1, -1):
        total += z[at + j] * z[at + j]
        norms[j] = math.sqrt(total)
    for i in range(K):
        factors[b, K, i] = 0.0
    for j in range(K - 1, -1, -1):
        if norms[j] > 0.0:
            inverse = 1.0 / norms[j]
            c, s = z[at + j] * inverse, norms[j + 1] * inverse
        else:
            c, s = 1.0, 0.0
        for i in range(j, K):
            left, right = factors[b, j, i], factors[b, j + 1, i]
            factors[b, j, i] = c * left + s * right
            factors[b, j + 1, i] = c * right - s * left
    for i in range(K):
        factors[b, 0, i] += push[i] * norms[0]
    for j in range(K):
        x, y = factors[b, j, j], factors[b, j + 1, j]
        total = x * x + y * y
        if total > 0.0:
            inverse = 1.0 / math.sqrt(total)
            c, s = x * inverse, y * inverse
            for i in range(j, K):
                left, right = factors[b, j, i], factors[b, j + 1, i]
                factors[b, j, i] = c * left + s * right
                factors[b, j + 1, i] = c * right - s * left


@kernel
def lq_in_place(columns, K, n):
    """Lower-triangular LQ factor of a K x n matrix held by its first n columns, n >= K; Givens rotations, O(K^2 n)."""
    for row in range(K):
        for j in range(row + 1, n):
            y = columns[j, row]
            if y != 0.0:
                x = columns[row, row]
                inverse = 1.0 / math.sqrt(x * x + y * y)
                c, s = x * inverse, y * inverse
                for i in range(row, K):
                    left, right = columns[row, i], columns[j, i]
                    columns[row, i] = c * left + s * right
                    columns[j, i] = c * right - s * left


@kernel
def semidefinite_cholesky(gram, columns):
    """Columns of a lower-triangular factor of a positive semidefinite matrix; a vanished pivot leaves a zero column."""
    K = gram.shape[0]
    for j in range(K):
        pivot = gram[j, j]
        for m in range(j):
            pivot -= columns[m, j] * columns[m, j]
        for i in range(K):
            columns[j, i] = 0.0
        if pivot > 1e-14 * gram[j, j] and pivot > 0.0:
            root = math.sqrt(pivot)
            columns[j, j] = root
            for i in range(j + 1, K):
                value = gram[i, j]
                for m in range(j):
                    value -= columns[m, i] * columns[m, j]
                columns[j, i] = value / root
