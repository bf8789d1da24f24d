"""What the teacher's outputs ask of a student: targets, losses, and their gradients with respect to the outputs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.networks.settings import Training


def targets(outputs: Tensor, training: Training) -> Tensor:
    """What students are compared with: the outputs (…, C), the largest of them (…), or soft labels (…, C)."""
    if training.loss == "mse":
        return outputs
    if training.loss == "cross-entropy":
        return outputs.argmax(-1)
    return torch.softmax(outputs / training.temperature, -1)


def losses(outputs: Tensor, wanted: Tensor, training: Training) -> Tensor:
    """The loss that is reported, of every example: (…, C) to (…).

    The mean over outputs of the squared difference; -log softmax at the wanted class; or T^2 KL(wanted || student).
    """
    if training.loss == "mse":
        return (outputs - wanted).square().mean(-1)
    if training.loss == "cross-entropy":
        return -torch.log_softmax(outputs, -1).gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
    log_student = torch.log_softmax(outputs / training.temperature, -1)
    return F.kl_div(log_student, wanted, reduction="none").sum(-1) * training.temperature**2


def descended(training: Training, classes: int) -> float:
    """The factor from the loss that is reported to the one whose gradient a step follows: C/2 of "mse", else 1."""
    return classes / 2 if training.loss == "mse" else 1.0


def output_gradient_(outputs: Tensor, wanted: Tensor, training: Training) -> Tensor:
    """The gradient of the loss of each example with respect to its outputs (…, C), in place of the outputs."""
    if training.loss == "mse":
        return outputs.sub_(wanted)
    if training.loss == "cross-entropy":
        torch.softmax(outputs, -1, out=outputs)
        index = wanted.unsqueeze(-1)
        return outputs.scatter_add_(-1, index, outputs.new_full((1,), -1.0).expand(index.shape))
    torch.softmax(outputs.div_(training.temperature), -1, out=outputs)
    return outputs.sub_(wanted).mul_(training.temperature)
