"""Who resembles whom while a network trains: an observer for :func:`practicum.networks.training.fit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from practicum.errors import ParameterError
from practicum.specialization.activations import record
from practicum.specialization.correlation import Correlation
from practicum.specialization.matching import alignment, best_correlation, checked_threshold, coverage
from practicum.specialization.winners import UNRANKED, ranks
from practicum.values import whole

KEEP = ("alignment", "ranks", "rho")
Observation = dict[str, tuple[tuple[str, ...], np.ndarray]]


class Specialization:
    """Correlations of teacher and student nodes on the held-out inputs, reduced to what a study draws.

    Always: ``best_correlation`` (seed, layer, teacher), ``mean_best_correlation`` (seed, layer) and ``coverage`` (seed,
    layer). Where layers have different widths, or a seed has diverged, there are NaN.

    Main arguments:
        thresholds: of the coverage. A number, or several, and then coverage has a last dimension ``threshold``.
        keep: what else:
            "alignment", (seed, layer, student): max_j rho_jk;
            "ranks", (seed, layer, teacher, student), two bytes each: what :func:`winner_rank` needs afterwards;
            "rho", (seed, layer, teacher, student), in float32.

    Other arguments:
        layers: of networks that are not MLPs, as :func:`record` takes them.
        chunk: samples that go through the networks at a time.

    An observer has no memory of its own: what it saw is in what it returns, so a resumed run goes on as if nothing had
    happened.

    Raises:
        ParameterError: a threshold is not one, or something to keep is unknown; on a call, if the layers of teacher and
            student cannot be paired.
    """

    def __init__(
        self,
        thresholds: float | Sequence[float] = 0.95,
        keep: Sequence[str] = (),
        *,
        layers: Sequence[str] | None = None,
        chunk: int = 500,
    ) -> None:
        self.thresholds: float | tuple[float, ...]
        if isinstance(thresholds, Sequence) and not isinstance(thresholds, str):
            self.thresholds = tuple(checked_threshold(threshold) for threshold in thresholds)
        else:
            self.thresholds = checked_threshold(thresholds)
        self.keep = _checked_keep(keep)
        self.layers = layers
        self.chunk = whole("chunk", chunk, 1)

    def __call__(self, teacher: nn.Module, students: nn.Module, inputs: Any) -> Observation:
        """What the students, as they are, have of the teacher: arrays that begin with the axis of the seeds."""
        streams = self._streams(teacher, students, inputs)
        rho = [np.atleast_3d(stream.rho) for stream in streams]
        best = [best_correlation(r) for r in rho]
        found: Observation = {
            "best_correlation": (("seed", "layer", "teacher"), _padded(best)),
            "mean_best_correlation": (("seed", "layer"), np.stack([b.mean(axis=-1) for b in best], axis=1)),
            "coverage": self._coverage(best),
        }
        if "alignment" in self.keep:
            found["alignment"] = (("seed", "layer", "student"), _padded([alignment(r) for r in rho]))
        if "ranks" in self.keep:
            places = _padded([ranks(r) for r in rho], UNRANKED)
            found["ranks"] = (("seed", "layer", "teacher", "student"), places)
        if "rho" in self.keep:
            whole_rho = _padded([r.astype(np.float32) for r in rho])
            found["rho"] = (("seed", "layer", "teacher", "student"), whole_rho)
        return found

    def _streams(self, teacher: nn.Module, students: nn.Module, inputs: Any) -> list[Correlation]:
        streams: list[Correlation] = []
        axis = inputs.ndim - 2 if inputs.ndim <= 3 else 1
        for first in range(0, inputs.shape[axis], self.chunk):
            batch = inputs.narrow(axis, first, min(self.chunk, inputs.shape[axis] - first))
            theirs, ours = record(teacher, batch, self.layers), record(students, batch, self.layers)
            if len(theirs.values) != len(ours.values):
                raise ParameterError(
                    "Teacher and student must have as many layers as each other, because they are compared layer by "
                    f"layer. Got {len(theirs.values)} and {len(ours.values)} instead; name the layers to compare."
                )
            streams = streams or [Correlation() for _ in theirs.values]
            for stream, a, b in zip(streams, theirs.values, ours.values):
                stream.update(a, b)
        return streams

    def _coverage(self, best: list[np.ndarray]) -> tuple[tuple[str, ...], np.ndarray]:
        if isinstance(self.thresholds, tuple):
            shares = [[coverage(b, threshold) for threshold in self.thresholds] for b in best]
            return ("seed", "layer", "threshold"), np.moveaxis(np.array(shares), -1, 0)
        return ("seed", "layer"), np.stack([coverage(b, self.thresholds) for b in best], axis=1)


def _checked_keep(keep: Sequence[str]) -> tuple[str, ...]:
    if isinstance(keep, str) or any(name not in KEEP for name in keep):
        raise ParameterError(
            f"The 'keep' parameter of Specialization must be a list of some of {', '.join(map(repr, KEEP))}. Got "
            f"{keep!r:.80} instead."
        )
    return tuple(keep)


def _padded(layers: list[np.ndarray], fill: Any = np.nan) -> np.ndarray:
    """Arrays (seed, ...) of different sizes, one a layer, as one (seed, layer, ...) filled up at the ends."""
    largest = np.max([layer.shape for layer in layers], axis=0)
    result = np.full((layers[0].shape[0], len(layers), *largest[1:]), fill, layers[0].dtype)
    for index, layer in enumerate(layers):
        result[(slice(None), index, *(slice(n) for n in layer.shape[1:]))] = layer
    return result
