"""One example after another through the weights, compiled; the Gaussian inputs are made where they are used.

Dot products may be reordered (``reassoc``) so that they run in vector registers: bits then depend on the width of the
registers, hence on the kind of processor, but on nothing else. They are summed in the weights' own precision over at
most SPAN inputs, and beyond that in float64.
"""

from __future__ import annotations

import math

from numba import types
from numba.extending import overload

from practicum.simulation._compiled import UNCOUNTED, kernel, loop
from practicum.simulation.normals import fill_normals32, fill_normals64

SPAN = 1024
_ROOT_HALF = math.sqrt(0.5)
_SLOPE = math.sqrt(2.0 / math.pi)


def fill_normals(state, out):
    """The fill of `out`'s own precision, chosen at compilation."""


@overload(fill_normals, jit_options=UNCOUNTED)
def _fill_normals(state, out):
    if out.dtype == types.float32:
        return lambda state, out: fill_normals32(state, out)
    return lambda state, out: fill_normals64(state, out)


@loop
def add_fields(W, x, lo, hi, fields):
    """Add the part of the inputs lo..hi to the fields ``W x``."""
    part = x[lo:hi]
    for i in range(W.shape[0]):
        row = W[i, lo:hi]
        total = W.dtype.type(0.0)
        for c in range(part.size):
            total += row[c] * part[c]
        fields[i] += total


@loop
def dim(x, factor):
    """Scale the inputs in place."""
    for c in range(x.size):
        x[c] *= factor


@loop
def move(J, x, push, keep, size):
    """``J_ic <- keep J_ic + push_i x_c`` for the first `size` inputs, ``J_ic <- keep J_ic`` for the others."""
    decay = J.dtype.type(keep)
    for i in range(J.shape[0]):
        row = J[i]
        a = push[i]
        if keep == 1.0:
            for c in range(size):
                row[c] += a * x[c]
        else:
            for c in range(size):
                row[c] = decay * row[c] + a * x[c]
            for c in range(size, row.size):
                row[c] *= decay


@loop
def bounded(J, largest):
    """Whether every squared norm is finite and at most `largest`."""
    for i in range(J.shape[0]):
        row = J[i]
        total = 0.0
        for c in range(row.size):
            total += float(row[c]) * float(row[c])
        if not total <= largest:
            return False
    return True


@loop
def gram(X, Y, lo, hi, out):
    """Overlaps ``X Y^T`` of the inputs lo..hi, summed in float64."""
    for i in range(X.shape[0]):
        for k in range(Y.shape[0]):
            x, y = X[i, lo:hi], Y[k, lo:hi]
            total = 0.0
            for c in range(x.size):
                total += float(x[c]) * float(y[c])
            out[i, k] = total


@kernel
def respond(h, rho, v, v_star, noise, beta, activation, g, delta):
    """The error e of the student from the fields; fills the activations g_i and the back-propagated errors delta_i."""
    e = noise
    for n in range(rho.size):
        if activation == 0:
            e += v_star[n] * math.erf(rho[n] * _ROOT_HALF)
        elif activation == 1:
            e += v_star[n] * max(rho[n], 0.0)
        else:
            e += v_star[n] * rho[n]
    for i in range(h.size):
        if activation == 0:
            g[i] = math.erf(h[i] * _ROOT_HALF)
            delta[i] = v[i] * _SLOPE * math.exp(-0.5 * beta * h[i] * h[i])
        elif activation == 1:
            g[i] = max(h[i], 0.0)
            delta[i] = v[i] if h[i] > 0.0 else 0.0
        else:
            g[i] = h[i]
            delta[i] = v[i]
        e -= v[i] * g[i]
    for i in range(h.size):
        delta[i] *= e
    return e


@kernel
def learn(J, v, v_star, x, size, noise, problem, work):
    """Take in one example whose fields are known; at the end of its batch update J and v. False on divergence."""
    activation, eta, beta, keep, batch, eta_v, _, largest, interval = problem
    h, rho, g, delta, push, pushes, drive, counters = work
    e = respond(h, rho, v, v_star, noise, beta, activation, g, delta)
    if batch == 1:
        for i in range(h.size):
            push[i] = eta * delta[i]
            v[i] += eta_v * g[i] * e
        move(J, x, push, keep, size)
    else:
        for i in range(h.size):
            push[i] = delta[i]
            drive[i] += g[i] * e
        move(pushes, x, push, 1.0, size)
        counters[0] += 1
        if counters[0] < batch:
            return True
        counters[0] = 0
        for i in range(h.size):
            push[i] = eta
            v[i] += eta_v * drive[i]
            drive[i] = 0.0
            move(J[i : i + 1], pushes[i], push, keep, J.shape[1])
            pushes[i, :] = 0.0
    counters[1] += 1
    return counters[1] % interval != 0 or bounded(J, largest)


@kernel
def run_gaussian(J, B, v, v_star, numbers, noises, bright, scale, x, problem, work, count):
    """Learn from `count` fresh Gaussian examples, of standard deviation `scale` from input `bright` on."""
    size = bright if scale == 0.0 else J.shape[1]
    h, rho = work[0], work[1]
    sigma = problem[6]
    factor = J.dtype.type(scale)
    for n in range(count):
        h[:] = 0.0
        rho[:] = 0.0
        for lo in range(0, size, SPAN):
            hi = min(lo + SPAN, size)
            fill_normals(numbers, x[lo:hi])
            if hi > bright:
                dim(x[max(lo, bright) : hi], factor)
            add_fields(J, x, lo, hi, h)
            add_fields(B, x, lo, hi, rho)
        if not learn(J, v, v_star, x, size, sigma * noises[n] if sigma > 0.0 else 0.0, problem, work):
            return False
    return True


@kernel
def run_given(J, B, v, v_star, examples, rows, noises, problem, work):
    """Learn from the given rows of `examples`, in order."""
    N = J.shape[1]
    h, rho = work[0], work[1]
    sigma = problem[6]
    for n in range(rows.size):
        x = examples[rows[n]]
        h[:] = 0.0
        rho[:] = 0.0
        for lo in range(0, N, SPAN):
            hi = min(lo + SPAN, N)
            add_fields(J, x, lo, hi, h)
            add_fields(B, x, lo, hi, rho)
        if not learn(J, v, v_star, x, N, sigma * noises[n] if sigma > 0.0 else 0.0, problem, work):
            return False
    return True


@kernel
def mean_error(J, B, v, v_star, examples, activation, h, rho, g, delta):
    """Half the mean squared error, without noise, over all rows of `examples`."""
    total = 0.0
    for n in range(examples.shape[0]):
        h[:] = 0.0
        rho[:] = 0.0
        for lo in range(0, J.shape[1], SPAN):
            hi = min(lo + SPAN, J.shape[1])
            add_fields(J, examples[n], lo, hi, h)
            add_fields(B, examples[n], lo, hi, rho)
        e = respond(h, rho, v, v_star, 0.0, 1.0, activation, g, delta)
        total += e * e
    return 0.5 * total / examples.shape[0]
