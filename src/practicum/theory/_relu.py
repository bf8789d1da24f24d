"""Gaussian integrals of ReLU nodes, g(u) = max(u, 0), g'(u) = 1(u > 0), and their sums in the flow.

Two and three fields are elementary (arc-cosine kernels); I4 of four fields needs the orthant probability of
:mod:`._orthant`. I4 depends on the *set* of fields, so the flow visits each set of at most four fields once and hands
its moments to every pair of students in it: one orthant probability a set, not one a term.

Sources: Cho & Saul, NIPS 22 (2009), eqs. (3-6), for two fields; Saad & Solla, Phys. Rev. E 52, 4225 (1995),
eqs. (7-10), for the sums; four fields: :mod:`._relu_moments`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.theory._orthant import anatomy
from practicum.theory._relu_moments import (
    dependence,
    pair_cross,
    pair_square,
    quadruple_cross,
    root_minor,
    triple_cross,
    triple_square,
)

_INV_2PI = 1.0 / (2.0 * math.pi)


@njit(cache=True, error_model="numpy", nogil=True)
def i2(C, u, v):
    """<g(u) g(v)>."""
    root, angle = root_minor(C, u, v)
    return C[u, v] * (0.25 + angle * _INV_2PI) + root * _INV_2PI


@njit(cache=True, error_model="numpy", nogil=True)
def j2(C, u, v, beta):
    """<g'(u) g'(v)>; beta is not used."""
    return 0.25 + root_minor(C, u, v)[1] * _INV_2PI


@njit(cache=True, error_model="numpy", nogil=True)
def i3(C, u, v, w, beta):
    """<g'(u) v g(w)>; beta is not used."""
    root, angle = root_minor(C, u, w)
    along = C[u, v] * root * _INV_2PI / C[u, u] if root > 0.0 else 0.0
    return along + C[v, w] * (0.25 + angle * _INV_2PI)


@njit(cache=True, error_model="numpy", nogil=True)
def _independent(C, fields, count):
    """Drop repeated, parallel and zero fields from fields[:count].

    Returns the new count, the factor of the dropped ones, and the factor 0 if two fields exclude each other.
    The first of several parallel fields stays.
    """
    kept, factor = 0, 1.0
    for n in range(count):
        x = fields[n]
        repeated = False
        for m in range(n):
            repeated = repeated or fields[m] == x
        if repeated:
            continue
        if C[x, x] <= 0.0:
            factor *= 0.5
            continue
        for m in range(kept):
            sign = dependence(C, fields[m], x)
            if sign < 0:
                return 0, 0.0
            repeated = repeated or sign > 0
        if not repeated:
            fields[kept] = x
            kept += 1
    return kept, factor


@njit(cache=True, error_model="numpy", nogil=True)
def _tables(C, fields, count):
    """C, S and A of the given fields."""
    c, S, A = np.empty((count, count)), np.empty((count, count)), np.empty((count, count))
    for m in range(count):
        for n in range(count):
            c[m, n] = C[fields[m], fields[n]]
            S[m, n], A[m, n] = root_minor(C, fields[m], fields[n])
    return c, S, A


@njit(cache=True, error_model="numpy", nogil=True)
def _anatomy(C, A, a, b, c, e):
    angles = A[a, b] + A[a, c] + A[a, e] + A[b, c] + A[b, e] + A[c, e]
    return anatomy(
        C[a, a], C[b, b], C[c, c], C[e, e], C[a, b], C[a, c], C[a, e], C[b, c], C[b, e], C[c, e], angles
    )  # fmt: skip


@njit(cache=True, error_model="numpy", nogil=True)
def orthant(C, u, v, w, z):
    """P(u, v, w, z > 0), any of them equal or dependent."""
    fields = np.array((u, v, w, z))
    count, factor = _independent(C, fields, 4)
    if factor == 0.0:
        return 0.0
    c, _, A = _tables(C, fields, count)
    if count == 4:
        return factor * _anatomy(c, A, 0, 1, 2, 3)[0]
    if count == 3:
        return factor * (0.125 + (A[0, 1] + A[0, 2] + A[1, 2]) * 0.5 * _INV_2PI)
    if count == 2:
        return factor * (0.25 + A[0, 1] * _INV_2PI)
    return factor * (0.5 if count == 1 else 1.0)


