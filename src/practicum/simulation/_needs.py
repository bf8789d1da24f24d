"""How many bytes a simulation takes at its peak, from the sizes that are asked for; in whole numbers.

Compared with measured peaks in ``tests/simulation/test_needs.py``.
"""

from __future__ import annotations

from functools import partial

from practicum.memory import require
from practicum.theory.machines import Committee, LearningRule

_DOUBLE = 8
_SEED = 2100
"""Bytes of a seed besides its path: its place in the queue of threads, its number, its status."""
_AHEAD = 4096
"""Normal numbers that a chain draws at a time, at most."""
_DRAWN = 5
"""Copies of the weights while a start with given overlaps is drawn: normals, their frame and its factor, products."""


def check_simulation(
    machine: Committee,
    rule: LearningRule,
    dimension: int,
    seeds: int,
    points: int,
    *,
    method: str,
    blocks: int,
    dtype: str,
    drawn: bool,
    saved: bool,
    workers: int,
) -> None:
    """One sentence if a simulation needs more memory than there is.

    Main arguments:
        seeds, points: their numbers.
        method: "chain" or "weights".
        blocks: of inputs of one variance.
        drawn: whether the first weights are drawn with given overlaps.
        saved: whether checkpoints are written.

    Raises:
        ParameterError: see :func:`practicum.memory.require`.
    """
    asked = {"students": machine.students, "teachers": machine.teachers, "seeds": seeds, "save_at": points}
    if method == "chain":
        estimate = partial(chain, blocks=blocks, workers=workers, saved=saved)
        require("This simulation", estimate, **asked, batch_size=rule.batch_size)
    elif method == "weights":
        itemsize, batches = 4 if dtype == "float32" else 8, rule.batch_size > 1
        estimate = partial(
            weights, blocks=blocks, workers=workers, itemsize=itemsize, batches=batches, drawn=drawn, saved=saved
        )
        require("This simulation", estimate, dimension=dimension, **asked)


def chain(
    students: int,
    teachers: int,
    seeds: int,
    save_at: int,
    batch_size: int,
    *,
    blocks: int,
    workers: int,
    saved: bool = False,
) -> int:
    """Of the chain: the paths, and the normal numbers of one update for each thread."""
    update = blocks * batch_size * (students + teachers + 1) + blocks * students * students
    return _paths(students, teachers, seeds, save_at, blocks, saved) + _DOUBLE * min(workers, seeds) * (_AHEAD + update)


def weights(
    dimension: int,
    students: int,
    teachers: int,
    seeds: int,
    save_at: int,
    *,
    blocks: int,
    workers: int,
    itemsize: int,
    batches: bool,
    drawn: bool,
    saved: bool = False,
) -> int:
    """Of the weights: the paths, and for each thread the weights of one seed, while they are drawn or learn.

    Main arguments:
        itemsize: bytes of a weight.
        batches: whether gradients are summed up.
        drawn: whether the first weights are drawn with given overlaps.
        saved: whether checkpoints are written, which are copied and put together in memory.
    """
    learning = itemsize * ((1 + batches + 2 * saved) * students + teachers + 1)
    drawing = _DRAWN * _DOUBLE * (students + teachers) if drawn else 0
    each = dimension * max(learning, drawing)
    return _paths(students, teachers, seeds, save_at, blocks, saved) + min(workers, seeds) * each


def _paths(K: int, M: int, seeds: int, points: int, blocks: int, saved: bool) -> int:
    """The overlaps of each block, and at the end once more of all inputs, or three more times in a checkpoint."""
    copies = 4 * blocks if saved else blocks + 1
    return seeds * (_SEED + _DOUBLE * points * (copies * (K * K + K * M) + (1 + 3 * saved) * (K + 1)))
