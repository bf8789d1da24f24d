"""Referees of the theory of low-rank inputs, written to be read: plain NumPy, no line shared with the package."""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import erf

from theory.readable import INTEGRALS, joint


def g(u, activation):
    return {"erf": lambda: erf(u / math.sqrt(2)), "relu": lambda: np.maximum(u, 0), "linear": lambda: u}[activation]()


def slope(u, activation):
    return {
        "erf": lambda: math.sqrt(2 / math.pi) * np.exp(-(u**2) / 2),
        "relu": lambda: (u > 0).astype(float),
        "linear": lambda: np.ones_like(u),
    }[activation]()


class Networks:
    """A random student and teacher in d dimensions, and a random subspace of r of them."""

    def __init__(self, K=3, M=2, d=9, r=4, seed=0, length=1.0):
        rng = np.random.default_rng(seed)
        self.W, self.V = length * rng.standard_normal((K, d)) / 2, length * rng.standard_normal((M, d)) / 2
        self.U = np.linalg.qr(rng.standard_normal((d, r)))[0]
        self.a, self.b = rng.uniform(0.5, 1.5, K), rng.uniform(-1.5, 1.5, M)
        self.rest = np.eye(d) - self.U @ self.U.T
        self.rng = rng

    def inputs(self, count, scale=0.0):
        x = self.rng.standard_normal((count, self.U.shape[1])) @ self.U.T
        return x + scale * self.rng.standard_normal(x.shape) @ self.rest if scale else x

    def student(self, x, activation):
        return g(x @ self.W.T, activation) @ self.a

    def teacher(self, x, activation):
        return g(x @ self.V.T, activation) @ self.b

    def gradient(self, x, activation, labels="oracle"):
        """Of s - t (or of s) outside the subspace, one row an input."""
        total = (slope(x @ self.W.T, activation) * self.a) @ self.W
        if labels == "oracle":
            total = total - (slope(x @ self.V.T, activation) * self.b) @ self.V
        return total @ self.rest


def z_score(samples, value):
    """How many standard errors the mean of the samples lies from a value."""
    return (np.mean(samples) - value) / (np.std(samples) / math.sqrt(len(samples)))


def orthant_below(h, k, rho):
    """P(X <= h, Y <= k) by Gauss-Legendre over x of phi(x) P(Y <= k | x), graded towards where that turns over."""
    sine = math.sqrt((1 - rho) * (1 + rho))
    x, weights = graded(-12.0, min(h, 12.0), k / rho if rho else 0.0)
    if sine == 0:
        inner = (math.copysign(1.0, rho) * x <= k).astype(float)
    else:
        inner = 0.5 * (1 + erf((k - rho * x) / (sine * math.sqrt(2))))
    return float((weights * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) * inner).sum())


def graded(low, high, turn):
    """Nodes and weights of Gauss-Legendre panels from low to high that shrink towards `turn`."""
    high = max(high, low)
    turn = min(max(turn, low), high)
    steps = np.concatenate([[0.0], 2.0 ** np.arange(-40.0, 6.0)])
    edges = np.unique(np.clip(np.concatenate([turn - steps, turn + steps, np.arange(low, high), [high]]), low, high))
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = np.diff(edges)[:, None] / 2
    return (edges[1:] + edges[:-1])[:, None] / 2 + half * nodes, half * weights


# ---- the flow --------------------------------------------------------------------------------------------------------


def block_drifts(inside, outside, v, v_star, machine, rule, share, scale):
    """d(Q, R) inside, d(Q, R) outside, dv over d alpha; inside and outside are (Q, R, T).

    The part of a field that comes from a block is a field of its own: the covariance gets a row more, and I3 is taken
    there.
    """
    i2, j2, i3, i4 = INTEGRALS[machine.activation]
    parts = [joint(*inside), scale**2 * joint(*outside)]
    C, s, K, beta = parts[0] + parts[1], np.concatenate([-v, v_star]), len(inside[0]), rule.inverse_temperature
    F = len(s)
    D2 = np.empty((K, K))
    for i in range(K):
        for k in range(K):
            total = sum(s[w] * s[z] * i4(C, i, k, w, z, beta) for w in range(F) for z in range(F))
            D2[i, k] = v[i] * v[k] * (total + machine.noise**2 * j2(C, i, k, beta))
    eta, kappa = rule.learning_rate, rule.weight_decay
    moves = []
    for X, (Q, R, _), variance in zip(parts, (inside, outside), (share, scale**2 * (1 - share)), strict=True):
        D1 = np.empty((K, F))
        for f in range(F):
            wider = np.block([[C, X[:, [f]]], [X[[f], :], X[[f], [f]].reshape(1, 1)]])
            for i in range(K):
                D1[i, f] = v[i] * sum(s[w] * i3(wider, i, F, w, beta) for w in range(F))
        moves.append(eta * (D1[:, :K] + D1[:, :K].T) + eta**2 / rule.batch_size * variance * D2 - 2 * kappa * Q)
        moves.append(eta * D1[:, K:] - kappa * R)
    moves.append(rule.fan_out_learning_rate * np.array([sum(s[w] * i2(C, i, w) for w in range(F)) for i in range(K)]))
    return moves


def integrate_blocks(machine, rule, blocks, share, scale, alphas, method="Radau", rtol=1e-9, atol=1e-12):
    """Q and R inside and outside, and v, at `alphas`."""
    inside, outside = blocks
    shapes = [inside.Q.shape, inside.R.shape, outside.Q.shape, outside.R.shape, inside.v.shape]
    cuts = np.cumsum([np.prod(shape) for shape in shapes])[:-1]

    def unpacked(y):
        return [part.reshape(shape) for part, shape in zip(np.split(y, cuts), shapes, strict=True)]

    def move(_, y):
        Q, R, Q_out, R_out, v = unpacked(y)
        parts = (Q, R, inside.T), (Q_out, R_out, outside.T)
        return np.concatenate([m.ravel() for m in block_drifts(*parts, v, inside.v_star, machine, rule, share, scale)])

    y = np.concatenate([a.ravel() for a in (inside.Q, inside.R, outside.Q, outside.R, inside.v)])
    solution = solve_ivp(move, (0, alphas[-1]), y, method=method, t_eval=alphas, rtol=rtol, atol=atol)
    assert solution.success
    return [unpacked(y) for y in solution.y.T]
