"""A study of three runs that take a moment: theory, a simulation, and a part that is neither."""

import numpy as np
import xarray as xr

from made_up import simulate_config, solve_config
from practicum.runs import StudyConfig
from practicum.studies import Result

PART = StudyConfig(study="toy", part="numbers", parameters={"count": 5})
RUNS = [solve_config(), simulate_config(), PART]


def numbers(config):
    return xr.Dataset({"x": ("i", np.sqrt(np.arange(config.parameters["count"])))})


def reproduce(scale, store, progress):
    progress("all", 0.0)
    for config in RUNS[:2]:
        store.run(config)
    store.run(PART, numbers)
    runs = [config.id for config in (*RUNS, RUNS[0])]  # one of them is used twice
    return Result("toy", "A toy", scale, [], [], runs, {}, ())
