"""TRADES: the loss at the clean input, and beside it how much the student's answer changes around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.networks.settings import Training
from practicum.robustness.attacks.pgd import PGD
from practicum.robustness.regimes.base import Attacking, perturb, settled

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.networks.regimes import Batch, OwnLoss

START = 0.001
"""Standard deviation of the normal start of the attack around the clean input."""


class TRADES(Attacking):
    """Loss(x) + beta KL(p(x) || p(x')), where x' within the radius makes the divergence large; p is the softmax output.

    Clean and perturbed inputs go through the student as one batch, so that BatchNorm sees both; the gradient goes
    through both. The attack asks nobody for labels and starts at x + 0.001 N(0, I), since its gradient at x is 0.

    Main arguments:
        epsilon: radius of the attack, in the units of the inputs.
        attack: a PGD.
        beta: weight of the divergence.

    Raises:
        ParameterError: a negative radius, another attack than PGD, one with another loss or an oracle.

    Source: Zhang et al., "Theoretically principled trade-off between robustness and accuracy", arXiv:1901.08573,
    algorithm 1; beta is their 1/lambda.
    """

    kind: Literal["trades"] = "trades"
    beta: float = Field(default=6.0, ge=0, json_schema_extra={"remedy": "6 is the value of the source."})

    @model_validator(mode="after")
    def _fits(self) -> Any:
        if not isinstance(self.attack, PGD):
            raise ParameterError(
                f"The attack of TRADES must be a PGD, because it starts next to the clean input. Got "
                f"{type(self.attack).__name__} instead."
            )
        self._only("kl")
        return self

    def __call__(self, student: nn.Module, teacher: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, OwnLoss]:
        import torch

        attack = _Near(settled(self.attack, self._loss(batch.training), False))
        # The judge of the divergence is the student itself, with its answers to the clean inputs.
        moved = perturb(attack, student, student, batch.inputs, self.epsilon, batch)  # pyright: ignore[reportArgumentType]
        inputs, wanted = torch.cat([batch.inputs, moved], 1), torch.cat([batch.targets, batch.targets], 1)
        return inputs, wanted, lambda outputs, wanted: self.loss(outputs, wanted, batch.training)

    def loss(self, outputs: Tensor, wanted: Tensor, training: Training) -> Tensor:
        """The loss (S, B) of outputs (S, 2B, C): those of B clean inputs, then of the B perturbed ones."""
        from practicum.networks.losses import losses

        half = outputs.shape[1] // 2
        log, log_moved = (part.log_softmax(-1) for part in (outputs[:, :half], outputs[:, half:]))
        divergence = (log.exp() * (log - log_moved)).sum(-1)
        return losses(outputs[:, :half], wanted[:, :half], training) + self.beta * divergence

    def _loss(self, training: Training) -> str:
        self._refuse(training, ("cross-entropy", "kl"), "its divergence compares classes")
        return "kl"


class _Near:
    """The attack, starting next to the clean input."""

    def __init__(self, attack: PGD) -> None:
        self.attack = attack

    def __getattr__(self, name: str) -> Any:
        return getattr(self.attack, name)

    def search(self, question: Any, ball: Any, rngs: Callable[[int], Sequence[Any]]) -> Any:
        return self.attack.search(question, _near(ball), rngs)


def _near(ball: Any) -> Any:
    """The same ball, with starts x + 0.001 N(0, I)."""
    from copy import copy

    import numpy as np
    import torch

    def start(rngs: Sequence[np.random.Generator]) -> Tensor:
        shape = tuple(ball.clean.shape[1:])
        drawn = torch.from_numpy(np.stack([rng.standard_normal(shape) for rng in rngs])).to(ball.clean)
        return ball.confine_(ball.clean + START * drawn)

    found = copy(ball)
    found.start = start
    return found
