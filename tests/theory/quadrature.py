"""The independent referee of the Gaussian integrals: quadrature that shares no formula with the implementation.

``erf_expectation`` integrates the product of functions as it stands, over whitened fields, by the trapezoidal rule
(exponentially accurate for analytic integrands that decay like a Gaussian). ``orthant_moment`` integrates over the
radius exactly and over directions by Gauss-Legendre rules, so that the kinks of the ReLU lie on the boundary.
``two_factor_moment`` is for nearly dependent fields: conditional on two common factors the fields are independent.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import numpy as np
from scipy.special import erf, ndtr


def g(u):
    return erf(u / math.sqrt(2.0))


def g_prime(u, beta):
    return math.sqrt(2.0 / math.pi) * np.exp(-0.5 * beta * u * u)


def erf_expectation(C, gates=(), linear=(), errors=(), beta=1.0, fineness=1.0, reach=8.0):
    """< prod_u g'_beta(u) prod_v v prod_w g(w) > for lists of field indices, which may repeat.

    A field that only appears once, in a single g, is averaged given the others by <g(m + s xi)> = g(m / sqrt(1 + s^2)),
    which ``test_referee_converges`` checks; all others are integrated numerically. The grid follows the Gaussian part
    of the integrand: a badly placed grid would cost digits, not bias the result. Its spacing h leaves an error of
    exp(-2 pi^2 / (h^2 (1 + sum of the variances of the g along the grid))), 1e-14 for fineness 1.
    """
    C = np.asarray(C, dtype=float)
    fields = list(dict.fromkeys([*gates, *linear, *errors]))
    L = np.linalg.cholesky(C[np.ix_(fields, fields)])
    last = fields[-1]
    smooth = len(fields) > 1 and [*gates, *linear, *errors].count(last) == 1 and last in errors
    n = len(fields) - smooth
    precision = np.eye(n)
    for u in gates:
        row = L[fields.index(u), :n]
        precision += beta * np.outer(row, row)
    root = np.linalg.inv(np.linalg.cholesky(precision)).T  # y = root t has the integrand's Gaussian part
    slopes = L[:, :n] @ root
    if smooth:
        slopes[-1] /= math.sqrt(1.0 + L[-1, -1] ** 2)
    spacing = 0.78 / fineness / math.sqrt(1.0 + sum(slopes[fields.index(w)] @ slopes[fields.index(w)] for w in errors))
    t = np.arange(-reach, reach + spacing / 2, spacing)
    y = np.tensordot(root, np.stack(np.meshgrid(*[t] * n, indexing="ij")), axes=1)
    weight = np.exp(-0.5 * (y * y).sum(0)) * (spacing / math.sqrt(2.0 * math.pi)) ** n * np.linalg.det(root)
    value = {f: np.tensordot(L[k, :n], y, axes=1) for k, f in enumerate(fields)}
    if smooth:
        value[last] = value[last] / math.sqrt(1.0 + L[-1, -1] ** 2)
    for u in gates:
        weight = weight * g_prime(value[u], beta)
    for v in linear:
        weight = weight * value[v]
    for w in errors:
        weight = weight * g(value[w])
    return float(weight.sum())


def _orthant_moment(C, powers, points):
    """E[prod_i x_i^powers_i 1(all x > 0)] for fields x ~ N(0, C), C positive definite, one to four fields.

    With x = r y, y on a simplex, the radius integrates to a Gamma function; what remains is a rational function of y.
    """
    P = np.linalg.inv(C)
    scale = 1.0 / np.sqrt(np.diag(P))  # x_i = scale_i y_i, so that the quadratic form has a unit diagonal
    P = P * np.outer(scale, scale)
    n, degree = len(P), sum(powers)
    x, w = np.polynomial.legendre.leggauss(points)
    x, w = 0.5 * (x + 1.0), 0.5 * w
    y, weight, left = [], np.ones((1,) * (n - 1)), np.ones((1,) * (n - 1))
    for k in range(n - 1):  # y_k = share of what is left; the Jacobian is the product of what was left
        shape = [1] * (n - 1)
        shape[k] = points
        share = x.reshape(shape)
        weight = weight * w.reshape(shape) * left
        y.append(left * share)
        left = left * (1.0 - share)
    y.append(left)
    form = sum(P[a, b] * y[a] * y[b] for a, b in product(range(n), repeat=2))
    integrand = weight * form ** (-0.5 * (n + degree))
    for k, power in enumerate(powers):
        integrand = integrand * y[k] ** power
    radial = 2.0 ** (0.5 * (n + degree) - 1.0) * math.gamma(0.5 * (n + degree))
    norm = (2.0 * math.pi) ** (-0.5 * n) / math.sqrt(np.linalg.det(C))
    return float(norm * radial * np.prod(scale ** (np.array(powers) + 1.0)) * integrand.sum())


def orthant_moment(C, powers, tolerance=1e-10):
    """:func:`_orthant_moment` with as many points as it takes for two successive results to agree."""
    previous = _orthant_moment(C, powers, 20)
    for points in (28, 40, 56, 80, 112):
        value = _orthant_moment(C, powers, points)
        if abs(value - previous) < tolerance:
            return value
        previous = value
    raise AssertionError(f"The referee has not converged: {value} with 112 points.")


def relu_moment(C, fields, values):
    """< prod_f 1(f > 0) prod_w w > over repeated lists of field indices; every value is also a field."""
    distinct = list(dict.fromkeys(fields))
    return orthant_moment(np.asarray(C)[np.ix_(distinct, distinct)], [list(values).count(f) for f in distinct])


@lru_cache
def _two_factor_rule(correlation):
    """Nodes of each factor, and the joint weight of all pairs: panels shrink geometrically towards zero."""
    edges = np.concatenate([[0.0], 2.0 ** np.arange(-44.0, 0.0, 2.0), np.arange(1.0, 10.5, 0.5)])
    x, w = np.polynomial.legendre.leggauss(14)
    half = (0.5 * (edges[1:] + edges[:-1])[:, None] + 0.5 * np.diff(edges)[:, None] * x).ravel()
    weight = (0.5 * np.diff(edges)[:, None] * w).ravel()
    f, weight = np.concatenate([-half[::-1], half]), np.concatenate([weight[::-1], weight])
    density = np.exp(-0.5 * (f[:, None] ** 2 - 2 * correlation * f[:, None] * f + f**2) / (1 - correlation**2))
    return f, weight[:, None] * weight * density / (2.0 * math.pi * math.sqrt(1.0 - correlation**2))


def two_factor_moment(correlation, loadings, spread, powers):
    """E[prod_j x_j^powers_j 1(all x > 0)] for x_j = loadings_j0 f_0 + loadings_j1 f_1 + spread_j a_j, a_j independent.

    Each x_j must load one factor only, and the spread be far above 2^-44.
    """
    f, weight = _two_factor_rule(correlation)
    given = [np.ones_like(f), np.ones_like(f)]  # given the factors the fields are independent
    for (one, two), s, power in zip(loadings, spread, powers):
        which, load = (0, one) if two == 0 else (1, two)
        m = load * f
        phi, Phi = np.exp(-0.5 * (m / s) ** 2) / math.sqrt(2.0 * math.pi), ndtr(m / s)
        given[which] = given[which] * (Phi, m * Phi + s * phi, (m * m + s * s) * Phi + m * s * phi)[power]
    return float(given[0] @ weight @ given[1])


def two_factor_covariance(factor_correlation, loadings, spread):
    """The covariance of the fields of :func:`two_factor_moment`."""
    loadings = np.asarray(loadings, dtype=float)
    factors = np.array([[1.0, factor_correlation], [factor_correlation, 1.0]])
    return loadings @ factors @ loadings.T + np.diag(np.asarray(spread, dtype=float) ** 2)
