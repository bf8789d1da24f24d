"""What adaptive back-propagation gains on the plateau, and the best β of the whole training, over K."""

import numpy as np
import xarray as xr

from practicum import Committee, OrderParameters, figures, phases
from practicum.runs import Store, StudyConfig


def compute(config):
    found = {"gain_fixed": [], "gain_optimised": [], "best_beta_total": []}
    for K in config.parameters["students"]:
        machine, start = Committee(students=K, teachers=K), OrderParameters.random(K, K, seed=0, overlap=1e-3)
        small = phases.plateau_limit(K, 4.0 * K).escape_rate / phases.plateau_limit(K, 1.0).escape_rate
        rates = [phases.best_rule(machine, "plateau", adaptive).rate for adaptive in (True, False)]
        total = phases.best_rule(machine, "total", start=start, target=1e-3)
        values = small, rates[0] / rates[1], total.rule.inverse_temperature
        for name, value in zip(found, values):
            found[name].append(float(np.asarray(value)))
    return xr.Dataset({name: ("students", values) for name, values in found.items()}, {"students": [2, 3, 4]})


config = StudyConfig(study="gallery", part="optima", parameters={"students": [2, 3, 4]})
picture = figures.optima(Store().run(config, compute))
