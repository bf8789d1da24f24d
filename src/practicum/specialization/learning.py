"""Train students from values: teacher, students and inputs are built, fitted and looked at, and come back labelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.canonical import canonical_json
from practicum.errors import ParameterError
from practicum.networks._assembly import checked_seeds
from practicum.specialization._needs import check_training
from practicum.specialization.winners import winner_rank
from practicum.values import whole

if TYPE_CHECKING:
    import xarray as xr

    from practicum.networks.regimes import Regime
    from practicum.networks.students import Students
    from practicum.networks.training import State, Training

_LONG_NAMES = {
    "loss": "held-out loss",
    "training_loss": "training loss",
    "rho": "correlation of teacher and student nodes",
    "best_correlation": "largest correlation of a teacher node with any student",
    "mean_best_correlation": "mean best correlation",
    "coverage": "share of teacher nodes covered",
    "alignment": "largest correlation of a student with any teacher node",
    "winner_rank": "rank of the winner in % of the students",
    "activity": "share of samples on which a student fires",
    "fan_out": "fan-out of a student",
    "contribution": "root mean square of a student's part in the outputs",
}


def train(
    teacher: Any,
    students: Students,
    inputs: Any,
    training: Training,
    *,
    regime: Regime | None = None,
    seeds: int | Sequence[int] = 16,
    samples: int = 10_000,
    held_out: int = 10_000,
    teacher_seed: int | None = None,
    thresholds: float | Sequence[float] = 0.95,
    keep: Sequence[str] = (),
    observe_at: Any = None,
    dtype: Any = "float32",
    device: Any = "cpu",
    save: Callable[[State], None] | None = None,
    resume: State | None = None,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Train students of a teacher, many seeds side by side, and follow which student comes to resemble whom.

    Main arguments:
        teacher: a value such as ``SeparatedTeacher`` or ``BalancedTeacher``.
        students: how wide they are and where they start.
        inputs: their law.
        training: the loss, the optimizer, how long.
        seeds: a number of seeds, or a list of them. Each has its own teacher, students and inputs.
        samples, held_out: the numbers of inputs to learn from and to measure on.

    Other arguments:
        regime: what changes the batches before the students learn from them, such as ``AdversarialTraining`` of
            practicum.robustness, or any function that fit takes.
        teacher_seed: the one teacher of all seeds; if not given each seed draws its own.
        thresholds: of the coverage; several give it a dimension ``threshold``.
        keep: what is kept besides ``best_correlation``, ``mean_best_correlation`` and ``coverage``: "alignment",
            "fan_out" (with ``contribution``), "activity", "winner_rank", "rho", "alpha"; see
            :class:`~practicum.specialization.observers.Specialization`. For each pair of nodes, layer, seed and step,
            layers padded to the widest, "winner_rank" takes two bytes while the run lasts, "rho" and "alpha" four.
        observe_at: as in :func:`practicum.networks.training.fit`.
        dtype, device: float32 is twice as fast, float64 reaches smaller losses.
        save, resume: for checkpoints, see fit.
        progress: called now and then with the fraction done.

    Returns a Dataset over ``step`` (with the coordinate ``epoch``), ``seed``, ``layer`` (1 is the lowest), ``teacher``
    and ``student``: ``loss``, ``training_loss``, ``status``, and the above. Layers narrower than the widest are filled
    up with NaN.

    Raises:
        ParameterError: something is outside its range, does not fit together, or needs more memory than there is.

    Source: section 5 of Tian, "Student Specialization in Deep Rectified Networks With Finite Width and Input
    Dimension", ICML 2020.
    """
    from practicum.networks.training import fit, make_data
    from practicum.specialization.observers import Specialization

    _check(teacher, students, training)
    observer = Specialization(thresholds, keep)
    count = whole("seeds", seeds, 1) if isinstance(seeds, (int, np.integer)) else len(checked_seeds(seeds))
    check_training(
        teacher, students, inputs, training, seeds=count, samples=whole("samples", samples, 1),
        held_out=whole("held_out", held_out, 1), teacher_seed=teacher_seed, keep=observer.keep, observe_at=observe_at,
        dtype=dtype, regime=regime, saved=save is not None,
    )  # fmt: skip
    chosen = range(whole("seeds", seeds, 1)) if isinstance(seeds, (int, np.integer)) else checked_seeds(seeds)
    place = {"dtype": dtype, "device": device}
    fixed = teacher.build(chosen if teacher_seed is None else [teacher_seed], law=inputs, **place)
    networks = students.build(fixed, chosen, **place)
    data = make_data(inputs, fixed, chosen, samples, held_out, **place)
    result = fit(
        fixed, networks, data, training, seeds=chosen, regime=regime, observers=[observer], observe_at=observe_at,
        save=save, resume=resume, progress=progress,
    )  # fmt: skip
    result = labelled(result, networks.sizes[1:-1], thresholds)
    config = {
        "kind": "train",
        **{name: value.model_dump() for name, value in (("teacher", teacher), ("students", students))},
        "inputs": _described(inputs, "array"),
        "training": training.model_dump(),
        "samples": samples,
        "held_out": held_out,
        "teacher_seed": teacher_seed,
        "dtype": str(networks.dtype).removeprefix("torch."),
    }
    if regime is not None:
        config["regime"] = _described(regime, type(regime).__name__)
    cite = "tian2019luck,tian2020student"
    return result.assign_attrs(kind="train", config=canonical_json(config), cite=cite)


