"""Do the networks, inputs, radii and labels of an attack fit each other? One sentence each if they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.robustness.attacks._ball import all_finite
from practicum.robustness.attacks._differentiable import Differentiable, differentiable

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
    for what, network in (("student", student), ("teacher", teacher)):
        if network is not None and not isinstance(network, nn.Module):
            raise ParameterError(
                f"The '{what}' of {name} must be a network: an MLP, an Ensemble or a torch.nn.Module. Got "
                f"{type(network).__name__} instead; call build() of a value such as Students to have networks."
            )
    radii = _radii(name, epsilons)
    like = next(student.parameters(), torch.empty(0))
    has_seeds = isinstance(student, (MLP, Ensemble))
    clean, given = _inputs(name, student, inputs, like)
    shape = tuple(clean.shape[2:])
    asked = differentiable(student, shape, "student")
    if given not in (1, asked.seeds):
        raise ParameterError(
            f"The inputs of {name} must be those of {asked.seeds} students, or the same for all. Got those of {given} "
            "seeds instead."
        )
    judge = None if teacher is None else differentiable(teacher, shape, "teacher")
    clean = clean.expand(asked.seeds, *clean.shape[1:])
    lowest, highest = map(float, clean.aminmax())
    if value.box is not None and not value.box[0] <= lowest <= highest <= value.box[1]:
        raise ParameterError(
            f"The inputs of {name} must lie in its box {value.box}, because perturbed ones are cut off there. Got "
            f"values from {lowest:.4g} to {highest:.4g}; set box=None unless the data have one."
        )
    needs_teacher = value.oracle or (labels is None and objective is None) or value.loss in ("mse", "kl")
    if judge is None and needs_teacher:
        why = "it is the oracle" if value.oracle else f"loss={value.loss!r} compares with it" if (
            value.loss in ("mse", "kl")) else "there are no labels"  # fmt: skip
        raise ParameterError(f"{name} needs a teacher, because {why}; pass teacher=..." + (
            "." if value.oracle or value.loss in ("mse", "kl") else ", or labels=..."))  # fmt: skip
    if value.oracle and labels is not None:
        raise ParameterError(
            f"{name} takes 'labels' or oracle=True, because an oracle labels the perturbed inputs itself. Got both; "
            "drop one of them."
        )
    classes = _check_outputs(value, asked, judge, clean)
    return Given(
        asked, judge, clean, radii.to(like.device), _labels(name, labels, clean, classes),
        _basis(value, subspace, shape, like), has_seeds,
    )  # fmt: skip


def _radii(name: str, epsilons: Any) -> Tensor:
    try:
        found = np.atleast_1d(np.asarray(epsilons, dtype=np.float64))
    except (TypeError, ValueError):
        found = np.array([np.nan])
    if found.ndim != 1 or not found.size or not np.isfinite(found).all() or (found < 0).any():
        raise ParameterError(
            f"The 'epsilons' of {name} must be finite numbers >= 0, at least one, because they are radii. Got "
            f"{epsilons!r:.60} instead."
        )
    return torch.from_numpy(found.copy())


def _inputs(name: str, student: nn.Module, inputs: Any, like: Tensor) -> tuple[Tensor, int]:
    """Inputs (S or 1, B, ...), and that S."""
    try:
        found = inputs.detach() if isinstance(inputs, Tensor) else torch.as_tensor(np.asarray(inputs))
        if found.is_complex():
            raise TypeError
        found = found.to(device=like.device, dtype=like.dtype)
    except (TypeError, ValueError):
        raise ParameterError(
            f"The inputs of {name} must be an array of numbers. Got {type(inputs).__name__} instead."
        ) from None
    if found.ndim < 2 or 0 in found.shape:
        raise ParameterError(
            f"The inputs of {name} must have shape (B, ...), at least one row, or (S, B, ...). Got "
            f"{tuple(found.shape)} instead; a single input x is x[None]."
        )
    if not all_finite(found):
        row = int((~torch.isfinite(found)).flatten(1).any(1).nonzero()[0])
        raise ParameterError(
            f"The inputs of {name} must be finite, because no direction leads away from NaN. Row {row} is not; drop it."
        )
    shape = student.shape if isinstance(student, Ensemble) else None
    if isinstance(student, MLP):
        leading = found.ndim == 3
    elif isinstance(student, Ensemble):
        leading = shape is None or tuple(found.shape[1:]) != shape
    else:
        leading = False
    found = found if leading else found.unsqueeze(0)
    if found.ndim < 3:
        raise ParameterError(
            f"The inputs of {name} need an axis of seeds for an Ensemble that does not know the shape of an example. "
            f"Got shape {tuple(found.shape)} instead; give the Ensemble its shape=."
        )
    return found, found.shape[0]


def _labels(name: str, labels: Any, clean: Tensor, classes: int) -> Tensor | None:
    if labels is None:
        return None
    found = labels.detach() if isinstance(labels, Tensor) else torch.as_tensor(np.asarray(labels))
    seeds, rows = clean.shape[:2]
    if found.is_floating_point() or found.dtype == torch.bool or found.is_complex():
        raise ParameterError(
            f"The 'labels' of {name} must be whole numbers, the classes of the inputs. Got {found.dtype} instead."
        )
    found = found.unsqueeze(0) if found.ndim == 1 else found
    if tuple(found.shape) not in ((1, rows), (seeds, rows)):
        raise ParameterError(
            f"The 'labels' of {name} must have shape ({rows},), one an input, or ({seeds}, {rows}). Got "
            f"{tuple(labels.shape) if hasattr(labels, 'shape') else tuple(found.shape)} instead."
        )
    if int(found.min()) < 0 or int(found.max()) >= classes:
        raise ParameterError(
            f"The 'labels' of {name} must be from 0 to {classes - 1}, because the student has {classes} outputs. Got "
            f"labels from {int(found.min())} to {int(found.max())} instead."
        )
    return found.to(device=clean.device, dtype=torch.int64)


def _basis(value: Attack, subspace: Any, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
    name = type(value).__name__
    if (value.side is None) != (subspace is None):
        raise ParameterError(
            f"{name} takes a 'subspace' together with a 'side', \"inside\" or \"outside\" it. Got side={value.side!r} "
            f"and {'no subspace' if subspace is None else 'a subspace'} instead."
        )
    if subspace is None:
        return None
    found = torch.as_tensor(np.asarray(subspace)).to(device=like.device, dtype=torch.float64)
    size = int(np.prod(shape))
    if found.ndim != 2 or found.shape[0] != size or not 1 <= found.shape[1] <= size:
        raise ParameterError(
            f"The 'subspace' of {name} must have shape ({size}, r), a column a direction. Got {tuple(found.shape)} "
            "instead; LowRankInputs(...).subspace() is one."
        )
    if not bool((found.mT @ found - torch.eye(found.shape[1], dtype=found.dtype)).abs().max() < 1e-5):
        raise ParameterError(
            f"The columns of the 'subspace' of {name} must be orthonormal. Got others; numpy.linalg.qr(subspace)[0] "
            "makes them so."
        )
    return found.to(like.dtype)


def _check_outputs(value: Attack, student: Differentiable, teacher: Differentiable | None, clean: Tensor) -> int:
    """The number of outputs."""
    name = type(value).__name__
    ours = student.outputs(clean[:, :1])
    needed = value.outputs_needed
    if ours.shape[-1] < needed:
        raise ParameterError(
            f"{name} with loss={value.loss!r} needs at least {needed} outputs, because it compares as many classes. "
            f"The student has {ours.shape[-1]}; "
            + ("take loss='mse'." if ours.shape[-1] < 2 else "take APGD(loss='margin') or PGD.")
        )
    if teacher is None:
        return ours.shape[-1]
    if teacher.seeds not in (1, student.seeds):
        raise ParameterError(
            f"{name} needs one teacher for all students, or one a student. Got {teacher.seeds} teachers and "
            f"{student.seeds} student(s) instead; select() some."
        )
    theirs = teacher.outputs(clean[:, :1])
    if theirs.shape[-1] != ours.shape[-1]:
        raise ParameterError(
            f"Teacher and student must have the same outputs, because they are compared one by one. Got "
            f"{theirs.shape[-1]} of the teacher and {ours.shape[-1]} of the student instead."
        )
    if theirs.dtype != ours.dtype:
        raise ParameterError(
            f"Teacher and student must be of one precision. Got {theirs.dtype} of the teacher and {ours.dtype} of the "
            "student instead; teacher.to(student.dtype) converts it."
        )
    return ours.shape[-1]
