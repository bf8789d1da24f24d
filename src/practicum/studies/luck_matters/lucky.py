"""(b) Lucky nodes: was it decided at the start who wins, and do those who start closer arrive sooner?"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import rankdata

_FEWEST = 4
"""Students that belong to one teacher node from which on their order says something."""


def chance(students: int) -> float:
    """The rank, in % of the students, of a winner that the start does not favour: 50 % less half a place."""
    return 50.0 * (1 - 1 / students)


def rank_at(run: xr.Dataset, epoch: float) -> xr.DataArray:
    """Mean rank of the winners at an epoch, in % of the students: (seed, layer), NaN for a seed that diverged."""
    step = int(np.flatnonzero(run.epoch.values == epoch)[0])
    return run.winner_rank.isel(step=step).mean("teacher").transpose("seed", "layer")


def first_crossing(step: np.ndarray, values: np.ndarray, level: float) -> np.ndarray:
    """Where `values` (time, ...) first exceed `level`, linear between two looks; infinite where they never do."""
    above = values > level
    first = above.argmax(axis=0)
    before = np.maximum(first - 1, 0)
    late, early = (np.take_along_axis(values, index[None], axis=0)[0] for index in (first, before))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(first > 0, (level - early) / (late - early), 0.0)
    found = step[before] + share * (step[first] - step[before])
    return np.where(above.any(axis=0), found, np.inf)


def partial_spearman(x: np.ndarray, y: np.ndarray, given: np.ndarray | None = None) -> np.ndarray:
    """Spearman's correlation of x and y along the last axis, with the ranks of `given` regressed out of both.

    A row in which x or y is constant gives NaN; infinite values are the largest.
    """
    ranked = [rankdata(value, axis=-1) for value in (x, y)]
    centred = [value - value.mean(axis=-1, keepdims=True) for value in ranked]
    if given is not None:
        z = rankdata(given, axis=-1)
        z = z - z.mean(axis=-1, keepdims=True)
        square = (z * z).sum(axis=-1, keepdims=True)
        with np.errstate(invalid="ignore"):
            along = np.where(square > 0, z / square, 0.0)
        centred = [value - (value * z).sum(axis=-1, keepdims=True) * along for value in centred]
    a, b = centred
    scale = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        # Regressing out leaves rounding of a constant, whose direction means nothing.
        return np.where(scale > 1e-9, (a * b).sum(axis=-1) / scale, np.nan)


def closeness_and_speed(run: xr.Dataset, strength: np.ndarray, threshold: float, permutations: int) -> xr.Dataset:
    """Closeness at the start against the number of updates until arrival: Spearman's correlation, seed by seed.

    Main arguments:
        run: a training of two layers that kept ``rho``.
        strength: the fan-out of the teacher nodes, (seed, teacher).
        threshold: of the correlation that counts as arrival.
        permutations: of the null model.

    Returns over ``measure`` and ``seed``: ``correlation``, negative if who starts closer arrives sooner; and
    ``null`` (measure, permutation), the mean over seeds where arrival times are permuted within each group. Measures:
        "winner": teacher nodes of a seed, by the correlation of their final winner at the start, strengths regressed
            out;
        "best": by the best correlation that any student has at the start, strengths regressed out;
        "students": students that in the end resemble the same teacher node most, whose strength is then the same for
            all, by their correlation at the start; the mean over teacher nodes. Those that do not arrive are the last:
            leaving them out would cut off the slow ones, and with them most of what there is to see.
    """
    rho = run.rho.isel(layer=0).transpose("step", "seed", "teacher", "student").values.astype(float)
    step = run.step.values.astype(float)
    good = np.flatnonzero(np.isfinite(rho).all(axis=(0, 2, 3)))
    rho, strength = rho[:, good], np.asarray(strength)[good]
    arrival = first_crossing(step, rho.max(axis=-1), threshold)
    winner = rho[-1].argmax(axis=-1)[..., None]
    close = {"winner": np.take_along_axis(rho[0], winner, axis=-1)[..., 0], "best": rho[0].max(axis=-1)}
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.broadcast_to(arrival, (permutations, *arrival.shape)), axis=-1)
    found, null = [], []
    for value in close.values():
        found.append(partial_spearman(value, arrival, strength))
        null.append(np.nanmean(partial_spearman(value, shuffled, strength), axis=-1))
    belongs = np.arange(rho.shape[2])[:, None] == rho[-1].argmax(axis=1)[:, None]
    one, many = _students(rho[0], first_crossing(step, rho, threshold), belongs, permutations, rng)
    return xr.Dataset(
        {
            "correlation": (("measure", "seed"), np.stack([*found, one])),
            "null": (("measure", "permutation"), np.stack([*null, many])),
            "arrival": (("seed", "teacher"), arrival),
        },
        coords={"measure": [*close, "students"], "seed": run.seed.values[good]},
    )


def _students(
    start: np.ndarray, arrival: np.ndarray, belongs: np.ndarray, permutations: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Within each teacher node: (seed,) and, permuted, (permutation,)."""
    found, null = np.full(len(start), np.nan), []
    for seed in range(len(start)):
        each, nulls = [], []
        for close, came, there in zip(start[seed], arrival[seed], belongs[seed]):
            if there.sum() >= _FEWEST:
                each.append(float(partial_spearman(close[there], came[there])))
                permuted = rng.permuted(np.broadcast_to(came[there], (permutations, int(there.sum()))), axis=-1)
                nulls.append(partial_spearman(close[there], permuted))
        if each:
            found[seed] = np.nanmean(each)
            null.append(np.nanmean(nulls, axis=0))
    return found, np.mean(null, axis=0) if null else np.full(permutations, np.nan)
