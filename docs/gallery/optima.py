"""What adaptive back-propagation gains on the plateau, and the best β of the whole training, over K."""

import xarray as xr

from practicum import Committee, OrderParameters, figures, phases
from practicum.runs import Store, StudyConfig


def compute(config):
    students, found = config.parameters["students"], {"gain_fixed": [], "gain_optimised": [], "best_beta_total": []}
    for K in students:
        machine, start = Committee(students=K, teachers=K), OrderParameters.random(K, K, seed=0, overlap=1e-3)
        adaptive, plain = (phases.best_rule(machine, "plateau", adaptive).rate for adaptive in (True, False))
        total = phases.best_rule(machine, "total", start=start, target=1e-3)
        found["gain_fixed"].append(
            phases.plateau_limit(K, 4.0 * K).escape_rate / phases.plateau_limit(K, 1.0).escape_rate
        )
        found["gain_optimised"].append(adaptive / plain)
        found["best_beta_total"].append(total.rule.inverse_temperature)
    return xr.Dataset({name: ("students", values) for name, values in found.items()}, {"students": students})


config = StudyConfig(study="gallery", part="optima", parameters={"students": [2, 3]})
picture = figures.optima(Store().run(config, compute))
