"""(l) Students of a classifier of images, as wide as it is and wider."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from practicum.data import images
from practicum.errors import ParameterError, StorageError
from practicum.networks.image_teachers import FASHION, ImageTeacher
from practicum.networks.inputs import ImageInputs
from practicum.networks.settings import Training
from practicum.networks.students import Students

DIGITS = ImageInputs(name="digits", flat=False, mean=0.305, deviation=0.376)
"""The digits of scikit-learn, which need no file, normalised by the moments of their training images."""
_DIGIT_SAMPLES, _DIGIT_HELD_OUT, _DIGIT_REPEATS = 1442, 355, 8


def available() -> str:
    """The set of images that can be had: "fashion-mnist", else "digits", else ""."""
    for name in ("fashion-mnist", "digits"):
        try:
            images(name, "test")
        except (ParameterError, StorageError):
            continue
        return name
    return ""


def image_students(config: Any) -> xr.Dataset:
    """Students of every multiple of one teacher trained on images; the teacher is trained once.

    The parameters of the configuration: ``images`` (the name of the set), ``widths, multiples, seeds, samples,
    held_out, epochs, learning_rates, batch, teacher_epochs, teacher_rate, covered``.

    Returns over (multiple, seed) and ``layer``: ``loss``, ``loss_start``, ``training_loss``, ``status``,
    ``best_correlation`` (teacher), ``mean_best_correlation``, ``coverage``, and ``rho`` (multiple, layer, teacher,
    student) of the first seed; ``teacher_accuracy``, the share of the test images that the teacher gets right.
    """
    from practicum.specialization.learning import train

    given = config.parameters
    fashion = given["images"] == "fashion-mnist"
    law = FASHION if fashion else DIGITS
    epochs = given["epochs"] * (1 if fashion else _DIGIT_REPEATS)  # of so few images an epoch is short
    teacher = ImageTeacher(
        inputs=law,
        widths=tuple(given["widths"]),
        learning_rate=given["teacher_rate"],
        epochs=given["teacher_epochs"] * (1 if fashion else _DIGIT_REPEATS),
    )
    rate, last = given["learning_rates"]
    training = Training(
        optimizer="adam",
        learning_rate=rate,
        schedule=((max(1, 2 * epochs // 3), last),),
        epochs=epochs,
        batch_size=given["batch"],
    )
    found = []
    for multiple in given["multiples"]:
        result = train(
            teacher,
            Students(multiple=multiple, normalisation="before"),
            law,
            training,
            seeds=given["seeds"],
            teacher_seed=0,
            samples=given["samples"] if fashion else min(given["samples"], _DIGIT_SAMPLES),
            held_out=given["held_out"] if fashion else min(given["held_out"], _DIGIT_HELD_OUT),
            thresholds=given["covered"],
            observe_at=epochs,
            keep=("rho",),
        )
        last_step = result.isel(step=-1).reset_coords(drop=True)
        last_step = last_step.assign(rho=last_step.rho.isel(seed=0), loss_start=result.loss.isel(step=0))
        found.append(last_step.expand_dims(multiple=[multiple]))
    merged = xr.concat(found, "multiple", join="outer", data_vars="all")
    accuracy = np.asarray(teacher.train([0]).accuracy, dtype=float).ravel()[0]
    return merged.assign(teacher_accuracy=accuracy).drop_attrs(deep=False)
