"""Several attacks as one: each goes for the inputs that those before it have left right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.networks._described import by_kind
from practicum.robustness.attacks.apgd import APGD, TargetedAPGD
from practicum.robustness.attacks.base import Attack
from practicum.robustness.attacks.pgd import FGSM, PGD, RandomNoise

if TYPE_CHECKING:
    from torch import Tensor

    from practicum.robustness.attacks._ball import Ball
    from practicum.robustness.attacks._question import Question

Simple = Annotated[
    PGD | FGSM | RandomNoise | APGD | TargetedAPGD, by_kind("An attack", PGD, FGSM, RandomNoise, APGD, TargetedAPGD)
]


class Worst(Attack):
    """The worst that some attacks find of every input; the default pair is as strong as AutoAttack on small networks.

    Main arguments:
        attacks: in this order; all with the norm, the oracle, the margin, the side and the box of the first, which are
            those of the whole. An input counts for the first attack that fools the student with it.

    Raises:
        ParameterError: no attack, or attacks that differ in what they share.
    """

    kind: Literal["worst"] = "worst"
    attacks: tuple[Simple, ...] = Field(default=(), json_schema_extra={"remedy": "The default is APGD, then targeted."})

    @model_validator(mode="before")
    @classmethod
    def _default_pair(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        shared = {name: values[name] for name in _SHARED if name in values}
        if not values.get("attacks"):
            values = {**values, "attacks": (APGD(**shared), TargetedAPGD(**shared))}
        first = values["attacks"][0]
        of_first = first if isinstance(first, dict) else first.model_dump() if isinstance(first, Attack) else {}
        return {
            "loss": of_first.get("loss", "cross-entropy"),
            **{k: of_first[k] for k in _SHARED if k in of_first},
            **values,
        }

    @model_validator(mode="after")
    def _agree(self) -> Any:
        for attack in self.attacks:
            for name in _SHARED:
                if getattr(attack, name) != getattr(self, name):
                    raise ParameterError(
                        f"The attacks of Worst must share their '{name}', because their successes are counted "
                        f"together. Got {getattr(self, name)!r} and {getattr(attack, name)!r} instead."
                    )
        return self

    @property
    def outputs_needed(self) -> int:
        return max(attack.outputs_needed for attack in self.attacks)

    def search(self, question: Question, ball: Ball, rngs: Callable[[int], Sequence[Any]]) -> Tensor:
        import torch

        found = ball.clean.clone()
        rows = torch.arange(found.shape[1], device=found.device)
        whole = question
        for number, attack in enumerate(self.attacks):
            part = whole.using(attack.loss, question.loss)
            here, where = (part, ball) if number == 0 else (part.take(rows), ball.take(rows))
            points = attack.search(here, where, rngs)
            if number == 0:
                found = points
            else:
                now = here.ask(points).fooled & ~here.ask(found[:, rows]).fooled
                flags = now.view(*now.shape, *[1] * (found.ndim - 2))
                found[:, rows] = torch.where(flags, points, found[:, rows])
            still = ~here.ask(found[:, rows]).fooled.all(0)
            rows = rows[still]
            if not len(rows):
                break
        return found


_SHARED = ("norm", "oracle", "margin", "side", "box")
