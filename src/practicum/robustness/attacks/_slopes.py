"""Losses with their gradients by the outputs, by hand: faster than autograd, and without what rounding does to it.

A network that is sure of its answer has probabilities of 1 - 1e-20 and 1e-20. The gradient of its cross-entropy is as
small, and the entry of the right class, a difference from 1, is lost to rounding or of the wrong sign; of a network
that is surer still, all is 0. That hides the direction of attack from a search. So the entry of the likeliest class is
minus the sum of the others, and what would vanish is kept at a least size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from practicum.robustness.attacks.losses import Truth, targeted

LEAST = 1e-20
"""A gradient is exact, or, if a probability below this is all that it is made of, longer by a factor for the row:
attacks normalise gradients anyway."""


def with_gradient(name: str, outputs: Tensor, truth: Truth) -> tuple[Tensor, Tensor, Tensor | None]:
    """Losses (S, R), and their gradients with respect to the outputs and to the oracle's (None without one)."""
    if name == "mse":
        assert truth.outputs is not None
        rest = outputs - truth.outputs
        return 0.5 * rest.square().sum(-1), rest, -rest if truth.oracle else None
    if name == "cross-entropy":
        return _of_label(outputs, truth.classes())
    if name == "confidence":
        return _of_another_class(outputs, truth.classes())
    if name == "kl":
        return _of_probabilities(outputs, truth)
    right = truth.classes().expand(outputs.shape[:2]).unsqueeze(-1)
    other = outputs.scatter(-1, right, -torch.inf).argmax(-1, keepdim=True)
    if name == "dlr":
        return *_ratio(outputs, other, right, outputs.topk(3, -1).indices[..., ::2], (1.0, -1.0)), None
    margin = (outputs.gather(-1, other) - outputs.gather(-1, right)).squeeze(-1)
    gradient = torch.zeros_like(outputs).scatter_(-1, other, 1.0).scatter_(-1, right, -1.0)
    if not (truth.oracle and truth.margin > 0):
        return margin, gradient, None
    lack, back = _lack(truth)
    return margin + lack, gradient, back


class Towards:
    """The targeted DLR, a loss of chosen classes (S, R) that knows its gradient."""

    def __init__(self, wanted: Tensor) -> None:
        self.wanted = wanted

    def __call__(self, outputs: Tensor, truth: Truth) -> Tensor:
        return targeted(outputs, truth.classes(), self.wanted)

    def with_gradient(self, outputs: Tensor, truth: Truth) -> tuple[Tensor, Tensor, None]:
        right = truth.classes().expand(outputs.shape[:2]).unsqueeze(-1)
        places = outputs.topk(4, -1).indices[..., [0, 2, 3]]
        return *_ratio(outputs, self.wanted.unsqueeze(-1), right, places, (1.0, -0.5, -0.5)), None


def by_autograd(
    loss: Callable[[Tensor, Truth], Tensor], outputs: Tensor, truth: Truth
) -> tuple[Tensor, Tensor, Tensor | None]:
    """What :func:`with_gradient` returns, of any loss of the student's outputs and the truth."""
    leaves = [outputs.detach().requires_grad_()]
    if truth.oracle:
        assert truth.outputs is not None
        leaves.append(truth.outputs.detach().expand(outputs.shape).requires_grad_())
        truth = truth._replace(outputs=leaves[1])
    with torch.enable_grad():
        found = loss(leaves[0], truth)
        ours, *theirs = torch.autograd.grad(found.sum(), leaves, allow_unused=True)
    # A loss may be a view of the outputs, whose memory the next answer overwrites.
    return found.detach().clone(), torch.zeros_like(outputs) if ours is None else ours, theirs[0] if theirs else None


