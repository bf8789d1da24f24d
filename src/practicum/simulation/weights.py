"""The weights themselves: N inputs, one example after another, any input law.

The update of :class:`~practicum.theory.machines.LearningRule`, for a batch of B examples::

    J_i <- (1 - kappa / N) J_i + (eta / N) (1 / B) sum_b delta_i^b x^b
    v_i <- v_i + (eta_v / N) (1 / B) sum_b g(h_i^b) e^b

Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), eqs. (1-4); West & Saad, Phys. Rev. E 56, 3426 (1997).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, Literal

import numpy as np

from practicum.errors import ParameterError
from practicum.simulation._saving import Ledger
from practicum.simulation._weights_kernel import run_given
from practicum.simulation._weights_run import Run, Spans, held_out_examples, numbers_of, spans, work_arrays
from practicum.simulation.inputs import BlockIsotropic, Gaussian, Law, checked_inputs
from practicum.simulation.paths import Paths, fill_rows
from practicum.simulation.starts import Weights
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters

Start = OrderParameters | Weights | Sequence[OrderParameters]


def simulate_weights(
    machine: Committee,
    rule: LearningRule,
    start: Start,
    dimension: int,
    steps: np.ndarray,
    last: int | None = None,
    *,
    seeds: Sequence[int],
    inputs: Gaussian | BlockIsotropic | Law | np.ndarray | None = None,
    dtype: Literal["float64", "float32"] = "float64",
    largest_norm: float = 1e6,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    ledger: Ledger | None = None,
) -> Paths:
    """Run the weights for every seed, measuring the overlaps after each of `steps` updates.

    Main arguments:
        start: overlaps, met exactly by random weights that differ from seed to seed; or explicit Weights, the same
            for all seeds; or, with BlockIsotropic inputs, a pair of overlaps, one for each block of coordinates.
        dimension: N.
        steps: increasing numbers of updates, shape (points,).
        last: updates after which to end; the last of `steps` if not given.
        seeds: each has random streams of its own, so that seed s alone is bitwise seed s in a batch, for any `workers`.

    Other arguments:
        inputs: ``Gaussian()`` if not given; ``BlockIsotropic(dimension=d, scale=s)``; a function
            ``(rng, (n, N)) -> array``; or an array (rows, N), sampled with replacement.
        dtype: of weights and inputs. ``"float32"`` is up to twice as fast; overlaps are measured in float64 always.
        largest_norm: a run in which some ``Q_ii`` exceeds this value, or is not finite, ends as ``"diverged"``. This
            is looked at every N / 4 updates and whenever overlaps are measured; later points are NaN.
        workers: threads; as many as processors if not given.
        progress: called with the finished fraction, from the threads.
        ledger: saves states now and then, and knows the one to go on from.

    Returns:
        Paths: Q and R have one block, or two for BlockIsotropic (the overlaps within each block). The generalization
        error is that of the measured overlaps (Gaussian inputs), or the mean over a test set of the same law that no
        seed learns from (a function), or over the rows of the array itself: 4096 examples, for N > 4096 as many as
        make 2^24 numbers but at least 512, or all rows of a smaller array.

    Raises:
        ParameterError: N < K + M with overlaps as start, weights of another shape, inputs that do not fit.
    """
    if dtype not in ("float64", "float32"):
        raise ParameterError(f"The 'dtype' parameter must be 'float64' or 'float32'. Got {dtype!r} instead.")
    law = checked_inputs(inputs, dimension, dtype)
    blocks = spans(law, dimension)
    begin = _checked_start(start, machine, dimension, blocks)
    K, M, points = machine.students, machine.teachers, len(steps)
    paths = Paths.unreached(len(seeds), points, len(blocks), K, M)
    held_out = held_out_examples(law, dimension, dtype)
    cancelled = Event()
    end = int(steps[-1]) if last is None else last
    targets = [*steps.tolist(), end]
    ledger = ledger or Ledger("", seeds, steps, end)
    total, advanced = max(end, 1) * len(seeds), [ledger.open(paths)]

    def one(row: int) -> None:
        mark = ledger.begin(row)
        if mark.ended:
            return
        run = Run(machine, rule, begin, dimension, law, dtype, seeds[row], largest_norm)
        run.load(mark.arrays)
        for point, target in enumerate(targets[mark.points :], mark.points):
            alive = True
            while alive and run.updates < target:
                if cancelled.is_set():
                    return
                before = run.updates
                alive = run.advance(target)
                advanced[0] += run.updates - before
                if progress is not None:
                    progress(min(advanced[0] / total, 1.0))
                if alive:
                    ledger.look(row, run.updates, point, run.arrays)
            paths.alpha_end[row] = run.updates / dimension
            Q, R, T = run.overlaps(blocks)
            if not alive or not np.einsum("bii->bi", Q).sum(0).max() <= largest_norm:
                paths.status[row] = "diverged"
                break
            if point < points:
                paths.Q[row, point], paths.R[row, point], paths.v[row, point] = Q, R, run.v
                paths.generalization_error[row, point] = run.error(Q, R, T, blocks, held_out)
        ledger.end(row, run.updates)

    fill_rows(one, len(seeds), workers, cancelled)
    return paths


def driven_weights(
    J: np.ndarray,
    B: np.ndarray,
    v: np.ndarray,
    v_star: np.ndarray,
    inputs: np.ndarray,
    noises: np.ndarray | None,
    machine: Committee,
    rule: LearningRule,
    dtype: str = "float64",
) -> tuple[np.ndarray, np.ndarray]:
    """The weights J (K, N) and fan-outs v (K,) after learning from given inputs (examples, N), in order.

    It runs the compiled update of :func:`simulate_weights`; `noises` (examples,) are standard normal numbers ζ, which
    are multiplied by the machine's noise. A last, incomplete batch is left out.
    """
    J, B, examples = (np.array(a, dtype=dtype, order="C") for a in (J, B, inputs))
    v, v_star = np.array(v, dtype=np.float64), np.array(v_star, dtype=np.float64)
    zetas = np.zeros(len(examples)) if noises is None else np.asarray(noises, dtype=np.float64)
    problem, work = numbers_of(machine, rule, J.shape[1], np.inf), work_arrays(J, B, rule.batch_size)
    run_given(J, B, v, v_star, examples, np.arange(len(examples)), zetas, problem, work)
    return J, v


def _checked_start(start: Any, machine: Committee, dimension: int, blocks: Spans) -> Weights | list[OrderParameters]:
    parts = list(start) if isinstance(start, list | tuple) else [start]
    if len(parts) not in (1, len(blocks)):
        raise ParameterError(
            f"The 'start' parameter has {len(parts)} overlaps, but the inputs have {len(blocks)} block(s) of "
            "coordinates; pass one OrderParameters for each block, or one for all coordinates."
        )
    for part in parts:
        overlaps = part.overlaps if isinstance(part, Weights) and len(parts) == 1 else part
        if not isinstance(overlaps, OrderParameters):
            raise ParameterError(
                f"The 'start' parameter must be OrderParameters, Weights(J, B), or one OrderParameters for each block. "
                f"Got {part!r:.60} instead."
            )
        if (overlaps.students, overlaps.teachers) != (machine.students, machine.teachers):
            raise ParameterError(
                f"The start has {overlaps.students} students and {overlaps.teachers} teachers, but the machine has "
                f"{machine.students} and {machine.teachers}."
            )
    if isinstance(parts[0], Weights):
        if parts[0].J.shape[1] != dimension:
            raise ParameterError(
                f"The start has weights of {parts[0].J.shape[1]} inputs, but 'dimension' is {dimension}; pass "
                f"dimension={parts[0].J.shape[1]}."
            )
        return parts[0]
    return parts
