"""The probability that four Gaussian fields are all positive, and the six conditional ones that come with it.

Let field e be scaled out: its correlations with a, b, c become ``t r_ae, t r_be, t r_ce``. At t = 0 the probability is
half the elementary one of a, b, c; Plackett's identity ``dP/dr_ae = P(b, c > 0 | a = e = 0) / (2 pi sqrt(1 - r_ae^2))``
integrates back to t = 1 in three terms instead of the six of a path from the identity. With sigma the tangent of
``asin(t r_ae)`` over its value tau at t = 1, each is ::

    int_0^1 tau d sigma / (1 + tau^2 sigma^2)
            asin( (q_bc - sigma^2 q_be q_ce) / sqrt((1 - sigma^2 q_be^2)(1 - sigma^2 q_ce^2)) )

with q the partial correlations given a. The integrand is even and analytic up to ``sigma = i / tau`` and
``sigma = 1 / rho`` (rho: multiple correlation of e with b, c given a), so half of a Gauss-Legendre rule of 2 n points
converges like g^(-4 n), g the ellipse through the nearer singularity: n follows from tau and rho. Where n would exceed
64, or minors lose digits (nearly dependent fields), :mod:`._dependent` has the same integrals in closed form.

Sources: Plackett, Biometrika 41, 351 (1954); conditional probabilities of two fields: Sheppard (1899),
``P = 1/4 + asin(r) / (2 pi)``.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.theory._dependent import singular_anatomy
from practicum.theory._vector import asin

_INV_2PI = 1.0 / (2.0 * math.pi)
_INV_8PI = 1.0 / (8.0 * math.pi)
_INV_4PI2 = 1.0 / (4.0 * math.pi**2)


def _half_rules(*sizes):
    """Positive halves of the Gauss-Legendre rules of 2 n points, one after another: rule n starts at n - 8."""
    halves = [np.polynomial.legendre.leggauss(2 * n) for n in sizes]
    squares = np.concatenate([x[n:] ** 2 for (x, _), n in zip(halves, sizes)])
    weights = np.concatenate([w[n:] for (_, w), n in zip(halves, sizes)])
    return squares, weights


# Each size is the sum of the smaller ones plus 8, so that its rule starts at n - 8.
_SQUARES, _WEIGHTS = _half_rules(8, 16, 32, 64)
# Largest squared correlation (rho^2 or r^2) at which n points leave an error of 1e-14 (g^(-4n), g of the ellipse).
_LARGEST = tuple(float(1.0 / np.cosh(np.log(1e14) / (4 * n)) ** 2) for n in (8, 16, 32, 64))


@njit(cache=True, error_model="numpy", nogil=True)
def _points(correlation2):
    """Number of points for the largest squared correlation, 0 if none suffices."""
    if correlation2 <= _LARGEST[0]:
        return 8
    if correlation2 <= _LARGEST[1]:
        return 16
    if correlation2 <= _LARGEST[2]:
        return 32
    if correlation2 <= _LARGEST[3]:
        return 64
    return 0


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract"})
def _three_edges(n, ta, qa, qab, qac, tb, qb, qba, qbc, tc, qc, qca, qcb):
    """Sum of the three integrals; for field x: tau, partial correlation of the other two, of each with e."""
    ab2, ac2, aa = qab * qab, qac * qac, qab * qac
    ba2, bc2, bb = qba * qba, qbc * qbc, qba * qbc
    ca2, cb2, cc = qca * qca, qcb * qcb, qca * qcb
    ta2, tb2, tc2 = ta * ta, tb * tb, tc * tc
    total = 0.0
    for j in range(n - 8, 2 * n - 8):
        s2 = _SQUARES[j]
        fa = asin((qa - s2 * aa) / math.sqrt((1.0 - s2 * ab2) * (1.0 - s2 * ac2)))
        fb = asin((qb - s2 * bb) / math.sqrt((1.0 - s2 * ba2) * (1.0 - s2 * bc2)))
        fc = asin((qc - s2 * cc) / math.sqrt((1.0 - s2 * ca2) * (1.0 - s2 * cb2)))
        total += _WEIGHTS[j] * (ta / (1.0 + ta2 * s2) * fa + tb / (1.0 + tb2 * s2) * fb + tc / (1.0 + tc2 * s2) * fc)
    return total


@njit(cache=True, error_model="numpy", nogil=True)
def anatomy(aa, bb, cc, ee, ab, ac, ae, bc, be, ce, angles):
    """Orthant probability of four fields, and those of each pair given that the other two are zero.

    Arguments: the ten covariances (pairwise |r| < 1 strictly, variances > 0) and the sum of the six asin(r).
    Returns (P4, P_ab, P_ac, P_ae, P_bc, P_be, P_ce) with P_ab = P(a, b > 0 | c = e = 0), and so on.
    """
    # Minors: d_xy of two fields; m_yz given x, times the variance of x.
    dab, dac, dae = aa * bb - ab * ab, aa * cc - ac * ac, aa * ee - ae * ae
    dbc, dbe, dce = bb * cc - bc * bc, bb * ee - be * be, cc * ee - ce * ce
    a_bc, a_be, a_ce = aa * bc - ab * ac, aa * be - ab * ae, aa * ce - ac * ae
    b_ac, b_ae, b_ce = bb * ac - ab * bc, bb * ae - ab * be, bb * ce - bc * be
    c_ab, c_ae, c_be = cc * ab - ac * bc, cc * ae - ac * ce, cc * be - bc * ce
    # Cofactors of the 4 x 4 covariance: D of one field left out, G of two fields given the other two.
    De = (dab * dac - a_bc * a_bc) / aa
    Dc = (dab * dae - a_be * a_be) / aa
    Db = (dac * dae - a_ce * a_ce) / aa
    Da = (dbc * dbe - b_ce * b_ce) / bb
    Gce, Gbe, Gbc = (dab * a_ce - a_bc * a_be) / aa, (dac * a_be - a_bc * a_ce) / aa, (dae * a_bc - a_be * a_ce) / aa
    Gae, Gac = (dbc * b_ae - b_ac * b_ce) / bb, (dbe * b_ac - b_ae * b_ce) / bb
    Gab = (dce * c_ab - c_ae * c_be) / cc
    det = (Dc * De - Gce * Gce) / dab

    left = det / De  # variance of e that a, b, c do not explain
    least = min(dae / (aa * ee), dbe / (bb * ee), dce / (cc * ee), left * min(aa / dae, bb / dbe, cc / dce))
    n = _points(1.0 - least)
    # The plain minors above are good to 1e-16 / (det / product of variances).
    if not (n > 0 and det > 1e-5 * aa * bb * cc * ee):
        return singular_anatomy(aa, bb, cc, ee, ab, ac, ae, bc, be, ce, angles)

    iab, iac, iae = 1.0 / math.sqrt(dab), 1.0 / math.sqrt(dac), 1.0 / math.sqrt(dae)
    ibc, ibe, ice = 1.0 / math.sqrt(dbc), 1.0 / math.sqrt(dbe), 1.0 / math.sqrt(dce)
    edges = _three_edges(
        n,
        ae * iae, a_bc * iab * iac, a_be * iab * iae, a_ce * iac * iae,
        be * ibe, b_ac * iab * ibc, b_ae * iab * ibe, b_ce * ibc * ibe,
        ce * ice, c_ab * iac * ibc, c_ae * iac * ice, c_be * ibc * ice,
    )  # fmt: skip
    p4 = 0.0625 + angles * _INV_8PI + edges * _INV_4PI2
    ra, rb, rc, re = 1.0 / math.sqrt(Da), 1.0 / math.sqrt(Db), 1.0 / math.sqrt(Dc), 1.0 / math.sqrt(De)
    return (
        p4,
        0.25 + asin(Gab * ra * rb) * _INV_2PI,
        0.25 + asin(Gac * ra * rc) * _INV_2PI,
        0.25 + asin(Gae * ra * re) * _INV_2PI,
        0.25 + asin(Gbc * rb * rc) * _INV_2PI,
        0.25 + asin(Gbe * rb * re) * _INV_2PI,
        0.25 + asin(Gce * rc * re) * _INV_2PI,
    )
