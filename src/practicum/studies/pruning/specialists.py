"""(f) Are the students that resemble no teacher node the ones that pruning removes?"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig

SELECTORS = ("random", "importance", "dpp", "greedy")


def specialists(config: StudyConfig) -> xr.Dataset:
    """Two-layer ReLU students, pruned to as many nodes as the teacher has; parameters: those of
    :class:`practicum.studies.pruning.settings.Specialists`.

    Returns over ``selector`` and ``seed``: ``removed_unaligned``, the share of the removed nodes that resemble no
    teacher node, ``coverage``, the share of the teacher nodes that a survivor resembles, and ``loss`` after least
    squares; over ``seed`` the same before pruning (``unaligned``, ``coverage_before``, ``loss_before``).
    """
    from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data
    from practicum.specialization import compare

    given: Any = config.parameters
    seeds = list(range(int(given["seeds"])))
    law = GaussianInputs(dimension=int(given["inputs"]), scale=1.5)
    teacher = SeparatedTeacher(
        inputs=int(given["inputs"]), hidden=int(given["hidden"]), outputs=int(given["outputs"])
    ).build(seeds)
    students = Students(multiple=int(given["multiple"]), initial="normal").build(teacher, seeds)
    data = make_data(law, teacher, seeds, 10_000, int(given["compared"]))
    training = Training(
        learning_rate=0.01, batch_size=16, epochs=int(given["epochs"]), steps_per_epoch=int(given["steps"])
    )
    fit(teacher, students, data, training, seeds=seeds, observe_at=[training.epochs])
    students.eval()
    rho = compare(teacher, students, data.held_out).rho.isel(layer=0).transpose("seed", "teacher", "student").values
    each = [_of_seed(given, students.select([k]), teacher.select([k]), data.held_out[k], rho[k]) for k in seeds]
    found = xr.concat(each, xr.Variable("seed", seeds))
    return found.assign_attrs(cite="acharyya2020understanding,tian2020student", packages="torch")


def _of_seed(given: Any, student: Any, teacher: Any, inputs: Any, rho: np.ndarray) -> xr.Dataset:
    from practicum.pruning import as_module, reweight, select_nodes

    threshold, keep = float(given["threshold"]), int(given["hidden"])
    aligned = rho.max(axis=0) > threshold
    module = as_module(student, 0)
    wanted = teacher(inputs)[0].detach()
    layer = next(name for name, part in module.named_modules() if hasattr(part, "weight"))

    def loss(network: Any) -> float:
        return float((network(inputs) - wanted).detach().square().mean())

    rows = []
    for selector in selectors():
        draws: Any = select_nodes(module, layer, keep, selector, inputs, draws=int(given["draws"]))
        several = draws if isinstance(draws, list) else [draws]
        values = []
        for kept in several:
            mask = kept.mask.numpy()
            removed = ~mask
            covered = (rho[:, mask].max(axis=1) > threshold).mean()
            values.append(((~aligned[removed]).mean(), covered, loss(reweight(module, kept, inputs))))
        rows.append(np.mean(values, axis=0))
    table = np.array(rows)
    return xr.Dataset(
        {
            "removed_unaligned": ("selector", table[:, 0]),
            "coverage": ("selector", table[:, 1]),
            "loss": ("selector", table[:, 2]),
            "unaligned": float((~aligned).mean()),
            "coverage_before": float((rho.max(axis=1) > threshold).mean()),
            "loss_before": loss(module),
        },
        {"selector": list(SELECTORS)},
    )


def selectors() -> list[Any]:
    """The selectors of nodes, in the order of SELECTORS."""
    from practicum.pruning import DPP, GreedyMAP, Importance, Random

    return [Random(), Importance(), DPP(), GreedyMAP()]
