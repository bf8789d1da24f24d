"""The flow of an erf committee as plain sums over all fields, in the determinant form of the literature.

Slow, readable, and independent of the package: no symmetry, no tilted covariances. The inverse temperature enters by
``g'_beta(u) = g'(sqrt(beta) u)``, i.e. by scaled fields. Arguments may be complex and carry trailing batch axes.

Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), appendix.
"""

import numpy as np


def I2(C, u, v):
    return 2 / np.pi * np.arcsin(C[u, v] / np.sqrt((1 + C[u, u]) * (1 + C[v, v])))


def J2(C, u, v, beta):
    return 2 / np.pi / np.sqrt((1 + beta * C[u, u]) * (1 + beta * C[v, v]) - (beta * C[u, v]) ** 2)


def I3(C, u, v, w, beta):
    b = np.sqrt(beta)
    c11, c12, c13, c23, c33 = beta * C[u, u], b * C[u, v], b * C[u, w], C[v, w], C[w, w]
    L3 = (1 + c11) * (1 + c33) - c13**2
    return 2 / np.pi / np.sqrt(L3) * (c23 * (1 + c11) - c12 * c13) / (1 + c11)


def I4(C, u, v, w, z, beta):
    b = np.sqrt(beta)
    c11, c12, c22 = beta * C[u, u], beta * C[u, v], beta * C[v, v]
    c13, c14, c23, c24 = b * C[u, w], b * C[u, z], b * C[v, w], b * C[v, z]
    c33, c34, c44 = C[w, w], C[w, z], C[z, z]
    L4 = (1 + c11) * (1 + c22) - c12**2
    L0 = L4 * c34 - c23 * c24 * (1 + c11) - c13 * c14 * (1 + c22) + c12 * c13 * c24 + c12 * c14 * c23
    L1 = L4 * (1 + c33) - c23**2 * (1 + c11) - c13**2 * (1 + c22) + 2 * c12 * c13 * c23
    L2 = L4 * (1 + c44) - c24**2 * (1 + c11) - c14**2 * (1 + c22) + 2 * c12 * c14 * c24
    return 4 / np.pi**2 / np.sqrt(L4) * np.arcsin(L0 / np.sqrt(L1 * L2))


def joint(Q, R, T):
    return np.concatenate([np.concatenate([Q, R], 1), np.concatenate([np.swapaxes(R, 0, 1), T], 1)])


def flow(Q, R, T, rule, noise=0.0):
    """dQ and dR for overlaps of shapes (K, K, ...), (K, M, ...), (M, M, ...)."""
    K, M = R.shape[:2]
    C, s, fields = joint(Q, R, T), np.r_[-np.ones(K), np.ones(M)], range(K + M)
    eta, beta, kappa, B = rule.learning_rate, rule.inverse_temperature, rule.weight_decay, rule.batch_size
    D1 = np.array([[sum(s[w] * I3(C, i, a, w, beta) for w in fields) for a in fields] for i in range(K)])
    D2 = np.array(
        [
            [
                sum(s[w] * s[z] * I4(C, i, k, w, z, beta) for w in fields for z in fields)
                + noise**2 * J2(C, i, k, beta)
                for k in range(K)
            ]
            for i in range(K)
        ]
    )
    pull = D1[:, :K]
    return eta * (pull + np.swapaxes(pull, 0, 1)) + eta**2 / B * D2 - 2 * kappa * Q, eta * D1[:, K:] - kappa * R


def error(Q, R, T):
    K, M = R.shape[:2]
    C, s = joint(Q, R, T), np.r_[-np.ones(K), np.ones(M)]
    return sum(s[w] * s[z] * I2(C, w, z) for w in range(K + M) for z in range(K + M)) / 2


def _moved(Q, R, T):
    """The overlaps with a complex step in every independent one, along a trailing axis; and which ones those are."""
    K, M = R.shape
    upper = [(i, k) for i in range(K) for k in range(i, K)]
    size = len(upper) + K * M
    Qs, Rs, Ts = (np.repeat(A[..., None].astype(complex), size, -1) for A in (Q, R, T))
    for n, (i, k) in enumerate(upper):
        Qs[i, k, n] += 1e-30j
        if i != k:
            Qs[k, i, n] += 1e-30j
    for n in range(K * M):
        Rs[n // M, n % M, len(upper) + n] += 1e-30j
    return Qs, Rs, Ts, upper


def jacobian(Q, R, T, rule, noise=0.0):
    """The Jacobian of all K(K+1)/2 + KM overlaps, by complex steps through the plain sums."""
    Qs, Rs, Ts, upper = _moved(Q, R, T)
    dQ, dR = flow(Qs, Rs, Ts, rule, noise)
    rows = [dQ[i, k] for i, k in upper] + list(dR.reshape(-1, dR.shape[-1]))
    return np.imag(np.array(rows)) / 1e-30


def error_gradient(Q, R, T):
    """d eps_g over the same overlaps."""
    Qs, Rs, Ts, _ = _moved(Q, R, T)
    return np.imag(error(Qs, Rs, Ts)) / 1e-30


def distance(eigenvalues, others):
    """The largest difference between two spectra, matched one to one."""
    from scipy.optimize import linear_sum_assignment

    cost = np.abs(np.asarray(eigenvalues)[:, None] - np.asarray(others)[None, :])
    return cost[linear_sum_assignment(cost)].max()


def expanded(spectrum):
    """Every eigenvalue as often as it occurs."""
    return [mode.eigenvalue for mode in spectrum for _ in range(mode.multiplicity)]
