"""A robust error is measured: what the searches find of each input, and where they find it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from practicum.robustness._asked import Asked
from practicum.robustness._searches import ERRORS, RobustError, searches
from practicum.robustness.attacks._question import along
from practicum.robustness.attacks.base import Attack
from practicum.robustness.attacks.losses import Truth, fooled, losses, teacher_margin


class Measured(NamedTuple):
    """One robust error.

    Main arguments:
        values: (E, S), or (E,) without an axis of seeds; NaN where a student has diverged.
        points: the worst inputs found, (E, [S,] B, ...), or None if they are not wanted.
        attack: the repr of the attack that searched.
    """

    values: np.ndarray
    points: np.ndarray | None
    attack: str


def measured(
    given: Asked,
    name: str,
    attack: Attack,
    *,
    margin: float = 0.0,
    subspace: Any = None,
    seed: int = 0,
    keep: bool = False,
) -> Measured:
    """The error by its name; `keep` returns the worst inputs, too."""
    totals, points = [], []
    for block in given.blocks() if given.alive.any() else ():
        found, where = found_in(block, name, attack, margin=margin, subspace=subspace, seed=seed)
        totals.append(found.double().sum(-1))
        points += [where] if keep else []
    count, radii = given.inputs.shape[1], len(given.epsilons)
    mean = torch.stack(totals).sum(0) / count if totals else torch.zeros((radii, 0))
    kept = None
    if keep:
        found = torch.cat(points, 2) if points else torch.zeros((radii, 0, count, *given.shape))
        kept = np.moveaxis(given.over_seeds(found.movedim(1, -1)), -1, 1) if given.has_seeds else found[:, 0].numpy()
    return Measured(given.over_seeds(mean), kept, repr(searches(name, attack, margin)[0].attack))


def gate(given: Asked, margin: float | None) -> float:
    """The margin that is given, or half the median of the teacher's margins on the clean inputs."""
    if margin is not None or not given.alive.any():
        return margin or 0.0
    margins = teacher_margin(given.outputs("teacher", given.inputs)).double().cpu().numpy()
    return 0.5 * float(np.median(margins))


def found_in(
    given: Asked, name: str, attack: Attack, *, margin: float = 0.0, subspace: Any = None, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """How wrong the student is made on each input, (E, S', B), and at which point, (E, S', B, ...).

    Shares are of flags, squared errors of numbers. The clean input counts as a perturbed one; it is also the point
    where no search makes the student wrong.
    """
    error = ERRORS[name]
    radii = len(given.epsilons)
    values = _clean(given, error, margin).expand(radii, -1, -1)
    points = given.inputs.expand(radii, *given.inputs.shape)
    for search, objective in searches(name, attack, margin):
        by_labels = not (error.oracle or error.squared)
        attacked = given.attacked(search, by_labels=by_labels, subspace=subspace, seed=seed, objective=objective)
        new = attacked.loss if error.squared else attacked.success
        worse = new > values
        values = torch.where(worse, new, values)
        points = torch.where(along(worse, points), attacked.inputs, points)
    return values, points


def _clean(given: Asked, error: RobustError, margin: float) -> Tensor:
    """How wrong the student is at the clean inputs, (S', B)."""
    outputs = given.outputs("student", given.inputs)
    theirs = None if given.teacher is None else given.outputs("teacher", given.inputs)
    if error.squared:
        return losses("mse", outputs, Truth(None, theirs))
    labels = None if error.oracle else given.labels
    return fooled("margin", outputs, Truth(labels, theirs, error.oracle, margin if error.gated else 0.0))
