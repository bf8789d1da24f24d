"""A compiled Dormand-Prince 8(5,3) integrator for the flow, with dense output and a stop on the error.

The tableau is SciPy's. Steps are controlled by the mixed fifth/third-order error estimate of Hairer, Norsett & Wanner,
*Solving Ordinary Differential Equations I* (1993), section II.10; output between steps is their seventh-order
interpolant, evaluated only in the steps that contain a point which was asked for. The whole loop is free of the
interpreter and of the GIL, so that many trajectories run in threads.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit

from practicum.theory._derivative import derivative, unpack
from practicum.theory._error import covariance_error

REACHED, STOPPED, DIVERGED, STIFF, EXHAUSTED = 0, 1, 2, 3, 4

_STAGES = 12


@lru_cache(maxsize=1)
def tableau() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows 1..11 of A are the stages, row 12 the new state (B), rows 13..15 the extra stages of the dense output.

    Passed as an argument: Numba does not cache functions that close over arrays of this size.
    """
    from scipy.integrate import DOP853  # a quarter of a second, which simulations do not need

    A = np.zeros((_STAGES + 4, _STAGES + 4))
    A[:_STAGES, :_STAGES] = DOP853.A
    A[_STAGES, :_STAGES] = DOP853.B
    A[_STAGES + 1 :] = DOP853.A_EXTRA
    return A, DOP853.E3.copy(), DOP853.E5.copy(), DOP853.D.copy()


_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 6.0
_ROUNDING = 2.2e-16
# Boundary of the stability region on the negative axis, and how many steps in a row must sit on it: the stiffness
# test of the Fortran code by Hairer & Wanner.
_STIFF_PRODUCT, _STIFF_STEPS = 6.1, 15


@njit(cache=True, error_model="numpy", nogil=True)
def _stages(tableau, y, h, ks, states, first, last, kind, problem, work):
    """Fill the slopes ks[first:last] of a step h from y, given those before.

    ``states[0]`` is the new state (stage 12), ``states[1]`` that of stage 11, which the stiffness test compares it
    with; the others pass through ``states[2]``.
    """
    A = tableau[0]
    for j in range(first, last):
        row = 0 if j == _STAGES else (1 if j == _STAGES - 1 else 2)
        for c in range(y.size):
            states[row, c] = y[c]
        for m in range(j):
            a = h * A[j, m]
            if a != 0.0:
                for c in range(y.size):
                    states[row, c] += a * ks[m, c]
        derivative(states[row], ks[j], kind, problem, work)


@njit(cache=True, error_model="numpy", nogil=True)
def _error_norm(tableau, y, trial, h, ks, rtol, atol):
    n = y.size
    E3, E5 = tableau[1], tableau[2]
    five, three = 0.0, 0.0
    for c in range(n):
        scale = atol + rtol * max(abs(y[c]), abs(trial[c]))
        e5, e3 = 0.0, 0.0
        for m in range(_STAGES + 1):
            e5 += E5[m] * ks[m, c]
            e3 += E3[m] * ks[m, c]
        five += (e5 / scale) ** 2
        three += (e3 / scale) ** 2
    if five == 0.0 and three == 0.0:
        return 0.0
    return abs(h) * five / np.sqrt((five + 0.01 * three) * n)


@njit(cache=True, error_model="numpy", nogil=True)
def _interpolant(tableau, y, trial, h, ks, coefficients):
    """Coefficients (7, n) of the dense output of one accepted step whose extra stages are in ks."""
    n = y.size
    D = tableau[3]
    for c in range(n):
        delta = trial[c] - y[c]
        coefficients[0, c] = delta
        coefficients[1, c] = h * ks[0, c] - delta
        coefficients[2, c] = 2.0 * delta - h * (ks[_STAGES, c] + ks[0, c])
        for j in range(4):
            total = 0.0
            for m in range(_STAGES + 4):
                total += D[j, m] * ks[m, c]
            coefficients[3 + j, c] = h * total


@njit(cache=True, error_model="numpy", nogil=True)
def _interpolate(y, coefficients, x, out):
    """The state at the fraction x of a step that began at y."""
    for c in range(y.size):
        value = 0.0
        for j in range(7):
            value = (value + coefficients[6 - j, c]) * (x if j % 2 == 0 else 1.0 - x)
        out[c] = y[c] + value


@njit(cache=True, error_model="numpy", nogil=True)
def _state_error(y, problem, work):
    unpack(y, work[0], work[1], problem[0], problem[1])
    return covariance_error(work[0], work[1], problem[2])


@njit(cache=True, error_model="numpy", nogil=True)
def _largest_norm(y, K):
    largest, n = 0.0, 0
    for i in range(K):
        if not (y[n] <= largest):  # also true for NaN, which then stays
            largest = y[n]
            if largest != largest:
                return largest
        n += K - i
    return largest


