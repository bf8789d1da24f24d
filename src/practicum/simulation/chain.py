"""The exact chain: the order parameters of a network of N inputs, exact in law, at a cost independent of N.

For Gaussian inputs the overlaps (Q, R) are themselves a Markov chain. The part of an input that matters is its r
coordinates along the teacher, its K coordinates along the students outside the teacher's span, and the length of the
rest, a chi variable with N - r - K degrees of freedom. Nothing is inverted, so that the chain stays exact at Q = R = T.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np

from practicum.errors import ParameterError
from practicum.simulation._chain_kernel import make_scratch, overlaps, run
from practicum.simulation._saving import Ledger
from practicum.simulation.normals import stream
from practicum.simulation.paths import Paths, fill_rows
from practicum.theory._error import CODES, generalization_error
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters

STREAM_TAG = 1
"""Tag of the chain's random streams; the weights use another, so that both are independent at equal seed."""
# Updates of up to four students between two looks at whether to go on, some hundredths of a second.
_CHUNK = 2**18
_WORTH_COMPILING = 10**8
_LARGEST_COMPILED = 8


@dataclass(frozen=True)
class Block:
    """Inputs of one variance: their number, their standard deviation, and the overlaps of the weights among them."""

    dimension: int
    scale: float
    start: OrderParameters


@dataclass(frozen=True)
class Coordinates:
    """One block in the chain's coordinates: ``Q = P P^T + L L^T``, ``R = P Bc^T``, ``T = Bc Bc^T``.

    All are stored transposed: `inside` (r, K), `outside` (K + 1, K; the last row is work space), `teacher` (r, M).
    """

    inside: np.ndarray
    outside: np.ndarray
    teacher: np.ndarray

    @classmethod
    def of(cls, start: OrderParameters) -> Coordinates:
        """Coordinates of given overlaps; rank-deficient and coinciding students and teachers are welcome."""
        K = start.students
        values, vectors = np.linalg.eigh(start.T)
        kept = values > 1e-12 * max(values[-1], 1e-300)
        teacher = np.sqrt(values[kept])[:, None] * vectors[:, kept].T
        inside = (teacher / values[kept][:, None]) @ start.R.T
        rest = start.Q - inside.T @ inside
        values, vectors = np.linalg.eigh((rest + rest.T) / 2)
        factor = np.linalg.qr(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T, mode="r")
        outside = np.zeros((K + 1, K))
        outside[:K] = np.sign(np.where(np.diag(factor) == 0, 1.0, np.diag(factor)))[:, None] * factor
        return cls(np.ascontiguousarray(inside), outside, np.ascontiguousarray(teacher))


def _sizes(K: int, M: int, examples: int) -> tuple:
    """K and M as lengths: of tuples, for which the kernel is compiled anew, where that pays; of arrays elsewhere."""
    if examples >= _WORTH_COMPILING and max(K, M) <= _LARGEST_COMPILED:
        return (0,) * K, (0,) * M
    return np.zeros(K, np.int8), np.zeros(M, np.int8)


