"""Second moments of Gaussian fields where several of them are positive, and dependent fields taken apart.

``E[w z 1(S > 0)]`` over a set S of fields that holds w and z. Gaussian integration by parts, twice, leaves orthant
probabilities only (S_xy = sqrt(C_xx C_yy - C_xy^2), P_xy = P(x, y > 0 | the other two = 0)); for S = {w, z, i, k} ::

    C_wz P4 + 1/(2 pi) { S_wz P_ik + (C_zi S_wi P_zk + C_wi S_zi P_wk) / C_ii + (C_zk S_wk P_zi + C_wk S_zk P_wi) / C_kk
                         + [C_wi (C_ii C_zk - C_iz C_ik) / C_ii + C_wk (C_kk C_zi - C_kz C_ik) / C_kk] P_wz / S_ik }

and with fewer fields P3 = 1/8 + (sum of asin r) / (4 pi), P2 = 1/4 + asin(r) / (2 pi), P1 = 1/2 in their places. The
functions take tables over the fields: C, S, and A with A_xy = asin(r_xy).

Fields that are multiples of each other count once (r = 1) or exclude each other (r = -1); a field of zero variance is
the limit of a small independent one: value 0, positive half the time.

Source: derived by integration by parts (Stein's lemma) from Plackett, Biometrika 41, 351 (1954).
"""

from __future__ import annotations

import math

from numba import njit

from practicum.theory._products import difference_of_products

_INV_2PI = 1.0 / (2.0 * math.pi)
_INV_4PI = 1.0 / (4.0 * math.pi)
# 1 - r^2 below this is rounding of the covariance itself; taking r = +-1 moves a probability by 3e-9 at most.
_DEPENDENT = 4.4e-16


@njit(cache=True, error_model="numpy", nogil=True)
def root_minor(C, x, y):
    """S_xy = sqrt(C_xx C_yy - C_xy^2) and A_xy = asin(r_xy), both relative to themselves."""
    if x == y:
        return 0.0, 0.5 * math.pi
    root = math.sqrt(max(difference_of_products(C[x, x], C[y, y], C[x, y], C[x, y]), 0.0))
    if root == 0.0 and (C[x, x] <= 0.0 or C[y, y] <= 0.0):
        return 0.0, 0.0
    return root, math.atan2(C[x, y], root)


@njit(cache=True, error_model="numpy", nogil=True)
def dependence(C, x, y):
    """1 if y is a positive multiple of x, -1 if a negative one, 0 otherwise."""
    if x == y:
        return 1
    if difference_of_products(C[x, x], C[y, y], C[x, y], C[x, y]) > _DEPENDENT * C[x, x] * C[y, y]:
        return 0
    return 1 if C[x, y] > 0.0 else -1


@njit(cache=True, error_model="numpy", nogil=True)
def pair_cross(C, S, A, w, z):
    """E[w z] where w, z > 0."""
    return C[w, z] * (0.25 + A[w, z] * _INV_2PI) + S[w, z] * _INV_2PI


@njit(cache=True, error_model="numpy", nogil=True)
def pair_square(C, S, A, w, i):
    """E[w^2] where w, i > 0."""
    return C[w, w] * (0.25 + A[w, i] * _INV_2PI) + C[w, i] * S[w, i] * _INV_2PI / C[i, i]


@njit(cache=True, error_model="numpy", nogil=True)
def _p3(A, x, y, z):
    return 0.125 + (A[x, y] + A[x, z] + A[y, z]) * _INV_4PI


@njit(cache=True, error_model="numpy", nogil=True)
def triple_cross(C, S, A, w, z, i):
    """E[w z] where w, z, i > 0."""
    boundary = S[w, z] + (C[z, i] * S[w, i] + C[w, i] * S[z, i]) / C[i, i]
    return C[w, z] * _p3(A, w, z, i) + boundary * _INV_4PI


@njit(cache=True, error_model="numpy", nogil=True)
def _corner(C, S, w, z, i, k):
    """[C_wi C_zk.i + C_wk C_zi.k] / S_ik, C_xy.i the covariance of x and y given i."""
    given_i = difference_of_products(C[i, i], C[z, k], C[i, z], C[i, k])
    given_k = difference_of_products(C[k, k], C[z, i], C[k, z], C[i, k])
    return (C[w, i] * given_i / C[i, i] + C[w, k] * given_k / C[k, k]) / S[i, k]


@njit(cache=True, error_model="numpy", nogil=True)
def triple_square(C, S, A, w, i, k):
    """E[w^2] where w, i, k > 0."""
    boundary = C[w, i] * S[w, i] / C[i, i] + C[w, k] * S[w, k] / C[k, k] + _corner(C, S, w, w, i, k)
    return C[w, w] * _p3(A, w, i, k) + boundary * _INV_4PI


@njit(cache=True, error_model="numpy", nogil=True)
def quadruple_cross(C, S, w, z, i, k, p4, p_wz, p_wi, p_wk, p_zi, p_zk, p_ik):
    """E[w z] where w, z, i, k > 0, given the probabilities of :func:`._orthant.anatomy`."""
    boundary = (
        S[w, z] * p_ik
        + (C[z, i] * S[w, i] * p_zk + C[w, i] * S[z, i] * p_wk) / C[i, i]
        + (C[z, k] * S[w, k] * p_zi + C[w, k] * S[z, k] * p_wi) / C[k, k]
        + _corner(C, S, w, z, i, k) * p_wz
    )
    return C[w, z] * p4 + boundary * _INV_2PI
