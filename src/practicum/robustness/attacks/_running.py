"""From a call of an attack to what it returns: checks, parts that fit into memory, all radii at once, and the verdict.

The rows of a part are attacked for all radii in one batch; what is returned is judged by the networks themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks._evaluation import evaluated, kept_modes
from practicum.networks.mlp import MLP
from practicum.robustness import _needs
from practicum.robustness.attacks._ball import ALLOWED, Ball, distances
from practicum.robustness.attacks._checks import Given, check_networks, checked
from practicum.robustness.attacks._differentiable import differentiable
from practicum.robustness.attacks._question import Question, along, worse
from practicum.robustness.attacks._starts import Rngs, Rows
from practicum.robustness.attacks.losses import Truth
from practicum.robustness.attacks.result import Attacked
from practicum.values import whole

if TYPE_CHECKING:
    from practicum.robustness.attacks.base import Attack

_ENTRIES = 2**19
"""Numbers in the widest layer of a part, of all students: half of it or twice as many were up to a fifth slower."""


def attack(
    value: Attack,
    student: nn.Module,
    inputs: Any,
    epsilons: Any,
    *,
    teacher: nn.Module | None,
    labels: Any,
    subspace: Any,
    seed: int,
    objective: Any,
    place: int = 0,
) -> Attacked:
    """See :meth:`practicum.robustness.attacks.base.Attack.__call__`.

    Other arguments:
        place: of the first input among more, of which random starts depend.
    """
    check_networks(type(value).__name__, student, teacher)
    seed = whole("seed", seed, 0)
    networks = [network for network in (student, teacher) if network is not None]
    with torch.inference_mode(False), evaluated(*networks):
        given = checked(value, student, inputs, epsilons, teacher, labels, subspace, objective)
        seeds, samples = given.clean.shape[:2]
        require(
            "This attack",
            partial(_needs.attack, itemsize=given.clean.element_size()),
            epsilons=len(given.epsilons), seeds=seeds, samples=samples, inputs=math.prod(given.clean.shape[2:]),
        )  # fmt: skip
        order = given.epsilons.argsort()
        parts = []
        rows = _rows(given)
        for first in range(0, given.clean.shape[1], rows):
            part = slice(first, first + rows)
            radii = given.epsilons[order, None].expand(-1, given.clean[:, part].shape[1])
            parts.append(_part(value, given, part, radii, partial(_starts, seed, place + first), objective))
        back = order.argsort()
        found = [torch.cat(each, 2)[back] for each in zip(*parts)]
    if not given.has_seeds:
        found = [each.squeeze(1) for each in found]
    points, success, distance, loss = found
    return Attacked(given.epsilons, points, success, distance, loss, repr(value))


def attack_each(value: Attack, given: Given, radii: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Success and distance (S, B) of an attack that gives every input a radius of its own, (B,)."""
    parts, rows = [], _rows(given)
    with evaluated(*(judge.network for judge in (given.student, given.teacher) if judge is not None)):
        for first in range(0, given.clean.shape[1], rows):
            part = slice(first, first + rows)
            parts.append(_part(value, given, part, radii[None, part], partial(_starts, seed, first), None)[1:3])
    success, distance = (torch.cat(each, 2).squeeze(0) for each in zip(*parts))
    return success, distance


def perturbed(
    value: Attack,
    student: nn.Module,
    teacher: nn.Module | None,
    inputs: Tensor,
    epsilon: float,
    *,
    labels: Tensor | None = None,
    rngs: Sequence[np.random.Generator],
) -> Tensor:
    """Perturbed inputs for a step of training, (S, B, ...): nothing is checked or judged, and NaN stay where they are.

    Main arguments:
        inputs: (S, B, ...) of the students' precision.
        labels: classes (S, B), or in regression the outputs to stay away from (S, B, C); None asks the teacher.
        rngs: of the random start, one a student, or one for all.
    """
    shape = tuple(inputs.shape[2:])
    with kept_modes(*(network for network in (student, teacher) if network is not None)):
        student.eval()
        asked = differentiable(student, shape, "student")
        judge = None
        if teacher is not None:
            teacher.eval()
            judge = differentiable(teacher, shape, "teacher")
        classes = labels if value.loss != "mse" else None
        outputs = labels if value.loss == "mse" else None
        if not value.oracle and (labels is None or value.loss == "kl"):
            assert judge is not None
            outputs = judge.outputs(inputs)
        truth = Truth(classes, outputs, value.oracle, value.margin)
        question = Question(asked, judge, value.loss, truth, strict=False)
        radii = torch.full((inputs.shape[1],), float(epsilon), dtype=torch.float64, device=inputs.device)
        ball = Ball(value.norm, inputs, radii, box=value.box)
        best = value.search(question, ball, lambda *_: rngs)
        if best.last is not None and best.inputs is None:
            return best.last
        return best.settle(question, ball)[0]


