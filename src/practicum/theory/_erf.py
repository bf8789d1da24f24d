"""Gaussian integrals of erf nodes, g(u) = erf(u / sqrt 2), g'_beta(u) = sqrt(2/pi) exp(-beta u^2 / 2).

A factor exp(-beta u^2 / 2) tilts the Gaussian: the weight is (1 + beta C_uu)^(-1/2) and the covariance becomes
``C' = C - beta C_.u C_u. / (1 + beta C_uu)``. J2 is a weight, I3 a tilted covariance, I4 the weight of two tilts, one
after the other, times I2 of the tilted pair. Coincident fields (u = v, w = z, u = w ...) need no case of their own.

Norms of 1e8 cost no digits: a tilted entry is ``[C_wz + beta (C_uu C_wz - C_uw C_uz)] / (1 + beta C_uu)``, the minor
free of cancellation (:mod:`._products`), the weight ``1 + beta (C_uu + C_vv) + beta^2 (C_uu C_vv - C_uv^2)`` likewise,
and the arcsine is an arctangent, which is never steep.

Sources: Saad & Solla, Phys. Rev. E 52, 4225 (1995), appendix (there as ratios of determinants); inverse temperature:
West & Saad, NIPS 8 (1995) p. 323.
"""

from __future__ import annotations

import math

from numba import njit

from practicum.theory._products import difference_of_products


@njit(cache=True, error_model="numpy", nogil=True)
def _arcsine(ww, zz, wz):
    """asin(wz / sqrt((1 + ww)(1 + zz)))."""
    minor = max(difference_of_products(ww, zz, wz, wz), 0.0)
    return math.atan2(wz, math.sqrt(1.0 + ww + zz + minor))


@njit(cache=True, error_model="numpy", nogil=True)
def _tilt(beta, weight, uu, uw, uz, wz):
    """wz - beta uw uz / (1 + beta uu), weight = 1 / (1 + beta uu)."""
    return weight * (wz + beta * difference_of_products(uu, wz, uw, uz))


@njit(cache=True, error_model="numpy", nogil=True)
def i2(C, u, v):
    """<g(u) g(v)>."""
    return (2.0 / math.pi) * _arcsine(C[u, u], C[v, v], C[u, v])


@njit(cache=True, error_model="numpy", nogil=True)
def j2(C, u, v, beta):
    """<g'_beta(u) g'_beta(v)>."""
    minor = max(difference_of_products(C[u, u], C[v, v], C[u, v], C[u, v]), 0.0)
    return (2.0 / math.pi) / math.sqrt(1.0 + beta * (C[u, u] + C[v, v] + beta * minor))


@njit(cache=True, error_model="numpy", nogil=True)
def i3(C, u, v, w, beta):
    """<g'_beta(u) v g(w)>."""
    a = 1.0 + beta * C[u, u]
    tilted = _tilt(beta, 1.0 / a, C[u, u], C[u, v], C[u, w], C[v, w])
    minor = max(difference_of_products(C[u, u], C[w, w], C[u, w], C[u, w]), 0.0)
    return (2.0 / math.pi) * tilted / math.sqrt(a + C[w, w] + beta * minor)


@njit(cache=True, error_model="numpy", nogil=True)
def i4(C, u, v, w, z, beta):
    """<g'_beta(u) g'_beta(v) g(w) g(z)>."""
    a = 1.0 + beta * C[u, u]
    h = 1.0 / a
    vv = max(_tilt(beta, h, C[u, u], C[u, v], C[u, v], C[v, v]), 0.0)
    vw = _tilt(beta, h, C[u, u], C[u, v], C[u, w], C[v, w])
    vz = _tilt(beta, h, C[u, u], C[u, v], C[u, z], C[v, z])
    ww = _tilt(beta, h, C[u, u], C[u, w], C[u, w], C[w, w])
    zz = _tilt(beta, h, C[u, u], C[u, z], C[u, z], C[z, z])
    wz = _tilt(beta, h, C[u, u], C[u, w], C[u, z], C[w, z])
    b = 1.0 + beta * vv
    h = 1.0 / b
    ww, zz, wz = (
        max(_tilt(beta, h, vv, vw, vw, ww), 0.0),
        max(_tilt(beta, h, vv, vz, vz, zz), 0.0),
        _tilt(beta, h, vv, vw, vz, wz),
    )
    return (4.0 / math.pi**2) * _arcsine(ww, zz, wz) / math.sqrt(a * b)
