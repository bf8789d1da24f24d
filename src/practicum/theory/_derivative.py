"""The right-hand side of the flow of the order parameters, compiled.

With ``s = (-v, v*)`` over the fields ``(h, rho)``::

    D1_ia = <delta_i f_a>        = v_i sum_w s_w I3(i; a, w)
    D2_ik = <delta_i delta_k>    = v_i v_k sum_wz s_w s_z I4(i, k; w, z)      (noise-free part)
    N2_ik = v_i v_k J2(i, k)                                                  (per unit noise variance)
    dR_in/dalpha = eta D1_in - kappa R_in
    dQ_ik/dalpha = eta (D1_ik + D1_ki) + (eta^2 / B) (D2_ik + sigma^2 N2_ik) - 2 kappa Q_ik
    dv_i/dalpha  = eta_v sum_w s_w I2(i, w)

Sources: Saad & Solla, Phys. Rev. E 52, 4225 (1995), eqs. (7-10); inverse temperature: West & Saad, NIPS 8 (1995);
noise and decay: Saad & Solla, NIPS 9 (1996); second layer: Goldt et al., arXiv:1906.08632.

The integrals are taken in tilted form: each Gaussian factor g' lowers the covariance by a matrix of rank one. After the
tilt of student i, I3 is elementary; after that of student k on top, I4 is an arcsine of the remaining pair. One tilt
serves all pairs (w, z), so the cost is K (K+1) / 2 times (K+M) (K+M+1) / 2 arcsines, in a loop that vectorises.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.theory._compiled import UNCOUNTED
from practicum.theory._linear import linear_flow_terms
from practicum.theory._products import difference_of_products
from practicum.theory._relu import relu_flow_terms
from practicum.theory._vector import asin

_kernel = njit(cache=True, error_model="numpy", nogil=True, **UNCOUNTED)
_loop = njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract"}, **UNCOUNTED)

KINDS = ((), (0,), (0, 0))
"""What :func:`derivative` takes as `kind`, by the codes ERF, RELU, LINEAR."""


def state_size(K: int, M: int) -> int:
    """Length of the packed state: upper triangle of Q, R row by row, v."""
    return K * (K + 1) // 2 + K * M + K


@_kernel
def unpack(y, C, s, K, M):
    """Fill the student part of the field covariance C and of the signed fan-outs s from the packed state y."""
    n = 0
    for i in range(K):
        for k in range(i, K):
            C[i, k] = y[n]
            C[k, i] = y[n]
            n += 1
    for i in range(K):
        for m in range(K, K + M):
            C[i, m] = y[n]
            C[m, i] = y[n]
            n += 1
    for i in range(K):
        s[i] = -y[n]
        n += 1


@_kernel
def _tilt(C, i, beta, tilted):
    """The covariance under the Gaussian factor g'_beta of field i: C lowered by rank one.

    Written as ``(C_wz + beta (C_ii C_wz - C_iw C_iz)) / (1 + beta C_ii)`` with exact minors, so that students that run
    away along opposite directions (C_ii C_kk - C_ik^2 far below C_ii C_kk) keep their digits.
    """
    F = C.shape[0]
    inverse = 1.0 / (1.0 + beta * C[i, i])
    for w in range(F):
        for z in range(w + 1):
            minor = difference_of_products(C[i, i], C[w, z], C[i, w], C[i, z])
            tilted[w, z] = (C[w, z] + beta * minor) * inverse
            tilted[z, w] = tilted[w, z]


@_loop
def _erf_moments(C, s, K, beta, noisy, D1, D2, N2, scratch, pairs):
    """Two tilts in turn: that of student i gives I3, and that of student k on top of it gives I4.

    The arcsines of all pairs (w, z) stand in one row, since a loop over z < w is too short to run in vector registers.
    """
    F = s.size
    once, p, r = scratch[:F], scratch[F], scratch[F + 1]
    signs, x = pairs[0], pairs[1]
    n = 0
    for w in range(F):
        for z in range(w):
            signs[n] = 2.0 * s[w] * s[z]
            n += 1
        signs[n] = s[w] * s[w]
        n += 1
    for i in range(K):
        _tilt(C, i, beta, once)
        a = 1.0 + beta * C[i, i]
        for w in range(F):
            r[w] = s[w] / math.sqrt(1.0 + once[w, w])
        scale = -s[i] * (2.0 / math.pi) / math.sqrt(a)
        for f in range(F):
            total = 0.0
            for w in range(F):
                total += once[f, w] * r[w]
            D1[i, f] = scale * total
        for k in range(i, K):
            b = 1.0 + beta * once[k, k]
            for w in range(F):
                p[w] = beta / b * once[k, w]
                r[w] = 1.0 / math.sqrt(1.0 + max(once[w, w] - once[k, w] * p[w], 0.0))
            n = 0
            for w in range(F):
                along, rw = once[k, w], r[w]
                for z in range(w):
                    x[n] = (once[w, z] - along * p[z]) * rw * r[z]
                    n += 1
                x[n] = 1.0 - rw * rw  # full precision where x -> 1
                n += 1
            total = 0.0
            for n in range(x.size):
                total += signs[n] * asin(x[n])
            weight = s[i] * s[k] / math.sqrt(a * b)
            D2[i, k] = weight * (4.0 / (math.pi * math.pi)) * total
            if noisy:
                N2[i, k] = weight * (2.0 / math.pi)


@_loop
def _fan_out_gradient(C, s, K, activation, out):
    """<g(h_i) e> = sum_w s_w I2(i, w) for each student i."""
    F = s.size
    for i in range(K):
        total = 0.0
        for w in range(F):
            if activation == 0:
                total += s[w] * (2.0 / math.pi) * asin(C[i, w] / math.sqrt((1.0 + C[i, i]) * (1.0 + C[w, w])))
            elif activation == 1:
                det = math.sqrt(max(difference_of_products(C[i, i], C[w, w], C[i, w], C[i, w]), 0.0))
                total += s[w] * (det + (math.pi - math.atan2(det, C[i, w])) * C[i, w]) / (2.0 * math.pi)
            else:
                total += s[w] * C[i, w]
        out[i] = total


@_kernel
def _assemble(dy, activation, problem, work):
    """Fill dy from D1 (K, F) and the upper triangles of D2 and N2 (K, K); N2 is not looked at without noise."""
    K, M, _, eta, _, second, kappa, eta_v, noise_variance = problem
    C, s, D1, D2, N2, _, _, fan_out = work
    n = 0
    for i in range(K):
        for k in range(i, K):
            drift = eta * (D1[i, k] + D1[k, i]) + second * D2[i, k] - 2.0 * kappa * C[i, k]
            if noise_variance > 0.0:
                drift += second * noise_variance * N2[i, k]
            dy[n] = drift
            n += 1
    for i in range(K):
        for m in range(K, K + M):
            dy[n] = eta * D1[i, m] - kappa * C[i, m]
            n += 1
    if eta_v > 0.0:
        _fan_out_gradient(C, s, K, activation, fan_out)
        for i in range(K):
            dy[n + i] = eta_v * fan_out[i]
    else:
        for i in range(K):
            dy[n + i] = 0.0


@_kernel
def _erf_derivative(y, dy, problem, work):
    K, M, _, _, beta, _, _, _, noise_variance = problem
    C, s, D1, D2, N2, scratch, pairs, _ = work
    unpack(y, C, s, K, M)
    _erf_moments(C, s, K, beta, noise_variance > 0.0, D1, D2, N2, scratch, pairs)
    _assemble(dy, 0, problem, work)


@njit(cache=True, error_model="numpy", nogil=True)
def derivative(y, dy, kind, problem, work):
    """dy = d y / d alpha for a packed state; `problem` and `work` come from :func:`make_problem`, :func:`make_work`.

    `kind` is one of KINDS: a tuple whose length names the activation. Its length is part of its type, so that
    Numba compiles only the branch that is taken, and erf does not wait for the integrals of ReLU.
    """
    if len(kind) == 0:
        _erf_derivative(y, dy, problem, work)
    else:
        K, M = problem[0], problem[1]
        C, s, D1, D2, N2 = work[0], work[1], work[2], work[3], work[4]
        unpack(y, C, s, K, M)
        if len(kind) == 1:
            relu_flow_terms(C, s, -s[:K], K, D1, D2, N2)
        else:
            linear_flow_terms(C, s, -s[:K], K, D1, D2, N2)
        _assemble(dy, problem[2], problem, work)


def make_problem(K, M, activation, rule, noise):
    """The numbers of a (machine, rule) pair in the order that :func:`derivative` unpacks."""
    # Products, since a power of a Python float raises where it overflows; here infinity is right: the run diverges.
    return (
        K,
        M,
        activation,
        float(rule.learning_rate),
        float(rule.inverse_temperature),
        float(rule.learning_rate) * float(rule.learning_rate) / rule.batch_size,
        float(rule.weight_decay),
        float(rule.fan_out_learning_rate),
        float(noise) * float(noise),
    )


def make_work(start):
    """Work arrays for one trajectory, with the teacher's overlaps and fan-out in place."""
    K, M = start.students, start.teachers
    C = np.ascontiguousarray(start.covariance)
    s = np.concatenate([-start.v, start.v_star])
    F = K + M
    return (
        C,
        s,
        np.empty((K, F)),
        np.zeros((K, K)),
        np.zeros((K, K)),
        np.empty((F + 2, F)),
        np.empty((2, F * (F + 1) // 2)),
        np.empty(K),
    )


def pack(start):
    """The packed state of an OrderParameters."""
    return np.concatenate([start.Q[np.triu_indices(start.students)], start.R.ravel(), start.v])
