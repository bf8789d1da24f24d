"""The volume of an orthoscheme: an orthant probability in closed form.

Four half-spaces through the origin cut a spherical tetrahedron out of the unit sphere; the orthant probability is its
volume over 2 pi^2. The three integrals of :mod:`._orthant` cut the tetrahedron into six signed orthoschemes
(tetrahedra with three right dihedral angles), whose volume Schlaefli and Coxeter gave: with ::

    F(p, rho, c) = int_0^c d psi atan( p / sqrt(1 - rho^2 tan^2 psi / tan^2 c) )
    X = (cos c sqrt(1 - rho^2) - p sin c) / (cos c sqrt(1 - rho^2) + p sin c),   k = rho / tan c
    tan a = p / sqrt(1 + k^2),   tan b = k / sqrt(1 + p^2)
    F = Re[Li2(X e^2ia) + Li2(X e^2ic) - Li2(-X e^2ib) - Li2(X)] / 2 + (b^2 - a^2 - c^2 + pi (a + c)) / 2 - pi^2 / 8

for p, c >= 0. No quadrature, so no trouble where its integrand is singular; every term is O(1), so the error is a few
1e-16 beyond that of the arguments, which :mod:`._dependent` provides.

Source: Coxeter, Quart. J. Math. 6, 13 (1935), for the volume of the orthoscheme.
"""

from __future__ import annotations

import math

from numba import njit

from practicum.theory._dilogarithm import re_li2

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
def edge(q, s, xb, yb, left, r, root):
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
    # Adding 0.0 makes a negative zero positive, as _turned takes it: beside x < 0 the two differ by a whole turn.
    yb += 0.0
    xc, yc = q * xb + s * yb, s * xb - q * yb + 0.0
    turns = round((math.atan2(yb, xb) + math.atan2(yc, xc) - math.atan2(s, q)) * _INV_2PI)
    value = c * _HALF_PI + 2.0 * math.pi * turns * c
    value -= _turned(yb, xb, rho, rest, sine, root) + _turned(yc, xc, rho, rest, sine, root)
    return value if r >= 0.0 else -value
