"""Adversarial training: every batch is perturbed so that the student is as wrong there as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from practicum.errors import ParameterError
from practicum.networks.settings import Training
from practicum.robustness.regimes.base import Attacking, Labels, perturb, settled

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.networks.regimes import Batch


class AdversarialTraining(Attacking):
    """The student learns from perturbed inputs only.

    The attack sees it in evaluation mode, the update in training mode.

    Main arguments:
        epsilon: radius of the attack, in the units of the inputs.
        attack: how. Its loss is that of the training unless it is given another one than "cross-entropy": in
            regression the squared difference, for classes the cross-entropy with the label, for soft labels the
            divergence from the teacher's.
        labels: "oracle" lets the teacher answer the perturbed input, and the attack makes the disagreement there large;
            "fixed" keeps the teacher's answer to the clean input, as in the source.

    Raises:
        ParameterError: a negative radius, an attack with an oracle beside fixed labels, or one with a loss that the
            training does not know.

    Source: Madry et al., "Towards deep learning models resistant to adversarial attacks", arXiv:1706.06083.
    """

    kind: Literal["adversarial"] = "adversarial"
    labels: Labels = "oracle"

    @model_validator(mode="after")
    def _one_judge(self) -> Any:
        if self.attack.oracle and self.labels == "fixed":
            raise ParameterError(
                "The attack of AdversarialTraining must have oracle=False where labels='fixed', because attack and "
                "update have one judge. Got oracle=True; leave it out, or take labels='oracle'."
            )
        return self

    def __call__(self, student: nn.Module, teacher: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        from practicum.networks.regimes import fresh_targets

        attack = settled(self.attack, self._loss(batch.training), self._oracle)
        # Soft labels are the teacher's own outputs to the attack, who asks for them itself.
        known = self.labels == "fixed" and batch.training.loss != "kl"
        labels = batch.targets if known else None
        inputs = perturb(attack, student, teacher, batch.inputs, self.epsilon, batch, labels=labels)
        if self.labels == "fixed":
            return inputs, batch.targets
        return inputs, fresh_targets(teacher, inputs, batch.training)

    @property
    def _oracle(self) -> bool:
        return self.labels == "oracle"

    def _loss(self, training: Training) -> str:
        given = self.attack.loss
        fits = (
            ("cross-entropy", "mse")
            if training.loss == "mse"
            else ("cross-entropy", "margin", "dlr", "confidence", "kl")
        )
        if given not in fits:
            what = "outputs" if training.loss == "mse" else "classes"
            raise ParameterError(
                f"The attack of AdversarialTraining must have a loss of {what}, as the training with loss "
                f"{training.loss!r} has. Got {given!r} instead; leave it out."
            )
        if training.loss == "mse":
            return "mse"
        return "kl" if training.loss == "kl" and given == "cross-entropy" else given
