"""The error over α, a line a learning rule: adaptive back-propagation leaves the plateau sooner."""

import xarray as xr

from practicum import Committee, LearningRule, OrderParameters, figures
from practicum.runs import SolveConfig, Store

store, curves = Store(), {}
for beta in (1.0, 4.0, 12.0):
    run = store.run(
        SolveConfig(
            machine=Committee(students=3, teachers=3),
            rule=LearningRule(learning_rate=0.1, inverse_temperature=beta),
            start=OrderParameters.random(3, 3, seed=0, overlap=1e-6),
            until=3000.0,
        )
    )
    curves[f"β = {beta:g}"] = run.generalization_error.drop_vars(["status", "alpha_end"])
data = xr.concat(curves.values(), xr.Variable("curve", list(curves))).to_dataset()
picture = figures.learning_curves(data)
