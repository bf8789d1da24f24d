"""Strong teacher nodes first: the share of seeds that found each node, and when."""

import numpy as np
import xarray as xr

from practicum import figures
from practicum.specialization import success
from trained import trained

multiples, found = (1, 2, 4), {"success": [], "low": [], "high": [], "epoch_covered": []}
for multiple in multiples:
    run = trained(multiple)
    share = success(run.best_correlation.isel(step=-1).values)
    first = run.epoch.where(run.best_correlation > 0.95, np.inf).min("step")
    for name, values in zip(found, (share.share, share.low, share.high, first.median("seed"))):
        found[name].append(values)
data = xr.Dataset(
    {name: (("multiple", "teacher"), np.array(values)) for name, values in found.items()},
    {"multiple": list(multiples), "teacher": range(1, 6)},
)
picture = figures.success(data)
