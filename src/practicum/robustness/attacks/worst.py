"""Several attacks as one: each goes for the inputs that those before it have left right."""

from __future__ import annotations

from functools import partial
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
    from practicum.robustness.attacks._starts import Rngs

Simple = Annotated[
    PGD | FGSM | RandomNoise | APGD | TargetedAPGD, by_kind("An attack", PGD, FGSM, RandomNoise, APGD, TargetedAPGD)
]


class Worst(Attack):
    """The worst that some attacks find of every input; the default pair is as strong as AutoAttack on small networks.

    Main arguments:
        attacks: in this order; all with the norm, the oracle, the margin, the side and the box of the first, which are
            those of the whole, as is its loss. Each goes for the inputs that those before it have left right; in
            regression, where nothing is right or wrong, for all. The default is APGD, with the loss of the whole, and
            for classes then TargetedAPGD.

    Raises:
        ParameterError: attacks that differ in what they share, or of which some compare classes and some outputs.
    """

    kind: Literal["worst"] = "worst"
    attacks: tuple[Simple, ...] = Field(default=(), json_schema_extra={"remedy": "The default is APGD, then targeted."})

    @model_validator(mode="before")
    @classmethod
    def _default_pair(cls, values: Any) -> Any:
        attacks = values.get("attacks", ()) if isinstance(values, dict) else None
        if isinstance(attacks, Attack):  # of which pydantic would make a list of its fields
            raise ParameterError(
                f"The 'attacks' parameter of Worst must be a list, even of one value. Got {attacks!r:.60} instead."
            )
        if not isinstance(attacks, (tuple, list)):
            return values  # whose sentence comes when fields are checked
        if not attacks:
            shared = {name: values[name] for name in _SHARED if name in values}
            first = APGD(**shared, **({"loss": values["loss"]} if "loss" in values else {}))
            attacks = (first,) if first.loss == "mse" else (first, TargetedAPGD(**shared))
        first = attacks[0].model_dump() if isinstance(attacks[0], Attack) else attacks[0]
        of_first = (
            {name: first[name] for name in ("loss", *_SHARED) if name in first} if isinstance(first, dict) else {}
        )
        return {**of_first, **values, "attacks": attacks}

    @model_validator(mode="after")
    def _agree(self) -> Any:
        for attack in self.attacks:
            for name in _SHARED:
                if getattr(attack, name) != getattr(self, name):
                    raise ParameterError(
                        f"The attacks of Worst must share their '{name}', because their successes are counted "
                        f"together. Got {getattr(self, name)!r} and {getattr(attack, name)!r} instead."
                    )
            if (attack.loss == "mse") != (self.loss == "mse"):
                raise ParameterError(
                    "The attacks of Worst must all compare classes or all have loss='mse', because one verdict holds "
                    f"for them. Got losses {self.loss!r} and {attack.loss!r} instead."
                )
        if self.attacks[0].loss != self.loss:
            raise ParameterError(
                f"The 'loss' parameter of Worst is that of its first attack. Got {self.loss!r} beside "
                f"{self.attacks[0].loss!r}; leave it out."
            )
        return self

    @property
    def outputs_needed(self) -> int:
        return max(attack.outputs_needed for attack in self.attacks)

    def search(self, question: Question, ball: Ball, rngs: Rngs) -> Best:
        import torch

        from practicum.robustness.attacks._question import Best, along, worse

        first, *others = self.attacks
        found, told = first.search(question, ball, rngs).settle(question, ball)
        loss, fooled = told.loss.clone(), told.fooled.clone()
        for number, attack in enumerate(others, start=1):
            rows = torch.arange(found.shape[1], device=found.device)[~fooled.all(0)]
            if not len(rows):
                break
            part, where = question.take(rows), ball.take(rows)
            own = part.using(attack.loss, question.loss)
            points = attack.search(own, where, partial(_restarted, rngs, number)).settle(own, where)[0]
            told = part.ask(points)
            better = worse(told.loss, told.fooled, loss[:, rows], fooled[:, rows]) & ~fooled[:, rows]
            found[:, rows] = torch.where(along(better, points), points, found[:, rows])
            loss[:, rows] = torch.where(better, told.loss, loss[:, rows])
            fooled[:, rows] |= told.fooled
        return Best(found)


def _restarted(rngs: Rngs, number: int, restart: int) -> Any:
    """The random numbers of a later attack, which begins elsewhere than the first."""
    return rngs(restart, number)


_SHARED = ("norm", "oracle", "margin", "side", "box")