@njit(cache=True, error_model="numpy", nogil=True)
def _crossing(y, coefficients, found, target, below, problem, work):
    """Fraction of the step at which the error crosses the target, by bisection to rounding; the state in `found`."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        _interpolate(y, coefficients, middle, found)
        error = _state_error(found, problem, work)
        if (error < target) == below:
            high = middle
        else:
            low = middle
    _interpolate(y, coefficients, high, found)
    return high


@njit(cache=True, error_model="numpy", nogil=True)
def integrate(
    tableau,
    y,
    kind,
    problem,
    work,
    alpha,
    end,
    save_at,
    saved,
    rtol,
    atol,
    target,
    below,
    largest_norm,
    max_steps,
    stiff_after,
    fixed,
    halt,
):
    """Integrate the packed state y in place from `alpha` to `end`; fill `saved` (points, n) at `save_at`.

    ``target >= 0`` stops where the generalization error falls below it (`below`) or rises above it.
    ``fixed > 0`` takes steps of that size without error control (to measure the order of convergence).
    ``halt[0]``, which another thread may make True, ends it as exhausted: it is looked at before every step.
    Returns (code, alpha, points saved, steps, derivative evaluations).
    """
    n = y.size
    ks = np.empty((_STAGES + 4, n))
    states = np.empty((3, n))
    trial, stage = states[0], states[1]
    coefficients, found = np.empty((7, n)), np.empty(n)
    point = 0
    while point < save_at.size and save_at[point] <= alpha:
        for c in range(n):  # a loop, not a slice: the check of shapes in an array assignment takes seconds to compile
            saved[point, c] = y[c]
        point += 1
    derivative(y, ks[0], kind, problem, work)
    evaluations, steps, stiff, rejected = 1, 0, 0, False
    if target >= 0.0 and (_state_error(y, problem, work) < target) == below:
        return STOPPED, alpha, point, steps, evaluations
    speed = 0.0
    for c in range(n):
        speed = max(speed, abs(ks[0, c]) / (1e-6 + abs(y[c])))
    h = fixed if fixed > 0.0 else min(end - alpha, 1e-3 / max(speed, 1e-300))
    while alpha < end:
        if steps >= max_steps or halt[0]:
            return EXHAUSTED, alpha, point, steps, evaluations
        if steps >= stiff_after and stiff >= _STIFF_STEPS:
            return STIFF, alpha, point, steps, evaluations
        last = alpha + h * (1.0 + 1e-12) >= end
        if last:
            h = end - alpha
        _stages(tableau, y, h, ks, states, 1, _STAGES + 1, kind, problem, work)
        evaluations += _STAGES
        steps += 1
        # Errors below the rounding of the slope are noise: with runaway norms they would cut the steps for nothing.
        noise = _ROUNDING * h * problem[3] * _largest_norm(y, problem[0])
        norm = 0.0 if fixed > 0.0 else _error_norm(tableau, y, trial, h, ks, rtol, max(atol, noise))
        if not (norm < 1.0):
            h *= max(_SHRINK, _SAFETY * norm ** (-1.0 / 8.0)) if norm > 0.0 and norm < np.inf else _SHRINK
            rejected = True
            if not (alpha + h > alpha):
                return DIVERGED, alpha, point, steps, evaluations
            continue
        reached = end if last else alpha + h
        stop = target >= 0.0 and (_state_error(trial, problem, work) < target) == below
        wanted = point < save_at.size and save_at[point] <= reached
        if stop or wanted:
            _stages(tableau, y, h, ks, states, _STAGES + 1, _STAGES + 4, kind, problem, work)
            _interpolant(tableau, y, trial, h, ks, coefficients)
            evaluations += 3
        at = reached
        if stop:
            at = alpha + h * _crossing(y, coefficients, found, target, below, problem, work)
        while point < save_at.size and save_at[point] <= at:
            _interpolate(y, coefficients, min((save_at[point] - alpha) / h, 1.0), saved[point])
            point += 1
        if stop:
            for c in range(n):
                y[c] = found[c]
            return STOPPED, at, point, steps, evaluations
        slope, distance = 0.0, 0.0
        for c in range(n):
            slope += (ks[_STAGES, c] - ks[_STAGES - 1, c]) ** 2
            distance += (trial[c] - stage[c]) ** 2
        stiff = stiff + 1 if slope * h * h > _STIFF_PRODUCT**2 * distance else 0
        for c in range(n):
            y[c] = trial[c]
            ks[0, c] = ks[_STAGES, c]
        alpha = reached
        if not (_largest_norm(y, problem[0]) <= largest_norm):
            return DIVERGED, alpha, point, steps, evaluations
        if fixed <= 0.0:
            factor = _GROW if norm == 0.0 else min(_GROW, _SAFETY * norm ** (-1.0 / 8.0))
            h *= min(factor, 1.0) if rejected else factor
            rejected = False
    return REACHED, alpha, point, steps, evaluations