def _starts(seed: int, first: int, *key: int) -> Sequence[Rows]:
    """The random numbers of rows from the first on, for a start of that key; the same for all students."""
    return [Rows(seed, key, first)]


def _rows(given: Given) -> int:
    """Clean rows in a part."""
    network = given.student.network
    widest = max(network.sizes) if isinstance(network, MLP) else max(256, math.prod(given.clean.shape[2:]))
    return max(1, min(16_384, _ENTRIES // (widest * given.student.seeds * len(given.epsilons))))


def _part(
    value: Attack, given: Given, rows: slice, radii: Tensor, rngs: Rngs, objective: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points (E, S, b, ...), success, distance and loss (E, S, b) of some rows, for radii (E, b) that rise."""
    clean = given.clean[:, rows]
    copies, count = len(radii), clean.shape[1]
    truth = _truth(value, given, rows, clean, objective is not None)
    labels, outputs = (None if part is None else _repeated(part, copies) for part in (truth.labels, truth.outputs))
    many = truth._replace(labels=labels, outputs=outputs)
    loss = None if objective is None else partial(_own, objective)
    question = Question(given.student, given.teacher, value.loss, many, loss=loss)
    ball = Ball(
        value.norm, _repeated(clean, copies), radii.reshape(-1), count, box=value.box,
        basis=given.basis, side=value.side,
    )  # fmt: skip
    points, answer = value.search(question, ball, rngs).settle(question, ball, really=True)
    distance = distances(value.norm, points, ball.clean)
    over = distance > ball.given.double() * (1 + ALLOWED)
    assert not bool(over.any()), f"a perturbation of {float(distance[over][0])} left its ball"
    wrong = answer.fooled
    if value.loss == "mse":
        after = answer if objective is None else question.using("mse").ask(points, really=True)
        before = Question(given.student, given.teacher, "mse", truth).ask(clean, really=True)
        wrong = after.loss > _repeated(before.loss, copies) * (1 + ALLOWED)
    split = (each.unflatten(1, (copies, count)).movedim(1, 0) for each in (points, wrong, distance, answer.loss))
    return _rising(*split)


def _truth(value: Attack, given: Given, rows: slice, clean: Tensor, asked: bool) -> Truth:
    """Of some clean rows: labels that are given or the teacher's, or the teacher's outputs, which may be asked for."""
    labels = None if given.labels is None else given.labels[:, rows]
    outputs = None
    if given.teacher is not None and not value.oracle and (asked or labels is None or value.loss in ("mse", "kl")):
        outputs = given.teacher.outputs(clean)
        if labels is None and value.loss != "mse":
            labels = outputs.argmax(-1)
    return Truth(labels, outputs, value.oracle, value.margin)


def _own(objective: Any, outputs: Tensor, truth: Truth) -> Tensor:
    """A loss of the user's own."""
    found = objective(outputs, truth.outputs, truth.labels)
    if not isinstance(found, Tensor) or found.shape != outputs.shape[:2]:
        raise ParameterError(
            f"The 'objective' of an attack must return a tensor of shape {tuple(outputs.shape[:2])}, a number an input "
            f"of each student. Got {tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__} instead."
        )
    if torch.is_grad_enabled() and not found.requires_grad:
        raise ParameterError(
            "The 'objective' of an attack must depend on the outputs in a way that PyTorch can differentiate, because "
            "its gradient says where to go; leave out detach(), argmax() and NumPy in it."
        )
    return found


def _repeated(values: Tensor, copies: int) -> Tensor:
    """All rows of the first radius, then all of the second, and so on."""
    return values.contiguous() if copies == 1 else values.repeat(1, copies, *[1] * (values.ndim - 2))


def _rising(points: Tensor, wrong: Tensor, distance: Tensor, loss: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Carry what is worse within a smaller radius over to the larger ones, of which it is a point too."""
    points, wrong, distance, loss = (
        each.clone() if len(each) > 1 else each for each in (points, wrong, distance, loss)
    )
    for k in range(1, len(points)):
        carried = worse(loss[k - 1], wrong[k - 1], loss[k], wrong[k])
        points[k] = torch.where(along(carried, points[k]), points[k - 1], points[k])
        for each in (wrong, distance, loss):
            each[k] = torch.where(carried, each[k - 1], each[k])
    return points, wrong, distance, loss
