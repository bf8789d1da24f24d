"""A training as a film: what stands still is told once, and every look at the student is a frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from practicum.networks.state import State
    from practicum.runs.training import TrainConfig

_POINTS = 200
"""Held-out examples that are drawn as dots; more would be grey all over."""
_DIGITS = 9
"""As many as tell any two numbers of float32 apart, in which students are trained."""


class Film:
    """Tells of a training of one seed while it goes on, and changes nothing: once begun, an instance is the `save` of
    :func:`practicum.runs.execute.execute`.

    Main arguments:
        config: of the training.
        tell: called with "begin" and what does not move, and with "frame" and a frame after each look. A frame has
            ``epoch``, ``step``, ``loss``, ``training_loss``, and from the lowest layer up ``coverage`` (layer), ``rho``
            (layer, teacher, student), ``fan_out`` and ``activity`` (layer, student); with two inputs also ``weights``
            (student, input) and ``biases`` (student) of the lowest layer. What is not known, since the student has
            diverged, is NaN.
    """

    def __init__(self, config: TrainConfig, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self._config = config
        self._tell = tell
        self._told = 0
        self._start: dict[str, np.ndarray] = {}

    @property
    def _plane(self) -> bool:
        return self._config.inputs.dimension == 2

    def begin(self) -> Film:
        """Tell what does not move: ``epochs`` of the frames, ``teachers`` and ``students`` in each of the ``layers``,
        the ``strength`` (layer, teacher) of the teacher nodes, which is their fan-out; with two inputs also the
        teacher's ``weights`` and ``biases``, and some held-out ``points``."""
        import torch

        from practicum.networks._fitting import check_epochs
        from practicum.networks.inputs import draw
        from practicum.networks.randomness import generator
        from practicum.specialization.coupling import fan_outs

        config = self._config
        (seed,) = config.seeds.list()
        teacher: Any = config.teacher.build([seed], law=config.inputs, dtype=config.dtype)
        students = config.students.build(teacher, [seed], dtype=config.dtype)
        self._start = {name: values.detach().numpy() for name, values in students.state_dict().items()}
        inputs = draw(config.inputs, generator(seed, "held-out"), config.held_out, config.inputs.dimension)
        batch = torch.from_numpy(inputs).to(teacher.dtype)
        still = {
            "epochs": sorted(check_epochs(config.observe_at, config.training.epochs)),
            "teachers": config.teacher_widths[0],
            "students": config.student_widths[0],
            "layers": len(config.teacher_widths),
            "strength": [_numbers(layer[0]) for layer in fan_outs(teacher, batch).fan_out],
        }
        if self._plane:
            theirs = {name: values.numpy() for name, values in teacher.state_dict().items()}
            still |= {**_lines(theirs), "points": _numbers(batch.numpy()[:_POINTS])}
        self._tell("begin", still)
        return self

    def __call__(self, state: State) -> None:
        """Tell the frames that have come since the last call."""
        for index in range(self._told, len(state.history["epoch"])):
            # The start is looked at before the first epoch, and told after it.
            weights = state.weights if int(state.history["epoch"][index]) else self._start
            self._tell("frame", self._frame(state.history, index, weights))
            self._told += 1

    def _frame(self, history: dict[str, np.ndarray], index: int, weights: dict[str, np.ndarray]) -> dict[str, Any]:
        frame = {name: int(history[name][index]) for name in ("epoch", "step")}
        frame |= {name: float(history[name][index, 0]) for name in ("loss", "training_loss")}
        frame |= {name: _numbers(history[name][index, 0]) for name in ("coverage", "rho", "fan_out", "activity")}
        return frame | _lines(weights) if self._plane else frame


def _lines(weights: dict[str, np.ndarray]) -> dict[str, Any]:
    """The lowest layer of the only network of a ``state_dict``."""
    return {"weights": _numbers(weights["weights.0"][0]), "biases": _numbers(weights["biases.0"][0])}


def _numbers(values: np.ndarray) -> Any:
    """Nested lists, without the digits that float32 does not have."""
    flat = [float(f"{value:.{_DIGITS}g}") for value in values.ravel().tolist()]
    return np.reshape(flat, values.shape).tolist()
