"""The gradient identity: what pulls a student node is a sum over teacher nodes minus a sum over student nodes.

Source: Lemma 1 of Tian, "Student Specialization in Deep Rectified Networks With Finite Width and Input Dimension", ICML
2020, and theorem 1 of Tian et al., arXiv:1905.13405.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from practicum.networks._evaluation import evaluated
from practicum.specialization.activations import one_for_all
from practicum.specialization.pairs import as_batch, check_finite, check_pair
from practicum.specialization.propagation import layered

# Entries of the largest matrix that is formed at a time.
_ENTRIES = 1 << 24


class Pull(NamedTuple):
    """The two sides of the identity in one hidden layer, for a batch.

    Main arguments:
        layer: 1 is the lowest.
        A: V_l^T V*_l, (S, B, n + 1, m + 1).
        B: V_l^T V_l, (S, B, n + 1, n + 1). The last node is the constant one, whose fan-out the biases above are. In
            the highest layer A and B are the same for all samples, and their second axis is 1.
        teacher, student: f*_l and f_l with the constant node, (S, B, m + 1) and (S, B, n + 1).
        gates: D_l, (S, B, n).
    """

    layer: int
    A: Tensor
    B: Tensor
    teacher: Tensor
    student: Tensor
    gates: Tensor

    @property
    def towards(self) -> Tensor:
        """D_l A_l f*_l: what the teacher's nodes do to the student's, (S, B, n)."""
        return self.gates * (self.A @ self.teacher.unsqueeze(-1)).squeeze(-1)[..., :-1]

    @property
    def against(self) -> Tensor:
        """D_l B_l f_l: what the student's nodes do to each other, (S, B, n)."""
        return self.gates * (self.B @ self.student.unsqueeze(-1)).squeeze(-1)[..., :-1]

    @property
    def gradient(self) -> Tensor:
        """g_l = D_l [A_l f*_l - B_l f_l], the descent direction of the pre-activations, (S, B, n)."""
        return self.towards - self.against


def pulls(teacher: nn.Module, students: nn.Module, inputs: Tensor) -> Iterator[Pull]:
    """The :class:`Pull` of each hidden layer on one batch, from the highest down.

    It forms a matrix (n, n) a sample, so batches are to be small; only the identity needs them.

    Main arguments:
        teacher, students: MLPs, or ``nn.Sequential`` of Linear and (leaky) ReLU layers, of the same depth and outputs.
        inputs: (B, d) or (1|S, B, d).

    Raises:
        ParameterError: depths or outputs differ, or a network is not linear piece by piece.
    """
    theirs, ours = layered(teacher), layered(students)
    check_pair(theirs, ours)
    batch = as_batch(inputs, ours.weights[0])
    sides = []
    for network in (theirs, ours):
        gates, values = network.hidden(batch)
        above = network.with_constant_node().propagate([_with_one(g) for g in gates])
        sides.append((above, gates, [_with_one(v) for v in values]))
    (above_theirs, _, f_theirs), (above_ours, gates, f_ours) = sides
    for layer, V_star, V in zip(range(ours.depth, 0, -1), above_theirs, above_ours):
        k = layer - 1
        yield Pull(layer, V.mT @ V_star, V.mT @ V, f_theirs[k], f_ours[k], gates[k])


def gradient_identity(teacher: nn.Module, students: nn.Module, inputs: Tensor) -> np.ndarray:
    """How far the gradient identity is from what automatic differentiation says, in each hidden layer.

    For the loss ``1/2 |f*_L - f_L|^2`` the descent direction of the pre-activations of layer l is ``g_l = D_l [A_l f*_l
    - B_l f_l]``, sample by sample, with ``A_l = V_l^T V*_l`` and ``B_l = V_l^T V_l``; biases enter as the fan-out of a
    node that is always 1. The identity is exact for nodes that are linear piece by piece; what is left is rounding.

    Main arguments:
        teacher, students: MLPs, or ``nn.Sequential`` of Linear and (leaky) ReLU layers, of the same depth and outputs.
        inputs: (B, d) or (1|S, B, d).

    Returns the largest deviation in each layer, from the lowest, shape (layers,), relative to the largest entry of
    ``D_l A_l f*_l`` and ``D_l B_l f_l`` (not of their difference, which vanishes as the student learns). It is computed
    on copies of the networks in float64, and is about 1e-15.

    Raises:
        ParameterError: depths or outputs differ, a network is not linear piece by piece, or weights or inputs are not
            finite.
    """
    teacher, students = deepcopy(teacher).double(), deepcopy(students).double()
    theirs, ours = layered(teacher), layered(students)
    check_pair(theirs, ours)
    check_finite(theirs, ours)
    batch = as_batch(inputs, ours.weights[0])
    wide = max(w.shape[1] for w in ours.weights) + 1
    rows = max(1, _ENTRIES // (wide**2 * ours.weights[0].shape[0]))
    deviation, scale = np.zeros(ours.depth), np.zeros(ours.depth)
    with evaluated(teacher, students):
        for part in batch.split(rows, dim=1):
            gradients = descent_directions(teacher, students, part)
            for pull in pulls(teacher, students, part):
                k = pull.layer - 1
                deviation[k] = max(deviation[k], float((pull.gradient - gradients[k]).abs().max()))
                scale[k] = max(scale[k], float(pull.towards.abs().max()), float(pull.against.abs().max()))
    return np.divide(deviation, scale, out=np.where(deviation > 0, np.inf, 0.0), where=scale > 0)


def descent_directions(teacher: nn.Module, students: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Minus the gradient of ``1/2 |f*_L - f_L|^2`` by the pre-activations, by automatic differentiation.

    One tensor (S, B, n_l) a hidden layer, from the lowest.
    """
    with torch.no_grad():
        targets = _forward(teacher, inputs)[1]
    with torch.enable_grad():
        pre, outputs = _forward(students, inputs.detach().requires_grad_())
        loss = 0.5 * ((targets - outputs) ** 2).sum()
        return [-g for g in torch.autograd.grad(loss, pre)]


def _forward(network: Any, inputs: Tensor) -> tuple[list[Tensor], Tensor]:
    """Pre-activations and outputs, (S, B, ...), as the network itself computes them."""
    if isinstance(network, nn.Sequential):
        pre, value = [], inputs
        for step in network:
            value = step(value)
            if isinstance(step, nn.Linear):
                pre.append(value)
                value = value.clone()  # the next layer may work in place
        return pre[:-1], value
    if one_for_all(network, inputs):
        return [], network(inputs.flatten(0, 1)).unflatten(1, inputs.shape[:2]).squeeze(0)
    pre, _, outputs = network.layers(inputs)
    return pre, outputs


def _with_one(values: Tensor) -> Tensor:
    return torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)
