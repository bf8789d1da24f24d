"""The climb of APGD: momentum, and for each row a step that is halved where the loss stops rising.

Source: Croce & Hein, arXiv:2003.01690, algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from practicum.robustness.attacks._ball import Ball
from practicum.robustness.attacks._question import Best, Loss, Question, along
from practicum.robustness.attacks._starts import Rngs

_MOMENTUM, _ENOUGH = 0.75, 0.75
_FIRST, _SHRINK, _LEAST = Fraction(22, 100), Fraction(3, 100), Fraction(6, 100)

Goal = Callable[["Tensor | None"], Loss] | None
"""The loss of some rows (None for all), or None for that of the question."""


def one_after_the_other(
    question: Question,
    ball: Ball,
    steps: int,
    rngs: Rngs,
    goals: Sequence[Goal],
) -> Best:
    """One climb for each goal, each on the rows that some student has right yet.

    Where none succeeds the points of the first climb stay, the losses of the others being no measure for them, unless
    all climb the same loss.
    """
    found, rows = Best(), None
    alike = all(goal is None for goal in goals)
    for number, goal in enumerate(goals):
        part, where = (question, ball) if rows is None else (question.take(rows), ball.take(rows))
        part = part if goal is None else part.using(part.name, goal(rows))
        climbed = climb(part, where, steps, rngs(number))
        assert climbed.inputs is not None
        if rows is None:
            found = climbed
            rows = torch.arange(climbed.inputs.shape[1], device=climbed.inputs.device)
        else:
            found.merge(climbed, rows, by_loss=alike)
        rows = rows[torch.from_numpy(~found.fooled.all(0)).to(rows.device)[rows]]
        if not len(rows):
            break
    return found


def climb(question: Question, ball: Ball, steps: int, rngs: Sequence[Any]) -> Best:
    """The best points of one random start."""
    point = last = ball.start(rngs)
    answer = question.slope(point)
    best, state = Best(), _State(point, answer)
    best.see(point, answer)
    checks = _checkpoints(steps)
    gradient = answer.gradient
    assert gradient is not None
    for step in range(1, steps + 1):
        direction = ball.direction_(gradient.clone())
        ahead = ball.confine_(point + direction * (along(state.size, point) * ball.radii).to(point.dtype))
        if step > 1:
            ahead = ball.confine_(point + _MOMENTUM * (ahead - point) + (1 - _MOMENTUM) * (point - last))
        last, point = point, ahead
        answer = question.slope(point)
        gradient = answer.gradient
        assert gradient is not None
        best.see(point, answer)
        state.see(point, answer)
        if step in checks:
            halved = state.halve(step)
            flags = along(halved, point)
            point, last = torch.where(flags, state.top, point), torch.where(flags, state.top, last)
            gradient = torch.where(flags, state.gradient, gradient)
    return best


class _State:
    """What decides when steps are halved, and where they go on from; one entry a row."""

    def __init__(self, point: Tensor, answer: Any) -> None:
        self.size = torch.full_like(answer.loss, 2.0)
        self.highest, self.previous = answer.loss.clone(), answer.loss.clone()
        self.top, self.gradient = point.clone(), answer.gradient.clone()
        self.improved = torch.zeros_like(answer.loss)
        self.size_before, self.highest_before = self.size.clone(), self.highest.clone()
        self.check = 0

    def see(self, point: Tensor, answer: Any) -> None:
        """One more point of the climb."""
        self.improved += answer.loss > self.previous
        self.previous = answer.loss
        higher = answer.loss > self.highest
        self.highest = torch.where(higher, answer.loss, self.highest)
        flags = along(higher, point)
        torch.where(flags, point, self.top, out=self.top)
        torch.where(flags, answer.gradient, self.gradient, out=self.gradient)

    def halve(self, step: int) -> Tensor:
        """The rows whose steps are halved at a checkpoint: too few rose, or neither step nor loss has changed."""
        few = self.improved < _ENOUGH * (step - self.check)
        stuck = (self.size == self.size_before) & (self.highest == self.highest_before)
        halved = few | stuck
        self.size_before, self.highest_before = self.size, self.highest.clone()
        self.size = torch.where(halved, self.size / 2, self.size)
        self.previous = torch.where(halved, self.highest, self.previous)
        self.improved.zero_()
        self.check = step
        return halved


def _checkpoints(steps: int) -> set[int]:
    """Steps after which it is decided whether to halve, in fractions: in floats 0.57 * 100 is more than 57."""
    found, before, now = set(), Fraction(0), _FIRST
    while (step := math.ceil(now * steps)) < steps:
        found.add(step)
        before, now = now, now + max(now - before - _SHRINK, _LEAST)
    return found
