"""The error of a pruned network over what is kept, by selector: as pruned, and after a least-squares refit."""

import torch
import xarray as xr

from practicum import figures
from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data
from practicum.pruning import GreedyMAP, Importance, Random, Reweighting, as_module, masked, select_nodes
from practicum.runs import Store, StudyConfig

SELECTORS = {"random": Random(), "importance": Importance(), "greedy MAP": GreedyMAP()}
KEPT = [3, 6, 9, 12, 16, 20]


def compute(config):
    """One student of 24 nodes of a teacher of four, pruned five times by each selector."""
    teacher = SeparatedTeacher(inputs=30, hidden=4, outputs=5, decay=0.0).build([0])
    data = make_data(GaussianInputs(dimension=30), teacher, [0], samples=3000, held_out=2000)
    students = Students(multiple=6).build(teacher, [0])
    fit(teacher, students, data, Training(learning_rate=0.05, epochs=15), seeds=[0])
    student, inputs, held_out = as_module(students, 0), data.inputs[0], data.held_out[0]
    fitted = Reweighting(student, "0", inputs, kind="nodes")

    def error(network):
        with torch.no_grad():
            return float((network(held_out) - teacher(held_out)[0]).square().mean())

    errors = [
        [
            [
                [error(remove(kept)) for kept in draws]
                for draws in select_nodes(student, "0", KEPT, how, inputs, draws=5)
            ]
            for how in SELECTORS.values()
        ]
        for remove in (lambda kept: masked(student, kept), fitted)
    ]
    return xr.Dataset(
        {"error": (("panel", "selector", "kept", "seed"), errors)},
        {"panel": ["as pruned", "reweighted"], "selector": list(SELECTORS), "kept": KEPT},
    )


data = Store().run(StudyConfig(study="gallery", part="pruning-curves"), compute)
data.kept.attrs["label"] = "nodes that stay, of 24"
picture = figures.pruning_curves(data, label="mean squared error", log=True)
