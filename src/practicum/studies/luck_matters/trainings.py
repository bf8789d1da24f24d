"""The trainings of the study as configurations of runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from practicum.runs.training import TrainConfig
from practicum.studies.luck_matters import settings as s
from practicum.studies.luck_matters.settings import Deep, Race, TwoLayers


def two_layer_config(part: TwoLayers) -> TrainConfig:
    """Two-layer students whose unlucky nodes are followed, epochs of 1000 updates."""
    return _config(
        **_two_layers(part.hidden, part.multiple, part.decay, "normal"),
        training=_two_layer_training(part.epochs, 1000),
        seeds=part.seeds,
        held_out=4000,
        keep=("activity", "alignment", "fan_out", "rho", "winner_rank"),
        observe_at=part.observe_at,
    )


def race_config(part: Race) -> TrainConfig:
    """Two-layer students of equally strong teacher nodes; an epoch is STRIDE updates here."""
    looks = np.unique(np.rint(np.geomspace(3, part.epochs, part.looks)).astype(int))
    return _config(
        **_two_layers(part.hidden, part.multiple, 0.0, part.initial),
        training=_two_layer_training(part.epochs, s.STRIDE),
        seeds=part.seeds,
        held_out=4000,
        keep=("rho", "winner_rank"),
        observe_at=(0, *looks.tolist()),
    )


def deep_config(part: Deep) -> TrainConfig:
    """Students of a balanced deep teacher, epochs that pass over all samples."""
    return _config(
        teacher={"kind": "balanced", "inputs": s.DEEP_INPUTS, "hidden": part.hidden, "outputs": s.DEEP_OUTPUTS},
        students={"multiple": part.multiple},
        inputs={"kind": "gaussian", "dimension": s.DEEP_INPUTS, "scale": s.DEEP_INPUT_SCALE},
        training={
            "learning_rate": s.DEEP_RATES[0],
            "momentum": s.DEEP_MOMENTUM,
            "schedule": ((max(1, 3 * part.epochs // 4), s.DEEP_RATES[1]),),
            "batch_size": s.DEEP_BATCH,
            "epochs": part.epochs,
        },
        seeds=part.seeds,
        samples=part.samples,
        held_out=2000,
        keep=("winner_rank",),
        observe_at=part.observe_at,
    )


def _two_layers(hidden: int, multiple: int, decay: float, initial: str) -> dict[str, Any]:
    teacher = {"kind": "separated", "inputs": s.INPUTS, "hidden": hidden, "outputs": s.OUTPUTS, "decay": decay}
    return {
        "teacher": teacher,
        "students": {"multiple": multiple, "initial": initial},
        "inputs": {"kind": "gaussian", "dimension": s.INPUTS, "scale": s.INPUT_SCALE},
        "samples": s.SAMPLES,
    }


def _two_layer_training(epochs: int, steps: int) -> dict[str, Any]:
    return {"learning_rate": s.LEARNING_RATE, "batch_size": s.BATCH, "epochs": epochs, "steps_per_epoch": steps}


def _config(**tables: Any) -> TrainConfig:
    """From tables, which the configuration builds and checks."""
    return TrainConfig(**tables)
