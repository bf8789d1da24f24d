"""Regimes of training: functions that change every batch before the update. Nothing here knows any of them.

``regime(student, teacher, batch)`` returns ``(inputs, targets)``, or ``(inputs, targets, loss)`` with its own loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._evaluation import evaluated, kept_modes, single
from practicum.networks.ensemble import Ensemble
from practicum.networks.losses import targets
from practicum.networks.randomness import generator
from practicum.networks.settings import Training

OwnLoss = Callable[[Tensor, Tensor], Tensor]
"""From the student's outputs (S, B', C) and the targets to losses (S, B''), differentiable in the outputs."""


class Batch(NamedTuple):
    """What a regime is given.

    Main arguments:
        inputs: (S, B, ...), the examples of each seed.
        targets: of the teacher on these inputs, as :func:`practicum.networks.losses.targets` makes them: outputs or
            soft labels (S, B, C), or classes (S, B).
        training: how students are trained.
        rngs: one generator a seed, made anew every epoch: what a regime draws from them in an epoch does not depend on
            the epochs before, so that a resumed training draws what the uninterrupted one drew.
        epoch: epochs done.
    """

    inputs: Tensor
    targets: Tensor
    training: Training
    rngs: Sequence[np.random.Generator]
    epoch: int


class Ready(NamedTuple):
    """A batch as the update takes it; `loss` takes the place of the training's if it is given."""

    inputs: Tensor
    targets: Tensor
    loss: OwnLoss | None = None


Regime = Callable[[nn.Module, nn.Module, Batch], "tuple[Tensor, Tensor] | tuple[Tensor, Tensor, OwnLoss | None]"]


def fresh_targets(teacher: nn.Module, inputs: Tensor, training: Training) -> Tensor:
    """What a teacher of one seed or of S asks for on changed inputs (S, B', ...): (S, B', C), or classes (S, B')."""
    with evaluated(teacher):
        if getattr(teacher, "seeds", 1) == 1 and len(inputs) > 1:
            answers = teacher(inputs.flatten(0, 1).unsqueeze(0)).unflatten(1, inputs.shape[:2]).squeeze(0)
        else:
            answers = teacher(inputs)
    return targets(answers, training)


class Preparation:
    """Batches as a regime changes them, checked.

    Main arguments:
        regime: the function.
        teacher: with outputs (S or 1, B, C).
        training: how students are trained.
        seeds: of the students.
    """

    def __init__(self, regime: Regime, teacher: nn.Module, training: Training, seeds: Sequence[int]) -> None:
        self.regime, self.teacher, self.training, self.seeds = regime, teacher, training, seeds
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """The epoch that follows `epoch` epochs."""
        self.epoch, self.rngs = epoch, [generator(seed, "regime", epoch) for seed in self.seeds]

    def __call__(self, student: nn.Module, inputs: Tensor, wanted: Tensor) -> Ready:
        """The batch that the student is to learn from, instead of inputs (S, B, ...) and their targets.

        Raises:
            ParameterError: the regime returned something else, or numbers that are not finite though the student's are.
        """
        batch = Batch(inputs, wanted, self.training, self.rngs, self.epoch)
        with kept_modes(student, self.teacher), torch.enable_grad():
            self.teacher.eval()
            ready = _checked(self.regime(student, self.teacher, batch), batch)
        bad = ~_finite(ready.inputs)
        if ready.targets.is_floating_point():
            bad |= ~_finite(ready.targets)
        # A student that is diverging draws its batch along, and is found by its loss; any other has the regime's fault.
        faults = (bad & _sound(student, batch)).nonzero().flatten().tolist() if bool(bad.any()) else []
        if faults:
            raise ParameterError(
                "A regime must return finite inputs and targets, because one NaN soon is everywhere. Got others for "
                f"seed(s) {', '.join(str(self.seeds[place]) for place in faults)} in epoch {self.epoch + 1}, although "
                "the students' outputs and gradients are finite."
            )
        return ready


def preparations(
    regime: Regime, teacher: nn.Module, students: nn.Module, training: Training, seeds: Sequence[int]
) -> list[Preparation]:
    """One for each module of an Ensemble, whose seeds are trained one after the other; else one for all seeds."""
    if not callable(regime):
        raise ParameterError(
            "The 'regime' parameter must be a function regime(student, teacher, batch) that returns (inputs, targets). "
            f"Got {regime!r:.60} instead."
        )
    if isinstance(students, Ensemble):
        return [Preparation(regime, single(teacher, i), training, [seed]) for i, seed in enumerate(seeds)]
    return [Preparation(regime, teacher, training, seeds)]


def _checked(found: Any, batch: Batch) -> Ready:
    """What a regime returned, without a graph."""
    if not isinstance(found, tuple) or len(found) not in (2, 3) or not all(isinstance(f, Tensor) for f in found[:2]):
        kinds = [type(f).__name__ for f in found] if isinstance(found, tuple) else type(found).__name__
        raise ParameterError(
            "A regime must return two tensors (inputs, targets), or (inputs, targets, loss) with a function "
            f"loss(outputs, targets). Got {kinds} instead."
        )
    ready = Ready(found[0].detach(), found[1].detach(), *found[2:])
    if ready.loss is not None and not callable(ready.loss):
        raise ParameterError(
            "The loss that a regime returns must be a function loss(outputs, targets) with one number an example. Got "
            f"{ready.loss!r:.60} instead."
        )
    inputs, (seeds, rows) = batch.inputs, ready.inputs.shape[:2] if ready.inputs.ndim > 1 else (0, 0)
    if seeds != len(inputs) or rows == 0 or ready.inputs.shape[2:] != inputs.shape[2:]:
        example = ", ".join(map(str, inputs.shape[2:]))
        raise ParameterError(
            f"The inputs that a regime returns must have shape ({len(inputs)}, B, {example}), at least one example a "
            f"seed. Got {tuple(ready.inputs.shape)} instead."
        )
    if (ready.inputs.dtype, ready.inputs.device) != (inputs.dtype, inputs.device):
        raise ParameterError(
            f"The inputs that a regime returns must be of {inputs.dtype} on {inputs.device}, as it was given them. "
            f"Got {ready.inputs.dtype} on {ready.inputs.device} instead."
        )
    wanted = (seeds, rows, *batch.targets.shape[2:])
    # A loss of its own may compare with anything that has one entry a seed.
    fits = len(ready.targets) == seeds if ready.loss and ready.targets.ndim else tuple(ready.targets.shape) == wanted
    if not fits or (not ready.loss and ready.targets.dtype != batch.targets.dtype):
        raise ParameterError(
            f"The targets that a regime returns must be of {batch.targets.dtype} and have shape {wanted}, one for each "
            f"of its inputs. Got {ready.targets.dtype} of shape {tuple(ready.targets.shape)} instead."
        )
    return ready


def _finite(values: Tensor) -> Tensor:
    """Which seeds (S,) have nothing but finite numbers in (S, ...)."""
    return values.isfinite().reshape(len(values), -1).all(1)


def _sound(student: nn.Module, batch: Batch) -> Tensor:
    """Which seeds (S,) have outputs and gradients on the clean inputs that can be squared, as attacks do."""
    leaf = batch.inputs.detach().requires_grad_()
    with kept_modes(student), torch.enable_grad():
        student.eval()
        squares = student(leaf).square()
        (gradient,) = torch.autograd.grad(squares.sum(), leaf)
    return _finite(squares.detach()) & gradient.square().flatten(1).sum(1).isfinite()
