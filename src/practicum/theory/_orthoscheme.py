"""Four nearly dependent fields: the orthant probability in closed form.

Four half-spaces through the origin cut a spherical tetrahedron out of the unit sphere; the orthant probability is its
volume over 2 pi^2. The three integrals of :mod:`._orthant` cut the tetrahedron into six signed orthoschemes
(tetrahedra with three right dihedral angles), whose volume Schlaefli and Coxeter gave: with ::

    F(p, rho, c) = int_0^c d psi atan( p / sqrt(1 - rho^2 tan^2 psi / tan^2 c) )
    X = (cos c sqrt(1 - rho^2) - p sin c) / (cos c sqrt(1 - rho^2) + p sin c),   k = rho / tan c
    tan a = p / sqrt(1 + k^2),   tan b = k / sqrt(1 + p^2)
    F = Re[Li2(X e^2ia) + Li2(X e^2ic) - Li2(-X e^2ib) - Li2(X)] / 2 + (b^2 - a^2 - c^2 + pi (a + c)) / 2 - pi^2 / 8

for p, c >= 0. No quadrature, so no trouble where its integrand is singular; every term is O(1), so the error is a few
1e-16 beyond that of the arguments. Those come from minors without cancellation (:mod:`._products`), by the best pivot.

Source: Coxeter, Quart. J. Math. 6, 13 (1935), for the volume of the orthoscheme.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.theory._dilogarithm import re_li2
from practicum.theory._products import difference_of_products

_HALF_PI = math.pi / 2.0
_INV_2PI = 1.0 / (2.0 * math.pi)


@njit(cache=True, error_model="numpy", nogil=True)
def _orthoscheme(y, x, rho, rest, sine, cosine):
    """F(y / x, rho, c) for y, x, c >= 0 with rest = sqrt(1 - rho^2) and tan c = sine / cosine."""
    c = math.atan2(sine, cosine)
    if y == 0.0 or sine == 0.0:
        return 0.0
    if x == 0.0:
        return c * _HALF_PI
    near, far = cosine * rest * x, sine * y
    X = (near - far) / (near + far)
    tan_a, tan_b = y * sine, rho * x * cosine
    of_a, of_b = x * math.hypot(sine, rho * cosine), sine * math.hypot(x, y)
    a, b = math.atan2(tan_a, of_a), math.atan2(tan_b, of_b)
    # cos 2a and sin 2a from the tangent, without a call to either.
    na, nb, nc = tan_a * tan_a + of_a * of_a, tan_b * tan_b + of_b * of_b, sine * sine + cosine * cosine
    dilogs = (
        re_li2(X, (of_a * of_a - tan_a * tan_a) / na, 2.0 * tan_a * of_a / na)
        + re_li2(X, (cosine * cosine - sine * sine) / nc, 2.0 * sine * cosine / nc)
        - re_li2(-X, (of_b * of_b - tan_b * tan_b) / nb, 2.0 * tan_b * of_b / nb)
        - re_li2(X, 1.0, 0.0)
    )
    return 0.5 * (dilogs + b * b - a * a - c * c + math.pi * (a + c)) - math.pi**2 / 8.0


@njit(cache=True, error_model="numpy", nogil=True)
def _turned(y, x, rho, rest, sine, cosine):
    """int_0^c of the angle of (x cos phi, y), any signs of x and y."""
    angle = _orthoscheme(abs(y), abs(x), rho, rest, sine, cosine)
    if x < 0.0:
        angle = math.pi * math.atan2(sine, cosine) - angle
    return angle if y >= 0.0 else -angle


@njit(cache=True, error_model="numpy", nogil=True)
def _edge(q, s, xb, yb, left, r, root):
    """int_0^c asin(partial correlation of b and c) for tan c = r / root, signed like r.

    Given a: q = cos of the angle between b and c, s its sine >= 0, (xb, yb) the projection of e on their plane in the
    frame of b, left = 1 - rho^2.
    """
    sine, c = abs(r), math.atan2(abs(r), root)
    rho = math.hypot(xb, yb)
    if rho == 0.0:
        value = c * math.atan2(q, s)
        return value if r >= 0.0 else -value
    rest = math.sqrt(left) if rho > 0.9 else math.sqrt(1.0 - rho * rho)
    rho = min(rho, 1.0)
    # The same projection in the frame of c: turned, so that the two stay consistent when rho is all rounding.
    xc, yc = q * xb + s * yb, s * xb - q * yb
    turns = round((math.atan2(yb, xb) + math.atan2(yc, xc) - math.atan2(s, q)) * _INV_2PI)
    value = c * _HALF_PI + 2.0 * math.pi * turns * c
    value -= _turned(yb, xb, rho, rest, sine, root) + _turned(yc, xc, rho, rest, sine, root)
    return value if r >= 0.0 else -value


@njit(cache=True, error_model="numpy", nogil=True)
def _minors(C, m):
    """m[x, y, z] = C_xx C_yz - C_xy C_xz: the covariance of y and z given x, times the variance of x."""
    for x in range(4):
        for y in range(4):
            for z in range(y, 4):
                m[x, y, z] = 0.0 if x in (y, z) else difference_of_products(C[x, x], C[y, z], C[x, y], C[x, z])
                m[x, z, y] = m[x, y, z]


@njit(cache=True, error_model="numpy", nogil=True)
def _third(C, m, x, y, z):
    """The 3 x 3 minor of x, y, z, by the pivot that cancels least."""
    px, py, pz = m[x, y, y] * m[x, z, z] / C[x, x], m[y, x, x] * m[y, z, z] / C[y, y], m[z, x, x] * m[z, y, y] / C[z, z]
    if px <= py and px <= pz:
        value = difference_of_products(m[x, y, y], m[x, z, z], m[x, y, z], m[x, y, z]) / C[x, x]
    elif py <= pz:
        value = difference_of_products(m[y, x, x], m[y, z, z], m[y, x, z], m[y, x, z]) / C[y, y]
    else:
        value = difference_of_products(m[z, x, x], m[z, y, y], m[z, x, y], m[z, x, y]) / C[z, z]
    return max(value, 0.0)


@njit(cache=True, error_model="numpy", nogil=True)
def _cofactor(C, m, y, z, b, c):
    """Minor of rows b, c, y and columns b, c, z, and the size of the terms that it is the difference of."""
    dbc = m[b, c, c]
    by_b = (abs(dbc * m[b, y, z]) + abs(m[b, c, y] * m[b, c, z])) / C[b, b]
    by_c = (abs(dbc * m[c, y, z]) + abs(m[c, b, y] * m[c, b, z])) / C[c, c]
    if by_b <= by_c:
        return difference_of_products(dbc, m[b, y, z], m[b, c, y], m[b, c, z]) / C[b, b], by_b
    return difference_of_products(dbc, m[c, y, z], m[c, b, y], m[c, b, z]) / C[c, c], by_c


@njit(cache=True, error_model="numpy", nogil=True)
def singular_anatomy(aa, bb, cc, ee, ab, ac, ae, bc, be, ce, angles):
    """What :func:`practicum.theory._orthant.anatomy` returns, at any distance from dependence."""
    C = np.array(((aa, ab, ac, ae), (ab, bb, bc, be), (ac, bc, cc, ce), (ae, be, ce, ee)))
    m = np.empty((4, 4, 4))
    _minors(C, m)
    D, G, size, p = np.empty(4), np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    D[0], D[1], D[2], D[3] = _third(C, m, 1, 2, 3), _third(C, m, 0, 2, 3), _third(C, m, 0, 1, 3), _third(C, m, 0, 1, 2)
    det, best = 0.0, math.inf
    for y in range(4):
        for z in range(y + 1, 4):
            b, c = _others(y, z)
            G[y, z], size[y, z] = _cofactor(C, m, y, z, b, c)
            G[z, y] = G[y, z]
            # det d_bc = D_y D_z - G_yz^2, by the pair with the least partial correlation.
            correlation = G[y, z] * G[y, z] / (D[y] * D[z])
            if correlation < best:
                best = correlation
                det = max(difference_of_products(D[y], D[z], G[y, z], G[y, z]) / m[b, c, c], 0.0)
    for y in range(4):
        for z in range(y + 1, 4):
            b, c = _others(y, z)
            # Where both are rounding (a field that is a sum of others) the pair counts as uncorrelated.
            root = max(math.sqrt(det * m[b, c, c]), 1e-8 * size[y, z])
            p[y, z] = 0.25 + math.atan2(G[y, z], root) * _INV_2PI

    edges = 0.0
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        dab, dac, dae = m[a, b, b], m[a, c, c], m[a, 3, 3]
        scale = math.sqrt(dab * dac)
        q, s = m[a, b, c] / scale, math.sqrt(D[3] * C[a, a]) / scale
        norm = math.hypot(q, s)
        q, s = q / norm, s / norm
        scale = math.sqrt(dab * dae)
        xb = m[a, b, 3] / scale
        yb = math.sqrt(C[a, a] / D[3]) * G[c, 3] / scale if D[3] > 0.0 else 0.0
        left = det * C[a, a] / (D[3] * dae) if D[3] > 0.0 else 0.0
        edges += _edge(q, s, xb, yb, min(left, 1.0), C[a, 3], math.sqrt(dae))
    p4 = 0.0625 + angles / (8.0 * math.pi) + edges * _INV_2PI * _INV_2PI
    return p4, p[0, 1], p[0, 2], p[0, 3], p[1, 2], p[1, 3], p[2, 3]


@njit(cache=True, error_model="numpy", nogil=True)
def _others(y, z):
    """The two of 0, 1, 2, 3 that are neither y nor z, y < z."""
    b = 0 if y > 0 else (1 if z > 1 else 2)
    return b, 6 - y - z - b
