"""Several seeds as one line: the median, and a band that most of the seeds stay in."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from practicum.errors import ParameterError
from practicum.figures._labelled import need
from practicum.figures.style import MUTED

if TYPE_CHECKING:
    import xarray as xr

BAND = (0.1, 0.9)
"""Quantiles over seeds between which the band lies."""


class Summary(NamedTuple):
    """Median and quantiles over the last axis; NaN where no seed has a number."""

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: int


def with_seeds(figure: str, data: xr.Dataset, name: str, *dims: str) -> np.ndarray:
    """The variable `name` as an array (*dims, seed); one without the dimension ``seed`` is of a single seed."""
    has = hasattr(data, "data_vars") and name in data.variables and "seed" in data[name].dims
    array = need(figure, data, name, *dims, *(["seed"] if has else []))
    values = array.values.astype(float)
    return values if has else values[..., None]


def summary(values: np.ndarray, band: tuple[float, float] = BAND) -> Summary:
    """Median and band over the last axis. Infinite values are no numbers here: a diverged seed has no quantile."""
    values = np.where(np.isfinite(values), values, np.nan)
    if values.shape[-1] == 0:
        values = np.full((*values.shape[:-1], 1), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a point at which no seed has a number
        low, median, high = np.nanquantile(values, [band[0], 0.5, band[1]], axis=-1)
    known = np.isfinite(values).any(axis=tuple(range(values.ndim - 1)))
    return Summary(median, low, high, int(known.sum()))


def draw(
    axes: Axes, x: np.ndarray, found: Summary, look: dict[str, Any], label: str, *, markers: bool = False, **more: Any
) -> None:
    """Line of the median and band of one setting; what is not known is not drawn. `more` is said to the line."""
    several = np.isfinite(found.median).sum() > 1
    axes.plot(
        x, found.median, color=look["color"], linestyle=look["linestyle"], label=label, zorder=3,
        marker=look["marker"] if markers or not several else None,
        **{"markeredgecolor": "white", "markeredgewidth": 0.5, **more},
    )  # fmt: skip
    if found.seeds > 1:
        if several:
            axes.fill_between(x, found.low, found.high, color=look["color"], alpha=0.18, linewidth=0, label="_band")
        else:
            axes.vlines(x, found.low, found.high, color=look["color"], alpha=0.5, label="_band")


def explained(seeds: int, of: str = "seeds", band: tuple[float, float] = BAND) -> list[Any]:
    """Handles of a legend that says what line and band are; none for a single seed."""
    if seeds < 2:
        return []
    return [
        Line2D([], [], color=MUTED, label=f"median of {seeds} {of}"),
        Patch(facecolor=MUTED, alpha=0.3, linewidth=0, label=f"{100 * band[0]:g}–{100 * band[1]:g} % of them"),
    ]


def last_point(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Where a curve ends; NaN if it has no point."""
    good = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    return (float(x[good[-1]]), float(y[good[-1]])) if good.size else (np.nan, np.nan)


def over_settings(data: xr.Dataset, name: str) -> xr.Dataset:
    """The dataset with the dimension ``setting``: over-realization multiples are settings named "2×".

    Data without either are a single setting without a name.
    """
    if not hasattr(data, "data_vars") or name not in data.variables or "setting" in data[name].dims:
        return data
    if "multiple" in data[name].dims:
        titles = times(data, "multiple")
        data = data.drop_vars(["multiple", "setting"], errors="ignore").rename_dims(multiple="setting")
        return data.assign_coords(setting=titles)
    data = data.drop_vars("setting", errors="ignore")
    scalars = [key for key in ("status",) if key in data.coords]
    return data.reset_coords(scalars).expand_dims(setting=[""])


def times(data: xr.Dataset, dim: str = "multiple") -> list[str]:
    """Names of over-realization multiples: "2×" for 2; a text as it is."""
    if dim not in data.coords:
        return [f"{i + 1}" for i in range(data.sizes[dim])]
    values = data[dim].values
    return [f"{value:g}×" if np.issubdtype(values.dtype, np.number) else str(value) for value in values]


def checked_share(figure: str, name: str, value: float) -> float:
    """A threshold of correlations, or one sentence."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not -1 <= value <= 1:
        raise ParameterError(f"The '{name}' parameter of {figure} must be from -1 to 1. Got {value!r:.60} instead.")
    return float(value)
