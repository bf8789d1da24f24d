"""Draws the pictures of the documentation: ``python docs/images/draw.py``."""

from pathlib import Path

import numpy as np
import xarray as xr

from practicum import Committee, LearningRule, OrderParameters, figures, simulate, solve

machine, rule = Committee(students=2, teachers=2), LearningRule(learning_rate=1.0)
start = OrderParameters(Q=[[0.3, 0.001], [0.001, 0.4]], R=[[0.003, 0.001], [0.001, 0.002]])
alpha = np.linspace(0, 150, 61)
theory = solve(machine, rule, start, 150.0, save_at=alpha)
paths = {
    f"{'weights' if method == 'weights' else 'exact chain'}, N = {N}": simulate(
        machine, rule, start, N, 150.0, seeds=seeds, save_at=alpha, method=method
    ).generalization_error
    for N, seeds, method in ((100, 1000, "chain"), (1000, 200, "chain"), (100_000, 16, "chain"), (1000, 64, "weights"))
}
data = xr.Dataset(
    {
        "generalization_error_theory": theory.generalization_error,
        "mean": (("setting", "alpha"), [path.mean("seed").values for path in paths.values()]),
        "error": (
            ("setting", "alpha"),
            [(path.std("seed", ddof=1) / path.sizes["seed"] ** 0.5).values for path in paths.values()],
        ),
    },
    coords={"setting": list(paths), "alpha": alpha},
)
figures.save(figures.theory_and_simulation(data), Path(__file__).with_name("theory-and-simulation.svg"))
