"""Which teacher node each student serves, and which students survive each selector."""

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
cosine, match = end.Q.values / length[:, None] / length, np.abs(end.R.values) / length[:, None]
chosen = {
    "random nodes": np.random.default_rng(0).permutation(8)[:4],
    "importance": np.argsort(-np.abs(end.v.values))[:4],
    "a DPP": sample_kdpp(Kernel(cosine, jitter=0.01), 4, seed=1)[0],
}
data = xr.Dataset(
    {
        "serves": ("student", match.argmax(axis=1)),
        "alignment": ("student", match.max(axis=1), {"label": "cosine with that node"}),
        "kept": (("setting", "student"), [np.isin(np.arange(8), nodes) for nodes in chosen.values()]),
    },
    {"setting": list(chosen)},
)
picture = figures.survivors(data)
