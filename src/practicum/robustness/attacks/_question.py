"""What an attack asks at every point: how large is the loss, is the student wrong, and where does the loss rise?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from practicum.errors import ParameterError
from practicum.robustness.attacks._ball import Ball, all_finite
from practicum.robustness.attacks._differentiable import Differentiable
from practicum.robustness.attacks._slopes import Towards, by_autograd, with_gradient
from practicum.robustness.attacks.losses import Truth, fooled, losses

Loss = Callable[[Tensor, Truth], Tensor]
"""Of the student's outputs and the truth about the same rows, (S, R)."""


class Answer(NamedTuple):
    """What is known of every row at a point.

    Main arguments:
        loss: (S, R).
        fooled: (S, R), where the student is wrong.
        gradient: of the loss with respect to the inputs; None if it was not asked for.
    """

    loss: Tensor
    fooled: Tensor
    gradient: Tensor | None = None


class Question:
    """A student, a truth and a loss.

    Main arguments:
        student, teacher: the teacher is asked only if it is the oracle.
        name: of the loss, see :func:`practicum.robustness.attacks.losses.losses`.
        truth: what is right.

    Other arguments:
        loss: one of the outputs, instead of the one that is named.
        strict: whether a loss or a gradient that is not a number ends the attack with a sentence.
    """

    def __init__(
        self,
        student: Differentiable,
        teacher: Differentiable | None,
        name: str,
        truth: Truth,
        *,
        loss: Loss | None = None,
        strict: bool = True,
    ) -> None:
        self.student, self.teacher, self.name, self.truth = student, teacher, name, truth
        self.loss, self.strict, self.seen = loss, strict, False

    def using(self, name: str, loss: Loss | None = None) -> Question:
        """The same question with another loss."""
        return Question(self.student, self.teacher, name, self.truth, loss=loss, strict=self.strict)

    def take(self, chosen: Tensor) -> Question:
        """The question of some rows only."""
        labels, outputs = (
            None if part is None else part[:, chosen] for part in (self.truth.labels, self.truth.outputs)
        )
        truth = self.truth._replace(labels=labels, outputs=outputs)
        return Question(self.student, self.teacher, self.name, truth, loss=self.loss, strict=self.strict)

    def slope(self, inputs: Tensor) -> Answer:
        """Loss, success and gradient."""
        outputs, tape = self.student.forward(inputs)
        truth, their_tape = self.truth, None
        if truth.oracle:
            assert self.teacher is not None
            theirs, their_tape = self.teacher.forward(inputs)
            truth = truth._replace(outputs=theirs)
        if self.loss is None:
            found, ours, back = with_gradient(self.name, outputs, truth)
        elif isinstance(self.loss, Towards):
            found, ours, back = self.loss.with_gradient(outputs, truth)
        else:
            found, ours, back = by_autograd(self.loss, outputs, truth)
        wrong = fooled(self.name, outputs, truth)
        gradient = self.student.backward(tape, ours)
        if back is not None:
            assert self.teacher is not None
            gradient.add_(self.teacher.backward(their_tape, back.expand(outputs.shape).contiguous()))
        if self.strict and not self.seen:  # what is no number later on spoils the points, and the last are asked about
            self.seen = True
            _check_loss(found)
            _check_gradient(gradient)
        return Answer(found, wrong, gradient)

    def ask(self, inputs: Tensor, *, really: bool = False) -> Answer:
        """Loss and success; `really` of the networks themselves, not of what stands in for them in a search."""
        truth = self.truth
        with torch.no_grad():
            outputs = self.student.outputs(inputs) if really else self.student.forward(inputs)[0]
            if truth.oracle:
                assert self.teacher is not None
                truth = truth._replace(outputs=self.teacher.outputs(inputs))
            loss = losses(self.name, outputs, truth) if self.loss is None else self.loss(outputs, truth)
        if self.strict:
            _check_gradient(inputs)  # one that was no number has left its trace here
            _check_loss(loss)
        return Answer(loss, fooled(self.name, outputs, truth))


