"""Projection determinantal point processes: as many items as there are orthonormal vectors.

Item i has a row v_i of c numbers. The first item is drawn with probability |v_i|^2 / c, the next with that of what is
left of its row orthogonal to the first, and so on: |v_i - projection|^2 / (c - taken).
"""

from __future__ import annotations

import math

from practicum.pruning.dpp._compiled import kernel, loop

# A residual below this is the rounding of the subtractions that it is left from, not a length: rows are at most 1 long.
_NOTHING = 1e-14
# Below this share of a row, what is left of it may have lost its orthogonality; it is then orthogonalised once more.
_LOST = 0.1


@kernel
def draw_items(basis, chosen, uniforms, rows, axes, shares, residuals, taken):
    """One subset for each row of `chosen`, which says by which columns of `basis`; `taken` becomes True at its items.

    A square basis has a complement: what the chosen columns would take is what all others leave. So the fewer of the
    two are used, and no draw needs more than half the columns.

    Work space, c being the most columns used: `rows` (items, c), `axes` (c, c), `shares` (c, items), `residuals`
    (items,).
    """
    items, columns = basis.shape
    for draw in range(chosen.shape[0]):
        count = 0
        for n in range(columns):
            if chosen[draw, n]:
                count += 1
        complement = columns == items and 2 * count > columns
        c = 0
        for n in range(columns):
            if chosen[draw, n] != complement:
                for i in range(items):
                    rows[i, c] = basis[i, n]
                c += 1
        taken[draw, :] = complement
        project(rows, c, uniforms[draw], axes, shares, residuals, taken[draw], not complement)


@loop
def project(rows, c, uniforms, axes, shares, residuals, taken, mark):
    """Draw c items by the first c columns of `rows`; `taken` becomes `mark` at each.

    `axes` are the orthonormal directions taken so far, ``shares[s, i]`` the component of row i along axis s.
    """
    items = rows.shape[0]
    for i in range(items):
        total = 0.0
        for a in range(c):
            total += rows[i, a] * rows[i, a]
        residuals[i] = total
    step = 0
    while step < c:
        item = pick(residuals, uniforms[step])
        whole = 0.0
        for a in range(c):
            axes[step, a] = rows[item, a]
            whole += rows[item, a] * rows[item, a]
        for s in range(step):
            for a in range(c):
                axes[step, a] -= shares[s, item] * axes[s, a]
        left = squared_length(axes, step, c)
        while _NOTHING < left < _LOST * whole:
            for s in range(step):
                share = 0.0
                for a in range(c):
                    share += axes[step, a] * axes[s, a]
                for a in range(c):
                    axes[step, a] -= share * axes[s, a]
            whole, left = left, squared_length(axes, step, c)
        residuals[item] = 0.0
        if left <= _NOTHING:  # the item was picked by rounding: another takes its place
            continue
        taken[item] = mark
        length = 1.0 / math.sqrt(left)
        for a in range(c):
            axes[step, a] *= length
        for i in range(items):
            share = 0.0
            for a in range(c):
                share += rows[i, a] * axes[step, a]
            shares[step, i] = share
            residuals[i] = max(residuals[i] - share * share, 0.0)
        step += 1


@loop
def squared_length(axes, step, c):
    total = 0.0
    for a in range(c):
        total += axes[step, a] * axes[step, a]
    return total


@kernel
def pick(residuals, uniform):
    """The item within whose share of the sum the number falls; never one whose share is 0."""
    total = 0.0
    for i in range(residuals.size):
        total += residuals[i]
    target, reached, item = uniform * total, 0.0, -1
    for i in range(residuals.size):
        if residuals[i] > 0.0:
            item = i
            reached += residuals[i]
            if target < reached:
                break
    return item
