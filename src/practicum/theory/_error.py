"""The generalization error as a function of the order parameters, compiled.

``epsilon_g = 1/2 <(sum_n v*_n g(rho_n) - sum_i v_i g(h_i))^2> = 1/2 sum_wz s_w s_z I2(w, z)`` with
``s = (-v, v*)`` over the fields ``(h, rho)``. Noise of the teacher's output is not part of it.
Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), eq. (5), for any fan-out and three activations.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.theory._products import difference_of_products
from practicum.theory._vector import asin

ERF, RELU, LINEAR = 0, 1, 2
CODES = {"erf": ERF, "relu": RELU, "linear": LINEAR}


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract"})
def _erf_error(C, s):
    F = s.size
    r = np.empty(F)
    for w in range(F):
        r[w] = 1.0 / math.sqrt(1.0 + C[w, w])
    total = 0.0
    for w in range(F):
        row = 0.0
        for z in range(w):
            row += s[z] * asin(C[w, z] * r[w] * r[z])
        total += 2.0 * s[w] * row + s[w] * s[w] * asin(C[w, w] * r[w] * r[w])
    # A perfect student is left with rounding, of either sign; an error is not negative.
    return max(total, 0.0) / math.pi


@njit(cache=True, error_model="numpy", nogil=True)
def _relu_error(C, s):
    F = s.size
    total = 0.0
    for w in range(F):
        for z in range(F):
            det = math.sqrt(max(difference_of_products(C[w, w], C[z, z], C[w, z], C[w, z]), 0.0))
            theta = math.atan2(det, C[w, z])
            total += s[w] * s[z] * (det + (math.pi - theta) * C[w, z])
    return max(total, 0.0) / (4.0 * math.pi)


@njit(cache=True, error_model="numpy", nogil=True)
def covariance_error(C, s, activation):
    """epsilon_g from the covariance C of all fields and their signed fan-outs s = (-v, v*)."""
    if activation == 0:
        return _erf_error(C, s)
    if activation == 1:
        return _relu_error(C, s)
    total = 0.0
    for w in range(s.size):
        for z in range(s.size):
            total += s[w] * s[z] * C[w, z]
    return 0.5 * max(total, 0.0)


@njit(cache=True, error_model="numpy", nogil=True)
def generalization_error(Q, R, T, v, v_star, activation):
    """epsilon_g from the order parameters; `activation` is one of the codes ERF, RELU, LINEAR."""
    K, M = R.shape
    C = np.empty((K + M, K + M))
    s = np.empty(K + M)
    for i in range(K):
        s[i] = -v[i]
        for k in range(K):
            C[i, k] = Q[i, k]
        for n in range(M):
            C[i, K + n] = R[i, n]
            C[K + n, i] = R[i, n]
    for n in range(M):
        s[K + n] = v_star[n]
        for m in range(M):
            C[K + n, K + m] = T[n, m]
    return covariance_error(C, s, activation)
