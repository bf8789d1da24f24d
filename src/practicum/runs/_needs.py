"""How much memory a run takes, asked before anything of it is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from practicum.memory import require
from practicum.values import threads

if TYPE_CHECKING:
    from practicum.runs.config import SimulateConfig, SolveConfig
    from practicum.runs.training import TrainConfig

_WRITTEN = 88
"""Bytes of an overlap in the lists and the text of a configuration."""


def start(students: int, teachers: int) -> int:
    """Of a start that is written out as numbers."""
    return _WRITTEN * (students * students + students * teachers + teachers * teachers)


def check_memory(config: Any, workers: int | None = None) -> None:
    """One sentence if a run and the file made of it need more memory than there is.

    Main arguments:
        config: of the run; of a part of a study nothing is known.

    Other arguments:
        workers: threads of a simulation; as many as processors if not given.

    Raises:
        ParameterError: see :func:`practicum.memory.require`.
    """
    kind = {"solve": _solve, "train": _train}.get(config.kind)
    if config.kind == "simulate":
        _simulate(config, threads(workers))
    elif kind is not None:
        kind(config)


def _solve(config: SolveConfig) -> None:
    points = len(config.save_at or range(201))
    require("This run", _solved, students=config.machine.students, teachers=config.machine.teachers, save_at=points)


def _solved(students: int, teachers: int, save_at: int) -> int:
    """A solution, and its file, which is made in memory."""
    from practicum.theory import _needs

    file = 8 * save_at * (students * students + students * teachers + students + 1)
    return _needs.solution(students, teachers, save_at) + file


def _simulate(config: SimulateConfig, workers: int) -> None:
    from practicum.simulation._needs import check_simulation

    check_simulation(
        config.machine, config.rule, config.dimension, len(config.seeds), len(config.save_at or range(201)),
        method=config.method, blocks=1 if config.inputs is None else 2, dtype=config.dtype, drawn=True, saved=True,
        workers=workers,
    )  # fmt: skip


def _train(config: TrainConfig) -> None:
    from practicum.specialization._needs import check_training

    check_training(
        config.teacher, config.students, config.inputs, config.training, seeds=len(config.seeds),
        samples=config.samples, held_out=config.held_out, teacher_seed=config.teacher_seed, keep=config.keep,
        observe_at=config.observe_at, dtype=config.dtype, regime=config.regime, saved=True,
    )  # fmt: skip