def simulate_chain(
    machine: Committee,
    rule: LearningRule,
    blocks: Sequence[Block],
    steps: np.ndarray,
    last: int,
    *,
    seeds: Sequence[int],
    largest_norm: float,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    ledger: Ledger | None = None,
) -> Paths:
    """Run the chain for every seed for `last` updates, keeping the state after each number of updates in `steps`.

    Main arguments:
        blocks: one for isotropic inputs; two, of standard deviation 1 and s, for block-isotropic ones.
        steps: increasing numbers of updates.

    Other arguments:
        ledger: saves states now and then, and knows the one to go on from.

    Raises:
        ParameterError: a block is too small (``N - rank(T) >= K`` is needed), with the smallest N that works.
    """
    K, M = machine.students, machine.teachers
    coordinates = [Coordinates.of(block.start) for block in blocks]
    freedoms = []
    for block, place in zip(blocks, coordinates, strict=True):
        rank = len(place.teacher)
        if block.dimension < rank + K:
            where = " inside and outside the data subspace" if len(blocks) > 1 else ""
            raise ParameterError(
                f"The chain needs a dimension of at least {rank + K}{where}, the rank {rank} of the teacher plus {K} "
                "students, because each student needs a direction of its own outside the teacher. "
                f"Got {block.dimension} instead; raise 'dimension', or start method='weights' from Weights(J, B)."
            )
        freedoms.append(block.dimension - rank - K)
    dimension = sum(block.dimension for block in blocks)
    ranks = np.array([len(place.teacher) for place in coordinates])
    initial = (np.zeros((len(blocks), ranks.max(), K)), np.stack([place.outside for place in coordinates]))
    teacher = np.zeros((len(blocks), ranks.max(), M))
    for b, place in enumerate(coordinates):
        initial[0][b, : ranks[b]], teacher[b, : ranks[b]] = place.inside, place.teacher
    problem = (
        ranks,
        np.array([block.scale for block in blocks]),
        np.array(freedoms, dtype=np.int64),
        CODES[machine.activation],
        rule.learning_rate / dimension,
        rule.inverse_temperature,
        1.0 - rule.weight_decay / dimension,
        rule.batch_size,
        rule.fan_out_learning_rate / dimension,
        machine.noise,
    )
    start = blocks[0].start
    points = len(steps)
    paths = Paths.unreached(len(seeds), points, len(blocks), K, M)
    squares = [block.scale**2 for block in blocks]
    T = sum(square * block.start.T for square, block in zip(squares, blocks, strict=True))
    sizes = _sizes(K, M, last * rule.batch_size * len(seeds))
    chunk = max(1, _CHUNK // (rule.batch_size * max(1, K * K // 16)))
    cancelled = Event()
    ledger = ledger or Ledger("", seeds, steps, last)
    advanced = [ledger.open(paths)]

    def one(row: int) -> None:
        mark = ledger.begin(row)
        if mark.ended:
            return
        inside, outside, v, v_star = initial[0].copy(), initial[1].copy(), start.v.copy(), start.v_star.copy()
        beyond = np.empty((len(blocks), K, K)), np.empty((len(blocks), K, M))
        scratch = make_scratch(K, M, ranks, np.array(freedoms), rule.batch_size, machine.noise > 0)
        numbers = stream(seeds[row], STREAM_TAG)
        moving = {"inside": inside, "outside": outside, "v": v, "numbers": numbers}
        for name, array in mark.arrays.items():
            moving[name][...] = array
        done, targets = mark.updates, [*steps.tolist(), last]
        for point in range(mark.points, points + 1):
            target, finite = targets[point], True
            while done < target and finite and not cancelled.is_set():
                count = min(target - done, chunk)
                finite = run(sizes[0], sizes[1], inside, outside, teacher, v, v_star, problem, scratch, numbers, count)
                done += count
                advanced[0] += count
                if progress is not None:
                    progress(min(advanced[0] / (last * len(seeds)), 1.0))
                if finite:
                    ledger.look(row, done, point, lambda: {name: array.copy() for name, array in moving.items()})
            if cancelled.is_set():
                return
            paths.alpha_end[row] = done / dimension
            Q, R = (paths.Q[row, point], paths.R[row, point]) if point < points else beyond
            overlaps(inside, outside, teacher, ranks, Q, R)
            norm = float(np.einsum("bii->bi", Q).sum(0).max())
            if not finite or not norm <= largest_norm:
                paths.status[row] = "diverged"
                Q[:], R[:] = np.nan, np.nan
                break
            if point == points:
                break
            paths.v[row, point] = v
            paths.generalization_error[row, point] = generalization_error(
                np.tensordot(squares, Q, 1), np.tensordot(squares, R, 1), T, v, v_star, CODES[machine.activation]
            )
        ledger.end(row, done)

    fill_rows(one, len(seeds), workers, cancelled)
    return paths
