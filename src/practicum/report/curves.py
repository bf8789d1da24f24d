"""Learning curves of stored runs in the shape that the figure wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr


def curve_of(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """alpha, the generalization error (its mean over seeds) and the mean's standard error (None without seeds).

    Seeds that ended before a point are left out of its mean.
    """
    alpha, error = data["alpha"].values.astype(float), data["generalization_error"]
    if "seed" not in error.dims:
        return alpha, error.values.astype(float), None
    mean, spread, _ = over_seeds(error.transpose("seed", "alpha").values.astype(float))
    return alpha, mean, spread


def over_seeds(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, its standard error and the number of seeds at each point of values (seed, point).

    Seeds that ended before a point are left out of its mean; of a single one there is no standard error (NaN).
    """
    count = np.isfinite(values).sum(axis=0)
    known = np.where(np.isfinite(values), values, 0.0)
    mean = np.where(count > 0, known.sum(axis=0) / np.maximum(count, 1), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers near the end of the range the spread is infinite
        squares = np.where(np.isfinite(values), (values - mean) ** 2, 0.0).sum(axis=0)
    spread = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1)), np.nan)
    return mean, spread, count


def learning_curve(data: xr.Dataset, name: str = "") -> xr.Dataset | None:
    """One curve for :func:`practicum.figures.learning_curves`; None for a dataset that is not a trajectory."""
    import xarray as xr

    if "generalization_error" not in data or set(data["generalization_error"].dims) - {"seed"} != {"alpha"}:
        return None
    alpha, mean, spread = curve_of(data)
    statuses = np.atleast_1d(data["status"].values) if "status" in data.coords else np.array(["ok"])
    variables = {"generalization_error": (("curve", "alpha"), mean[None])}
    if spread is not None:
        variables["standard_error"] = (("curve", "alpha"), spread[None])
    # A mean over seeds ends where the last seed does: it has diverged when all of them have.
    status = "diverged" if (statuses == "diverged").all() else "ok"
    return xr.Dataset(variables, {"alpha": alpha, "curve": [name], "status": ("curve", [status])})


def side_by_side(runs: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """The curves of several runs on all of their alphas; between a run's own points its logarithm is interpolated."""
    import xarray as xr

    curves = {name: learning_curve(data, name) for name, data in runs.items()}
    found = {name: curve for name, curve in curves.items() if curve is not None}
    alpha = np.unique(np.concatenate([curve["alpha"].values for curve in found.values()]))
    errors = np.full((len(found), alpha.size), np.nan)
    for row, curve in zip(errors, found.values()):
        own, values = curve["alpha"].values, curve["generalization_error"].values[0]
        good = np.isfinite(values) & (values > 0)
        if good.any():
            row[:] = np.exp(np.interp(alpha, own[good], np.log(values[good]), left=np.nan, right=np.nan))
    status = [str(curve["status"].values[0]) for curve in found.values()]
    return xr.Dataset(
        {"generalization_error": (("curve", "alpha"), errors)},
        {"alpha": alpha, "curve": list(found), "status": ("curve", status)},
    )
