"""Greedy maximisation of a determinant: a Cholesky factor that takes the largest pivot."""

from __future__ import annotations

import math

from practicum.pruning.dpp._compiled import loop


@loop
def grow(L, rounding, equal, order, residuals, factor):
    """Fill `order`; return how many items there were. `residuals` begin as the diagonal of L, and end as what is left.

    ``factor[s]`` is column s of the Cholesky factor. A residual below `rounding` of its diagonal entry is none; two
    that differ by less than `equal` of theirs are the same.
    """
    items = L.shape[0]
    for step in range(order.size):
        best = -1
        for i in range(items):
            independent = residuals[i] > rounding * L[i, i]
            if independent and (best < 0 or residuals[i] > residuals[best]):
                best = i
        if best < 0:
            return step
        for i in range(best):  # the first of those that rounding does not tell from the best
            near = residuals[i] >= residuals[best] - equal * max(L[i, i], L[best, best])
            if near and residuals[i] > rounding * L[i, i]:
                best = i
                break
        order[step] = best
        for i in range(items):
            factor[step, i] = L[best, i]
        for s in range(step):
            share = factor[s, best]
            for i in range(items):
                factor[step, i] -= share * factor[s, i]
        scale = 1.0 / math.sqrt(residuals[best])
        for i in range(items):
            factor[step, i] *= scale
            residuals[i] -= factor[step, i] * factor[step, i]
        for s in range(step + 1):
            residuals[order[s]] = 0.0
    return order.size
