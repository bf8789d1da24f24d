"""One update of the exact chain, and runs of many, compiled. The proof is in docs/explanation/exact-chain.md.

State of a block of inputs: student coordinates P inside the span of the teacher (stored ``inside[b, t, i]``), and the
lower-triangular factor L of the Gram matrix outside it (stored by columns, ``outside[b, j, i]``). Inputs of one
variance are one block; block-isotropic inputs are two. Arrays carry the block as an axis and are indexed, never
sliced: a slice costs reference counting, which at this size is most of an update.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from practicum.simulation._compiled import kernel
from practicum.simulation._lq import lq_in_place, rank_one_lq, semidefinite_cholesky
from practicum.simulation.normals import fill_normals64, next_uniform

_ROOT_HALF = math.sqrt(0.5)
_ROOT_TWO_OVER_PI = math.sqrt(2.0 / math.pi)
_AHEAD = 4096


@kernel
def chi(stream, freedom, x):
    """The root of a chi-square variable, 0 for freedom 0; `x` is a fresh normal, which nearly always suffices.

    The rare second tries draw from the uniform sequence of the stream, so that the normal sequence is consumed at a
    fixed rate. Source: Marsaglia & Tsang, ACM Trans. Math. Softw. 26 (2000) 363.
    """
    if freedom == 0:
        return 0.0
    if freedom == 1:
        return abs(x)
    d = 0.5 * freedom - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            u = next_uniform(stream)
            x2 = x * x
            if u < 1.0 - 0.0331 * x2 * x2 or math.log(u) < 0.5 * x2 + d * (1.0 - v + math.log(v)):
                return math.sqrt(2.0 * d * v)
        x = math.sqrt(-2.0 * math.log(next_uniform(stream))) * math.cos(2.0 * math.pi * next_uniform(stream))


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def respond(K, M, h, rho, v, v_star, noise, beta, activation, g, delta):
    """Fill g(h_i) and the back-propagated errors delta_i; returns the error e of the student on this example."""
    e = noise
    if activation == 0:
        for n in range(M):
            e += v_star[n] * math.erf(rho[n] * _ROOT_HALF)
        for i in range(K):
            g[i] = math.erf(h[i] * _ROOT_HALF)
            e -= v[i] * g[i]
        for i in range(K):
            delta[i] = v[i] * _ROOT_TWO_OVER_PI * math.exp(-0.5 * beta * h[i] * h[i]) * e
    elif activation == 1:
        for n in range(M):
            e += v_star[n] * max(rho[n], 0.0)
        for i in range(K):
            g[i] = max(h[i], 0.0)
            e -= v[i] * g[i]
        for i in range(K):
            delta[i] = v[i] * e if h[i] > 0.0 else 0.0
    else:
        for n in range(M):
            e += v_star[n] * rho[n]
        for i in range(K):
            g[i] = h[i]
            e -= v[i] * g[i]
        for i in range(K):
            delta[i] = v[i] * e
    return e


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def add_fields(K, M, inside, outside, teacher, b, rank, z, at, scale, h, rho):
    """Add one block's part of the fields: from z[at] on stand its r coordinates along the teacher, then K along L."""
    for t in range(rank):
        x = scale * z[at + t]
        for n in range(M):
            rho[n] += teacher[b, t, n] * x
        for i in range(K):
            h[i] += inside[b, t, i] * x
    for j in range(K):
        x = scale * z[at + rank + j]
        for i in range(j, K):
            h[i] += outside[b, j, i] * x


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def decay_block(K, inside, outside, b, rank, keep):
    """Shrink one block's students by the factor `keep`."""
    if keep != 1.0:
        for t in range(rank):
            for i in range(K):
                inside[b, t, i] *= keep
        for j in range(K):
            for i in range(K):
                outside[b, j, i] *= keep


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def push_block(K, inside, outside, b, rank, z, at, distance, push, norms):
    """Move one block's students by ``push`` times the input whose coordinates stand in z, with remainder `distance`."""
    for t in range(rank):
        x = z[at + t]
        for i in range(K):
            inside[b, t, i] += push[i] * x
    rank_one_lq(K, outside, b, push, z, at + rank, distance, norms)


@kernel
def push_batch(inside, outside, b, rank, along, gram, freedom, scale, keep, z, at, stream, columns, factor):
    """Move one block by a mini-batch; `scale` is s eta / (N B).

    `along` (b, r + K, K) sums delta z^T and `gram` sums delta delta^T. What lies outside both spans is a factor of
    `gram` times a K x freedom matrix of normals; only its LQ factor matters, and as soon as freedom >= K that is a
    Bartlett factor of K columns, whose K (K + 1) / 2 normals stand in z from `at` on.
    """
    K = gram.shape[0]
    for t in range(rank):
        for i in range(K):
            inside[b, t, i] = keep * inside[b, t, i] + scale * along[b, t, i]
    for j in range(K):
        for i in range(K):
            columns[j, i] = (keep * outside[b, j, i] if i >= j else 0.0) + scale * along[b, rank + j, i]
    semidefinite_cholesky(gram, factor)
    bartlett = freedom >= K
    rest = K if bartlett else freedom
    for j in range(rest):
        for i in range(K):
            columns[K + j, i] = 0.0
        for m in range(j if bartlett else 0, K):
            a = z[at]
            at += 1
            if bartlett and m == j:
                a = chi(stream, freedom - m, a)
            for i in range(m, K):
                columns[K + j, i] += factor[m, i] * (scale * a)
    lq_in_place(columns, K, K + rest)
    for j in range(K):
        for i in range(K):
            outside[b, j, i] = columns[j, i] if i >= j else 0.0


