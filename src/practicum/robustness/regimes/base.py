"""What regimes share: a value that is called with a batch, and the attack that some of them make on it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from practicum.errors import ParameterError
from practicum.networks._described import Described, by_kind
from practicum.networks.settings import Training
from practicum.robustness.attacks.apgd import APGD
from practicum.robustness.attacks.base import Attack
from practicum.robustness.attacks.pgd import FGSM, PGD, RandomNoise

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.networks.regimes import Batch

Labels = Literal["oracle", "fixed"]

USUAL = PGD(steps=10, keep="last")
"""The attack of a training if no other is given: seven to ten steps are usual, and nobody reads the best iterate."""


class Regime(Described):
    """Base of the regimes: a function ``(student, teacher, batch) -> (inputs, targets)``, or with a loss as third."""

    def __call__(self, student: nn.Module, teacher: nn.Module, batch: Batch) -> Any:
        """What the student is to learn from, instead of the clean batch; see :func:`practicum.networks.fit`.

        Raises:
            ParameterError: the training or the students do not fit the regime.
        """
        raise NotImplementedError

    def resolved(self, training: Training) -> Self:
        """This regime with everything written out that it takes from the training; the same numbers come of it.

        Raises:
            ParameterError: the two do not fit each other.
        """
        return self


def _of_the_usual(value: Any) -> Any:
    """A table without a kind changes parameters of the usual attack."""
    return {**USUAL.model_dump(), **value} if isinstance(value, dict) and "kind" not in value else value


InnerAttack = Annotated[
    PGD | FGSM | APGD | RandomNoise,
    by_kind("The attack of a regime", PGD, FGSM, APGD, RandomNoise),
    BeforeValidator(_of_the_usual),
]
"""Attacks cheap enough to be made on every batch; their loss and judge are the regime's."""


class Attacking(Regime):
    """Base of the regimes that attack every batch.

    Main arguments:
        epsilon: radius of the attack, in the units of the inputs.
        attack: how; its `loss` and its `oracle` are set by the regime.
    """

    epsilon: float = Field(ge=0, json_schema_extra={"remedy": "It is the radius of the perturbations, such as 0.1."})
    attack: InnerAttack = USUAL

    @model_validator(mode="after")
    def _no_side(self) -> Any:
        if self.attack.side is not None:
            raise ParameterError(
                f"The attack of {type(self).__name__} must have no 'side', because a training knows no subspace. Got "
                f"side={self.attack.side!r}; leave it out."
            )
        return self

    def resolved(self, training: Training) -> Self:
        return self.replace(attack=settled(self.attack, self._loss(training), self._oracle))

    def _loss(self, training: Training) -> str:
        """The loss that the attack makes large."""
        raise NotImplementedError

    @property
    def _oracle(self) -> bool:
        """Whether the teacher answers the perturbed inputs."""
        return False

    def _refuse(self, training: Training, allowed: tuple[str, ...], why: str) -> None:
        if training.loss not in allowed:
            raise ParameterError(
                f"{type(self).__name__} needs a training with loss {' or '.join(map(repr, allowed))}, because {why}. "
                f"Got {training.loss!r} instead."
            )

    def _only(self, loss: str) -> None:
        """One sentence if the attack of a regime with a loss of its own is given another one."""
        name = type(self).__name__
        if self.attack.loss not in ("cross-entropy", loss):
            raise ParameterError(
                f"The attack of {name} makes {loss!r} large, whatever the training. Got loss={self.attack.loss!r}; "
                "leave it out."
            )
        if self.attack.oracle:
            raise ParameterError(
                f"The attack of {name} must have oracle=False, because it keeps the labels of the clean inputs; "
                "AdversarialTraining has an oracle."
            )


def settled(attack: Attack, loss: str, oracle: bool) -> Any:
    """The attack with this loss and judge."""
    return _settled(attack, loss, oracle)  # pyright: ignore[reportArgumentType]


@lru_cache(64)  # a value takes as long to make as a step of a small attack
def _settled(attack: Attack, loss: str, oracle: bool) -> Attack:
    same = (attack.loss, attack.oracle) == (loss, oracle)
    return attack if same else attack.replace(loss=loss, oracle=oracle, margin=attack.margin if oracle else 0.0)


def perturb(
    attack: Attack,
    student: nn.Module,
    teacher: nn.Module | None,
    inputs: Tensor,
    epsilon: float,
    batch: Batch,
    *,
    labels: Tensor | None = None,
) -> Tensor:
    """Perturbed inputs (S, B, ...), both networks in evaluation mode meanwhile.

    Main arguments:
        attack: with the loss and the oracle of the regime.
        teacher: the oracle, or who answers the clean inputs where there are no labels.
        inputs: all of the batch, or a part.

    Other arguments:
        labels: classes (S, B), or the outputs to stay away from in regression.

    Raises:
        ParameterError: students that cannot be attacked side by side, inputs outside the box of the attack, or fewer
            outputs than its loss needs.
    """
    from practicum.networks.ensemble import Ensemble
    from practicum.networks.mlp import MLP
    from practicum.robustness.attacks._running import perturbed
    from practicum.robustness.attacks.names import CLASSES

    if not isinstance(student, (MLP, Ensemble)):
        raise ParameterError(
            f"A regime attacks students that are an MLP or an Ensemble. Got {type(student).__name__} instead; put one "
            "module a seed into an Ensemble."
        )
    if attack.box is not None and not attack.box[0] <= float(inputs.min()) <= float(inputs.max()) <= attack.box[1]:
        raise ParameterError(
            f"The inputs of a training must lie in the box {attack.box} of its attack, because perturbed ones are cut "
            f"off there. Got inputs from {float(inputs.min()):g} to {float(inputs.max()):g}; leave out the box."
        )
    least = CLASSES[attack.loss]
    if least > 2 and (found := classes(student, inputs)) < least:  # two are what every training asks
        raise ParameterError(
            f"The loss {attack.loss!r} of an attack compares {least} outputs. Got a student with {found}; take "
            "loss='margin'."
        )
    return perturbed(attack, student, teacher, inputs, epsilon, labels=labels, rngs=batch.rngs)


def classes(student: nn.Module, inputs: Tensor) -> int:
    """C, the number of outputs on inputs (S, B, ...)."""
    from practicum.networks._evaluation import evaluated

    with evaluated(student):
        return student(inputs[:, :1]).shape[-1]
