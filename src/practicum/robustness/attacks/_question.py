"""What an attack asks at every point: how large is the loss, is the student wrong, and where does the loss rise?"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from practicum.errors import ParameterError
from practicum.robustness.attacks._differentiable import Differentiable
from practicum.robustness.attacks.losses import Truth, by_autograd, fooled, losses, with_gradient

Loss = Callable[[Tensor, "Tensor | None"], Tensor]
"""Of the outputs of the student and of the teacher, (S, R)."""


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
        found, ours, back = (
            with_gradient(self.name, outputs, truth) if self.loss is None else by_autograd(self.loss, outputs, truth)
        )
        wrong = fooled(self.name, outputs, truth)
        gradient = self.student.backward(tape, ours)
        if back is not None:
            assert self.teacher is not None
            gradient = gradient + self.teacher.backward(their_tape, back.expand(outputs.shape).contiguous())
        if self.strict:
            self._check(found, gradient)
        return Answer(found, wrong, gradient)

    def ask(self, inputs: Tensor, *, really: bool = False) -> Answer:
        """Loss and success; `really` of the networks themselves, not of what stands in for them in a search."""
        truth = self.truth
        with torch.no_grad():
            outputs = self.student.outputs(inputs) if really else self.student.forward(inputs)[0]
            if truth.oracle:
                assert self.teacher is not None
                truth = truth._replace(outputs=self.teacher.outputs(inputs))
            loss = losses(self.name, outputs, truth) if self.loss is None else self.loss(outputs, truth.outputs)
        if self.strict:
            self._check(loss, None)
        return Answer(loss, fooled(self.name, outputs, truth))

    def _check(self, loss: Tensor, gradient: Tensor | None) -> None:
        """Numbers, or one sentence. Of gradients the first is looked at: a later one would spoil the next loss."""
        bad = ~torch.isfinite(loss) if not bool(torch.isfinite(loss).all()) else None
        what = "loss"
        if bad is None and gradient is not None and not self.seen:
            self.seen = True
            if not bool(torch.isfinite(gradient).all()):
                bad, what = ~torch.isfinite(gradient).flatten(2).all(-1), "gradient"
        if bad is None:
            return
        seed, row = (int(k) for k in bad.nonzero()[0])
        where = f"row {row}" + (f" of seed {seed}" if len(bad) > 1 else "")
        raise ParameterError(
            f"The {what} of an attack must be finite, because it says where to go. It is not in {where}; look for NaN "
            "or overflow in the weights of the networks (a student that diverged) and in the inputs there."
        )


class Best:
    """The worst point for the student that has been seen of every row: first where it is wrong, then by the loss."""

    def __init__(self) -> None:
        self.inputs: Tensor | None = None
        self.loss = self.fooled = torch.empty(0)

    def see(self, inputs: Tensor, answer: Answer) -> None:
        """Remember a copy of the rows that are worse than before."""
        if self.inputs is None:
            self.inputs, self.loss, self.fooled = inputs.clone(), answer.loss.clone(), answer.fooled.clone()
            return
        better = (answer.fooled & ~self.fooled) | ((answer.fooled == self.fooled) & (answer.loss > self.loss))
        self.loss = torch.where(better, answer.loss, self.loss)
        self.fooled = self.fooled | answer.fooled
        rows = better.view(-1).nonzero().view(-1)
        if len(rows) * 2 > better.numel():
            flags = better.view(*better.shape, *[1] * (inputs.ndim - 2))
            torch.where(flags, inputs, self.inputs, out=self.inputs)
        else:
            self.inputs.view(-1, *inputs.shape[2:])[rows] = inputs.reshape(-1, *inputs.shape[2:])[rows]
