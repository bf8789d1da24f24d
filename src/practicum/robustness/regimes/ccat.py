"""CCAT: the student learns to be the less sure of an answer, the farther an attack has moved the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.networks.settings import Training
from practicum.robustness.regimes.base import Attacking, classes, perturb, settled

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.networks.regimes import Batch, OwnLoss


class CCAT(Attacking):
    """Confidence-calibrated adversarial training: half of every batch clean, half of it attacked, with equal weights.

    The attack makes the largest probability of a wrong class large. A perturbation delta turns the label into the
    distribution lambda onehot + (1 - lambda) / K over the K classes, in the norm of the attack

        lambda = (1 - min(1, |delta| / epsilon))^power:

    at the border of the ball the student is to know nothing. Of an odd batch the larger half is clean.

    Main arguments:
        epsilon: radius of the attack, in the units of the inputs.
        attack: how.
        power: how soon confidence fades within the ball; rho of the source.

    Raises:
        ParameterError: a radius or power that is not positive, an attack with another loss or an oracle.

    Source: Stutz, Hein, Schiele, "Confidence-calibrated adversarial training: generalizing to unseen attacks",
    arXiv:1910.06259, algorithm 1.
    """

    kind: Literal["ccat"] = "ccat"
    epsilon: float = Field(gt=0, json_schema_extra={"remedy": "Confidence fades within this radius, such as 0.1."})
    power: float = Field(default=10.0, gt=0, json_schema_extra={"remedy": "10 is the value of the source."})

    @model_validator(mode="after")
    def _fits(self) -> Any:
        self._only("confidence")
        return self

    def __call__(self, student: nn.Module, teacher: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, OwnLoss]:
        import torch

        from practicum.robustness.attacks._ball import distances

        attack = settled(self.attack, self._loss(batch.training), False)
        count = classes(student, batch.inputs)
        if count < 2:
            raise ParameterError(f"CCAT needs at least 2 outputs, one a class. Got {count} instead.")
        half = batch.inputs.shape[1] // 2
        clean, labels = batch.inputs[:, :half].contiguous(), batch.targets[:, :half]
        moved = perturb(attack, student, None, clean, self.epsilon, batch, labels=labels) if half else clean
        share = torch.ones_like(batch.targets, dtype=batch.inputs.dtype)
        share[:, :half] = self.confidence(distances(attack.norm, moved, clean)).to(share)
        inputs = torch.cat([moved, batch.inputs[:, half:]], 1)
        return inputs, self.targets(batch.targets, share, count), cross_entropy

    def confidence(self, distance: Tensor) -> Tensor:
        """lambda, at distances |delta| from the clean input."""
        return (1 - (distance / self.epsilon).clamp(max=1)) ** self.power

    def targets(self, labels: Tensor, share: Tensor, classes: int) -> Tensor:
        """lambda onehot + (1 - lambda) / K, (S, B, K), for labels and lambda (S, B)."""
        from torch.nn.functional import one_hot

        share = share.unsqueeze(-1)
        return share * one_hot(labels, classes) + (1 - share) / classes

    def _loss(self, training: Training) -> str:
        self._refuse(training, ("cross-entropy",), "it mixes the label with the uniform distribution")
        if training.batch_size < 2:
            raise ParameterError(
                "CCAT needs a training with batch_size >= 2, because half of every batch is attacked. Got "
                f"{training.batch_size} instead."
            )
        return "confidence"


def cross_entropy(outputs: Tensor, wanted: Tensor) -> Tensor:
    """-sum over classes of the wanted distribution times log softmax, (S, B)."""
    return -(wanted * outputs.log_softmax(-1)).sum(-1)