@njit(cache=True, error_model="numpy", nogil=True)
def i4(C, u, v, w, z, beta):
    """<g'(u) g'(v) g(w) g(z)>; beta is not used."""
    if C[w, w] <= 0.0 or C[z, z] <= 0.0:
        return 0.0
    fields = np.array((w, z, u, v))
    count, factor = _independent(C, fields, 4)
    if factor == 0.0:
        return 0.0
    c, S, A = _tables(C, fields, count)
    if count > 1 and fields[1] == z:
        if count == 2:
            return factor * pair_cross(c, S, A, 0, 1)
        if count == 3:
            return factor * triple_cross(c, S, A, 0, 1, 2)
        p4, p_wz, p_wi, p_wk, p_zi, p_zk, p_ik = _anatomy(c, A, 0, 1, 2, 3)
        return factor * quadruple_cross(c, S, 0, 1, 2, 3, p4, p_wz, p_wi, p_wk, p_zi, p_zk, p_ik)
    factor *= C[w, z] / C[w, w]  # z is a multiple of w, or w itself
    if count == 1:
        return factor * 0.5 * c[0, 0]
    if count == 2:
        return factor * pair_square(c, S, A, 0, 1)
    return factor * triple_square(c, S, A, 0, 1, 2)


@njit(cache=True, error_model="numpy", nogil=True)
def _first_moments(C, S, A, s, v, K, D1):
    F = s.size
    for i in range(K):
        along = 0.0
        for w in range(F):
            along += s[w] * S[i, w]
        along *= _INV_2PI / C[i, i] if C[i, i] > 0.0 else 0.0
        for a in range(F):
            total = C[i, a] * along
            for w in range(F):
                total += s[w] * C[a, w] * (0.25 + A[i, w] * _INV_2PI)
            D1[i, a] = v[i] * total


@njit(cache=True, error_model="numpy", nogil=True)
def _add_pair(C, S, A, apart, s, K, i, k, D2):
    """Terms of D2 over exactly the fields i < k, i a student."""
    if apart[i, k]:
        cross, square_i, square_k = pair_cross(C, S, A, i, k), pair_square(C, S, A, i, k), pair_square(C, S, A, k, i)
    else:
        cross, square_i, square_k = i4(C, i, k, i, k, 1.0), i4(C, k, k, i, i, 1.0), i4(C, i, i, k, k, 1.0)
    cross *= 2.0 * s[i] * s[k]
    D2[i, i] += s[k] * s[k] * square_k + cross
    if k < K:
        D2[k, k] += s[i] * s[i] * square_i + cross
        D2[i, k] += s[i] * s[i] * square_i + s[k] * s[k] * square_k + cross


@njit(cache=True, error_model="numpy", nogil=True)
def _square(C, S, A, plain, w, i, k):
    return triple_square(C, S, A, w, i, k) if plain else i4(C, i, k, w, w, 1.0)


@njit(cache=True, error_model="numpy", nogil=True)
def _add_triple(C, S, A, apart, s, K, a, b, c, D2):
    """Terms of D2 over exactly the fields a < b < c, a a student."""
    plain = apart[a, b] and apart[a, c] and apart[b, c]
    if plain:
        ab, ac, bc = triple_cross(C, S, A, a, b, c), triple_cross(C, S, A, a, c, b), triple_cross(C, S, A, b, c, a)
    else:
        ab, ac, bc = i4(C, c, c, a, b, 1.0), i4(C, b, b, a, c, 1.0), i4(C, a, a, b, c, 1.0)
    ab, ac, bc = 2.0 * s[a] * s[b] * ab, 2.0 * s[a] * s[c] * ac, 2.0 * s[b] * s[c] * bc
    D2[a, a] += bc
    if b < K:
        D2[b, b] += ac
        D2[a, b] += s[c] * s[c] * _square(C, S, A, plain, c, a, b) + ac + bc
        if c < K:
            D2[c, c] += ab
            D2[a, c] += s[b] * s[b] * _square(C, S, A, plain, b, a, c) + ab + bc
            D2[b, c] += s[a] * s[a] * _square(C, S, A, plain, a, b, c) + ab + ac