class Best:
    """The worst points for the student that a search has met: where it is wrong before where it is right, then by loss.

    What is known of the rows is kept in NumPy, whose calls cost a tenth of PyTorch's.

    Main arguments:
        last: points that nobody has asked about yet.
    """

    def __init__(self, last: Tensor | None = None) -> None:
        self.last = last
        self.inputs: Tensor | None = None
        self.loss: np.ndarray = np.empty(0)
        self.fooled: np.ndarray = np.empty(0, bool)

    def see(self, inputs: Tensor, answer: Answer) -> None:
        """Remember a copy of the rows that are worse than before."""
        loss, fooled = answer.loss.cpu().numpy(), answer.fooled.cpu().numpy()
        if self.inputs is None:
            self.inputs = inputs.clone(memory_format=torch.contiguous_format)
            self.loss, self.fooled = loss.copy(), fooled.copy()
            return
        better = worse(loss, fooled, self.loss, self.fooled)
        mine = self.inputs.flatten(0, 1)
        # The few rows are moved one by one, the many at once, which is ten times faster a row.
        if 2 * np.count_nonzero(better) > better.size:
            rows = torch.from_numpy(np.flatnonzero(~better)).to(inputs.device)
            kept = mine.index_select(0, rows)
            self.inputs.copy_(inputs)
            mine.index_copy_(0, rows, kept)
        else:
            rows = torch.from_numpy(np.flatnonzero(better)).to(inputs.device)
            mine.index_copy_(0, rows, inputs.flatten(0, 1).index_select(0, rows))
        self.loss = np.where(better, loss, self.loss)
        self.fooled |= fooled

    def merge(self, other: Best, rows: Tensor, *, by_loss: bool) -> None:
        """Take over what another search has met that began with some rows only; `by_loss` if their losses compare.

        Where the student is wrong already its point stays, lest it depend on which students are attacked together.
        """
        assert self.inputs is not None
        assert other.inputs is not None
        at = rows.cpu().numpy()
        loss, fooled = self.loss[:, at], self.fooled[:, at]
        better = ~fooled & (worse(other.loss, other.fooled, loss, fooled) if by_loss else other.fooled)
        flags = along(torch.from_numpy(better).to(self.inputs.device), self.inputs)
        self.inputs[:, rows] = torch.where(flags, other.inputs, self.inputs[:, rows])
        self.loss[:, at] = np.where(better, other.loss, loss)
        self.fooled[:, at] = fooled | other.fooled

    def settle(self, question: Question, ball: Ball, *, really: bool = False) -> tuple[Tensor, Answer]:
        """The worst points of all, to the last digit within the ball, and what the student does there."""
        if self.last is None:
            assert self.inputs is not None
            points = ball.exact_(self.inputs)
            return points, question.ask(points, really=really)
        points = ball.exact_(self.last)
        answer = question.ask(points, really=really)
        if self.inputs is None:
            return points, answer
        better = worse(self.loss, self.fooled, answer.loss.cpu().numpy(), answer.fooled.cpu().numpy())
        if not better.any():
            return points, answer
        rows = torch.from_numpy(np.flatnonzero(better.any(0))).to(points.device)
        flags = along(torch.from_numpy(better).to(points.device), points)[:, rows]
        some, where = question.take(rows), ball.take(rows)
        mixed = where.exact_(torch.where(flags, self.inputs[:, rows], points[:, rows]))
        again = some.ask(mixed, really=really)
        # What stood in for the networks, and points before they were exact, may have said otherwise.
        loss, fooled = answer.loss.clone(), answer.fooled.clone()
        still = worse(again.loss, again.fooled, loss[:, rows], fooled[:, rows])
        points[:, rows] = torch.where(along(still, mixed), mixed, points[:, rows])
        loss[:, rows] = torch.where(still, again.loss, loss[:, rows])
        fooled[:, rows] |= still & again.fooled
        return points, Answer(loss, fooled)


def worse(loss: Any, fooled: Any, than_loss: Any, than_fooled: Any) -> Any:
    """Where the first answer is worse for the student than the second; arrays or tensors (S, R)."""
    return (fooled & ~than_fooled) | ((fooled == than_fooled) & (loss > than_loss))


def _check_loss(loss: Tensor) -> None:
    if not all_finite(loss):
        raise ParameterError(
            f"The loss of an attack must be finite, because it says what is worse. It is not in "
            f"{_first(~torch.isfinite(loss))}; look for NaN or overflow in the weights of the networks (a student that "
            "diverged) and in the inputs there."
        )


def _check_gradient(gradient: Tensor) -> None:
    if not all_finite(gradient):
        raise ParameterError(
            f"The gradient of an attack must be finite, because it says where to go. It is not in "
            f"{_first(~torch.isfinite(gradient).flatten(2).all(-1))}, though the loss is; look for what has no "
            "slope, such as the square root of 0, or torch.where between a number and NaN."
        )


def _first(bad: Tensor) -> str:
    """The first of some rows (S, R)."""
    seed, row = (int(k) for k in bad.nonzero()[0])
    return f"row {row}" + (f" of seed {seed}" if len(bad) > 1 else "")


def along(flags: Tensor, inputs: Tensor) -> Tensor:
    """Flags of rows in a shape that selects inputs."""
    return flags.view(*flags.shape, *[1] * (inputs.ndim - flags.ndim))
