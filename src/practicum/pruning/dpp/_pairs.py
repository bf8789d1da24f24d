"""Inclusion of pairs, as a sum over pairs of eigenvectors."""

from __future__ import annotations

from practicum.pruning.dpp._compiled import loop


@loop
def fill_pairs(vectors, weights, pairs):
    """``pairs[i, j] = sum over n < m of (V_in V_jm - V_im V_jn)^2 weights[n, m]``, for i != j."""
    items, rank = vectors.shape
    for i in range(items):
        for j in range(i):
            total = 0.0
            for n in range(rank):
                x, y = vectors[i, n], vectors[j, n]
                for m in range(n + 1, rank):
                    minor = x * vectors[j, m] - y * vectors[i, m]
                    total += minor * minor * weights[n, m]
            pairs[i, j] = pairs[j, i] = total