def _ratio(
    outputs: Tensor, up: Tensor, down: Tensor, places: Tensor, weights: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """(z_up - z_down) / (sum of weights times z_places), and its gradient; places (S, R, k), up and down (S, R, 1)."""
    by = outputs.new_tensor(weights)
    scale = (outputs.gather(-1, places) * by).sum(-1, keepdim=True) + 1e-12
    found = (outputs.gather(-1, up) - outputs.gather(-1, down)) / scale
    gradient = torch.zeros_like(outputs).scatter_(-1, up, 1.0)
    gradient.scatter_add_(-1, down, torch.full_like(found, -1.0)).scatter_add_(-1, places, -found * by)
    return found.squeeze(-1), gradient.div_(scale)


def _lack(truth: Truth) -> tuple[Tensor, Tensor]:
    """How much the teacher's margin is less than it must be, and the gradient by the teacher's outputs."""
    assert truth.outputs is not None
    two = truth.outputs.topk(2, -1)
    lack = (two.values[..., 0] - two.values[..., 1] - truth.margin).clamp_max_(0.0)
    below = (lack < 0).to(lack.dtype).unsqueeze(-1)
    return lack, torch.zeros_like(truth.outputs).scatter_(-1, two.indices, torch.cat([below, -below], -1))


def _of_label(outputs: Tensor, right: Tensor) -> tuple[Tensor, Tensor, None]:
    """Cross-entropy with a label: log(1 + sum over other classes of exp(z_k - z_y))."""
    right = right.expand(outputs.shape[:2]).unsqueeze(-1)
    others = outputs.scatter(-1, right, -torch.inf)
    top = others.amax(-1, keepdim=True)
    share = others.sub_(top).exp_()  # by hand a quarter of the time of softmax and logsumexp
    total = share.sum(-1, keepdim=True)
    odds = total.log() + top - outputs.gather(-1, right)
    wrong = torch.sigmoid(odds).clamp_min_(LEAST)
    gradient = share.mul_(wrong / total).scatter_(-1, right, -wrong)
    return torch.logaddexp(odds, torch.zeros_like(odds)).squeeze(-1), gradient, None


def _of_another_class(outputs: Tensor, right: Tensor) -> tuple[Tensor, Tensor, None]:
    """The largest probability of another class than the right one."""
    logs = torch.log_softmax(outputs, -1)
    right = right.expand(outputs.shape[:2]).unsqueeze(-1)
    largest, other = logs.scatter(-1, right, -torch.inf).max(-1, keepdim=True)
    probability = largest.exp()
    gradient = -logs.exp()
    gradient.scatter_(-1, other, 0.0).scatter_(-1, other, -gradient.sum(-1, keepdim=True))
    return probability.squeeze(-1), gradient.mul_(probability.clamp_min(LEAST)), None


def _of_probabilities(outputs: Tensor, truth: Truth) -> tuple[Tensor, Tensor, Tensor | None]:
    """The divergence from the teacher's softmax t of the student's s.

    Its gradient by the student's outputs is s - t, by the teacher's t (log t - log s - divergence).
    """
    assert truth.outputs is not None
    ours, theirs = torch.log_softmax(outputs, -1), torch.log_softmax(truth.outputs, -1)
    apart, soft = theirs - ours, theirs.exp()
    loss = (soft * apart).sum(-1)
    likeliest = theirs.argmax(-1, keepdim=True).expand(*outputs.shape[:2], 1)
    top = torch.maximum(ours, theirs).scatter(-1, likeliest, -torch.inf).amax(-1, keepdim=True)
    shift = (math.log(LEAST) - top).clamp_min_(0.0)
    ours, soft = (ours + shift).exp(), (theirs + shift).exp()
    back = _balanced(soft * (apart - loss.unsqueeze(-1)), likeliest) if truth.oracle else None
    return loss, _balanced(ours - soft, likeliest), back


def _balanced(gradient: Tensor, place: Tensor) -> Tensor:
    """With the entry at one place such that the sum is 0."""
    gradient = gradient.scatter(-1, place, 0.0)
    return gradient.scatter_(-1, place, -gradient.sum(-1, keepdim=True))
