"""Students racing to teachers, as an animation: along lanes to rho = 1, or as lines in the plane of two inputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from practicum.errors import ParameterError
from practicum.figures import _animation
from practicum.figures._hyperplanes import MovingPlane
from practicum.figures._labelled import may, need
from practicum.figures._lanes import Lanes
from practicum.figures._seeds import checked_share
from practicum.figures.style import look

if TYPE_CHECKING:
    import xarray as xr

_NAME = "race"
_VIEWS = ("lanes", "plane")


def race(
    data: xr.Dataset, path: str | Path, *, view: str = "lanes", frames_per_second: float = 12.0, hold: float = 3.0,
    frames: int = 90, threshold: float = 0.95,
) -> Path:  # fmt: skip
    """Write an animation of how the students of one seed come to resemble teacher nodes, from the start to the end.

    Main arguments:
        data: ``rho`` (step, teacher, student) of one seed and one layer, and the coordinate ``epoch`` (step). NaN where
            nodes do not exist, or from where the seed diverged: there the race ends.
        path: the file; its ending .gif, .png or .apng is the format.

    Other arguments:
        view: "lanes", one for each teacher node, in which all students move to rho = 1; or "plane", the lines of
            :func:`hyperplanes`, whose variables `data` then has too.
        frames_per_second: from 0.5 to 50.
        hold: seconds for which the last picture stays before all begins anew.
        frames: the most pictures; of more steps, evenly many are shown. None is invented between two steps.
        threshold: of the correlation at which a teacher node counts as found.
        data may also have, for lanes: ``strength`` (teacher), by which they are ordered from strong to weak; ``loss``
            (step), whose curve is drawn below.

    The winner of a lane, the student that resembles the teacher node most in the end, is coloured from the start, so
    that one sees whether it began in front. The first picture has all labels; the last one is held.

    Returns:
        The path.

    Raises:
        ParameterError: a variable or dimension is missing, nothing is finite, or an option is out of range.
        StorageError: the file cannot be written; what was there before stays.
    """
    path = _animation.checked_path(path)
    limit = checked_share(_NAME, "threshold", threshold)
    _check(view, frames_per_second, hold, frames)
    rho = need(_NAME, data, "rho", "step", "teacher", "student").values.astype(float)
    epoch = need(_NAME, data, "epoch", "step").values.astype(float)
    loss, strength = may(_NAME, data, "loss", "step"), may(_NAME, data, "strength", "teacher")
    teachers, students, steps = _existing(rho)
    if strength is not None:
        teachers = teachers[np.argsort(-strength.values.astype(float)[teachers], kind="stable")]
    names = data["teacher"].values if "teacher" in data.coords else np.arange(rho.shape[1])
    shown = steps[np.unique(np.linspace(0, steps.size - 1, min(frames, steps.size)).round().astype(int))]
    with look():
        if view == "plane":
            scene = MovingPlane(data, limit)
        else:
            rho = rho[: steps[-1] + 1][:, teachers][:, :, students]
            losses = None if loss is None else loss.values[: len(rho)]
            scene = Lanes(rho, epoch[: len(rho)], [str(name) for name in names[teachers]], losses, limit)
        pictures = []
        for step in shown:
            scene.show(int(step))
            pictures.append(_animation.pixels(scene.figure))
    return _animation.write(pictures, path, frames_per_second, hold)


def _existing(rho: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the teachers, the students and the steps that exist; after a seed has diverged there is no step."""
    known = np.isfinite(rho)
    teachers, students = np.flatnonzero(known.any(axis=(0, 2))), np.flatnonzero(known.any(axis=(0, 1)))
    steps = np.flatnonzero(known[:, teachers][:, :, students].all(axis=(1, 2)))
    if not teachers.size or not steps.size:
        raise ParameterError(
            f"The figure {_NAME} needs a step at which 'rho' is finite. Got none; take a seed that did not diverge."
        )
    return teachers, students, steps


def _check(view: str, frames_per_second: float, hold: float, frames: int) -> None:
    if view not in _VIEWS:
        known = " or ".join(map(repr, _VIEWS))
        raise ParameterError(f"The 'view' parameter of {_NAME} must be {known}. Got {view!r:.60} instead.")
    for name, value, low, high in (
        ("frames_per_second", frames_per_second, 0.5, 50),
        ("hold", hold, 0, 60),
        ("frames", frames, 1, 1000),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not low <= value <= high:
            raise ParameterError(
                f"The '{name}' parameter of {_NAME} must be from {low:g} to {high:g}. Got {value!r:.60} instead."
            )