def _described(value: Any, otherwise: str) -> Any:
    """What a dataset says of a law of inputs or a regime: its parameters, or the name of a function."""
    return value.model_dump() if hasattr(value, "model_dump") else getattr(value, "__qualname__", otherwise)


def _check(teacher: Any, students: Any, training: Any) -> None:
    from practicum.networks.settings import Training

    if not hasattr(teacher, "build"):
        raise ParameterError(
            "The 'teacher' parameter of train must be a value such as SeparatedTeacher(), from which each seed builds "
            f"its own. Got {type(teacher).__name__} instead; practicum.networks.fit takes networks."
        )
    if not hasattr(students, "build"):
        raise ParameterError(
            f"The 'students' parameter of train must be a value such as Students(multiple=2). Got "
            f"{type(students).__name__} instead; practicum.networks.fit takes networks."
        )
    if not isinstance(training, Training):
        raise ParameterError(
            "The 'training' parameter of train must be a Training, such as Training(epochs=10). Got "
            f"{type(training).__name__} instead."
        )


def labelled(result: xr.Dataset, widths: Sequence[int], thresholds: float | Sequence[float] = 0.95) -> xr.Dataset:
    """What `fit` returns with a :class:`Specialization`, with coordinates, and with ranks turned into winner ranks.

    Main arguments:
        result: of :func:`practicum.networks.training.fit`.
        widths: of the students' hidden layers, from the lowest.

    Other arguments:
        thresholds: of the coverage, as given to the observer.
    """
    if "ranks" in result:
        ranks = result["ranks"].transpose("step", "seed", "layer", "teacher", "student")
        rank = winner_rank(ranks.values, students=np.reshape(widths, (1, -1, 1)))
        best = result["best_correlation"].transpose("step", "seed", "layer", "teacher").values
        rank[np.isnan(best) | np.isnan(best[-1:])] = np.nan  # a seed that diverged has no winners
        result = result.drop_vars("ranks").assign(winner_rank=(("step", "seed", "layer", "teacher"), rank))
    starts = {"layer": 1, "teacher": 0, "student": 0}
    result = result.assign_coords(
        {name: np.arange(first, first + result.sizes[name]) for name, first in starts.items() if name in result.sizes}
    )
    if "coverage" in result:
        several = "threshold" in result["coverage"].dims
        result = result.assign_coords(threshold=("threshold", list(thresholds)) if several else thresholds)  # pyright: ignore[reportArgumentType]
    for name, text in _LONG_NAMES.items():
        if name in result:
            result[name].attrs.setdefault("long_name", text)
    return result
