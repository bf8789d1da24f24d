"""Who resembles whom while a network trains: an observer for :func:`practicum.networks.training.fit`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch import nn

from practicum.errors import ParameterError
from practicum.specialization.activations import check_tensor
from practicum.specialization.coupling import couplings, mean_squares
from practicum.specialization.matching import alignment, best_correlation, checked_threshold, coverage
from practicum.specialization.padding import padded
from practicum.specialization.streams import Layers, follow, rows
from practicum.specialization.winners import UNRANKED, ranks
from practicum.values import whole

KEEP = ("activity", "alignment", "alpha", "fan_out", "rho", "winner_rank")
Observation = dict[str, tuple[tuple[str, ...], np.ndarray]]


class Specialization:
    """Correlations of teacher and student nodes on the held-out inputs, reduced to what a study draws.

    Always: ``best_correlation`` (seed, layer, teacher), ``mean_best_correlation`` (seed, layer) and ``coverage`` (seed,
    layer). Layers narrower than the widest are filled up with NaN; so is a seed that has diverged.

    Main arguments:
        thresholds: of the coverage. A number, or several, and then coverage has a last dimension ``threshold``.
        keep: what else:
            "alignment", (seed, layer, student): max_j rho_jk;
            "fan_out", (seed, layer, student): sqrt(E|v_k|^2), and ``contribution``, sqrt(E f_k^2) times that;
            "activity", (seed, layer, student): share of samples on which a student fires;
            "winner_rank": ``ranks`` (seed, layer, teacher, student), of which :func:`labelled` makes winner ranks once
            the winners are known; two bytes an entry until then;
            "rho" and "alpha", (seed, layer, teacher, student), in float32: all correlations, and E[V*^T V].

    Other arguments:
        layers: names of modules to compare, the same for both networks or pairs (teacher's, student's); the hidden
            layers if not given.
        samples: how many of the held-out inputs fan-outs are propagated for, in networks with several hidden layers;
            see :func:`fan_outs`.
        chunk: samples that go through the networks at a time.

    An observer remembers nothing: what it saw is in what it returns, so a resumed run goes on as if nothing had
    happened.

    Raises:
        ParameterError: a threshold is not one, or something to keep is unknown; on a call, if the layers of teacher and
            student cannot be paired, or fan-outs are asked for and a network is not linear piece by piece.
    """

    def __init__(
        self,
        thresholds: float | Sequence[float] = 0.95,
        keep: Sequence[str] = (),
        *,
        layers: Layers = None,
        samples: int = 256,
        chunk: int = 500,
    ) -> None:
        self.thresholds: float | tuple[float, ...]
        if isinstance(thresholds, Sequence) and not isinstance(thresholds, str):
            if not thresholds:
                raise ParameterError("The 'thresholds' of the coverage must be at least one. Got none; 0.95 is usual.")
            self.thresholds = tuple(checked_threshold(threshold) for threshold in thresholds)
        else:
            self.thresholds = checked_threshold(thresholds)
        self.keep = _checked_keep(keep)
        self.layers = layers
        self.samples = whole("samples", samples, 1)
        self.chunk = whole("chunk", chunk, 1)

    def __call__(self, teacher: nn.Module, students: nn.Module, inputs: Any) -> Observation:
        """What the students, as they are, have of the teacher.

        `inputs` are (1|S, samples, ...), or (samples, d). The arrays begin with the axis of the seeds.
        """
        check_tensor(inputs)
        batches = rows(inputs, self.chunk, axis=0 if inputs.ndim == 2 else 1)
        streams = follow(teacher, students, batches, self.layers, activity="activity" in self.keep)
        rho = [np.reshape(s.correlation.rho, (-1, *s.correlation.rho.shape[-2:])) for s in streams]
        best = [best_correlation(r) for r in rho]
        found: Observation = {
            "best_correlation": (("seed", "layer", "teacher"), padded(best)),
            "mean_best_correlation": (("seed", "layer"), np.stack([b.mean(axis=-1) for b in best], axis=1)),
            "coverage": self._coverage(best),
        }
        nodes, pairs = ("seed", "layer", "student"), ("seed", "layer", "teacher", "student")
        if "alignment" in self.keep:
            found["alignment"] = nodes, padded([alignment(r) for r in rho])
        if "activity" in self.keep:
            found["activity"] = nodes, padded([s.activity.student for s in streams])
        if "winner_rank" in self.keep:
            found["ranks"] = pairs, padded([ranks(r) for r in rho], UNRANKED)
        if "rho" in self.keep:
            found["rho"] = pairs, padded([r.astype(np.float32) for r in rho])
        if "fan_out" in self.keep or "alpha" in self.keep:
            with_teacher = teacher if "alpha" in self.keep else None
            beta, alpha = couplings(students, inputs, with_teacher, samples=self.samples)
            if alpha is not None:
                found["alpha"] = pairs, padded([a.astype(np.float32) for a in alpha])
            if "fan_out" in self.keep:
                folded = getattr(students, "normalisation", None) == "after"  # into the fan-outs, so not into f
                squares = (
                    mean_squares(students, inputs) if folded else [s.correlation.student_mean_square for s in streams]
                )
                found["fan_out"] = nodes, padded([np.sqrt(b) for b in beta])
                found["contribution"] = nodes, padded([np.sqrt(b * f) for b, f in zip(beta, squares)])
        return found

    def _coverage(self, best: list[np.ndarray]) -> tuple[tuple[str, ...], np.ndarray]:
        if isinstance(self.thresholds, tuple):
            shares = [[coverage(b, threshold) for threshold in self.thresholds] for b in best]
            return ("seed", "layer", "threshold"), np.moveaxis(np.array(shares), -1, 0)
        return ("seed", "layer"), np.stack([coverage(b, self.thresholds) for b in best], axis=1)


def _checked_keep(keep: Sequence[str]) -> tuple[str, ...]:
    if isinstance(keep, str) or not isinstance(keep, Iterable) or any(name not in KEEP for name in keep):
        raise ParameterError(
            f"The 'keep' parameter of Specialization must be a list of some of {', '.join(map(repr, KEEP))}. Got "
            f"{keep!r:.80} instead."
        )
    return tuple(keep)
