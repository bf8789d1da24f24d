"""What all attacks share: the norm, the loss, who is right, and where perturbations may lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from practicum.errors import ParameterError
from practicum.networks._described import Described
from practicum.networks._torch import need_torch
from practicum.robustness.attacks.names import CLASSES, LossName, Norm

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.robustness.attacks._ball import Ball
    from practicum.robustness.attacks._question import Best, Question
    from practicum.robustness.attacks._starts import Rngs
    from practicum.robustness.attacks.result import Attacked


class Attack(Described):
    """Base of the attacks: a value that is called with a student and inputs. A new attack is a `search`.

    Main arguments:
        norm: "linf", the largest change of an input, or "l2", the Euclidean length of the perturbation.
        loss: what is made as large as possible, see :func:`practicum.robustness.attacks.losses.losses`.
        oracle: True if the teacher labels the perturbed input, so that only a disagreement there is an error; the
            gradient then goes through both networks. False keeps the label (or the teacher's outputs) of the clean one.

    Other arguments:
        margin: with an oracle, what the teacher's largest output must exceed its second by, for a success to count.
        side: "inside" keeps perturbations in the subspace that the call names, "outside" in its complement.
        box: (lowest, highest) value of an input, if the data have one, as pixels do; None for none.

    Raises:
        ParameterError: a parameter outside its range, a margin without an oracle, or a box together with a side.
    """

    norm: Norm = "linf"
    loss: LossName = "cross-entropy"
    oracle: bool = False
    margin: float = Field(default=0.0, ge=0, json_schema_extra={"remedy": "0 counts every disagreement."})
    side: Literal["inside", "outside"] | None = None
    box: tuple[float, float] | None = None

    @field_validator("box", mode="before")
    @classmethod
    def _two_numbers(cls, value: Any) -> Any:
        if isinstance(value, (tuple, list)) and (len(value) != 2 or any(isinstance(n, (bool, str)) for n in value)):
            raise ParameterError(
                f"The 'box' parameter of {cls.__name__} must be two numbers, (lowest, highest). Got {value!r:.60} "
                "instead."
            )
        return value

    @model_validator(mode="after")
    def _fits(self) -> Any:
        name = type(self).__name__
        if self.margin and not self.oracle:
            raise ParameterError(
                f"The 'margin' parameter of {name} must be 0 unless oracle=True, because it is the teacher's margin at "
                f"the perturbed input. Got {self.margin:g} instead."
            )
        if self.margin and self.loss == "mse":
            raise ParameterError(f"The 'margin' parameter of {name} belongs to classes, and loss='mse' knows none.")
        if self.box is not None and not self.box[0] < self.box[1]:
            raise ParameterError(
                f"The 'box' parameter of {name} must be (lowest, highest), lowest < highest. Got {self.box} instead."
            )
        if self.box is not None and self.side is not None:
            raise ParameterError(
                f"{name} takes a 'box' or a 'side', because cutting a perturbation off at the box moves it out of the "
                f"subspace. Got box={self.box} and side={self.side!r}; drop one of them."
            )
        return self

    def __call__(
        self,
        student: nn.Module,
        inputs: Any,
        epsilons: float | Sequence[float],
        *,
        teacher: nn.Module | None = None,
        labels: Any = None,
        subspace: Any = None,
        seed: int = 0,
        objective: Callable[[Tensor, Tensor | None, Tensor | None], Tensor] | None = None,
    ) -> Attacked:
        """Perturb inputs so that the student is wrong, within every radius at once.

        Main arguments:
            student: an MLP or an Ensemble, whose seeds are attacked side by side, or any module from (B, ...) to
                (B, C); asked in evaluation mode, and afterwards in the mode it was in.
            inputs: (B, ...) for all seeds, or (S, B, ...); arrays and tensors of any range.
            epsilons: radii >= 0, in the units of the inputs; with 0 among them what is wrong already counts for all.

        Other arguments:
            teacher: the oracle, or who labels the clean inputs where `labels` are not given; one for all seeds or one
                a seed.
            labels: right classes (B,) or (S, B) of the clean inputs, for attacks without an oracle.
            subspace: orthonormal columns (d, r), for attacks with a `side`.
            seed: of the random starts. They are the same for every student and, in units of the radius, for every
                radius, so that differences between those are no chance.
            objective: ``objective(outputs, teacher's outputs or None, labels or None) -> (S, B)``, made large instead
                of the `loss`; what counts as a success stays. The teacher's outputs are those on the perturbed inputs
                with an oracle, else those on the clean ones; all inputs are not always asked about at once.

        Returns:
            An :class:`~practicum.robustness.attacks.result.Attacked`. What succeeds within a radius also counts within
            larger ones, so that curves over the radius rise.

        Raises:
            ParameterError: a negative radius, inputs or labels that do not fit the networks, inputs outside the box, a
                loss that needs more outputs than there are, nobody who says what is right, teacher and student with
                different outputs or of different precision, a network that cannot be differentiated or changes its
                inputs, or a loss or gradient that is not finite.
        """
        need_torch()
        from practicum.robustness.attacks._running import attack

        return attack(
            self, student, inputs, epsilons, teacher=teacher, labels=labels, subspace=subspace, seed=seed,
            objective=objective,
        )  # fmt: skip

    def __repr__(self) -> str:
        """The call that makes this value: what is left out is as it is by default."""
        fields = type(self).model_fields
        said = ", ".join(f"{name}={value!r}" for name, value in self if value != fields[name].default)
        return f"{type(self).__name__}({said})"

    __str__ = __repr__

    @property
    def outputs_needed(self) -> int:
        """How many outputs a network must have to be attacked like this."""
        return CLASSES[self.loss]

    def search(self, question: Question, ball: Ball, rngs: Rngs) -> Best:
        """The worst points that the attack meets.

        Main arguments:
            question: answers what the loss is.
            ball: says where points may lie.
            rngs: generators of restart 0, 1, ...; one for all seeds, or one a seed.
        """
        raise NotImplementedError
