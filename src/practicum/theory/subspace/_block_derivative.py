"""The right-hand side of the flow on block-isotropic inputs, compiled.

Inputs have variance 1 on a share phi of the dimensions and ``s^2`` on the rest. With overlaps C_U inside and C_V
outside, the fields have the covariance ``C = C_U + s^2 C_V``, and the part of a field that comes from a block is
correlated with all fields by ``X = C_U``, or ``X = s^2 C_V``. The integral I3 is linear in its two covariances with the
field that enters linearly, so the moment ``<delta_i f^X_a>`` is I3 with X in their places::

    erf     (2/pi) v_i sum_w s_w [X_aw (1 + beta C_ii) - beta X_ai C_iw] / ((1 + beta C_ii) sqrt(a + C_ww + beta minor))
    ReLU    v_i sum_w s_w [X_ai S_iw / (2 pi C_ii) + X_aw (1/4 + A_iw / (2 pi))]
    linear  v_i sum_w s_w X_aw

    dR^X/dalpha = eta <delta f^X> - kappa R^X
    dQ^X/dalpha = eta (<delta f^X> + transposed) + eta^2 / B (D2 + sigma^2 N2) (phi inside, s^2 (1 - phi) outside)
                  - 2 kappa Q^X

The diffusion D2 + sigma^2 N2 and the second layer know C alone: they are those of the ordinary flow,
:func:`practicum.theory._derivative.derivative` with its drift switched off.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.theory._derivative import derivative, make_problem, make_work, pack
from practicum.theory._products import difference_of_products
from practicum.theory._relu_moments import root_minor
from practicum.theory.subspace.blocks import Blocks

_INV_2PI = 1.0 / (2.0 * math.pi)


@njit(cache=True, error_model="numpy", nogil=True)
def _erf_drift(C, X, s, K, beta, D1):
    F = s.size
    for i in range(K):
        a = 1.0 + beta * C[i, i]
        for f in range(F):
            D1[i, f] = 0.0
        for w in range(F):
            minor = max(difference_of_products(C[i, i], C[w, w], C[i, w], C[i, w]), 0.0)
            scale = -s[i] * s[w] * (2.0 / math.pi) / (a * math.sqrt(a + C[w, w] + beta * minor))
            for f in range(F):
                D1[i, f] += scale * (X[f, w] + beta * difference_of_products(C[i, i], X[f, w], X[f, i], C[i, w]))


@njit(cache=True, error_model="numpy", nogil=True)
def _relu_drift(C, X, s, K, D1):
    F = s.size
    for i in range(K):
        for f in range(F):
            D1[i, f] = 0.0
        for w in range(F):
            root, angle = root_minor(C, i, w)
            along = root * _INV_2PI / C[i, i] if root > 0.0 else 0.0
            for f in range(F):
                D1[i, f] -= s[i] * s[w] * (X[f, i] * along + X[f, w] * (0.25 + angle * _INV_2PI))


@njit(cache=True, error_model="numpy", nogil=True)
def _linear_drift(X, s, K, D1):
    F = s.size
    for i in range(K):
        for f in range(F):
            D1[i, f] = 0.0
            for w in range(F):
                D1[i, f] -= s[i] * s[w] * X[f, w]


@njit(cache=True, error_model="numpy", nogil=True)
def _place(y, first, X, square, K, M):
    """Fill the student part of X = square times the overlaps that stand in y from `first` on."""
    n = first
    for i in range(K):
        for k in range(i, K):
            X[i, k] = square * y[n]
            X[k, i] = X[i, k]
            n += 1
    for i in range(K):
        for m in range(K, K + M):
            X[i, m] = square * y[n]
            X[m, i] = X[i, m]
            n += 1


@njit(cache=True, error_model="numpy", nogil=True)
def block_derivative(y, dy, kind, problem, shares, work):
    """dy = d y / d alpha for the packed state (Q, R inside; Q, R outside; v).

    `kind` is one of ``practicum.theory._derivative.KINDS``; the rest comes from :func:`make_blocks`.
    """
    K, M, activation, beta = problem[0], problem[1], problem[2], problem[4]
    eta, kappa, square, weights = shares
    parts, D1, total, spread, ordinary = work
    n = K * (K + 1) // 2 + K * M
    _place(y, 0, parts[0], 1.0, K, M)
    _place(y, n, parts[1], square, K, M)
    for c in range(n):
        total[c] = y[c] + square * y[n + c]
    for i in range(K):
        total[n + i] = y[2 * n + i]
    derivative(total, spread, kind, problem, ordinary)
    C, s = ordinary[0], ordinary[1]
    for b in range(2):
        if activation == 0:
            _erf_drift(C, parts[b], s, K, beta, D1)
        elif activation == 1:
            _relu_drift(C, parts[b], s, K, D1)
        else:
            _linear_drift(parts[b], s, K, D1)
        at, c = b * n, 0
        for i in range(K):
            for k in range(i, K):
                dy[at + c] = eta * (D1[i, k] + D1[k, i]) + weights[b] * spread[c] - 2.0 * kappa * y[at + c]
                c += 1
        for i in range(K):
            for m in range(K, K + M):
                dy[at + c] = eta * D1[i, m] - kappa * y[at + c]
                c += 1
    for i in range(K):
        dy[2 * n + i] = spread[n + i]


def make_blocks(blocks: Blocks, activation: int, rule, noise: float, share: float, scale: float) -> tuple:
    """What :func:`block_derivative` takes after `kind`: the problem without drift, the numbers of the blocks, work."""
    K, M, square = blocks.inside.students, blocks.inside.teachers, scale * scale
    problem = make_problem(K, M, activation, rule, noise)
    eta, second, kappa = problem[3], problem[5], problem[6]
    # Neither drift nor decay, and the diffusion by itself: what is left of the ordinary flow is common to both blocks.
    common = (*problem[:3], 0.0, problem[4], 1.0, 0.0, *problem[7:])
    start = blocks.seen(scale)
    parts = np.stack([blocks.inside.covariance, square * blocks.outside.covariance])
    work = parts, np.empty((K, K + M)), np.empty(len(pack(start))), np.empty(len(pack(start))), make_work(start)
    weights = np.array([second * share, second * square * (1.0 - share)])
    return common, (eta, kappa, square, weights), work


def pack_blocks(blocks: Blocks) -> np.ndarray:
    """The packed state of a pair of overlaps."""
    inside, outside = (pack(part) for part in blocks)
    K = blocks.inside.students
    return np.concatenate([inside[:-K], outside[:-K], inside[-K:]])
