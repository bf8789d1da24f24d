"""Trainings side by side: loss and coverage of several runs over their epochs, in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from practicum.report.several import Member

_MOST = 6
"""Lines with bands that can be told apart."""


def trainings_together(members: Mapping[str, Member]) -> dict[str, Any] | None:
    """The figure of two to six trainings, as an item of a page; None for other numbers of them."""
    from practicum import figures
    from practicum.report.embed import inline

    if not 2 <= len(members) <= _MOST:
        return None
    names = {run: run[:6] for run in members}
    svg = inline(
        figures.training_curves(over_settings({names[run]: one.data for run, one in members.items()})),
        "trainings", "loss and coverage of all trainings", "trainings-caption",
    )  # fmt: skip
    caption = (
        "Held-out loss and coverage of the trainings over epochs, named by the first digits of their ids: medians over "
        "seeds, bands from the 10 % to the 90 % quantile; coverage is its mean over layers."
    )
    return {"anchor": "trainings", "caption": caption, "svg": svg, "number": None, "claims": []}


def over_settings(runs: Mapping[str, Any]) -> xr.Dataset:
    """Loss, coverage and status (setting, seed, step) of several trainings.

    The epochs are those of all runs; between its own epochs a run is interpolated. Seeds are counted from 0, since
    those of one run have nothing to do with those of another.
    """
    import xarray as xr

    from practicum.report.stored import over_layers

    epochs = np.unique(np.concatenate([data["epoch"].values.astype(float) for data in runs.values()]))
    seeds = max(data.sizes["seed"] for data in runs.values())
    arrays = {name: np.full((len(runs), seeds, epochs.size), np.nan) for name in ("loss", "coverage")}
    status = np.full((len(runs), seeds), "ok", dtype="<U16")
    for i, data in enumerate(map(over_layers, runs.values())):
        own = data["epoch"].values.astype(float)
        status[i, : data.sizes["seed"]] = data["status"].values
        for name, array in arrays.items():
            for seed, values in enumerate(data[name].transpose("seed", "step").values):
                array[i, seed] = np.interp(epochs, own, values, left=np.nan, right=np.nan)
    return xr.Dataset(
        {name: (("setting", "seed", "step"), array) for name, array in arrays.items()},
        {"setting": list(runs), "epoch": ("step", epochs), "status": (("setting", "seed"), status)},
    )
