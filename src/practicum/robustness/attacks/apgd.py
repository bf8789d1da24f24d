"""APGD: steps with momentum whose size falls where the loss stops rising, and its targeted kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from practicum.robustness.attacks.base import Attack

if TYPE_CHECKING:
    from torch import Tensor

    from practicum.robustness.attacks._ball import Ball
    from practicum.robustness.attacks._question import Question

_MOMENTUM, _ENOUGH = 0.75, 0.75
_FIRST, _SHRINK, _LEAST = 0.22, 0.03, 0.06


class APGD(Attack):
    """Auto-PGD: momentum, and steps that are halved, from the best point on, where fewer than 75 % of them improved.

    Main arguments:
        steps: of each start.
        restarts: random starts.

    Source: Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
    attacks", arXiv:2003.01690, algorithm 1.
    """

    kind: Literal["apgd"] = "apgd"
    steps: int = Field(default=100, ge=1)
    restarts: int = Field(default=1, ge=1)

    def search(self, question: Question, ball: Ball, rngs: Callable[[int], Sequence[Any]]) -> Tensor:
        found = ball.clean.clone()
        open_rows = None
        for restart in range(self.restarts):
            found, open_rows = _better(found, open_rows, question, ball, self.steps, rngs(restart), question.loss)
            if not len(open_rows):
                break
        return found


class TargetedAPGD(Attack):
    """APGD towards each of the classes that the student finds most likely at the clean input, one after the other.

    Its loss is the targeted DLR, which no scale of the outputs can hide; rows that are wrong already are left alone.

    Main arguments:
        targets: classes, of those that are wrong.
        steps: towards each.

    Raises:
        ParameterError: on networks of fewer than 4 classes, since the loss compares four outputs.

    Source: Croce & Hein, arXiv:2003.01690, equation (7).
    """

    kind: Literal["targeted-apgd"] = "targeted-apgd"
    loss: Literal["dlr"] = "dlr"  # pyright: ignore[reportIncompatibleVariableOverride]
    targets: int = Field(default=9, ge=1)
    steps: int = Field(default=100, ge=1)

    @property
    def outputs_needed(self) -> int:
        return 4

    def search(self, question: Question, ball: Ball, rngs: Callable[[int], Sequence[Any]]) -> Tensor:
        from practicum.robustness.attacks.losses import targeted

        outputs = question.student.forward(ball.clean)[0]
        truth = question.truth
        if truth.oracle:
            assert question.teacher is not None
            truth = truth._replace(outputs=question.teacher.forward(ball.clean)[0])
        right = truth.classes().expand(outputs.shape[:2])
        likely = outputs.scatter(-1, right.unsqueeze(-1), -math.inf).argsort(-1, descending=True)
        found, open_rows = ball.clean.clone(), None
        for number in range(min(self.targets, outputs.shape[-1] - 1)):
            rows = slice(None) if open_rows is None else open_rows
            labels, wanted = right[:, rows], likely[:, rows, number]

            def loss(
                outputs: Tensor, theirs: Tensor | None, labels: Tensor = labels, wanted: Tensor = wanted
            ) -> Tensor:
                if theirs is None or not question.truth.oracle:
                    return targeted(outputs, labels, wanted)
                return targeted(outputs, theirs.detach().argmax(-1), wanted)

            found, open_rows = _better(found, open_rows, question, ball, self.steps, rngs(number), loss)
            if not len(open_rows):
                break
        return found


def _better(
    found: Tensor,
    open_rows: Tensor | None,
    question: Question,
    ball: Ball,
    steps: int,
    rngs: Sequence[Any],
    loss: Any,
) -> tuple[Tensor, Tensor]:
    """One more start for the rows on which some student is right yet: the points found, and the rows still open.

    The first start also decides where nothing has been found, so that a point is at least as good as any other met.
    """
    import torch

    question = question.using(question.name, loss)
    first = open_rows is None
    if open_rows is not None:
        question, ball = question.take(open_rows), ball.take(open_rows)
    rows = torch.arange(found.shape[1], device=found.device) if open_rows is None else open_rows
    points, answer = _climb(question, ball, steps, rngs)
    if first:
        take = torch.ones_like(answer.fooled)
    else:
        before = question.ask(found[:, rows])
        take = (answer.fooled & ~before.fooled) | ((answer.fooled == before.fooled) & (answer.loss > before.loss))
        answer = answer._replace(fooled=answer.fooled | before.fooled)
    flags = take.view(*take.shape, *[1] * (found.ndim - 2))
    found[:, rows] = torch.where(flags, points, found[:, rows])
    return found, rows[~answer.fooled.all(0)]


def _climb(question: Question, ball: Ball, steps: int, rngs: Sequence[Any]) -> tuple[Tensor, Any]:
    """The best points of one start, and what the student does there."""
    import torch

    from practicum.robustness.attacks._question import Best

    point = ball.start(rngs)
    answer = question.slope(point)
    best = Best()
    best.see(point, answer)
    size = torch.full_like(answer.loss, 2.0)
    highest, gradient_there, top = answer.loss.clone(), answer.gradient.clone(), point.clone()
    improved = torch.zeros_like(answer.loss)
    size_before, highest_before = size.clone(), highest.clone()
    last = point
    checks = _checkpoints(steps)
    previous_check = 0
    previous_loss = answer.loss
    gradient = answer.gradient
    for step in range(1, steps + 1):
        direction = ball.direction_(gradient.clone())
        flat = size.view(*size.shape, *[1] * (point.ndim - 2))
        ahead = ball.confine_(point + direction * (flat * ball.radii))
        if step > 1:
            ahead = ball.confine_(point + _MOMENTUM * (ahead - point) + (1 - _MOMENTUM) * (point - last))
        last, point = point, ahead
        answer = question.slope(point)
        gradient = answer.gradient
        assert gradient is not None
        best.see(point, answer)
        improved += answer.loss > previous_loss
        previous_loss = answer.loss
        higher = answer.loss > highest
        flags = higher.view(*higher.shape, *[1] * (point.ndim - 2))
        highest = torch.where(higher, answer.loss, highest)
        top = torch.where(flags, point, top)
        gradient_there = torch.where(flags, gradient, gradient_there)
        if step in checks:
            few = improved < _ENOUGH * (step - previous_check)
            stuck = (size == size_before) & (highest == highest_before)
            halve = few | stuck
            size_before, highest_before = size.clone(), highest.clone()
            size = torch.where(halve, size / 2, size)
            flags = halve.view(*halve.shape, *[1] * (point.ndim - 2))
            point = torch.where(flags, top, point)
            last = torch.where(flags, top, last)
            gradient = torch.where(flags, gradient_there, gradient)
            previous_loss = torch.where(halve, highest, previous_loss)
            improved.zero_()
            previous_check = step
    assert best.inputs is not None
    return best.inputs, answer._replace(loss=best.loss, fooled=best.fooled)


def _checkpoints(steps: int) -> set[int]:
    """Steps after which it is decided whether to halve."""
    found, before, now = set(), 0.0, _FIRST
    while (step := math.ceil(now * steps)) < steps:
        found.add(step)
        before, now = now, now + max(now - before - _SHRINK, _LEAST)
    return found
