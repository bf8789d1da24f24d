"""Where random edges beat diverse nodes, over the number of copies and of what stays: few corners only."""

import numpy as np
import xarray as xr

from practicum import figures, pruned

panels = {}
for M in (2, 5):
    found = pruned.edges_beat_nodes(M, range(2, 7))
    errors = found.edge_error, found.node_error
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(errors[0]) - np.log(errors[1])
    panels[M] = ratio.where(np.maximum(*errors) > 1e-12)  # at k = K both errors are rounding
data = xr.concat(panels.values(), xr.Variable("teachers", list(panels)), join="outer")
picture = figures.pruning_region(data.to_dataset(name="log_ratio"), names=("random edges", "DPP nodes"))
