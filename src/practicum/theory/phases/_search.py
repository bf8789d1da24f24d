"""The global minimum of a costly function of one or two positive parameters: a grid, then the best of its basins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# The value at a point, infinite where there is none; also infinite, if it likes, where it exceeds the second argument.
Objective = Callable[[tuple[float, ...], float], float]
Map = Callable[[Callable, Iterable], Iterable]


@dataclass(frozen=True)
class Axis:
    """A parameter searched on a logarithmic scale from `low` to `high`, first at `points` values."""

    name: str
    low: float
    high: float
    points: int

    @property
    def values(self) -> np.ndarray:
        return np.geomspace(self.low, self.high, self.points)


@dataclass(frozen=True, eq=False)
class Found:
    """Where the minimum is. `spread`: by how much two refinements of its basin differ (parameters, then value)."""

    point: tuple[float, ...]
    value: float
    spread: tuple[float, ...]
    at_bound: tuple[str, ...]
    grid: np.ndarray


def minimise(
    objective: Objective,
    axes: Sequence[Axis],
    *,
    basins: int = 3,
    slack: float = np.inf,
    xtol: float = 1e-7,
    ftol: float = 1e-14,
    run: Map = map,
) -> Found | None:
    """The least value of `objective` in the box of `axes`; None if it is infinite on all of the grid.

    Other arguments:
        basins: how many local minima of the grid are refined by Nelder and Mead's method.
        slack: values beyond `slack` times the best one known need not be computed.
        xtol, ftol: when a refinement ends: relative size of the simplex, and relative spread of its values.
        run: a `map`, e.g. that of a pool of threads. The result does not depend on it.
    """
    shape = tuple(axis.points for axis in axes)
    values = [axis.values for axis in axes]
    grid = np.full(shape, np.inf)

    def fill(part: list[tuple[int, ...]]) -> None:
        cap = slack * grid.min() if np.isfinite(grid.min()) else np.inf
        at = [tuple(float(v[n]) for v, n in zip(values, index)) for index in part]
        for index, value in zip(part, run(lambda point: objective(point, cap), at)):
            grid[index] = value if np.isfinite(value) else np.inf

    # A hopeless point costs most: know one good value before the coarse grid, and that before the fine one.
    for share in (0.65, 0.45, 0.25, 0.85):
        fill([(int(share * shape[0]), *(size // 2 for size in shape[1:]))])
        if np.isfinite(grid).any():
            break
    coarse = [index for index in np.ndindex(shape) if all(n % 3 == 1 or size < 4 for n, size in zip(index, shape))]
    fill(coarse)
    fill([index for index in np.ndindex(shape) if index not in set(coarse)])
    if not np.isfinite(grid).any():
        return None
    starts = sorted(_local_minima(grid), key=lambda index: grid[index])[:basins]
    steps = np.array([np.log(v[1] / v[0]) if len(v) > 1 else 0.1 for v in values])

    def refine(start: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, float]:
        return _nelder_mead(objective, axes, *start, slack, xtol, ftol)

    centres = [np.array([np.log(v[n]) for v, n in zip(values, index)]) for index in starts]
    refined = list(run(refine, [(centre, steps / 2) for centre in centres]))
    best, value = min(refined, key=lambda pair: pair[1])
    # Once more from a displaced and mirrored simplex: how far the two ends lie apart is how well the place is known.
    # Odd numbers, so that the halvings of the one do not land on the points of the other.
    again, repeated = refine((best + 0.0617 * steps, -0.2113 * steps))
    spread = (*(float(s) for s in np.abs(np.exp(again) - np.exp(best))), abs(repeated - value))
    if repeated < value:
        best, value = again, repeated
    low, high = _box(axes)
    near = np.minimum(best - low, high - best) < 1e-3 * (high - low)
    names = tuple(axis.name for axis, is_near in zip(axes, near) if is_near)
    return Found(tuple(float(p) for p in np.exp(best)), value, spread, names, grid)


def _local_minima(grid: np.ndarray) -> list[tuple[int, ...]]:
    """Finite points of the grid none of whose neighbours (diagonals included) is lower."""
    padded = np.pad(grid, 1, constant_values=np.inf)
    out = []
    for index in np.ndindex(grid.shape):
        around = padded[tuple(slice(n, n + 3) for n in index)]
        if np.isfinite(grid[index]) and grid[index] <= around.min():
            out.append(index)
    return out


def _box(axes: Sequence[Axis]) -> tuple[np.ndarray, np.ndarray]:
    return np.log([axis.low for axis in axes]), np.log([axis.high for axis in axes])


def _nelder_mead(
    objective: Objective,
    axes: Sequence[Axis],
    centre: np.ndarray,
    steps: np.ndarray,
    slack: float,
    xtol: float,
    ftol: float,
) -> tuple[np.ndarray, float]:
    from scipy.optimize import minimize

    low, high = _box(axes)
    centre = np.clip(centre, low, high)
    # A vertex on the other side of a bound would be clipped onto the centre: turn it inwards.
    turned = np.where((centre + steps > high) | (centre + steps < low), -steps, steps)
    simplex = np.array([centre, *(centre + step for step in np.diag(turned))])
    scale = abs(objective(tuple(float(p) for p in np.exp(centre)), np.inf)) or 1.0

    def value(x: np.ndarray) -> float:
        return objective(tuple(float(p) for p in np.exp(x)), slack * scale) / scale

    found = minimize(
        value,
        centre,
        method="Nelder-Mead",
        bounds=list(zip(low, high)),
        options={"initial_simplex": simplex, "xatol": xtol, "fatol": ftol, "maxfev": 400},
    )
    return np.asarray(found.x), float(found.fun) * scale
