"""Everything that a stored run has over time: curves by name, each a mean over seeds with its standard error."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from practicum.report.curves import over_seeds

if TYPE_CHECKING:
    import xarray as xr

MOST_CURVES = 20
_TIMES = ("alpha", "step")
_FIRST = ("generalization_error", "loss", "training_loss", "coverage", "mean_best_correlation")
"""What people look for first; after these come the variables of fewest curves."""


class Final(NamedTuple):
    """The last known point of a curve; `error` is NaN where less than two seeds reached it."""

    value: float
    error: float
    at: float
    seeds: int


@dataclass(frozen=True)
class Series:
    """One curve of a run.

    Main arguments:
        variable: of the dataset.
        node: which of its curves, such as ``"student 0, teacher 1"``; nothing for a variable that has one.
        across: what `x` is: "alpha", "epoch" or "step".
        x, mean, error, seeds: one entry a point: the mean over the seeds that reached it, its standard error (NaN where
            there are less than two) and how many they are (0 where the run ended before, 1 for a run without seeds).
    """

    variable: str
    node: str
    across: str
    x: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    seeds: np.ndarray

    @property
    def name(self) -> str:
        """Variable and node."""
        return f"{self.variable} {self.node}".strip()

    @property
    def final(self) -> Final | None:
        """The last known point; None if there is none."""
        known = np.flatnonzero(np.isfinite(self.mean))
        if not known.size:
            return None
        last = known[-1]
        return Final(float(self.mean[last]), float(self.error[last]), float(self.x[last]), int(self.seeds[last]))

    def thinned(self, most: int) -> Series:
        """The same curve with `most` of its points, the first and the last among them."""
        if self.x.size <= most:
            return self
        kept = np.linspace(0, self.x.size - 1, most).round().astype(int)
        arrays = (array[kept] for array in (self.x, self.mean, self.error, self.seeds))
        return Series(self.variable, self.node, self.across, *arrays)


def series_of(data: xr.Dataset, most: int = MOST_CURVES, *, single: bool = False) -> tuple[list[Series], list[str]]:
    """The curves of a run, and the variables left out because their curves would be too many.

    Main arguments:
        data: a stored run; one that has no time has no curves.

    Other arguments:
        most: curves in all. A symmetric table such as Q has one curve for every two nodes.
        single: only variables that are one curve, apart from the seeds.
    """
    time = next((name for name in _TIMES if name in data.sizes), None)
    if time is None:
        return [], []
    across = "epoch" if time == "step" and "epoch" in data.coords else time
    x = data[across].values
    if x.ndim != 1 or x.dtype.kind not in "fiu":
        return [], []
    places = {}
    for name, variable in data.data_vars.items():
        if time in variable.dims and variable.dtype.kind in "fiu":
            places[str(name)] = _places(variable, [str(d) for d in variable.dims if d not in (time, "seed")], most)
    found: list[Series] = []
    left_out = []
    for name in sorted(places, key=lambda name: _rank(name, len(places[name]))):
        if len(found) + len(places[name]) > most or (single and len(places[name]) > 1):
            left_out.append(name)
            continue
        for place in places[name]:
            found.append(_one(data[name], place, time, across, x.astype(float)))
    return found, left_out


def _rank(name: str, curves: int) -> tuple[int, int]:
    return (_FIRST.index(name), 0) if name in _FIRST else (len(_FIRST), curves)


def _places(variable: xr.DataArray, dims: list[str], most: int) -> list[dict[str, int]]:
    """Where the curves of a variable are, by the index along each dimension; too many are not all listed."""
    sizes = [variable.sizes[name] for name in dims]
    if prod(sizes) > most**2:
        return [{}] * (most + 1)
    found = []
    for indices in product(*map(range, sizes)):
        place = dict(zip(dims, indices))
        if all(place[name] <= place.get(f"{name}_", place[name]) for name in dims):
            found.append(place)
    return found


def _one(variable: xr.DataArray, place: dict[str, int], time: str, across: str, x: np.ndarray) -> Series:
    chosen = variable.isel(place)
    node = ", ".join(f"{name.removesuffix('_')} {variable[name].values[index]}" for name, index in place.items())
    if "seed" in chosen.dims:
        mean, error, seeds = over_seeds(chosen.transpose("seed", time).values.astype(float))
    else:
        mean = chosen.values.astype(float)
        error, seeds = np.full(mean.shape, np.nan), np.isfinite(mean).astype(int)
    return Series(str(variable.name), node, across, x, mean, error, seeds)
