"""A prediction for N → ∞ (lines) and what came of it at N = 300 (points): errors of pruned students."""

from practicum import Committee, LearningRule, OrderParameters, figures, pruned
from practicum.runs import SimulateConfig, SolveConfig, Store

problem = {
    "machine": Committee(students=6, teachers=2),
    "rule": LearningRule(learning_rate=0.5, fan_out_learning_rate=0.5),
    "start": OrderParameters.random(6, 2, seed=0, overlap=0.01),
    "until": 200.0,
    "save_at": (0.0, 200.0),
}
store, selectors = Store(), ["random_node", "importance_node"]
theory = store.run(SolveConfig(**problem)).isel(alpha=-1)
paths = store.run(SimulateConfig(**problem, dimension=300, seeds=20)).isel(alpha=-1)
errors = [
    pruned.selector_errors(run, range(1, 6), selectors, "none").generalization_error.isel(refit=0, drop=True)
    for run in (theory, paths)
]
data = errors[0].to_dataset(name="predicted").assign(measured=errors[1]).drop_attrs()
data = data.assign_coords(selector=["random nodes", "importance"])
data.kept.attrs["label"] = "k: nodes that stay"
picture = figures.predicted_and_measured(data, label="generalization error")
