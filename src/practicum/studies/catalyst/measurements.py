"""What the study measures: every training is a stored run that depends on its settings alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import xarray as xr

from practicum.networks.inputs import GaussianInputs, Law, TeacherAgnosticInputs, TeacherAwareInputs
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import BalancedTeacher, SeparatedTeacher
from practicum.runs.config import RunConfig, StudyConfig
from practicum.runs.parallel import run_all
from practicum.runs.seeds import Seeds
from practicum.runs.store import Store
from practicum.runs.training import TrainConfig
from practicum.studies.catalyst import settings as fixed
from practicum.studies.catalyst.alignment import aligned_students
from practicum.studies.catalyst.images import available, image_students
from practicum.studies.catalyst.settings import Deep, Settings, Sweep
from practicum.studies.progress import Progress

Compute = Callable[..., xr.Dataset]
DeepKey = tuple[tuple[int, ...], int, int, int]


@dataclass
class Found:
    """What was measured, and the ids of the stored runs behind it.

    Main arguments:
        sweep: by (decay, multiple), see :func:`practicum.specialization.learning.train`.
        alignment: by multiple, see :func:`practicum.studies.catalyst.alignment.aligned_students`.
        strategies: by (strategy, multiple, samples).
        deep: by (widths of the teacher, multiple, samples, epochs).
        images: of all multiples, None where there are no images; `image_set` names them.
    """

    settings: Settings
    sweep: dict[tuple[float, int], xr.Dataset] = field(default_factory=dict)
    alignment: dict[int, xr.Dataset] = field(default_factory=dict)
    strategies: dict[tuple[str, int, int], xr.Dataset] = field(default_factory=dict)
    deep: dict[DeepKey, xr.Dataset] = field(default_factory=dict)
    images: xr.Dataset | None = None
    image_set: str = ""
    runs: list[str] = field(default_factory=list)


def measure(settings: Settings, store: Store, progress: Progress, workers: int | None = None) -> Found:
    """All parts, read from the store where they are there; what is missing is computed, many runs side by side."""
    found = Found(settings, image_set=available())
    parts: dict[tuple[str, Any], tuple[RunConfig, Compute | None]] = {}
    # The longest first, so that no processor waits for the other in the end.
    parts |= {("deep", key): (config, None) for key, config in deep_runs(settings.deep).items()}
    if found.image_set:
        parts["images", ""] = (image_run(settings, found.image_set), image_students)
    parts |= {("sweep", key): (config, None) for key, config in reversed(sweep_runs(settings.sweep).items())}
    parts |= {("alignment", key): (config, aligned_students) for key, config in alignment_runs(settings).items()}
    parts |= {("strategies", key): (config, None) for key, config in strategy_runs(settings).items()}
    found.runs = [config.id for config, _ in parts.values()]
    results = run_all(store, list(parts.values()), workers, lambda share: progress("training", share))
    for (part, key), result in zip(parts, results):
        if part == "images":
            found.images = result
        else:
            getattr(found, part)[key] = result
    progress("done", 1.0)
    return found


def sweep_runs(sweep: Sweep) -> dict[tuple[float, int], TrainConfig]:
    """Students of two layers by fan-out decay and multiple."""
    return {
        (decay, multiple): TrainConfig(
            teacher=_teacher(sweep.hidden, decay),
            students=Students(multiple=multiple, initial="normal"),
            inputs=GaussianInputs(dimension=fixed.INPUTS, scale=fixed.SCALE),
            training=_two_layers(sweep.epochs, sweep.steps_per_epoch),
            seeds=Seeds.of(sweep.seeds),
            samples=fixed.SAMPLES,
            held_out=sweep.held_out,
            observe_at=sweep.observe_at,
            keep=("activity", "alignment"),
            thresholds=fixed.COVERED,
        )
        for decay in sweep.decays
        for multiple in sweep.multiples
    }


def alignment_runs(settings: Settings) -> dict[int, StudyConfig]:
    """Students of two layers that are looked at closely, by multiple."""
    chosen = {name: value for name, value in asdict(settings.alignment).items() if name != "multiples"}
    parameters = {
        **chosen,
        "observe_at": list(settings.alignment.observe_at),
        "inputs": fixed.INPUTS,
        "outputs": fixed.OUTPUTS,
        "scale": fixed.SCALE,
        "samples": fixed.SAMPLES,
        "learning_rate": fixed.LEARNING_RATE,
        "batch": fixed.BATCH,
        "covered": fixed.COVERED,
        "aligned": fixed.ALIGNED,
    }
    return {multiple: _part("alignment", multiple=multiple, **parameters) for multiple in settings.alignment.multiples}


def strategy_runs(settings: Settings) -> dict[tuple[str, int, int], TrainConfig]:
    """Students of two layers by strategy, multiple and number of samples."""
    chosen = settings.strategies
    laws: dict[str, Law] = {
        "random": GaussianInputs(dimension=fixed.INPUTS, scale=fixed.SCALE),
        "teacher-aware": TeacherAwareInputs(dimension=fixed.INPUTS, scale=fixed.SCALE),
        # Triples, as those of the teacher-aware data are: with more directions so few samples have one base point.
        "teacher-agnostic": TeacherAgnosticInputs(dimension=fixed.INPUTS, scale=fixed.SCALE, directions=1),
    }
    return {
        (strategy, multiple, samples): TrainConfig(
            teacher=_teacher(fixed.STRATEGY_HIDDEN, fixed.STRATEGY_DECAY),
            students=Students(multiple=multiple, initial="normal"),
            inputs=laws[strategy],
            training=_two_layers(chosen.epochs, chosen.steps_per_epoch),
            seeds=Seeds.of(chosen.seeds),
            samples=samples,
            held_out=chosen.held_out,
            observe_at=chosen.epochs,
            thresholds=fixed.COVERED,
        )
        for samples in chosen.samples
        for multiple in chosen.multiples
        for strategy in fixed.STRATEGIES
        if samples == fixed.FEW or multiple in chosen.compared
    }


def deep_runs(chosen: Sequence[Deep]) -> dict[DeepKey, TrainConfig]:
    """Deep students by teacher, multiple, number of samples and epochs, the longest first."""
    runs = {}
    for deep in chosen:
        runs |= {(deep.hidden, deep.multiples[0], samples, epochs): deep for samples, epochs in deep.longer}
        runs |= {(deep.hidden, m, samples, deep.epochs): deep for m in deep.multiples[::-1] for samples in deep.samples}
    return {key: _deep(deep, *key[1:]) for key, deep in runs.items()}


def _deep(deep: Deep, multiple: int, samples: int, epochs: int) -> TrainConfig:
    return TrainConfig(
        teacher=BalancedTeacher(inputs=fixed.DEEP_INPUTS, hidden=deep.hidden, outputs=fixed.DEEP_OUTPUTS),
        students=Students(multiple=multiple),
        inputs=GaussianInputs(dimension=fixed.DEEP_INPUTS, scale=fixed.DEEP_SCALE),
        training=Training(
            learning_rate=fixed.DEEP_RATE,
            momentum=fixed.DEEP_MOMENTUM,
            schedule=((max(1, 3 * epochs // 4), fixed.DEEP_LAST_RATE),),
            batch_size=fixed.DEEP_BATCH,
            epochs=epochs,
            steps_per_epoch=deep.steps_per_epoch,
        ),
        seeds=Seeds.of(deep.seeds),
        samples=samples,
        held_out=deep.held_out,
        observe_at=deep.observe_at if epochs == deep.epochs else max(1, epochs // 12),
        thresholds=fixed.COVERED,
    )


def image_run(settings: Settings, name: str) -> StudyConfig:
    """Convolutional students of all multiples."""
    chosen = asdict(settings.images)
    return _part(
        "images",
        **{key: list(value) if isinstance(value, tuple) else value for key, value in chosen.items()},
        images=name,
        held_out=1000,
        learning_rates=[0.01, 0.002],
        batch=64,
        covered=fixed.COVERED,
    )


def _teacher(hidden: int, decay: float) -> SeparatedTeacher:
    return SeparatedTeacher(inputs=fixed.INPUTS, hidden=hidden, outputs=fixed.OUTPUTS, decay=decay)


def _two_layers(epochs: int, steps_per_epoch: int) -> Training:
    return Training(
        learning_rate=fixed.LEARNING_RATE, batch_size=fixed.BATCH, epochs=epochs, steps_per_epoch=steps_per_epoch
    )


def _part(name: str, **parameters: Any) -> StudyConfig:
    return StudyConfig(study=fixed.NAME, part=name, parameters={**parameters, "revision": fixed.REVISION})
