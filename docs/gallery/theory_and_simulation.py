"""Theory (the line) and simulations of finite networks (points), with their difference below."""

import numpy as np
import xarray as xr

from practicum import Committee, LearningRule, OrderParameters, figures
from practicum.runs import SimulateConfig, SolveConfig, Store

store = Store()
problem = {
    "machine": Committee(students=2, teachers=2),
    "rule": LearningRule(learning_rate=1.0),
    "start": OrderParameters(Q=[[0.3, 0.001], [0.001, 0.4]], R=[[0.003, 0.001], [0.001, 0.002]]),
    "until": 150.0,
    "save_at": tuple(np.linspace(0, 150, 21).tolist()),
}
theory = store.run(SolveConfig(**problem))
paths = {
    f"exact chain, N = {N}": store.run(SimulateConfig(**problem, dimension=N, seeds=seeds)).generalization_error
    for N, seeds in ((100, 300), (10_000, 30))
}
settings = xr.Variable("setting", list(paths))
data = xr.Dataset({"generalization_error_theory": theory.generalization_error}).assign(
    mean=xr.concat([path.mean("seed") for path in paths.values()], settings),
    error=xr.concat([path.std("seed", ddof=1) / path.sizes["seed"] ** 0.5 for path in paths.values()], settings),
)
picture = figures.theory_and_simulation(data)
