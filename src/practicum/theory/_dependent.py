"""Four fields that nearly or exactly depend on each other: their orthant probabilities from one factorization.

Near dependence the answers are made of ratios of minors of the covariance that are almost zero. Minors computed one by
one belong to no covariance at all, and their errors would be divided by the smallest of them. Here all of them come
from one pivoted Cholesky factorization, hence from one covariance within rounding of the given one; since moments are
continuous in the covariance, the error is about the unit roundoff over the angle between the closest fields. The rank
decides what exact dependence means: three is a sum of fields that vanishes, two is :mod:`._planar`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.theory._orthoscheme import edge
from practicum.theory._planar import planar_anatomy
from practicum.theory._products import difference_of_products

_INV_2PI = 1.0 / (2.0 * math.pi)
# How far rounding may move an entry of C, relative to the variances; what is smaller counts as zero.
_ROUNDING = 4.0 * 2.0**-53


@njit(cache=True, error_model="numpy", nogil=True)
def _factorize(C, L, T, v):
    """C = L L^T and C^-1 = T^T diag(1 / v) T by pivoted Cholesky elimination; returns the rank and the last field.

    Row k of T says which sum of fields is the part of one field that the earlier ones leave unexplained, v[k] is the
    variance of that part, zero beyond the rank.
    """
    S, todo, last = C.copy(), np.ones(4, np.bool_), 0
    L[:, :] = 0.0
    T[:, :] = 0.0
    v[:] = 0.0
    for k in range(4):
        x = -1
        for y in range(4):
            if todo[y] and (x < 0 or S[y, y] * C[x, x] > S[x, x] * C[y, y]):
                x = y
        last = x
        T[k, x] = 1.0
        for j in range(k):
            for y in range(4):
                T[k, y] -= L[x, j] / math.sqrt(v[j]) * T[j, y]
        if S[x, x] <= _ROUNDING * C[x, x]:
            return k, last
        v[k] = S[x, x]
        root = math.sqrt(v[k])
        for y in range(4):
            if todo[y]:
                L[y, k] = S[x, y] / root
        todo[x] = False
        for y in range(4):
            for z in range(4):
                if todo[y] and todo[z]:
                    S[y, z] = difference_of_products(v[k], S[y, z], S[x, y], S[x, z]) / v[k]
    return 4, last


@njit(cache=True, error_model="numpy", nogil=True)
def _given(L, a, b, c):
    """C_aa C_bc - C_ab C_ac as a product of areas: no difference of large numbers where the fields are parallel."""
    total = 0.0
    for i in range(4):
        for j in range(i + 1, 4):
            total += (L[a, i] * L[b, j] - L[a, j] * L[b, i]) * (L[a, i] * L[c, j] - L[a, j] * L[c, i])
    return total


@njit(cache=True, error_model="numpy", nogil=True)
def singular_anatomy(aa, bb, cc, ee, ab, ac, ae, bc, be, ce, angles):
    """What :func:`practicum.theory._orthant.anatomy` returns, at any distance from dependence."""
    C = np.array(((aa, ab, ac, ae), (ab, bb, bc, be), (ac, bc, cc, ce), (ae, be, ce, ee)))
    L, T, v = np.empty((4, 4)), np.empty((4, 4)), np.empty(4)
    rank, last = _factorize(C, L, T, v)
    if rank < 3:
        return planar_anatomy(C)
    p, signs, adjugate = np.empty((4, 4)), np.ones(4), np.zeros((4, 4))
    for k in range(4):
        others = 1.0
        for j in range(4):
            others *= v[j] if j != k else 1.0
        for y in range(4):
            for z in range(4):
                adjugate[y, z] += others * T[k, y] * T[k, z]
    det = v[0] * v[1] * v[2] * v[3]
    if rank == 3:  # the last row of T is a sum of fields that vanishes
        for y in range(4):
            share = T[3, y] * math.sqrt(C[y, y] / C[last, last])
            signs[y] = 0.0 if abs(share) < 1e-11 else math.copysign(1.0, share)
    for y in range(4):
        for z in range(y + 1, 4):
            if rank == 3:  # y and z determine each other, unless one of them is not in the sum
                p[y, z] = 0.25 - 0.25 * signs[y] * signs[z]
            else:
                b = 0 if y > 0 else (1 if z > 1 else 2)
                c = 6 - y - z - b
                p[y, z] = 0.25 - math.atan2(adjugate[y, z], math.sqrt(det * _given(L, b, c, c))) * _INV_2PI
    edges = _edges(C, L, adjugate, det, signs[3] == 0.0)
    p4 = 0.0625 + angles / (8.0 * math.pi) + edges * _INV_2PI * _INV_2PI
    return p4, p[0, 1], p[0, 2], p[0, 3], p[1, 2], p[1, 3], p[2, 3]


@njit(cache=True, error_model="numpy", nogil=True)
def _edges(C, L, adjugate, det, dependent):
    """The three integrals of :mod:`._orthant`, with field 3 scaled out; dependent: the other three are."""
    total = 0.0
    minor = adjugate[3, 3]
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        dab, dac, dae = _given(L, a, b, b), _given(L, a, c, c), _given(L, a, 3, 3)
        q = _given(L, a, b, c) / math.sqrt(dab * dac)
        xb = _given(L, a, b, 3) / math.sqrt(dab * dae)
        # Of e given a, the part that b leaves unexplained: a bound of what c explains, and of what nothing does.
        rest = C[a, a] * adjugate[c, c] / (dab * dae)
        if not dependent:
            s = math.sqrt(minor * C[a, a] / (dab * dac))
            yb = -math.sqrt(C[a, a] / (minor * dab * dae)) * adjugate[c, 3]
            yb = max(-math.sqrt(rest), min(yb, math.sqrt(rest)))
            left = min(det * C[a, a] / (minor * dae), rest)
        elif q * q > 0.5:  # given a, b and c are multiples of each other, and c explains nothing new
            s, yb, left = 0.0, 0.0, rest
        else:  # a and b, or a and c, are multiples of each other, but what is left of them is not
            s = math.sqrt(1.0 - q * q)
            yb = (_given(L, a, c, 3) / math.sqrt(dac * dae) - q * xb) / s
            left = min(max(1.0 - xb * xb - yb * yb, 0.0), rest)
        norm = math.hypot(q, s)
        total += edge(q / norm, s / norm, xb, yb, left, C[a, 3], math.sqrt(dae))
    return total
