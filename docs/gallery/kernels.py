"""How alike the nodes of a student are, all of them and the four that a DPP keeps; lines stand between groups."""

import numpy as np
import xarray as xr

from practicum import Committee, LearningRule, OrderParameters, figures
from practicum.pruning import Kernel, sample_kdpp
from practicum.runs import SolveConfig, Store

config = SolveConfig(
    machine=Committee(students=8, teachers=3),
    rule=LearningRule(learning_rate=0.5, fan_out_learning_rate=0.5),
    start=OrderParameters.random(8, 3, seed=2, overlap=0.01),
    until=400.0,
)
end = Store().run(config).isel(alpha=-1)
length = np.sqrt(np.diag(end.Q))
cosine, serves = end.Q.values / length[:, None] / length, np.abs(end.R.values).argmax(axis=1)
order = np.argsort(serves, kind="stable")
cosine, serves = cosine[order][:, order], serves[order]
kept = sample_kdpp(Kernel(cosine, jitter=0.01), 4, seed=1)[0]
data = xr.Dataset(
    {
        "kernel": (("node", "node_"), cosine, {"label": "cosine of two weight vectors"}),
        "kept_kernel": (("kept", "kept_"), cosine[np.ix_(kept, kept)]),
    },
    {"teacher": ("node", serves), "kept_teacher": ("kept", serves[kept])},
)
picture = figures.kernels(data)
