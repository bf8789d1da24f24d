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
    from practicum.robustness.attacks._ball import Ball
    from practicum.robustness.attacks._question import Best, Question

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

    def search(self, question: Question, ball: Ball, rngs: Callable[[int], Sequence[Any]]) -> Best:
        import torch

        from practicum.robustness.attacks._question import Best, along

        found = ball.clean.clone()
        rows = torch.arange(found.shape[1], device=found.device)
        for number, attack in enumerate(self.attacks):
            part, where = question.using(attack.loss, question.loss), ball
            if number:
                part, where = part.take(rows), ball.take(rows)
            points, answer = attack.search(part, where, rngs).settle(part, where)
            if number:
                answer_before = part.ask(found[:, rows])
                new = answer.fooled & ~answer_before.fooled
                points = torch.where(along(new, points), points, found[:, rows])
                answer = answer._replace(fooled=answer.fooled | answer_before.fooled)
            found[:, rows] = points
            rows = rows[~answer.fooled.all(0)]
            if not len(rows):
                break
        return Best(found)


_SHARED = ("norm", "oracle", "margin", "side", "box")
