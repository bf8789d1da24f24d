"""Radii, inputs, labels and subspaces of an attack as tensors; one sentence each if they cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.robustness.attacks._ball import all_finite

if TYPE_CHECKING:
    from practicum.robustness.attacks.base import Attack


def radii_of(name: str, epsilons: Any, kind: torch.dtype) -> Tensor:
    """Radii (E,), float64, for inputs of a precision."""
    try:
        found = np.atleast_1d(epsilons.detach().cpu() if isinstance(epsilons, Tensor) else np.asarray(epsilons))
        if found.dtype.kind not in "iuf":
            raise TypeError
        found = found.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.array([np.nan])
    if found.ndim != 1 or not found.size or not np.isfinite(found).all() or (found < 0).any():
        raise ParameterError(
            f"The 'epsilons' of {name} must be finite numbers >= 0, at least one, because they are radii. Got "
            f"{epsilons!r:.60} instead."
        )
    largest = torch.finfo(kind).max ** 0.5 / 1000
    if (found > largest).any():
        raise ParameterError(
            f"The 'epsilons' of {name} must be at most {largest:.1g} in {kind}, because squares of longer steps "
            f"overflow. Got {found.max():g} instead."
        )
    return torch.from_numpy(found.copy())


def inputs_of(name: str, student: nn.Module, inputs: Any, like: Tensor) -> tuple[Tensor, int]:
    """Inputs (S or 1, B, ...), and that S."""
    try:
        found = inputs.detach() if isinstance(inputs, Tensor) else torch.from_numpy(np.array(inputs))
        if found.is_complex():
            raise TypeError
        found = found.to(device=like.device, dtype=like.dtype)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"The inputs of {name} must be an array of real numbers. Got {type(inputs).__name__} instead."
        ) from None
    found = found.clone() if found.is_inference() else found
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
    if isinstance(student, Ensemble):
        shape = student.shape
        if shape is None and found.ndim < 3:
            raise ParameterError(
                f"The inputs of {name} need an axis of seeds for an Ensemble that does not know the shape of an "
                f"example. Got shape {tuple(found.shape)} instead; give the Ensemble its shape=."
            )
        if shape is not None and shape not in (tuple(found.shape[1:]), tuple(found.shape[2:])):
            example = ", ".join(map(str, shape))
            raise ParameterError(
                f"The inputs of {name} must have shape (B, {example}) or (S, B, {example}), as the student's Ensemble "
                f"has. Got {tuple(found.shape)} instead."
            )
        leading = tuple(found.shape[1:]) != shape
    else:
        leading = isinstance(student, MLP) and found.ndim == 3
    found = found if leading else found.unsqueeze(0)
    return found, found.shape[0]


def labels_of(name: str, labels: Any, clean: Tensor, classes: int) -> Tensor | None:
    """Classes (S or 1, B), or None."""
    if labels is None:
        return None
    try:
        array = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    except ValueError:  # rows of several lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "iu":
        raise ParameterError(
            f"The 'labels' of {name} must be whole numbers, the classes of the inputs. Got "
            f"{'another kind of value' if array.dtype.kind == 'O' else array.dtype} instead; "
            "labels of soft outputs are outputs.argmax(-1)."
        )
    found = torch.from_numpy(array.astype(np.int64))
    seeds, rows = clean.shape[:2]
    found = found.unsqueeze(0) if found.ndim == 1 else found
    if tuple(found.shape) not in ((1, rows), (seeds, rows)):
        raise ParameterError(
            f"The 'labels' of {name} must have shape ({rows},), one an input, or ({seeds}, {rows}). Got "
            f"{array.shape} instead."
        )
    if int(found.min()) < 0 or int(found.max()) >= classes:
        raise ParameterError(
            f"The 'labels' of {name} must be from 0 to {classes - 1}, because the student has {classes} outputs. Got "
            f"labels from {int(found.min())} to {int(found.max())} instead."
        )
    return found.to(device=clean.device, dtype=torch.int64)


def basis_of(value: Attack, subspace: Any, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
    """Columns (d, r) of the subspace, or None where there is no side."""
    name = type(value).__name__
    if (value.side is None) != (subspace is None):
        raise ParameterError(
            f"{name} takes a 'subspace' together with a 'side', \"inside\" or \"outside\" it. Got side={value.side!r} "
            f"and {'no subspace; pass one to the call' if subspace is None else 'a subspace; give the attack a side'}."
        )
    if subspace is None:
        return None
    try:
        array = subspace.detach().cpu().numpy() if isinstance(subspace, Tensor) else np.asarray(subspace)
        found = torch.from_numpy(array.astype(np.float64)).to(like.device)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"The 'subspace' of {name} must be an array of numbers. Got {type(subspace).__name__} instead; "
            "LowRankInputs(...).subspace() is one."
        ) from None
    size = int(np.prod(shape))
    if found.ndim != 2 or found.shape[0] != size or not 1 <= found.shape[1] <= size:
        raise ParameterError(
            f"The 'subspace' of {name} must have shape ({size}, r), a column a direction. Got {tuple(found.shape)} "
            "instead; LowRankInputs(...).subspace() is one."
        )
    if value.side == "outside" and found.shape[1] == size:
        raise ParameterError(
            f"{name} with side='outside' needs a 'subspace' smaller than the whole space, outside of which nothing "
            f"is. Got {size} columns instead; leave some out."
        )
    if not bool((found.mT @ found - torch.eye(found.shape[1]).to(found)).abs().max() < 1e-5):
        raise ParameterError(
            f"The columns of the 'subspace' of {name} must be orthonormal. Got others; numpy.linalg.qr(subspace)[0] "
            "makes them so."
        )
    return found.to(like.dtype)
