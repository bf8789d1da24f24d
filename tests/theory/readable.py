"""The flow, written to be read: NumPy, every integral by itself, every sum a loop, no tilt shared, nothing packed.

It shares no line with the package. The integrals of erf come from completing the square (a Gaussian factor adds beta
to the precision of its field); those of ReLU from Stein's lemma, ``<x F> = sum_b C_xb <dF / db>``, which lowers the
number of fields until orthant probabilities are left; that of four fields is Plackett's integral.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import solve_ivp

# ---- erf -------------------------------------------------------------------------------------------------------------


def tilted(C, fields, beta):
    """Weight and covariance of the Gaussian with the factors exp(-beta u^2 / 2), one for each entry of `fields`."""
    tall = C[:, fields]
    square = C[np.ix_(fields, fields)]
    weight = 1 / math.sqrt(np.linalg.det(np.eye(len(fields)) + beta * square))
    return weight, C - tall @ np.linalg.solve(np.eye(len(fields)) / beta + square, tall.T)


def erf_i2(C, u, v):
    return 2 / math.pi * math.asin(C[u, v] / math.sqrt((1 + C[u, u]) * (1 + C[v, v])))


def erf_j2(C, u, v, beta):
    return 2 / math.pi * tilted(C, [u, v], beta)[0]


def erf_i3(C, u, v, w, beta):
    weight, moved = tilted(C, [u], beta)
    return 2 / math.pi * weight * moved[v, w] / math.sqrt(1 + moved[w, w])


def erf_i4(C, u, v, w, z, beta):
    weight, moved = tilted(C, [u, v], beta)
    return 2 / math.pi * weight * erf_i2(moved, w, z)


# ---- ReLU ------------------------------------------------------------------------------------------------------------


def given(C, b):
    """Covariance given that the field b is 0."""
    return C - np.outer(C[b], C[b]) / C[b, b]


def orthant(C, fields):
    """P(all of `fields` > 0) for at most four different fields."""
    fields = sorted(set(fields))
    r = np.array([[C[a, b] / math.sqrt(C[a, a] * C[b, b]) for b in fields] for a in fields])
    if len(fields) < 4:
        return {0: 1.0, 1: 0.5, 2: 0.25, 3: 0.125}[len(fields)] + {0: 0, 1: 0, 2: 1, 3: 0.5}[len(fields)] * sum(
            math.asin(r[a, b]) / (2 * math.pi) for a in range(len(fields)) for b in range(a)
        )
    nodes, weights = np.polynomial.legendre.leggauss(200)
    total = 1 / 16
    for t, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        part = (1 - t) * np.eye(4) + t * r
        for a in range(4):
            for b in range(a):
                rest = [c for c in range(4) if c not in (a, b)]
                joint = given(given(part, a), b)
                density = 1 / (2 * math.pi * math.sqrt(1 - part[a, b] ** 2))
                total += weight * r[a, b] * density * orthant(joint, rest)
    return total


def relu_first(C, z, fields):
    """<z 1(all of `fields` > 0)>."""
    return sum(
        C[z, c] / math.sqrt(2 * math.pi * C[c, c]) * orthant(given(C, c), [f for f in fields if f != c]) for c in fields
    )


def relu_i2(C, u, v):
    """<u v 1(u > 0, v > 0)>."""
    total = C[u, v] * orthant(C, [u, v])
    for b in {u, v} - {v}:
        rest = [f for f in {u, v} if f != b]
        total += C[u, b] / math.sqrt(2 * math.pi * C[b, b]) * relu_first(given(C, b), v, rest)
    return total


def relu_j2(C, u, v, beta):
    return orthant(C, [u, v])


def relu_i3(C, u, v, w, beta):
    """<v w 1(u > 0, w > 0)>: Stein's lemma on v."""
    total = C[v, w] * orthant(C, [u, w])
    for b in {u, w} - {w}:
        total += C[v, b] / math.sqrt(2 * math.pi * C[b, b]) * relu_first(given(C, b), w, [w])
    return total


def relu_i4(C, u, v, w, z, beta):
    """<w z 1(u, v, w, z > 0)>: Stein's lemma on w; delta(z) z vanishes."""
    fields = {u, v, w, z}
    total = C[w, z] * orthant(C, fields)
    for b in fields - {z}:
        total += C[w, b] / math.sqrt(2 * math.pi * C[b, b]) * relu_first(given(C, b), z, sorted(fields - {b}))
    return total


INTEGRALS = {
    "erf": (erf_i2, erf_j2, erf_i3, erf_i4),
    "relu": (relu_i2, relu_j2, relu_i3, relu_i4),
    "linear": (
        lambda C, u, v: C[u, v],
        lambda C, u, v, beta: 1.0,
        lambda C, u, v, w, beta: C[v, w],
        lambda C, u, v, w, z, beta: C[w, z],
    ),
}

# ---- the flow --------------------------------------------------------------------------------------------------------


def joint(Q, R, T):
    return np.block([[Q, R], [R.T, T]])


def generalization_error(Q, R, T, v, v_star, activation="erf"):
    i2 = INTEGRALS[activation][0]
    C, s = joint(Q, R, T), np.concatenate([-v, v_star])
    return 0.5 * sum(s[w] * s[z] * i2(C, w, z) for w in range(len(s)) for z in range(len(s)))


def drifts(Q, R, T, v, v_star, machine, rule):
    """dQ, dR, dv over d alpha."""
    i2, j2, i3, i4 = INTEGRALS[machine.activation]
    C, s, K, beta = joint(Q, R, T), np.concatenate([-v, v_star]), len(Q), rule.inverse_temperature
    F = range(len(s))
    D1 = np.array([[v[i] * sum(s[w] * i3(C, i, a, w, beta) for w in F) for a in F] for i in range(K)])
    D2 = np.empty((K, K))
    for i in range(K):
        for k in range(K):
            D2[i, k] = v[i] * v[k] * sum(s[w] * s[z] * i4(C, i, k, w, z, beta) for w in F for z in F)
            D2[i, k] += machine.noise**2 * v[i] * v[k] * j2(C, i, k, beta)
    eta, kappa, own = rule.learning_rate, rule.weight_decay, D1[:, :K]
    dQ = eta * (own + own.T) + eta**2 / rule.batch_size * D2 - 2 * kappa * Q
    dR = eta * D1[:, K:] - kappa * R
    dv = rule.fan_out_learning_rate * np.array([sum(s[w] * i2(C, i, w) for w in F) for i in range(K)])
    return dQ, dR, dv


def integrate(machine, rule, start, alphas, method="LSODA", rtol=1e-11, atol=1e-14):
    """Generalization error at `alphas` by one of SciPy's integrators; Q, R, v as they stand, Q not even symmetrised."""
    K, M = start.R.shape

    def unpacked(y):
        return y[: K * K].reshape(K, K), y[K * K : K * K + K * M].reshape(K, M), y[K * K + K * M :]

    def slope(_, y):
        Q, R, v = unpacked(y)
        return np.concatenate([d.ravel() for d in drifts(Q, R, start.T, v, start.v_star, machine, rule)])

    y = np.concatenate([start.Q.ravel(), start.R.ravel(), start.v])
    solution = solve_ivp(slope, (0, alphas[-1]), y, method=method, t_eval=alphas, rtol=rtol, atol=atol)
    assert solution.success
    states = [unpacked(y) for y in solution.y.T]
    return np.array([generalization_error(Q, R, start.T, v, start.v_star, machine.activation) for Q, R, v in states])
