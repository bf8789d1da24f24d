"""One problem, one recipe: students are trained, attacked, and compared with their teacher on three input laws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig
from practicum.studies.robustness.settings import THRESHOLD, Problem
from practicum.studies.robustness.students import Trained, train

if TYPE_CHECKING:
    from torch import Tensor

HEADLINE = {"mse": "oracle_squared_error", "cross-entropy": "margin_gated_oracle_error"}
"""Of the robust errors the one that claims are about, by the loss of the training."""

_KINDS = {
    "mse": ("fixed_squared_error", "oracle_squared_error"),
    "cross-entropy": ("fixed_label_error", "margin_gated_oracle_error"),
}
"""Not the plain oracle error: it is degenerate, and tells no students apart."""
_SHOWN = 5
"""Images whose perturbations are kept."""


def problem_of(config: StudyConfig) -> Problem:
    """The problem of a part, from the plain values that a configuration holds."""
    given: Any = config.parameters["problem"]
    plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    return Problem(**plain)


def regime(config: StudyConfig) -> xr.Dataset:
    """Students trained by one recipe; parameters: problem, recipe.

    Returns ``specialization`` and ``coverage`` (law, layer, seed), the robust errors (epsilon, seed), ``loss`` and
    ``agreement`` with the teacher on held-out inputs, ``disagreement`` of the oracle with the labels that features had,
    and of images some perturbed ones.
    """
    problem, recipe = problem_of(config), str(config.parameters["recipe"])
    trained = train(problem, recipe)
    setting, students = trained.setting, trained.students
    inputs = setting.data.held_out[:, : problem.attacked]
    errors = robust(problem, trained, inputs)
    found = errors.merge(specialization(problem, trained))
    found["loss"] = trained.history["loss"].isel(step=-1, drop=True)
    found["diverged"] = trained.history["status"] == "diverged"
    ours, theirs = students(setting.data.held_out), setting.teacher(setting.data.held_out)
    if problem.loss != "mse":
        found["agreement"] = ("seed", (ours.argmax(-1) == theirs.argmax(-1)).double().mean(-1).numpy())
    if trained.disagreement is not None:
        found["disagreement"] = ("seed", trained.disagreement)
    if problem.inputs != "low-rank":
        found = found.merge(pictures(problem, trained, inputs))
    return found.assign_attrs(cite="yang2021robustness", packages="torch")


def attack_of(problem: Problem, **changes: Any) -> Any:
    """The attack that students are measured with: Euclidean, within the pixels of images."""
    from practicum.robustness import PGD

    return PGD(norm="l2", steps=problem.attack_steps, box=box_of(problem), **changes)


def box_of(problem: Problem) -> tuple[float, float] | None:
    """Pixels have bounds, Gaussian inputs have none."""
    return None if problem.inputs == "low-rank" else (0.0, 1.0)


def robust(problem: Problem, trained: Trained, inputs: Tensor) -> xr.Dataset:
    """The robust errors by name, over epsilon and seed."""
    from practicum.robustness.errors import robust_errors

    return robust_errors(
        trained.students, inputs, problem.epsilons, teacher=trained.setting.teacher, attack=attack_of(problem),
        margin=problem.margin, kinds=_KINDS[problem.loss],
    )  # fmt: skip


def specialization(problem: Problem, trained: Trained) -> xr.Dataset:
    """How much students resemble their teacher on the training law, on full-rank inputs and on adversarial ones."""
    from practicum.robustness.resemblance import on_three_laws

    attack = attack_of(problem, loss="mse" if problem.loss == "mse" else "kl", oracle=True)
    found = on_three_laws(
        trained.setting.teacher, trained.students, trained.setting.law, samples=problem.compared, attack=attack,
        epsilon=problem.epsilon, thresholds=THRESHOLD,
    )  # fmt: skip
    named = found.rename(mean_best_correlation="specialization", mean_assigned_correlation="assigned")
    return named.drop_vars("threshold").drop_attrs()


def pictures(problem: Problem, trained: Trained, inputs: Tensor) -> xr.Dataset:
    """Images on which the student of the first seed can be fooled, and the two parts of their perturbations."""
    import torch

    from practicum.networks import ImageInputs

    student, teacher = trained.students.select([0]), trained.setting.teacher
    clean = inputs[:1]
    attack = attack_of(problem, loss="margin", oracle=True, margin=problem.margin)
    found = attack(student, clean, problem.epsilon, teacher=teacher)
    right = (student(clean).argmax(-1) == teacher(clean).argmax(-1))[0]
    order = torch.argsort((found.success[0, 0] & right).int(), descending=True, stable=True)[:_SHOWN]
    before, after = clean[0, order], found.inputs[0, 0, order]
    basis = torch.from_numpy(np.array(trained.setting.subspace)).to(before)
    inside = ((after - before) @ basis) @ basis.mT
    shape = ImageInputs(name=problem.inputs, flat=False).shape  # pyright: ignore[reportArgumentType]
    dims = ("example", "channel", "height", "width")

    def picture(values: Tensor) -> tuple[tuple[str, ...], np.ndarray]:
        return dims, values.detach().reshape(-1, *shape).numpy()

    def label(network: Any, values: Tensor) -> tuple[str, np.ndarray]:
        return "example", network(values.unsqueeze(0)).argmax(-1)[0].numpy()

    return xr.Dataset(
        {
            "input": picture(before),
            "inside": picture(inside),
            "outside": picture(after - before - inside),
            "perturbed": picture(after),
            "teacher_before": label(teacher, before),
            "teacher_after": label(teacher, after),
            "student_before": label(student, before),
            "student_after": label(student, after),
        }
    )
