"""What a measure asks of teacher, student and inputs before it begins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from practicum.errors import ParameterError
from practicum.specialization.propagation import Layered


def check_pair(teacher: Layered, students: Layered) -> None:
    """One sentence if the two networks cannot be compared layer by layer and output by output."""
    if teacher.depth != students.depth:
        raise ParameterError(
            "Each layer of the student is paired with one of the teacher, so both must have as many hidden layers. "
            f"Got {teacher.depth} of the teacher and {students.depth} of the student instead."
        )
    ends = [(n.weights[0].shape[2], n.weights[-1].shape[1]) for n in (teacher, students)]
    if ends[0] != ends[1]:
        raise ParameterError(
            "Teacher and student must have as many inputs and outputs as each other, because the loss compares the "
            f"outputs. Got {ends[0][0]} inputs and {ends[0][1]} outputs of the teacher, {ends[1][0]} and {ends[1][1]} "
            "of the student instead."
        )


def check_finite(teacher: Layered, students: Layered) -> None:
    """One sentence if a weight is NaN or infinite."""
    for name, network in (("teacher", teacher), ("student", students)):
        if not all(bool(w.isfinite().all()) for w in [*network.weights, *network.biases]):
            raise ParameterError(
                f"The weights of the {name} hold a number that is not finite, so that it has no gradient; repair the "
                "checkpoint they come from, or leave out the seed that diverged."
            )


def as_batch(inputs: Any, weight: Tensor) -> Tensor:
    """(1|S, B, d), in the precision and on the device of the lowest weights (S, n, d) of a network.

    Raises:
        ParameterError: no numbers, another shape, no sample, or a number that is not finite: a gate of NaN is shut, so
            that it would look like an answer.
    """
    try:
        batch = torch.as_tensor(inputs).detach().to(weight)
    except (TypeError, ValueError, RuntimeError):
        raise ParameterError(f"Inputs must be an array or a tensor of numbers. Got {inputs!r:.60} instead.") from None
    batch = batch if batch.ndim == 3 else batch.unsqueeze(0)
    if batch.ndim != 3 or batch.shape[2] != weight.shape[2] or batch.shape[0] not in (1, weight.shape[0]):
        raise ParameterError(
            f"Inputs must have shape (B, {weight.shape[2]}), or one more axis in front for {weight.shape[0]} seed(s). "
            f"Got {tuple(batch.shape)} instead."
        )
    if batch.shape[1] == 0:
        raise ParameterError("Inputs need at least one sample. Got none.")
    if not bool(batch.isfinite().all()):
        raise ParameterError(
            "Inputs must be finite, because what nodes do with a bad sample means nothing; drop the sample."
        )
    return batch
