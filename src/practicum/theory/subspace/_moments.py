"""Errors and gradients of many states at once, compiled: a trajectory, or the paths of a simulation."""

from __future__ import annotations

import numpy as np
from numba import njit

from practicum.theory import _erf, _linear, _relu
from practicum.theory._error import covariance_error
from practicum.theory._products import difference_of_products

_erf_j2, _relu_j2, _linear_j2 = _erf.j2, _relu.j2, _linear.j2


@njit(cache=True, error_model="numpy", nogil=True)
def _slopes(C, w, z, activation):
    """J2 of the true derivatives, <g'(f_w) g'(f_z)>."""
    if activation == 0:
        return _erf_j2(C, w, z, 1.0)
    if activation == 1:
        return _relu_j2(C, w, z, 1.0)
    return _linear_j2(C, w, z, 1.0)


@njit(cache=True, error_model="numpy", nogil=True)
def _fill(C, outside, s, nodes, activation, gradients, errors):
    for n in range(len(C)):
        total = 0.0
        for w in range(nodes):
            total += s[n, w] * s[n, w] * outside[n, w, w] * _slopes(C[n], w, w, activation)
            for z in range(w):
                total += 2.0 * s[n, w] * s[n, z] * outside[n, w, z] * _slopes(C[n], w, z, activation)
        # A sum of squares that rounding can leave below 0; what was never reached is NaN and stays so.
        gradients[n] = 0.0 if total < 0.0 else total
        errors[n] = covariance_error(C[n], s[n], activation) if total == total else np.nan


def gradients_and_errors(C, outside, s, nodes, activation):
    """``<|grad_outside sum_w s_w g(f_w)|^2>`` over the first `nodes` fields, and the generalization error.

    Main arguments:
        C: covariance of the fields on the law of the inputs, shape (..., F, F).
        outside: what a unit variance outside the subspace would add to it, shape (..., F, F).
        s: signed fan-outs, shape (..., F).
        nodes: F for the error of the student, K for the student alone.
        activation: a code of :mod:`practicum.theory._error`.

    Returns:
        Two arrays of shape (...).
    """
    shape = C.shape[:-2]
    flat = [np.ascontiguousarray(a.reshape(-1, *a.shape[len(shape) :]), dtype=np.float64) for a in (C, outside, s)]
    gradients, errors = np.empty(len(flat[0])), np.empty(len(flat[0]))
    _fill(flat[0], flat[1], flat[2], nodes, activation, gradients, errors)
    return gradients.reshape(shape), errors.reshape(shape)


@njit(cache=True, error_model="numpy", nogil=True)
def minors(a, b, c):
    """``a b - c^2 >= 0`` of variances a, b and covariances c, shape (n,): exact for nearly parallel fields too."""
    out = np.empty(a.size)
    for n in range(a.size):
        out[n] = max(difference_of_products(a[n], b[n], c[n], c[n]), 0.0)
    return out
