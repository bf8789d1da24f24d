"""What the study runs, at scale ``quick`` (a minute or so on two cores) and ``paper`` (complete)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

NAME = "robustness"
TITLE = "Yang et al. (2021): Understanding robustness in the teacher-student setting"
CITE = ("yang2021robustness", "melamed2023adversarial")

# Raised when the code of a part comes to give other numbers, so that stored ones are not taken for the new.
REVISION = 1

THRESHOLD = 0.9
"""Correlation from which on a teacher node is covered."""

ATTACK_STEPS = 5
"""Of the attacks on training batches."""


@dataclass(frozen=True)
class Recipe:
    """How students are trained: what differs from the standard training of a problem.

    Main arguments:
        students, training: parameters of :class:`~practicum.networks.Students` and of the training.
        regime: parameters of the regime but its radius, which the problem gives; None for none.
        features: whose features the training inputs have: "robust", of an adversarially trained student, or
            "standard"; "" for the inputs themselves.
    """

    students: dict[str, Any] | None = None
    training: dict[str, Any] | None = None
    regime: dict[str, Any] | None = None
    features: str = ""


_ATTACK: dict[str, Any] = {"kind": "pgd", "steps": ATTACK_STEPS, "keep": "last"}


def _adversarial(labels: str) -> Recipe:
    return Recipe(regime={"kind": "adversarial", "labels": labels, "attack": _ATTACK})


def _noise(labels: str) -> Recipe:
    return Recipe(regime={"kind": "noise", "labels": labels})


RECIPES: dict[str, Recipe] = {
    "standard": Recipe(),
    "Adam": Recipe(training={"optimizer": "adam", "learning_rate": 0.003, "momentum": 0.0}),
    "small start": Recipe(students={"initial_scale": 0.2}),
    "weight decay": Recipe(training={"weight_decay": 0.003}),
    "noise, oracle": _noise("oracle"),
    "noise, fixed": _noise("fixed"),
    "adversarial, oracle": _adversarial("oracle"),
    "adversarial, fixed": _adversarial("fixed"),
    "TRADES": Recipe(regime={"kind": "trades", "attack": _ATTACK}),
    "CCAT": Recipe(regime={"kind": "ccat", "attack": _ATTACK}),
    "robust features": Recipe(features="robust"),
    "standard features": Recipe(features="standard"),
}
REGRESSION = (
    "standard", "Adam", "small start", "weight decay", "noise, oracle", "noise, fixed", "adversarial, oracle",
    "adversarial, fixed",
)  # fmt: skip
CLASSIFICATION = (
    "standard", "small start", "weight decay", "noise, oracle", "noise, fixed", "adversarial, oracle",
    "adversarial, fixed", "TRADES", "CCAT", "robust features", "standard features",
)  # fmt: skip
IMAGES = (
    "standard", "weight decay", "noise, oracle", "noise, fixed", "adversarial, oracle", "adversarial, fixed",
    "TRADES", "CCAT", "robust features", "standard features",
)  # fmt: skip

FOLLOWED = ("standard", "small start", "Adam")
WATCHED = ("standard", "Adam", "noise, oracle")


@dataclass(frozen=True)
class Problem:
    """A teacher, inputs, and students that are trained by every recipe.

    Main arguments:
        loss: "mse" of the teacher's outputs, or "cross-entropy" on its largest one.
        inputs: "low-rank", or an image set.
        hidden: widths of the teacher; of two-layer regression one.
        multiple: of the students.
        attacked, compared: held-out inputs that are attacked, and inputs of each law on which nodes are compared.
        epsilon: Euclidean radius of training and of the headline error.
        noise: standard deviation on every input.
        epsilons: radii of the curves.
        margin: of the teacher, for the gated error.
        sees_all: whether the teacher's weights have a part outside the data subspace.
        inversion: steps and length of a step when features are inverted.
    """

    loss: str
    recipes: tuple[str, ...]
    seeds: int
    inputs: str = "low-rank"
    dimension: int = 60
    rank: int = 20
    hidden: tuple[int, ...] = (3,)
    outputs: int = 10
    multiple: int = 3
    samples: int = 4000
    held_out: int = 1000
    attacked: int = 128
    compared: int = 500
    learning_rate: float = 0.1
    momentum: float = 0.0
    batch_size: int = 64
    epochs: int = 25
    epsilon: float = 0.5
    noise: float = 0.3
    epsilons: tuple[float, ...] = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
    margin: float = 0.5
    sees_all: bool = False
    attack_steps: int = 20
    inversion: tuple[int, float] = (100, 0.1)
    teacher_epochs: int = 2


@dataclass(frozen=True)
class Course:
    """On-line learning on low-rank inputs, beside the flow that describes it.

    Main arguments:
        dimension, rank: N and d; the flow has the share d / N.
        until: alpha = updates / N.
    """

    seeds: int
    dimension: int = 400
    rank: int = 200
    teachers: int = 2
    students: int = 2
    learning_rate: float = 2.0
    variance: float = 0.5
    until: float = 80.0
    looks: int = 17
    epsilon: float = 1.0


@dataclass(frozen=True)
class Settings:
    """Everything that differs between the scales.

    Main arguments:
        regression, classification: of low-rank inputs, the teacher inside the subspace.
        inside: regression whose students are followed in training, long enough to fit the data.
        outside: the same with a teacher that has a part outside.
        images: by image set; the digits stand in where there is no other.
        course: on-line learning against the flow.
    """

    regression: Problem
    classification: Problem
    inside: Problem
    outside: Problem
    images: tuple[Problem, ...]
    course: Course
    resamples: int = 2000

    def to_dict(self) -> dict[str, Any]:
        """For the report, with the constants that both scales share."""
        return {**asdict(self), "recipes": {name: asdict(recipe) for name, recipe in RECIPES.items()}}


_REGRESSION = Problem("mse", REGRESSION, seeds=8, outputs=1)
_CLASSIFICATION = Problem(
    "cross-entropy", CLASSIFICATION, seeds=4, hidden=(8, 8), multiple=2, learning_rate=0.03, momentum=0.9,
    samples=3000, epochs=20, epsilon=0.4,
    epsilons=(0.0, 0.1, 0.2, 0.4, 0.8),
)  # fmt: skip
_PIXELS = Problem(
    "cross-entropy", IMAGES, seeds=3, inputs="fashion-mnist", rank=100, hidden=(32, 16), multiple=2, samples=5000,
    held_out=1000, learning_rate=0.03, momentum=0.9, epochs=6, epsilon=1.5, noise=0.2,
    epsilons=(0.0, 0.5, 1.0, 1.5, 2.0), margin=4.0, inversion=(60, 0.5), teacher_epochs=4,
)  # fmt: skip
_QUICK_IMAGES = ("standard", "weight decay", "noise, oracle", "adversarial, oracle", "adversarial, fixed", "CCAT")

SCALES = {
    "quick": Settings(
        regression=_REGRESSION,
        classification=_CLASSIFICATION,
        inside=replace(_REGRESSION, recipes=FOLLOWED, epochs=100, learning_rate=0.3, held_out=2000),
        outside=replace(_REGRESSION, recipes=WATCHED, sees_all=True, epochs=40, learning_rate=0.3),
        images=(
            replace(_PIXELS, recipes=_QUICK_IMAGES),
            replace(_PIXELS, recipes=_QUICK_IMAGES, inputs="mnist"),
        ),
        course=Course(seeds=4, dimension=200, rank=100, looks=9),
    ),
    "paper": Settings(
        regression=replace(
            _REGRESSION, seeds=32, samples=10_000, held_out=2000, attacked=500, compared=2000, epochs=60
        ),
        classification=replace(
            _CLASSIFICATION, seeds=16, samples=10_000, held_out=2000, attacked=500, compared=2000, epochs=60
        ),
        inside=replace(_REGRESSION, recipes=FOLLOWED, seeds=32, epochs=300, learning_rate=0.3, held_out=5000),
        outside=replace(_REGRESSION, recipes=WATCHED, sees_all=True, seeds=32, epochs=300, learning_rate=0.3),
        images=tuple(
            replace(
                _PIXELS, inputs=name, seeds=5, hidden=(64, 32), samples=20_000, attacked=500, compared=2000, epochs=10
            )
            for name in ("fashion-mnist", "mnist")
        ),
        course=Course(seeds=16),
        resamples=10_000,
    ),
}
