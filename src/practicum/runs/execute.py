"""A configuration becomes labelled arrays: the one place that knows which function computes which kind of run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from practicum.errors import ParameterError
from practicum.runs._needs import check_memory
from practicum.runs.config import RunConfig, SimulateConfig, SolveConfig

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from practicum.runs.states import State


def execute(
    config: RunConfig,
    *,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    save: Callable[[Any], None] | None = None,
    resume: State | None = None,
    halt: np.ndarray | None = None,
) -> xr.Dataset:
    """Compute a run. Nothing is read or written, and the numbers do not depend on `workers`.

    Other arguments:
        workers: threads of a simulation; as many as processors if not given.
        progress: called by a simulation or a training with the fraction done.
        save, resume: of a training, see :func:`practicum.networks.training.fit`, or of a simulation, see
            :func:`practicum.simulate`.
        halt: of the flow, see :func:`practicum.solve`.

    Raises:
        ParameterError: the values do not fit together, there is not enough memory, or the configuration is a study's,
            which only the study itself can compute.
    """
    check_memory(config, workers)
    if isinstance(config, SolveConfig):
        from practicum.theory.flow import solve

        optional = {} if config.max_alpha is None else {"max_alpha": config.max_alpha}
        return solve(
            config.machine,
            config.rule,
            config.start,
            config.until,
            save_at=config.save_at,
            rtol=config.rtol,
            atol=config.atol,
            method=config.method,
            largest_norm=config.largest_norm,
            halt=halt,
            **optional,
        )
    if isinstance(config, SimulateConfig):
        from practicum.simulation import simulate

        return simulate(
            config.machine,
            config.rule,
            config.start,
            config.dimension,
            float(config.until),  # a simulation's is never a condition
            seeds=config.seeds.list(),
            save_at=config.save_at,
            method=config.method,
            inputs=config.inputs,
            dtype=config.dtype,
            largest_norm=config.largest_norm,
            workers=workers,
            progress=progress,
            save=save,
            resume=cast("Any", resume),
        )
    if config.kind == "train":
        from practicum.networks._torch import need_torch

        need_torch()
        import torch

        from practicum.specialization.learning import train

        if config.device == "cuda" and not torch.cuda.is_available():
            raise ParameterError(
                "The 'device' parameter is 'cuda', and this PyTorch finds no CUDA device; leave it out to compute on "
                "the CPU, or install a CUDA build (docs/how-to/choose-a-torch-wheel.md)."
            )
        return train(
            config.teacher,
            config.students,
            config.inputs,
            config.training,
            regime=config.regime,
            seeds=config.seeds.list(),
            samples=config.samples,
            held_out=config.held_out,
            teacher_seed=config.teacher_seed,
            thresholds=config.thresholds,
            keep=config.keep,
            observe_at=config.observe_at,
            dtype=config.dtype,
            device=config.device,
            save=save,
            resume=cast("Any", resume),
            progress=progress,
        )
    raise ParameterError(
        f"The part '{config.part}' of study '{config.study}' can only be computed by the study: "
        f"practicum reproduce {config.study}."
    )
