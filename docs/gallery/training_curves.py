"""The loss over epochs, and below how much of the teacher has been found: median and band over seeds."""

import xarray as xr

from practicum import figures
from trained import trained

runs = {multiple: trained(multiple)[["loss", "coverage", "status"]] for multiple in (1, 2, 4)}
data = xr.concat(runs.values(), xr.Variable("multiple", list(runs)))
picture = figures.training_curves(data)
