"""The escape rate from the plateau over the inverse temperature: at small learning rates β = 4K is best."""

import numpy as np
import xarray as xr

from practicum import Committee, LearningRule, figures, phases

rate, students, betas = 1e-4, [2, 3, 5], np.geomspace(1, 64, 49)


def escape_rate(K, beta):
    rule = LearningRule(learning_rate=rate, inverse_temperature=beta)
    return phases.plateau(Committee(students=K, teachers=K), rule).escape_rate / rate


rates = [[escape_rate(K, beta) for beta in betas] for K in students]
data = xr.Dataset(
    {"escape_rate": (("students", "inverse_temperature"), rates)},
    {"students": students, "inverse_temperature": betas},
)
best = data.escape_rate.idxmax("inverse_temperature"), data.escape_rate.max("inverse_temperature")
picture = figures.escape(data.assign(best_beta=best[0], best_rate=best[1]))
