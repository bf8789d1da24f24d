"""Bootstrap intervals over seeds: of means and medians, and of correlations over regimes and seeds.

What is drawn anew is the seed: its teacher, student and inputs belong together, and its thousands of test inputs, or
the regimes that it was trained in, are no independent repetitions. Knows no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks.randomness import generator
from practicum.values import nearest, whole

Statistic = Callable[..., np.ndarray]
"""``statistic(values, axis=-1)`` of an array of any number of axes."""

Method = Literal["bca", "percentile"]

_STATISTICS: dict[str, Statistic] = {"mean": np.mean, "median": np.median}
_METHODS = ("bca", "percentile")
_DRAWN = 2**17
"""Seeds that are drawn at a time."""


class Interval(NamedTuple):
    """A statistic of seeds and its confidence interval; arrays without the axis of the seeds.

    Main arguments:
        value: of the seeds that count.
        low, high: the interval; NaN below two seeds.
        seeds: how many count.
        left_out: numbers that do not count because they are NaN, as those of a seed that diverged.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: np.ndarray
    left_out: np.ndarray


def bootstrap_interval(
    values: Any,
    statistic: Literal["mean", "median"] | Statistic = "mean",
    *,
    axis: int = 0,
    confidence: float = 0.95,
    method: Method = "bca",
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """A statistic over seeds and its interval, from seeds drawn anew with replacement.

    With few seeds the interval is too narrow. Where 95 % is asked it holds the true mean of a normal law in 85, 88, 92,
    93 and 94 % of the cases with 5, 8, 16, 32 and 64 seeds, by either method; of a log-normal law, in 76, 81, 86, 89
    and 92 % by "bca", and in about 1 % less by "percentile".

    Main arguments:
        values: one number a seed, or more axes beside it; NaN for a seed that diverged, which does not count.
        statistic: "mean", "median", or a function ``statistic(values, axis=-1)``.

    Other arguments:
        axis: of the seeds.
        confidence: that the interval holds the truth.
        method: "percentile", or "bca", which also corrects for bias and skewness.
        draws: samples of seeds.
        seed: of the draws; equal seeds give equal intervals.

    Raises:
        ParameterError: something is out of range, or there is no such axis.

    Source: Efron, "Better bootstrap confidence intervals", J. Am. Stat. Assoc. 82, 171 (1987).
    """
    what = _statistic(statistic)
    array = np.asarray(values, dtype=float)
    if array.ndim == 0 or not -array.ndim <= axis < array.ndim or array.shape[axis] == 0:
        raise ParameterError(
            f"A bootstrap needs numbers with an axis {axis} of seeds, at least one. Got shape {array.shape} instead."
        )
    draw = _Draws(confidence, method, draws, seed)
    array = np.moveaxis(array, axis, -1)
    found = np.full((*array.shape[:-1], 3), np.nan)
    for place in np.ndindex(array.shape[:-1]):
        kept = array[place][np.isfinite(array[place])]
        if kept.size:
            found[place] = draw.interval(lambda chosen, kept=kept: what(kept[chosen], axis=-1), kept.size)
    seeds = np.isfinite(array).sum(-1)
    return Interval(found[..., 0], found[..., 1], found[..., 2], seeds, array.shape[-1] - seeds)


def bootstrap_correlation(
    x: Any,
    y: Any,
    kind: Literal["pearson", "spearman"] = "pearson",
    *,
    confidence: float = 0.95,
    method: Method = "bca",
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """The correlation of two numbers over points, and its interval, from seeds drawn anew with replacement.

    A seed is drawn with its points in all regimes, since these share teacher and inputs; the regimes stay. A sample in
    which a number is the same everywhere has no correlation and does not count.

    Main arguments:
        x, y: one number a point, (regime, seed) or (seed,). A point of which one is NaN does not count.
        kind: "pearson", or "spearman", of the ranks.

    Other arguments:
        confidence, method, draws, seed: as in :func:`bootstrap_interval`.

    Raises:
        ParameterError: something is out of range, or shapes differ.
    """
    if kind not in ("pearson", "spearman"):
        raise ParameterError(f"The 'kind' of a correlation must be 'pearson' or 'spearman'. Got {kind!r:.60} instead.")
    both = [np.asarray(values, dtype=float) for values in (x, y)]
    if both[0].shape != both[1].shape or both[0].ndim not in (1, 2) or not both[0].size:
        raise ParameterError(
            "A correlation needs two arrays of one shape, (regime, seed) or (seed,), with at least one seed. Got "
            f"{both[0].shape} and {both[1].shape} instead."
        )
    draw = _Draws(confidence, method, draws, seed)
    points = np.stack(both).reshape(2, -1, both[0].shape[-1])
    points = np.where(np.isfinite(points).all(0), points, np.nan)
    counts = np.isfinite(points[0]).any(0)
    left_out = np.isnan(points[0]).sum()
    points = points[..., counts]
    found = np.full(3, np.nan)
    if counts.any():
        found = draw.interval(lambda chosen: _correlation(points[..., chosen], kind), int(counts.sum()))
    return Interval(found[0], found[1], found[2], counts.sum(), left_out)


class _Draws:
    """How samples of seeds are drawn and turned into intervals."""

    def __init__(self, confidence: float, method: str, draws: int, seed: int) -> None:
        if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 < confidence < 1:
            raise ParameterError(f"The 'confidence' parameter must be > 0 and < 1. Got {confidence!r:.60} instead.")
        if method not in _METHODS:
            raise ParameterError(
                f"The 'method' of a bootstrap must be 'bca' or 'percentile'. Got {method!r:.60} instead."
                f"{nearest(str(method), list(_METHODS))}"
            )
        self.ends = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
        self.method, self.draws, self.seed = method, whole("draws", draws, 1), whole("seed", seed, 0)

    def interval(self, statistic: Callable[[np.ndarray], np.ndarray], seeds: int) -> np.ndarray:
        """Value, low and high of a statistic of chosen seeds, (..., chosen) to (...)."""
        value = float(statistic(np.arange(seeds)))
        if seeds < 2 or not np.isfinite(value):
            return np.array([value, np.nan, np.nan])
        require("This bootstrap", lambda draws, seeds: 8 * draws * (seeds + 3), draws=self.draws, seeds=seeds)
        rng = generator(self.seed, "batches", seeds, self.draws)
        chosen = rng.integers(0, seeds, (self.draws, seeds))
        rows = max(1, _DRAWN // seeds)
        drawn = np.concatenate([statistic(part) for part in np.split(chosen, range(rows, self.draws, rows))])
        drawn = drawn[np.isfinite(drawn)]
        if not drawn.size:
            return np.array([value, np.nan, np.nan])
        ends = self.ends if self.method == "percentile" else self._corrected(statistic, seeds, value, drawn)
        return np.array([value, *np.quantile(drawn, ends)])

    def _corrected(
        self, statistic: Callable[[np.ndarray], np.ndarray], seeds: int, value: float, drawn: np.ndarray
    ) -> np.ndarray:
        """The shares of the draws between which the BCa interval lies."""
        from scipy.special import ndtr, ndtri

        below = (drawn < value).mean() + 0.5 * (drawn == value).mean()
        bias = ndtri(np.clip(below, 0.5 / drawn.size, 1 - 0.5 / drawn.size))
        without = np.array([statistic(np.delete(np.arange(seeds), place)) for place in range(seeds)])
        without = without[np.isfinite(without)]
        rest = without.mean() - without if without.size else without
        spread = (rest**2).sum()
        skew = (rest**3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
        shifted = bias + ndtri(self.ends)
        return ndtr(bias + shifted / (1 - skew * shifted))


def _correlation(points: np.ndarray, kind: str) -> np.ndarray:
    """Over regimes and seeds of (2, regime, ..., seed), NaN left out: (...)."""
    flat = np.moveaxis(points, 1, -2)
    flat = flat.reshape(*flat.shape[:-2], -1)
    if kind == "spearman":
        from scipy.stats import rankdata

        flat = rankdata(flat, axis=-1, nan_policy="omit")
    known = np.isfinite(flat[0])
    count = known.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, flat, 0.0).sum(-1) / count
        x, y = np.where(known, flat - mean[..., None], 0.0)
        scale = np.sqrt((x * x).sum(-1)) * np.sqrt((y * y).sum(-1))
        return np.where(scale > 0, np.clip((x * y).sum(-1) / scale, -1.0, 1.0), np.nan)


def _statistic(statistic: Any) -> Statistic:
    if callable(statistic):
        return statistic  # pyright: ignore[reportReturnType]
    if statistic not in _STATISTICS:
        raise ParameterError(
            f"The 'statistic' of a bootstrap must be 'mean', 'median' or a function. Got {statistic!r:.60} instead."
            f"{nearest(str(statistic), list(_STATISTICS))}"
        )
    return _STATISTICS[statistic]
