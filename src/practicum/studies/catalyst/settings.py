"""What the study runs, at scale ``quick`` (a minute on two cores) and ``paper`` (complete)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

NAME = "catalyst"
TITLE = "Tian (2020): over-realized students specialize (Over-parameterization as a Catalyst)"
CITE = ("tian2020student", "tian2019luck")

# Raised when the code of a part comes to give other numbers, so that stored ones are not taken for the new.
REVISION = 1

# Two layers, as in the reference: d = 100, C = 50, x ~ N(0, 1.5^2 I), batches of 16 drawn with replacement.
INPUTS, OUTPUTS, SCALE = 100, 50, 1.5
LEARNING_RATE, BATCH, SAMPLES = 0.01, 16, 10_000
COVERED = 0.95
"""Correlation above which a teacher node counts as found, and a student as aligned."""
ALIGNED = 0.99
"""The stricter level of the claim on alignment at small gradient."""
EARLY = 5
"""The epoch at which coverages have been published."""

# Data strategies: m = 5, p = 1.
STRATEGY_HIDDEN, STRATEGY_DECAY = 5, 1.0
STRATEGIES = ("random", "teacher-aware", "teacher-agnostic")
FEW = 30
"""The number of samples at which teacher-aware data have been published."""

# Deep: d = 20, x ~ N(0, 10^2 I), C = 100. The source's rate 0.2 belongs to a loss averaged over outputs too; here
# a step follows 1/2 of the sum, and 0.2 diverges. With momentum and a last phase at a quarter of the rate optimisation
# is not the limit; without them it is, even with plenty of samples.
DEEP_INPUTS, DEEP_OUTPUTS, DEEP_SCALE = 20, 100, 10.0
DEEP_RATE, DEEP_LAST_RATE, DEEP_MOMENTUM, DEEP_BATCH = 0.002, 0.0005, 0.9, 64
LEVEL = 0.9
"""Mean best correlation that a layer passes when it has been learnt."""


@dataclass(frozen=True)
class Sweep:
    """Two-layer students over fan-out decays p and multiples of the teacher's nodes."""

    hidden: int
    decays: tuple[float, ...]
    multiples: tuple[int, ...]
    seeds: int
    epochs: int
    held_out: int
    observe_at: tuple[int, ...]
    steps_per_epoch: int = 1000


@dataclass(frozen=True)
class Alignment:
    """Two-layer students trained to a small gradient, with their fan-outs and what their deletion does."""

    hidden: int
    decay: float
    multiples: tuple[int, ...]
    seeds: int
    epochs: int
    held_out: int
    observe_at: tuple[int, ...]
    steps_per_epoch: int = 1000


@dataclass(frozen=True)
class Strategies:
    """Where the training data lie: all multiples at the smallest number of samples, one of them at all."""

    multiples: tuple[int, ...]
    samples: tuple[int, ...]
    compared: tuple[int, ...]
    seeds: int
    epochs: int
    steps_per_epoch: int
    held_out: int


@dataclass(frozen=True)
class Deep:
    """Deep students over numbers of samples, the number of updates being the same; `longer` lists pairs (samples,
    epochs) of trainings that go on for longer, of the first multiple."""

    hidden: tuple[int, ...]
    multiples: tuple[int, ...]
    samples: tuple[int, ...]
    seeds: int
    epochs: int
    steps_per_epoch: int
    held_out: int
    observe_at: int
    longer: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Imaged:
    """Convolutional students of a classifier of images."""

    widths: tuple[int, ...]
    multiples: tuple[int, ...]
    seeds: int
    samples: int
    epochs: int
    teacher_epochs: int
    teacher_rate: float


@dataclass(frozen=True)
class Settings:
    """Everything that differs between the scales."""

    sweep: Sweep
    alignment: Alignment
    strategies: Strategies
    deep: tuple[Deep, ...]
    images: Imaged

    def to_dict(self) -> dict[str, Any]:
        """For the report, with the constants that both scales share."""
        return {
            **asdict(self),
            "two_layers": {
                "inputs": INPUTS,
                "outputs": OUTPUTS,
                "scale": SCALE,
                "learning_rate": LEARNING_RATE,
                "batch": BATCH,
                "samples": SAMPLES,
            },
            "thresholds": {"covered": COVERED, "aligned": ALIGNED, "layer": LEVEL},
            "deep_layers": {
                "inputs": DEEP_INPUTS,
                "outputs": DEEP_OUTPUTS,
                "scale": DEEP_SCALE,
                "learning_rates": [DEEP_RATE, DEEP_LAST_RATE],
                "momentum": DEEP_MOMENTUM,
                "batch": DEEP_BATCH,
            },
        }


SCALES = {
    "quick": Settings(
        sweep=Sweep(
            hidden=20,
            decays=(0.0, 1.0, 2.0),
            multiples=(1, 2, 5),
            seeds=8,
            epochs=20,
            held_out=2000,
            observe_at=tuple(range(21)),
        ),
        alignment=Alignment(
            hidden=10, decay=1.0, multiples=(2, 5), seeds=8, epochs=40, held_out=2000, observe_at=tuple(range(0, 41, 4))
        ),
        strategies=Strategies(
            multiples=(1, 2, 5, 10),
            samples=(30, 100, 300, 600),
            compared=(2,),
            seeds=8,
            epochs=2,
            steps_per_epoch=5000,
            held_out=1000,
        ),
        deep=(
            Deep(
                hidden=(10, 15, 20, 25),
                multiples=(2,),
                samples=(1000, 2000, 3000),
                seeds=4,
                epochs=36,
                steps_per_epoch=500,
                held_out=1000,
                observe_at=1,
                longer=((2000, 144),),
            ),
        ),
        images=Imaged(
            widths=(16, 16, 16, 16),
            multiples=(1, 2),
            seeds=3,
            samples=10_000,
            epochs=3,
            teacher_epochs=2,
            teacher_rate=0.01,
        ),
    ),
    "paper": Settings(
        sweep=Sweep(
            hidden=20,
            decays=(0.0, 1.0, 2.0),
            multiples=(1, 2, 5, 10),
            seeds=16,
            epochs=100,
            held_out=10_000,
            observe_at=(*range(21), *range(25, 101, 5)),
        ),
        alignment=Alignment(
            hidden=10,
            decay=1.0,
            multiples=(2, 5),
            seeds=32,
            epochs=200,
            held_out=10_000,
            observe_at=tuple(range(0, 201, 10)),
        ),
        strategies=Strategies(
            multiples=(1, 2, 5, 10),
            samples=(30, 100, 200, 300, 600, 1000),
            compared=(1, 2, 5, 10),
            seeds=16,
            epochs=4,
            steps_per_epoch=25_000,
            held_out=10_000,
        ),
        deep=(
            Deep(
                hidden=(10, 15, 20, 25),
                multiples=(2, 5),
                samples=(300, 600, 1000, 1500, 2000, 3000, 5000, 10_000),
                seeds=8,
                epochs=80,
                steps_per_epoch=500,
                held_out=5000,
                observe_at=1,
                longer=((1000, 320), (1500, 320)),
            ),
            Deep(
                hidden=(50, 75, 100, 125),
                multiples=(2,),
                samples=(12_500, 20_000),
                seeds=4,
                epochs=40,
                steps_per_epoch=1000,
                held_out=5000,
                observe_at=1,
                longer=((12_500, 160),),
            ),
        ),
        images=Imaged(
            widths=(32, 32, 32, 32),
            multiples=(1, 2),
            seeds=4,
            samples=60_000,
            epochs=5,
            teacher_epochs=3,
            teacher_rate=0.005,
        ),
    ),
}