@njit(cache=True, error_model="numpy", nogil=True)
def overlaps(inside, outside, teacher, ranks, Q, R):
    """Fill Q (blocks, K, K) and R (blocks, K, M) from the coordinates."""
    K, M = R.shape[1:]
    Q[:] = 0.0
    R[:] = 0.0
    for b in range(Q.shape[0]):
        for t in range(ranks[b]):
            for i in range(K):
                for k in range(K):
                    Q[b, i, k] += inside[b, t, i] * inside[b, t, k]
                for n in range(M):
                    R[b, i, n] += inside[b, t, i] * teacher[b, t, n]
        for j in range(K):
            for i in range(j, K):
                for k in range(j, K):
                    Q[b, i, k] += outside[b, j, i] * outside[b, j, k]


@njit(cache=True, error_model="numpy", nogil=True)
def normals_per_update(ranks, freedoms, K, batch, noisy):
    """How many numbers of the normal sequence one update consumes."""
    count = batch if noisy else 0
    for b in range(ranks.size):
        count += batch * (ranks[b] + K)
        if batch == 1:
            count += 1
        else:
            count += K * (K + 1) // 2 if freedoms[b] >= K else K * freedoms[b]
    return count


def make_scratch(K, M, ranks, freedoms, batch, noisy):
    """Work arrays of :func:`run`, which allocates nothing and so needs no reference counting."""
    blocks = len(ranks)
    width = normals_per_update(ranks, freedoms, K, batch, noisy)
    return (
        np.empty(max(1, _AHEAD // width) * width),
        np.empty((blocks, int(ranks.max()) + K, K)),
        np.empty((K, K)),
        np.empty((K, K)),
        np.empty((2 * K, K)),
        np.empty(K + 1),
        np.empty(M),
        np.empty((5, K)),
    )


@kernel
def run(students, teachers, inside, outside, teacher, v, v_star, problem, scratch, stream, steps):
    """Advance the state by `steps` updates in place; returns False if a weight is no longer finite.

    Only the lengths of `students` and `teachers` matter. A tuple has its length in its type, so that K and M are
    constants of the compiled code (a third faster, compiled once a shape); an array serves every shape. Both run the
    same operations in the same order and give the same bits, which is why nothing here may be reassociated.
    """
    ranks, scales, freedoms, activation, eta, beta, keep, batch, eta_v, sigma = problem
    K, M, blocks = len(students), len(teachers), ranks.size
    width = normals_per_update(ranks, freedoms, K, batch, sigma > 0.0)
    z, along, gram, factor, columns, norms, rho, vectors = scratch
    h, g, delta, push, drive = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4]
    ahead = max(1, z.size // width)
    for step in range(steps):
        if step % ahead == 0:
            fill_normals64(stream, z[: min(ahead, steps - step) * width])
        at = (step % ahead) * width
        if batch == 1:
            for i in range(K):
                h[i] = 0.0
            for n in range(M):
                rho[n] = 0.0
            noise, place = 0.0, at
            for b in range(blocks):
                if scales[b] != 0.0:
                    add_fields(K, M, inside, outside, teacher, b, ranks[b], z, place, scales[b], h, rho)
                place += ranks[b] + K + 1
            if sigma > 0.0:
                noise = sigma * z[place]
            e = respond(K, M, h, rho, v, v_star, noise, beta, activation, g, delta)
            for b in range(blocks):
                decay_block(K, inside, outside, b, ranks[b], keep)
                # What inputs of no variance would only rotate stays as it is, to the last bit.
                if scales[b] != 0.0:
                    distance = chi(stream, freedoms[b], z[at + ranks[b] + K])
                    for i in range(K):
                        push[i] = scales[b] * eta * delta[i]
                    push_block(K, inside, outside, b, ranks[b], z, at, distance, push, norms)
                at += ranks[b] + K + 1
            if eta_v > 0.0:
                for i in range(K):
                    v[i] += eta_v * g[i] * e
        else:
            for i in range(K):
                drive[i] = 0.0
                for k in range(K):
                    gram[i, k] = 0.0
                for b in range(blocks):
                    for t in range(ranks[b] + K):
                        along[b, t, i] = 0.0
            for _example in range(batch):
                for i in range(K):
                    h[i] = 0.0
                for n in range(M):
                    rho[n] = 0.0
                noise, place = 0.0, at
                for b in range(blocks):
                    if scales[b] != 0.0:
                        add_fields(K, M, inside, outside, teacher, b, ranks[b], z, place, scales[b], h, rho)
                    place += ranks[b] + K
                if sigma > 0.0:
                    noise = sigma * z[place]
                    place += 1
                e = respond(K, M, h, rho, v, v_star, noise, beta, activation, g, delta)
                for i in range(K):
                    drive[i] += g[i] * e
                    for k in range(K):
                        gram[i, k] += delta[i] * delta[k]
                for b in range(blocks):
                    for t in range(ranks[b] + K):
                        for i in range(K):
                            along[b, t, i] += delta[i] * z[at + t]
                    at += ranks[b] + K
                at = place
            for b in range(blocks):
                push_batch(
                    inside, outside, b, ranks[b], along, gram, freedoms[b], scales[b] * eta / batch, keep, z, at,
                    stream, columns, factor,
                )  # fmt: skip
                at += K * (K + 1) // 2 if freedoms[b] >= K else K * freedoms[b]
            if eta_v > 0.0:
                for i in range(K):
                    v[i] += eta_v / batch * drive[i]
    total = 0.0
    for b in range(blocks):
        for i in range(K):
            total += v[i]
            for t in range(ranks[b]):
                total += inside[b, t, i]
            for j in range(K):
                total += outside[b, j, i]
    return math.isfinite(total)
