"""Four fields of rank two: directions in a plane, where the orthant is a sector.

The orthant probability is the angle that the four half-planes leave over 2 pi. The probability of two fields given that
the other two are zero is 0/0 there (all four are zero), and only its limit under one and the same small disturbance
of the covariance makes the moments of :mod:`._relu_moments` right. The disturbance is ``C_xx -> C_xx (1 + delta)``: to
first order in delta the 3 x 3 minors are sums of 2 x 2 minors, so the limit is free of cancellation.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.theory._products import difference_of_products

_INV_2PI = 1.0 / (2.0 * math.pi)


@njit(cache=True, error_model="numpy", nogil=True)
def _sector(C, d):
    theta = np.empty((4, 4))
    first, last = 0, 1
    for x in range(4):
        for y in range(4):
            theta[x, y] = 0.0 if x == y else math.atan2(math.sqrt(d[x, y]), C[x, y])
            if theta[x, y] > theta[first, last]:
                first, last = x, y
    # The directions fit into a half-plane if all of them lie between the two that are furthest apart.
    for x in range(4):
        if theta[first, x] + theta[x, last] > theta[first, last] + 1e-6:
            return 0.0
    return 0.5 - theta[first, last] * _INV_2PI


@njit(cache=True, error_model="numpy", nogil=True)
def _pair(C, d, y, z, b, c):
    """Limit of P(y, z > 0 | b = c = 0)."""
    given_b = difference_of_products(C[b, b], C[y, z], C[b, y], C[b, z])
    given_c = difference_of_products(C[c, c], C[y, z], C[c, y], C[c, z])
    mixed = C[b, b] * given_c + C[c, c] * given_b
    of_y = C[b, b] * d[c, y] + C[c, c] * d[b, y] + C[y, y] * d[b, c]
    of_z = C[b, b] * d[c, z] + C[c, c] * d[b, z] + C[z, z] * d[b, c]
    scale = math.sqrt(of_y * of_z)
    return 0.25 + math.asin(max(-1.0, min(1.0, mixed / scale))) * _INV_2PI if scale > 0.0 else 0.25


@njit(cache=True, error_model="numpy", nogil=True)
def planar_anatomy(C):
    """What :func:`practicum.theory._orthant.anatomy` returns."""
    d = np.empty((4, 4))
    for x in range(4):
        for y in range(4):
            d[x, y] = max(difference_of_products(C[x, x], C[y, y], C[x, y], C[x, y]), 0.0)
    return (
        _sector(C, d),
        _pair(C, d, 0, 1, 2, 3),
        _pair(C, d, 0, 2, 1, 3),
        _pair(C, d, 0, 3, 1, 2),
        _pair(C, d, 1, 2, 0, 3),
        _pair(C, d, 1, 3, 0, 2),
        _pair(C, d, 2, 3, 0, 1),
    )
