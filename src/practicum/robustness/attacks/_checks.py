"""Do the networks, inputs, radii and labels of an attack fit each other? One sentence each if they do not."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.robustness.attacks._differentiable import Differentiable, differentiable
from practicum.robustness.attacks._reading import basis_of, inputs_of, labels_of, radii_of

if TYPE_CHECKING:
    from practicum.robustness.attacks.base import Attack


class Given(NamedTuple):
    """What an attack is called with, checked.

    Main arguments:
        student, teacher: ready to be asked.
        clean: inputs (S, B, ...), S being that of the student.
        epsilons: (E,), float64.
        labels: (S or 1, B), or None.
        basis: of the subspace (d, r), or None.
        has_seeds: whether the student has an axis of seeds.
    """

    student: Differentiable
    teacher: Differentiable | None
    clean: Tensor
    epsilons: Tensor
    labels: Tensor | None
    basis: Tensor | None
    has_seeds: bool


def checked(
    value: Attack,
    student: nn.Module,
    inputs: Any,
    epsilons: Any,
    teacher: nn.Module | None,
    labels: Any,
    subspace: Any,
    objective: Any,
) -> Given:
    """What was given, as tensors of one precision on one device.

    Raises:
        ParameterError: see :meth:`practicum.robustness.attacks.base.Attack.__call__`.
    """
    name = type(value).__name__
    check_networks(name, student, teacher)
    if objective is not None and not callable(objective):
        raise ParameterError(
            f"The 'objective' of {name} must be a function objective(outputs, teacher's outputs, labels). Got "
            f"{objective!r:.60} instead."
        )
    like = _numbers_of(student, teacher)
    radii = radii_of(name, epsilons, like.dtype)
    has_seeds = isinstance(student, (MLP, Ensemble))
    clean, given = inputs_of(name, student, inputs, like)
    shape = tuple(clean.shape[2:])
    asked = differentiable(student, shape, "student")
    if given not in (1, asked.seeds):
        raise ParameterError(
            f"The inputs of {name} must be those of {asked.seeds} students, or the same for all. Got those of {given} "
            "seeds instead."
        )
    judge = None if teacher is None else differentiable(teacher, shape, "teacher")
    clean = clean.expand(asked.seeds, *clean.shape[1:])
    _check_box(value, clean)
    _check_judges(value, judge, labels)
    classes = _check_outputs(value, asked, judge, clean)
    return Given(
        asked, judge, clean, radii.to(like.device), labels_of(name, labels, clean, classes),
        basis_of(value, subspace, shape, like), has_seeds,
    )  # fmt: skip


def check_networks(name: str, student: Any, teacher: Any) -> None:
    """Modules of one precision that attacks compute in."""
    for what, network in (("student", student), ("teacher", teacher)):
        if not isinstance(network, nn.Module) and not (what == "teacher" and network is None):
            raise ParameterError(
                f"The '{what}' of {name} must be a network: an MLP, an Ensemble or a torch.nn.Module. Got "
                f"{type(network).__name__} instead; call build() of a value such as Students to have networks."
            )
    kind = _numbers_of(student, teacher).dtype
    if kind not in (torch.float32, torch.float64):
        raise ParameterError(
            f"The student of {name} must be of float32 or float64, because a radius must hold to one part in a "
            f"million. Got {kind} instead; student.float() converts it."
        )
    if teacher is not None and (other := _numbers_of(teacher, student).dtype) != kind:
        raise ParameterError(
            f"Teacher and student of {name} must be of one precision. Got {other} of the teacher and {kind} of the "
            "student instead; teacher.to(student.dtype) converts it."
        )


def _numbers_of(*networks: nn.Module | None) -> Tensor:
    """The first weights or buffers that are no whole numbers: of the precision and on the device to compute with."""
    for network in networks:
        for each in () if network is None else chain(network.parameters(), network.buffers()):
            if each.is_floating_point():
                return each
    return torch.empty(0)


def _check_box(value: Attack, clean: Tensor) -> None:
    if value.box is None:
        return
    lowest, highest = map(float, clean.aminmax())
    box = clean.new_tensor(value.box)  # 0.1 of float32 is more than 0.1
    if not float(box[0]) <= lowest <= highest <= float(box[1]):
        raise ParameterError(
            f"The inputs of {type(value).__name__} must lie in its box {value.box}, because perturbed ones are cut off "
            f"there. Got values from {lowest:.4g} to {highest:.4g}; set box=None unless the data have one."
        )


def _check_judges(value: Attack, judge: Differentiable | None, labels: Any) -> None:
    """Is there one who says what is right, and only one?"""
    name, compares = type(value).__name__, value.loss in ("mse", "kl")
    if judge is None and (value.oracle or compares or labels is None):
        why = "it is the oracle" if value.oracle else "there are no labels"
        why = f"loss={value.loss!r} compares with it" if compares and not value.oracle else why
        remedy = "teacher=..." if value.oracle or compares else "teacher=... or labels=..."
        raise ParameterError(f"{name} needs a teacher, because {why}; pass {remedy} to the call.")
    if labels is not None and (value.oracle or value.loss == "mse"):
        what = "oracle=True" if value.oracle else "loss='mse'"
        why = (
            "an oracle labels the perturbed inputs itself"
            if value.oracle
            else "the teacher's outputs are what is right"
        )
        raise ParameterError(f"{name} takes 'labels' or {what}, because {why}. Got both; drop one of them.")


def _check_outputs(value: Attack, student: Differentiable, teacher: Differentiable | None, clean: Tensor) -> int:
    """The number of outputs."""
    name = type(value).__name__
    ours = _answered(student, clean)
    needed = value.outputs_needed
    if ours.shape[-1] < needed:
        raise ParameterError(
            f"{name} with loss={value.loss!r} needs at least {needed} outputs, because it compares as many classes. "
            f"The student has {ours.shape[-1]}; "
            + ("take loss='mse'." if ours.shape[-1] < 2 else "take PGD or APGD with loss='margin'.")
        )
    if teacher is None:
        return ours.shape[-1]
    if teacher.seeds not in (1, student.seeds):
        raise ParameterError(
            f"{name} needs one teacher for all students, or one a student. Got {teacher.seeds} teachers and "
            f"{student.seeds} student(s) instead; select() some."
        )
    theirs = _answered(teacher, clean)
    if theirs.shape[-1] != ours.shape[-1]:
        raise ParameterError(
            f"Teacher and student must have the same outputs, because they are compared one by one. Got "
            f"{theirs.shape[-1]} of the teacher and {ours.shape[-1]} of the student instead."
        )
    return ours.shape[-1]


def _answered(network: Differentiable, clean: Tensor) -> Tensor:
    """Outputs on the first row, which must stay as it is."""
    row = clean[:, :1].clone()
    found = network.outputs(row)
    if not torch.equal(row, clean[:, :1]):
        raise ParameterError(
            f"The {network.name} must not change its inputs in place, because they would be attacked anew each time. "
            "Write x = x - 1 instead of x -= 1 or x.sub_(1) in its forward."
        )
    return found
