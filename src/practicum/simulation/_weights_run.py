"""One seed of the weight simulation: its weights, its random streams, and how far it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from practicum.simulation._weights_kernel import gram, mean_error, run_gaussian, run_given
from practicum.simulation.inputs import BlockIsotropic, Examples, Gaussian, Law, checked_examples
from practicum.simulation.normals import fill_normals64, stream
from practicum.simulation.starts import Weights, weights_from_overlaps
from practicum.theory._error import CODES, generalization_error
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters

STREAM_TAG, NOISE_TAG, START_TAG, LAW_TAG, HELD_OUT_TAG = 2, 3, 4, 5, 6
"""Tags of the random streams of a seed: Gaussian inputs, output noise, initial weights, other inputs, the test set."""
HELD_OUT = 4096
"""Examples of the test set on which the error is measured when the inputs are not Gaussian; fewer for N > 4096."""
_CHUNK, _EXAMPLES = 2**22, 2**16
"""Numbers and examples in one call of the kernel: enough to hide the call, few enough to be interrupted."""

Spans = list[tuple[int, int, float]]
"""First and last coordinate and standard deviation of each block of the inputs."""


class Run:
    """One seed: its weights, its random streams, and how far it is."""

    def __init__(
        self,
        machine: Committee,
        rule: LearningRule,
        start: Weights | list[OrderParameters],
        dimension: int,
        law: Gaussian | BlockIsotropic | Law | np.ndarray,
        dtype: str,
        seed: int,
        largest_norm: float,
    ) -> None:
        J, B, v, v_star = initial_weights(start, spans(law, dimension), np.random.default_rng([seed, START_TAG]))
        self.machine, self.rule, self.law, self.N = machine, rule, law, dimension
        self.J, self.B = np.array(J, dtype=dtype, order="C"), np.array(B, dtype=dtype, order="C")
        self.v, self.v_star = v.copy(), v_star.copy()
        self.problem = numbers_of(machine, rule, dimension, largest_norm)
        self.work = work_arrays(self.J, self.B, rule.batch_size)
        self.numbers, self.noise = stream(seed, STREAM_TAG), stream(seed, NOISE_TAG)
        self.x = np.empty(dimension, dtype)
        self.examples = None
        if not isinstance(law, (Gaussian, BlockIsotropic)):
            self.examples = Examples(law, dimension, np.random.default_rng([seed, LAW_TAG]), dtype)

    @property
    def updates(self) -> int:
        """Updates made so far."""
        return int(self.work[-1][1])

    def arrays(self) -> dict[str, np.ndarray]:
        """Copies of all that the next update depends on."""
        found = {name: array.copy() for name, array in self._moving().items()}
        return found if self.examples is None else {**found, "examples": self.examples.place()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on where another run of this seed was copied; without arrays nothing happens."""
        for name, array in self._moving().items() if arrays else ():
            array[...] = arrays[name]
        if arrays and self.examples is not None:
            self.examples.go_to(arrays["examples"])

    def _moving(self) -> dict[str, np.ndarray]:
        # The teacher is among it because random weights are a product of matrices, which BLAS rounds in an order that
        # may depend on its threads.
        sums, drive, counters = self.work[-3:]
        return {"J": self.J, "B": self.B, "v": self.v, "numbers": self.numbers, "noise": self.noise, "sums": sums,
                "drive": drive, "counters": counters}  # fmt: skip

    def advance(self, target: int) -> bool:
        """Make some updates, at most up to `target`; False if the weights have diverged."""
        waiting = int(self.work[-1][0])  # examples of a batch that is not complete
        count = (target - self.updates) * self.rule.batch_size - waiting
        count = min(count, max(1, _CHUNK // self.N), _EXAMPLES)
        weights = (self.J, self.B, self.v, self.v_star)
        if self.examples is not None:
            block, rows = self.examples.take(count)
            return run_given(*weights, block, rows, self._zetas(rows.size), self.problem, self.work)
        bright, scale = self.N, 1.0
        if isinstance(self.law, BlockIsotropic):
            bright, scale = self.law.dimension, self.law.scale
        return run_gaussian(
            *weights, self.numbers, self._zetas(count), bright, scale, self.x, self.problem, self.work, count
        )

    def _zetas(self, count: int) -> np.ndarray:
        zetas = np.empty(count if self.machine.noise > 0 else 0)
        fill_normals64(self.noise, zetas)
        return zetas

    def overlaps(self, blocks: Spans) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Q, R and T within each block of coordinates, leading axis block."""
        K, M = len(self.J), len(self.B)
        Q, R, T = (np.empty((len(blocks), *shape)) for shape in ((K, K), (K, M), (M, M)))
        for b, (lo, hi, _) in enumerate(blocks):
            gram(self.J, self.J, lo, hi, Q[b])
            gram(self.J, self.B, lo, hi, R[b])
            gram(self.B, self.B, lo, hi, T[b])
        return Q, R, T

    def error(
        self,
        Q: np.ndarray,
        R: np.ndarray,
        T: np.ndarray,
        blocks: Spans,
        held_out: np.ndarray | None,
    ) -> float:
        """The generalization error now."""
        activation = CODES[self.machine.activation]
        if held_out is not None:
            h, rho, g, delta = (np.empty(n) for n in (len(self.J), len(self.B), len(self.J), len(self.J)))
            return mean_error(self.J, self.B, self.v, self.v_star, held_out, activation, h, rho, g, delta)
        variances = [scale**2 for _, _, scale in blocks]
        Q, R, T = (np.tensordot(variances, overlap, 1) for overlap in (Q, R, T))
        return generalization_error(Q, R, T, self.v, self.v_star, activation)


def numbers_of(machine: Committee, rule: LearningRule, N: int, largest_norm: float) -> tuple:
    """The numbers of a run in the order that the kernel unpacks."""
    return (
        CODES[machine.activation],
        rule.learning_rate / (N * rule.batch_size),
        float(rule.inverse_temperature),
        1.0 - rule.weight_decay / N,
        rule.batch_size,
        rule.fan_out_learning_rate / (N * rule.batch_size),
        float(machine.noise),
        float(largest_norm),
        max(1, N // 4),
    )


def work_arrays(J: np.ndarray, B: np.ndarray, batch: int) -> tuple:
    """The kernel's work arrays: h, rho, g, delta, push; sums over a batch; examples in the batch and updates so far."""
    K, N = J.shape
    sums = np.zeros((K, N if batch > 1 else 0), J.dtype)
    return (np.zeros(K), np.zeros(len(B)), np.zeros(K), np.zeros(K), np.zeros(K, J.dtype), sums, np.zeros(K),
            np.zeros(2, np.int64))  # fmt: skip


def spans(law: Any, dimension: int) -> Spans:
    """The blocks of coordinates of an input law: one, or two."""
    if isinstance(law, BlockIsotropic):
        return [(0, law.dimension, 1.0), (law.dimension, dimension, law.scale)]
    return [(0, dimension, 1.0)]


def held_out_examples(law: Any, dimension: int, dtype: str) -> np.ndarray | None:
    """Examples to measure the error on, shared by all seeds; None where the measured overlaps give it exactly."""
    if isinstance(law, (Gaussian, BlockIsotropic)):
        return None
    rng = np.random.default_rng([0, HELD_OUT_TAG])
    count = min(HELD_OUT, max(512, 2**24 // dimension))  # 2^24 numbers at most up to N = 2^15
    if isinstance(law, np.ndarray):
        return law if len(law) <= count else law[np.sort(rng.choice(len(law), count, replace=False))]
    return checked_examples(law(rng, (count, dimension)), (count, dimension), dtype)


def initial_weights(
    start: Weights | list[OrderParameters], blocks: Spans, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """J, B, v, v_star: the explicit ones, or random ones with the overlaps asked for."""
    if isinstance(start, Weights):
        return start.J, start.B, start.overlaps.v, start.overlaps.v_star
    if len(start) == 1:
        J, B = weights_from_overlaps(start[0], blocks[-1][1], rng)
    else:
        parts = [weights_from_overlaps(s, hi - lo, rng) for s, (lo, hi, _) in zip(start, blocks, strict=True)]
        J, B = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    return J, B, start[0].v, start[0].v_star
