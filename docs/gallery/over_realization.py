"""What more students are good for: what is found early on the left, the loss at the end on the right."""

import xarray as xr

from practicum import figures
from trained import trained

multiples, decays = [1, 2, 4], [0.0, 1.0]


def over_both(pick):
    """A number of each training, over decay and multiple."""
    rows = [
        xr.concat([pick(trained(m, p)).drop_vars(["step", "epoch"]) for m in multiples], "multiple") for p in decays
    ]
    return xr.concat(rows, "decay").assign_coords(decay=decays, multiple=multiples).drop_attrs()


data = xr.Dataset(
    {
        "coverage": over_both(lambda run: run.coverage.sel(step=250)).assign_attrs(epoch=1),
        "loss": over_both(lambda run: run.loss.isel(step=-1)).assign_attrs(epoch=40),
    }
)
picture = figures.over_realization(data)
