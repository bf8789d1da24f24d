"""Two inputs, so that it can be seen how the lines of student nodes move to those of teacher nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig

PLANE: dict[str, Any] = {"hidden": 5, "multiple": 3, "seed": 6, "epochs": 60, "steps": 200}
_OBSERVED = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 34, 38, 42, 46, 50, 55, 60)
_BIAS, _SCALE, _SAMPLES = -0.7, 1.0, 4000
_SHOWN = 300


def plane(config: StudyConfig) -> xr.Dataset:
    """Students of two inputs, their weights at every look; parameters: see PLANE.

    Returns what :func:`practicum.figures.hyperplanes` and :func:`practicum.figures.race` draw: ``student_weights``,
    ``student_biases``, ``rho`` and ``loss`` over ``step``, the teacher's weights, biases and strengths, and ``inputs``.
    """
    import torch

    from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data
    from practicum.specialization.observers import Specialization

    given: Any = config.parameters
    seeds = [given["seed"]]
    law = GaussianInputs(dimension=2, scale=_SCALE)
    teacher = SeparatedTeacher(inputs=2, hidden=given["hidden"], outputs=20, decay=0.5, bias=_BIAS).build(seeds)
    students = Students(multiple=given["multiple"]).build(teacher, seeds)
    data = make_data(law, teacher, seeds, _SAMPLES, 2000)
    training = Training(learning_rate=0.01, batch_size=16, epochs=given["epochs"], steps_per_epoch=given["steps"])
    looks = [epoch for epoch in _OBSERVED if epoch <= given["epochs"]]

    def boundaries(_: Any, network: Any, __: torch.Tensor) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        return {
            "student_weights": (("seed", "student", "input"), network.weights[0].detach().numpy().copy()),
            "student_biases": (("seed", "student"), network.biases[0].detach().numpy().copy()),
        }

    observers = [Specialization(keep=("rho",)), boundaries]
    found = fit(teacher, students, data, training, seeds=seeds, observers=observers, observe_at=looks)
    return (
        found.isel(seed=0, layer=0, drop=True)[["loss", "rho", "student_weights", "student_biases"]]
        .assign(
            teacher_weights=(("teacher", "input"), teacher.weights[0][0].numpy()),
            teacher_biases=("teacher", teacher.biases[0][0].numpy()),  # pyright: ignore[reportOptionalSubscript]
            strength=("teacher", teacher.weights[1][0].norm(dim=0).numpy()),
            inputs=(("sample", "input"), data.held_out[0, :_SHOWN].numpy()),
        )
        .assign_coords(teacher=np.arange(1, given["hidden"] + 1))
        .assign_attrs(cite="tian2019luck", packages="torch")
    )