@njit(cache=True, error_model="numpy", nogil=True)
def _add_quadruple(C, S, A, apart, s, K, a, b, c, e, D2):
    """Terms of D2 over exactly the fields a < b < c < e, a and b students."""
    if not (apart[a, b] and apart[a, c] and apart[a, e] and apart[b, c] and apart[b, e] and apart[c, e]):
        D2[a, b] += 2.0 * s[c] * s[e] * i4(C, a, b, c, e, 1.0)
        if c < K:
            D2[a, c] += 2.0 * s[b] * s[e] * i4(C, a, c, b, e, 1.0)
            D2[b, c] += 2.0 * s[a] * s[e] * i4(C, b, c, a, e, 1.0)
        if e < K:
            D2[a, e] += 2.0 * s[b] * s[c] * i4(C, a, e, b, c, 1.0)
            D2[b, e] += 2.0 * s[a] * s[c] * i4(C, b, e, a, c, 1.0)
            D2[c, e] += 2.0 * s[a] * s[b] * i4(C, c, e, a, b, 1.0)
        return
    p4, ab, ac, ae, bc, be, ce = _anatomy(C, A, a, b, c, e)
    D2[a, b] += 2.0 * s[c] * s[e] * quadruple_cross(C, S, c, e, a, b, p4, ce, ac, bc, ae, be, ab)
    if c < K:
        D2[a, c] += 2.0 * s[b] * s[e] * quadruple_cross(C, S, b, e, a, c, p4, be, ab, bc, ae, ce, ac)
        D2[b, c] += 2.0 * s[a] * s[e] * quadruple_cross(C, S, a, e, b, c, p4, ae, ab, ac, be, ce, bc)
    if e < K:
        D2[a, e] += 2.0 * s[b] * s[c] * quadruple_cross(C, S, b, c, a, e, p4, bc, ab, be, ac, ce, ae)
        D2[b, e] += 2.0 * s[a] * s[c] * quadruple_cross(C, S, a, c, b, e, p4, ac, ab, ae, bc, ce, be)
        D2[c, e] += 2.0 * s[a] * s[b] * quadruple_cross(C, S, a, b, c, e, p4, ab, ac, ae, bc, be, ce)


@njit(cache=True, error_model="numpy", nogil=True)
def relu_flow_terms(C, s, v, K, D1, D2, N2):
    """Fill the moments of the flow for students 0 ... K-1 and signed fan-outs ``s = (-v, v*)``.

    D1[i, a] = v_i sum_w s_w I3(i; a, w), D2[i, k] = v_i v_k sum_wz s_w s_z I4(i, k; w, z), N2[i, k] = v_i v_k J2(i, k);
    shapes (K, F), (K, K), (K, K) with F = s.size. Cost: one orthant probability for each set of four fields with at
    least two students, 0.1 microseconds each, or 1.6 where the four are nearly dependent.
    """
    F = s.size
    S, A, apart = np.empty((F, F)), np.empty((F, F)), np.empty((F, F), np.bool_)
    for x in range(F):
        for y in range(x, F):
            S[x, y], A[x, y] = root_minor(C, x, y)
            apart[x, y] = C[x, x] > 0.0 and C[y, y] > 0.0 and dependence(C, x, y) == 0
            S[y, x], A[y, x], apart[y, x] = S[x, y], A[x, y], apart[x, y]
    _first_moments(C, S, A, s, v, K, D1)
    for i in range(K):
        for k in range(K):
            D2[i, k] = 0.0
    for a in range(K):
        D2[a, a] += 0.5 * s[a] * s[a] * C[a, a]
        for b in range(a + 1, F):
            _add_pair(C, S, A, apart, s, K, a, b, D2)
            for c in range(b + 1, F):
                _add_triple(C, S, A, apart, s, K, a, b, c, D2)
                if b < K:
                    for e in range(c + 1, F):
                        _add_quadruple(C, S, A, apart, s, K, a, b, c, e, D2)
    for i in range(K):
        for k in range(i, K):
            D2[i, k] *= v[i] * v[k]
            D2[k, i] = D2[i, k]
            N2[i, k] = v[i] * v[k] * (0.25 + A[i, k] * _INV_2PI)
            N2[k, i] = N2[i, k]
