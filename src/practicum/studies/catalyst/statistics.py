"""Numbers of each seed, from what trainings return: when nodes are found, in which order, how far success reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from practicum.networks.randomness import generator


def mean_error(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Mean and standard error over seeds; those without a number (diverged) do not count. NaN below two seeds."""
    kept = np.asarray(values, dtype=float).ravel()
    kept = kept[np.isfinite(kept)]
    if kept.size < 2:
        return float(kept.mean()) if kept.size else math.nan, math.nan
    return float(kept.mean()), float(kept.std(ddof=1) / math.sqrt(kept.size))


def log_loss(run: xr.Dataset, epoch: float | None = None, name: str = "loss") -> np.ndarray:
    """log10 of a loss at an epoch (the last, if not given), one number a seed."""
    return np.log10(at_epoch(run[name], epoch).values.astype(float))


def at_epoch(array: xr.DataArray, epoch: float | None = None) -> xr.DataArray:
    """What was seen at an epoch, which must have been looked at; the last if not given."""
    if epoch is None:
        return array.isel(step=-1)
    (place,) = np.flatnonzero(array.epoch.values == epoch)
    return array.isel(step=int(place))


def has_epoch(run: xr.Dataset, epoch: float) -> bool:
    """Whether the training was looked at then."""
    return bool((run.epoch.values == epoch).any())


def discovery(best: xr.DataArray, threshold: float) -> np.ndarray:
    """The first epoch seen at which best correlations (step, ...) exceed a threshold; infinite if there is none."""
    beyond = best.transpose("step", ...).values > threshold
    epochs = best.epoch.values.astype(float)
    return np.where(beyond.any(axis=0), epochs[beyond.argmax(axis=0)], np.inf)


def order(epochs: np.ndarray) -> np.ndarray:
    """Spearman's correlation of the epoch with the index along the last axis, one a seed.

    Nodes found at the same epoch share a rank, those never found are last together; NaN where all are the same.
    """
    found = []
    for row in np.asarray(epochs, dtype=float):
        ranks = rankdata(row)
        found.append(np.nan if np.ptp(ranks) == 0 else np.corrcoef(ranks, np.arange(row.size))[0, 1])
    return np.array(found)


def reach(found: np.ndarray) -> float:
    """The teacher index at which success (seed, teacher), a share of seeds, falls to 50 %, counted from 0.

    Linear between the last index with at least 50 % before the first without; the number of nodes if there is none.
    """
    share = np.asarray(found, dtype=float).mean(axis=0)
    below = np.flatnonzero(share < 0.5)
    if not below.size:
        return float(share.size)
    j = int(below[0])
    return float(j - (0.5 - share[j]) / (share[j - 1] - share[j])) if j else 0.0


def reach_error(found: np.ndarray, draws: int = 500) -> tuple[float, float]:
    """:func:`reach` and its standard error, from seeds drawn anew with replacement."""
    found = np.asarray(found, dtype=float)
    rng = generator(0, "batches", *found.shape)
    drawn = [reach(found[rng.integers(0, len(found), len(found))]) for _ in range(draws)]
    return reach(found), float(np.std(drawn, ddof=1))
