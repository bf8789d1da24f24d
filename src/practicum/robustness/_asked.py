"""What a measurement is asked about: networks, inputs and labels of the students that have not diverged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from practicum.networks._evaluation import evaluated
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.robustness._needs import NUMBERS
from practicum.robustness.attacks._checks import checked
from practicum.robustness.attacks._differentiable import differentiable
from practicum.robustness.attacks._running import attack
from practicum.robustness.attacks.base import Attack
from practicum.robustness.attacks.result import Attacked


class Asked(NamedTuple):
    """Everything but the radii, of the S' students whose weights are finite.

    Main arguments:
        student: S' networks, or a module without seeds.
        teacher: one, or one a student; or None.
        inputs: clean, (S', B, ...).
        labels: (S', B) or (1, B), or None.
        alive: which of the students these are, (S,).
        has_seeds: whether the student has an axis of seeds.
        classes: C, the number of outputs.
        epsilons: radii that rise, float64.
        place: of the first input among all.
    """

    student: nn.Module
    teacher: nn.Module | None
    inputs: Tensor
    labels: Tensor | None
    alive: np.ndarray
    has_seeds: bool
    classes: int
    epsilons: np.ndarray
    place: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""
        return tuple(self.inputs.shape[2:])

    def blocks(self) -> Iterator[Asked]:
        """Some inputs at a time, so that all perturbed ones fit into memory."""
        seeds = self.inputs.shape[0]
        rows = max(1, NUMBERS // (len(self.epsilons) * seeds * math.prod(self.shape)))
        for first in range(0, self.inputs.shape[1], rows):
            part = slice(first, first + rows)
            labels = None if self.labels is None else self.labels[:, part]
            yield self._replace(inputs=self.inputs[:, part], labels=labels, place=first)

    def attacked(
        self, value: Attack, *, by_labels: bool, subspace: Any = None, seed: int = 0, objective: Any = None
    ) -> Attacked:
        """What an attack makes of the inputs; its inputs, success and loss are (E, S', B, ...).

        Main arguments:
            by_labels: whether labels that are given take the place of the teacher.
        """
        labels = self.labels if by_labels else None
        found = attack(
            value, self.student, self.inputs if self.has_seeds else self.inputs.squeeze(0), self.epsilons,
            teacher=self.teacher if labels is None else None, labels=labels, subspace=subspace, seed=seed,
            objective=objective, place=self.place,
        )  # fmt: skip
        if self.has_seeds:
            return found
        return replace(found, **{name: getattr(found, name).unsqueeze(1) for name in ("inputs", "success", "loss")})

    def outputs(self, name: str, inputs: Tensor) -> Tensor:
        """Of the "student" or the "teacher" on inputs (S', R, ...); a teacher may be one for all."""
        network = self.student if name == "student" else self.teacher
        assert network is not None
        with evaluated(network):
            return differentiable(network, self.shape, name).outputs(inputs)

    def over_seeds(self, values: Tensor) -> np.ndarray:
        """Numbers (..., S') as (..., S), NaN where a student has diverged; (...) if there is no axis of seeds."""
        found = np.full((*values.shape[:-1], len(self.alive)), np.nan)
        found[..., self.alive] = values.double().cpu().numpy()
        return found if self.has_seeds else found[..., 0]


def asked(
    value: Attack,
    student: nn.Module,
    inputs: Any,
    epsilons: Any,
    *,
    teacher: nn.Module | None = None,
    labels: Any = None,
    subspace: Any = None,
) -> Asked:
    """What is given, checked; radii are sorted.

    Main arguments:
        value: an attack without an oracle, so that labels may be given.

    Raises:
        ParameterError: see :meth:`practicum.robustness.attacks.base.Attack.__call__`.
    """
    networks = [network for network in (student, teacher) if isinstance(network, nn.Module)]
    with evaluated(*networks):
        given = checked(value, student, inputs, epsilons, teacher, labels, subspace, None)
        classes = given.student.outputs(given.clean[:, :1]).shape[-1]
    alive = finite(student) if given.has_seeds else np.ones(1, bool)
    clean, truth = given.clean, given.labels
    if not alive.all():
        places = np.flatnonzero(alive)
        clean = clean[: len(places)] if clean.stride(0) == 0 else clean[places]
        truth = truth if truth is None or len(truth) == 1 else truth[places]
        if len(places):
            student = chosen(student, places)
            teacher = chosen(teacher, places) if teacher is not None else None
    radii = np.unique(given.epsilons.cpu().numpy())
    return Asked(student, teacher, clean, truth, alive, given.has_seeds, classes, radii)


def finite(student: nn.Module) -> np.ndarray:
    """Which of S networks have finite weights, (S,)."""
    if isinstance(student, Ensemble):
        return np.array([all(_is_finite(v) for v in one.state_dict().values()) for one in student.networks])
    rows = [torch.isfinite(value).flatten(1).all(1) for value in student.state_dict().values()]
    return torch.stack(rows).all(0).cpu().numpy()


def chosen(network: nn.Module, places: np.ndarray) -> nn.Module:
    """Some of the networks that there is one of for each seed; what is shared by all stays."""
    if getattr(network, "seeds", 1) == 1:
        return network
    if isinstance(network, Ensemble):
        return Ensemble([network.networks[int(place)] for place in places], shape=network.shape)
    assert isinstance(network, MLP)
    return network.select([int(place) for place in places])


def _is_finite(value: Tensor) -> bool:
    return bool(torch.isfinite(value).all())
