"""What an attack makes as large as it can, row by row, and when it has succeeded.

In every loss `outputs` (S, R, C) are the student's on the perturbed inputs. The truth is a :class:`Truth`: labels or
outputs that stay fixed, or, if the teacher is the oracle, its outputs on the same perturbed inputs, through which the
gradient goes as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Objective = Callable[[Tensor, "Tensor | None", "Tensor | None"], Tensor]
"""A loss of the user's own: ``loss(outputs, teacher's outputs or None, labels or None)`` -> (S, R)."""


class Truth(NamedTuple):
    """What the student should say.

    Main arguments:
        labels: of classes, (S or 1, R); None in regression, and with an oracle.
        outputs: of the teacher, (S or 1, R, C): on the clean inputs, or with an oracle on the perturbed ones.
        oracle: whether the teacher answers the perturbed inputs.
        margin: what the teacher's largest output must exceed the second by, for a disagreement to count.
    """

    labels: Tensor | None
    outputs: Tensor | None
    oracle: bool = False
    margin: float = 0.0

    def classes(self) -> Tensor:
        """The right class of every row, (S or 1, R)."""
        if self.labels is not None:
            return self.labels
        assert self.outputs is not None
        return self.outputs.detach().argmax(-1)


def losses(name: str, outputs: Tensor, truth: Truth) -> Tensor:
    """The loss of every row, (S, R), differentiable in the outputs and in the oracle's.

    "cross-entropy": of the student with the label, which an oracle gives anew at every point.
    "kl": KL(teacher || student) of the softmax outputs, large also where both are sure of one class.
    "margin": largest other output minus that of the right class, > 0 where the student is wrong; with an oracle less
        what the teacher's own margin lacks.
    "dlr": the margin in units of the difference between the largest and the third largest output.
    "confidence": the largest softmax output of another class.
    "mse": half the squared difference from the teacher, summed over outputs.
    """
    if name == "mse":
        assert truth.outputs is not None
        return 0.5 * (outputs - truth.outputs).square().sum(-1)
    if name == "kl":
        assert truth.outputs is not None
        ours, theirs = torch.log_softmax(outputs, -1), torch.log_softmax(truth.outputs, -1)
        return (theirs.exp() * (theirs - ours)).sum(-1)
    right = truth.classes().expand(outputs.shape[:2])
    if name == "cross-entropy":
        return F.cross_entropy(outputs.movedim(-1, 1), right, reduction="none")
    if name == "confidence":
        return _others(torch.log_softmax(outputs, -1), right).amax(-1).exp()
    margin = _others(outputs, right).amax(-1) - _of(outputs, right)
    if name == "dlr":
        ordered = outputs.topk(3, -1).values
        return margin / (ordered[..., 0] - ordered[..., 2] + 1e-12)
    if truth.oracle:
        assert truth.outputs is not None
        sure = teacher_margin(truth.outputs)
        return margin + torch.clamp(sure - truth.margin, max=0.0)
    return margin


def targeted(outputs: Tensor, right: Tensor, wanted: Tensor) -> Tensor:
    """The targeted DLR loss of Croce & Hein, arXiv:2003.01690: (z_t - z_y) / (z_1 - (z_3 + z_4) / 2), z sorted."""
    ordered = outputs.topk(4, -1).values
    scale = ordered[..., 0] - 0.5 * (ordered[..., 2] + ordered[..., 3])
    return (_of(outputs, wanted) - _of(outputs, right.expand(outputs.shape[:2]))) / (scale + 1e-12)


def fooled(name: str, outputs: Tensor, truth: Truth) -> Tensor:
    """Where the student says another class than the right one, (S, R); in regression nowhere.

    With a margin only where the teacher is sure by as much.
    """
    if name == "mse":
        return torch.zeros(outputs.shape[:2], dtype=torch.bool, device=outputs.device)
    found = outputs.argmax(-1) != truth.classes()
    if truth.margin > 0:
        assert truth.outputs is not None
        found &= teacher_margin(truth.outputs) >= truth.margin
    return found


def teacher_margin(outputs: Tensor) -> Tensor:
    """The largest output minus the second largest, (S, R)."""
    two = outputs.topk(2, -1).values
    return two[..., 0] - two[..., 1]


def _of(outputs: Tensor, classes: Tensor) -> Tensor:
    return outputs.gather(-1, classes.unsqueeze(-1)).squeeze(-1)


def _others(outputs: Tensor, right: Tensor) -> Tensor:
    """The outputs with that of the right class out of the way."""
    return outputs.scatter(-1, right.unsqueeze(-1), -torch.inf)
