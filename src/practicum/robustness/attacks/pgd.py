"""Attacks by steps of equal size along the gradient: PGD, its single step FGSM, and random noise to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from practicum.robustness.attacks.base import Attack

if TYPE_CHECKING:
    from practicum.robustness.attacks._ball import Ball
    from practicum.robustness.attacks._question import Best, Question
    from practicum.robustness.attacks._starts import Rngs


class PGD(Attack):
    """Projected gradient descent from random starts.

    Main arguments:
        steps: of each start. On four small classifiers of images 20 made 1 to 4 points too few wrong with "linf" and 5
            to 9 with "l2", 40 with 5 restarts 0 to 2 and 2 to 4;
            :class:`~practicum.robustness.attacks.apgd.APGD` chooses its own steps.
        restarts: random starts, of which the best counts.

    Other arguments:
        step_size: in units of the radius; None is 2.5 / steps. With "l2" 20 steps of 0.3 find more.
        keep: "best" returns the worst point for the student that was met, "last" the point where the steps end, which
            saves one evaluation and is what adversarial training needs.

    The start is always random: where student and teacher agree, an oracle's gradient is exactly 0 at the clean input.

    Source: Madry et al., arXiv:1706.06083.
    """

    kind: Literal["pgd"] = "pgd"
    steps: int = Field(default=20, ge=1)
    restarts: int = Field(default=1, ge=1)
    step_size: float | None = Field(default=None, gt=0, json_schema_extra={"remedy": "None is 2.5 / steps."})
    keep: Literal["best", "last"] = "best"

    def search(self, question: Question, ball: Ball, rngs: Rngs) -> Best:
        from practicum.robustness.attacks._question import Best

        size = 2.5 / self.steps if self.step_size is None else self.step_size
        best = Best()
        for restart in range(self.restarts):
            point = ball.start(rngs(restart))
            for _ in range(self.steps):
                answer = question.slope(point)
                if self.keep == "best":
                    best.see(point, answer)
                assert answer.gradient is not None
                point = ball.step_(point, ball.direction_(answer.gradient), size)
            if restart < self.restarts - 1:
                best.see(point, question.ask(point))
            else:
                best.last = point
        return best


class FGSM(Attack):
    """One step of the size of the radius along the gradient at the clean input.

    Source: Goodfellow, Shlens, Szegedy, arXiv:1412.6572; with "l2" along the gradient itself instead of its signs.
    """

    kind: Literal["fgsm"] = "fgsm"

    def search(self, question: Question, ball: Ball, rngs: Rngs) -> Best:
        from practicum.robustness.attacks._question import Best

        point = ball.clean.clone()
        gradient = question.slope(point).gradient
        assert gradient is not None
        return Best(ball.step_(point, ball.direction_(gradient), 1.0))


class RandomNoise(Attack):
    """The worst of some points drawn uniformly from the ball: what an attack must beat.

    Main arguments:
        tries: points.
    """

    kind: Literal["noise"] = "noise"
    tries: int = Field(default=1, ge=1)

    def search(self, question: Question, ball: Ball, rngs: Rngs) -> Best:
        from practicum.robustness.attacks._question import Best

        best = Best()
        for number in range(self.tries - 1):
            point = ball.start(rngs(number))
            best.see(point, question.ask(point))
        best.last = ball.start(rngs(self.tries - 1))
        return best
