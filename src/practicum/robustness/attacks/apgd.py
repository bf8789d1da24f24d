"""APGD: steps with momentum whose size falls where the loss stops rising, and its targeted kind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from practicum.robustness.attacks.base import Attack

if TYPE_CHECKING:
    from torch import Tensor

    from practicum.robustness.attacks._ball import Ball
    from practicum.robustness.attacks._climbing import Goal
    from practicum.robustness.attacks._question import Best, Loss, Question
    from practicum.robustness.attacks._starts import Rngs


class APGD(Attack):
    """Auto-PGD: momentum, and steps that are halved, from the best point on, where fewer than 75 % of them improved.

    Main arguments:
        steps: of each start.
        restarts: random starts; one goes for the inputs that those before it have left right.

    Source: Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
    attacks", arXiv:2003.01690, algorithm 1.
    """

    kind: Literal["apgd"] = "apgd"
    steps: int = Field(default=100, ge=1)
    restarts: int = Field(default=1, ge=1)

    def search(self, question: Question, ball: Ball, rngs: Rngs) -> Best:
        from practicum.robustness.attacks._climbing import one_after_the_other

        return one_after_the_other(question, ball, self.steps, rngs, [None] * self.restarts)


class TargetedAPGD(Attack):
    """APGD towards each of the classes that the student finds most likely at the clean input, one after the other.

    Its loss is the targeted DLR, which no scale of the outputs can hide and no `objective` replaces. Rows that are
    wrong already are left alone.

    Main arguments:
        targets: classes, of those that are wrong.
        steps: towards each.

    Raises:
        ParameterError: on networks of fewer than 4 outputs, since the loss compares four.

    Source: Croce & Hein, arXiv:2003.01690, equation (7).
    """

    kind: Literal["targeted-apgd"] = "targeted-apgd"
    loss: Literal["dlr"] = "dlr"  # pyright: ignore[reportIncompatibleVariableOverride]
    targets: int = Field(default=9, ge=1)
    steps: int = Field(default=100, ge=1)

    @property
    def outputs_needed(self) -> int:
        return 4

    def search(self, question: Question, ball: Ball, rngs: Rngs) -> Best:
        from practicum.robustness.attacks._climbing import one_after_the_other
        from practicum.robustness.attacks._slopes import Towards

        outputs = question.student.forward(ball.clean)[0]
        truth = question.truth
        if truth.oracle:
            assert question.teacher is not None
            truth = truth._replace(outputs=question.teacher.forward(ball.clean)[0])
        right = truth.classes().expand(outputs.shape[:2])
        likely = outputs.scatter(-1, right.unsqueeze(-1), -math.inf).argsort(-1, descending=True)

        def towards(number: int) -> Goal:
            def chosen(rows: Tensor | None) -> Loss:
                return Towards(likely[..., number] if rows is None else likely[:, rows, number])

            return chosen

        goals = [towards(number) for number in range(min(self.targets, outputs.shape[-1] - 1))]
        return one_after_the_other(question, ball, self.steps, rngs, goals)
