"""Which learning rule leaves the plateau, converges, and trains soonest? Three students, three teachers.

Run it with ``python examples/learn_a_rule.py``; it draws ``rules.svg`` beside where it is called from.
"""

import numpy as np
import xarray as xr

from practicum import Committee, OrderParameters, figures, phases, solve

machine = Committee(students=3, teachers=3)
start = OrderParameters.random(3, 3, seed=0, overlap=1e-3)
rules = {
    "best on the plateau": phases.best_rule(machine, "plateau").rule,
    "best in convergence": phases.best_rule(machine, "convergence").rule,
    "best of the whole": phases.best_rule(machine, "total", start=start, target=1e-4).rule,
    "best gradient descent": phases.best_rule(machine, "total", adaptive=False, start=start, target=1e-4).rule,
}
alpha = np.linspace(0, 400, 401)
curves = []
for name, rule in rules.items():
    curve = solve(machine, rule, start, until=400.0, save_at=alpha).generalization_error
    curves.append(curve.drop_vars(["status", "alpha_end"]))
    print(f"{name:22}  eta = {rule.learning_rate:.4f}  beta = {rule.inverse_temperature:.4f}  error {curve[-1]:.2g}")
data = xr.concat(curves, xr.Variable("curve", list(rules))).to_dataset(name="generalization_error")
figures.save(figures.learning_curves(data), "rules.svg")
