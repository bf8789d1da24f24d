"""Which student is attacked or pruned: a training, described by settings of the page or taken from the store."""

from __future__ import annotations

import re
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from practicum.canonical import ID_LENGTH
from practicum.errors import ParameterError
from practicum.runs.training import TrainConfig
from practicum.web.limits import Limits
from practicum.web.problems import Question, parameter
from practicum.web.trained import SHOWN

if TYPE_CHECKING:
    from practicum.runs.store import Store

_TRAIN = "practicum train takes larger ones"
_RUN = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
_LAWS = ("images", "gaussian", "uniform", "low-rank")
_OUTPUTS = 10
_DEARER = 15
"""About how much more a batch costs that a regime changes first."""


class StudentQuestion(Question):
    """A student of a teacher: what the page trains, or the stored training `run` trained again."""

    source: Literal["digits", "mnist", "fashion-mnist", "run", "committee"] = parameter(
        "digits", "Student of", "A network that was trained on these pictures, the teacher of a stored training, or a "
        "committee machine, whose pruning has a theory."
    )  # fmt: skip
    run: str = ""
    teacher_nodes: int = parameter(
        16, "Teacher nodes", "Hidden nodes of the teacher, which learns the classes from labels.",
        symbol="M", slider=(2, 64, 1), ge=2, le=200, beyond=_TRAIN,
    )  # fmt: skip
    multiple: int = parameter(
        2, "Student nodes a teacher node", "How many times more hidden nodes the student has than its teacher.",
        slider=(1, 8, 1), ge=1, le=16, beyond=_TRAIN,
    )  # fmt: skip
    images: int = parameter(
        1442, "Training pictures", "How many pictures teacher and student learn from; the digits are 1442.",
        slider=(100, 10000, 1), ge=64, le=60000, beyond="no set has more",
    )  # fmt: skip
    epochs: int = parameter(
        30, "Epochs", "How often the student sees every picture, with the teacher's outputs as its targets.",
        slider=(1, 100, 1), ge=1, le=500, beyond=_TRAIN,
    )  # fmt: skip
    regime: Literal["standard", "adversarial", "noise"] = parameter(
        "standard", "Learns from", "The pictures; pictures under attack, which the teacher answers; or noisy ones."
    )
    strength: float = parameter(
        0.5, "Strength of that", "Euclidean radius of the attack in training, or the standard deviation of the "
        "noise on a pixel; the standard student has neither.", slider=(0.0, 3.0, 0.01), ge=0, le=100, beyond=_TRAIN,
    )  # fmt: skip
    student_seed: int = parameter(
        0, "Seed of the student", "Another seed, another student; of a stored run, which of its seeds.",
        slider=(0, 20, 1), ge=0, le=2**53 - 1, beyond=_TRAIN,
    )  # fmt: skip


def question_of(content: Any) -> StudentQuestion:
    """The student of a request.

    Raises:
        ParameterError: it is no object, or a value is out of range.
    """
    if not isinstance(content, dict):
        raise ParameterError(
            f'The \'student\' must be an object of its settings, such as {{"source": "digits"}}. Got {content!r:.60} '
            "instead."
        )
    return StudentQuestion(**content)


def needs_torch() -> ParameterError | None:
    """Why there can be no networks here, or None."""
    if find_spec("torch") is not None:
        return None
    return ParameterError(
        "Networks need PyTorch, which is not installed: pip install 'practicum[networks]' adds it; then start "
        "practicum serve again."
    )


def sets() -> dict[str, str]:
    """The image sets that the page knows, and why one cannot be used; "" if it can. Nothing is ever fetched."""
    from practicum.data.sources import on_disk

    found = {"digits": ""}
    if find_spec("sklearn") is None:
        found["digits"] = "they come with scikit-learn: pip install 'practicum[data]' adds it"
    for name in ("mnist", "fashion-mnist"):
        found[name] = (
            "" if on_disk(name) else f"put its files into a folder {name} and name that above in $PRACTICUM_DATA"
        )
    return found


def config_of(question: StudentQuestion, store: Store, limits: Limits) -> TrainConfig:
    """The training of one seed that makes this student.

    Raises:
        ParameterError: it cannot be made here, with the reason.
        StorageError: the stored run is damaged.
    """
    if (missing := needs_torch()) is not None:
        raise missing
    if question.source == "committee":
        raise ParameterError(
            "The 'source' must be a set of pictures or a stored run, because a committee machine is no training of "
            "networks: it can be pruned, and neither attacked nor stored. Got 'committee' instead."
        )
    config = _stored(question, store) if question.source == "run" else _described(question)
    if (why := why_not(config, limits)) is not None:
        raise ParameterError(why)
    return config


def _described(question: StudentQuestion) -> TrainConfig:
    from practicum.networks import ImageInputs, ImageTeacher, Students, Training
    from practicum.robustness.attacks import PGD
    from practicum.robustness.regimes.adversarial import AdversarialTraining
    from practicum.robustness.regimes.noise import NoiseAugmentation
    from practicum.runs.seeds import Seeds

    law: Any = ImageInputs(name=question.source)  # pyright: ignore[reportArgumentType]
    most = 1442 if question.source == "digits" else 60000
    images = min(question.images, most)
    regimes: dict[str, Any] = {
        "standard": lambda: None,
        "adversarial": lambda: AdversarialTraining(
            epsilon=question.strength, attack=PGD(norm="l2", steps=7, keep="last", box=(0.0, 1.0))
        ),
        "noise": lambda: NoiseAugmentation(scale=question.strength),
    }
    return TrainConfig(
        teacher=ImageTeacher(
            inputs=law, widths=(question.teacher_nodes,), images=images,
            epochs=max(2, round(40_000 / images)), learning_rate=0.005,
        ),
        inputs=law,
        students=Students(multiple=question.multiple),
        training=Training(optimizer="adam", learning_rate=0.003, batch_size=32, epochs=question.epochs),
        regime=regimes[question.regime](),
        seeds=Seeds(first=question.student_seed, count=1),
        samples=images,
        held_out=min(SHOWN, 355 if question.source == "digits" else 10_000),
        teacher_seed=0,
        observe_at=question.epochs,
    )  # fmt: skip


def _stored(question: StudentQuestion, store: Store) -> TrainConfig:
    run = question.run
    if not _RUN.fullmatch(run) or run not in store.ids():
        raise ParameterError(
            f"The 'run' must be the id of a stored run, {ID_LENGTH} digits from 0 to f. Got {run!r:.60} instead; "
            "choose one from the list."
        )
    config = training_of(store, run)
    if question.student_seed not in config.seeds.list():
        raise ParameterError(
            f"The 'student_seed' must be one of the seeds of run {run}, {config.seeds}. Got {question.student_seed} "
            "instead."
        )
    return one_seed(config, question.student_seed)


def training_of(store: Store, run: str) -> TrainConfig:
    """The configuration of a stored training.

    Raises:
        ParameterError: the run is of another kind.
        StorageError: its file is damaged.
    """
    from practicum.runs.config import config_from_json
    from practicum.runs.reading import read_label, run_path

    config = config_from_json(read_label(run_path(store.folder, run)).config)
    if not isinstance(config, TrainConfig):
        raise ParameterError(f"The 'run' {run} is of kind {config.kind!r} and has no network; choose a training.")
    return config


def one_seed(config: TrainConfig, seed: int) -> TrainConfig:
    """One student of a training, with the same weights; nothing is observed on the way."""
    return config.replace(seeds=[seed], keep=(), observe_at=config.training.epochs)


def why_not(config: TrainConfig, limits: Limits) -> str | None:
    """Why the page does not train this one, or None."""
    law: Any = config.inputs
    if law.kind not in _LAWS:
        return f"The page takes inputs of kind {', '.join(_LAWS)}. This run has {law.kind} inputs."
    if config.device != "cpu":
        return "The page trains on the CPU, and this run was trained on another device."
    teacher: Any = config.teacher
    for images in {each for each in (law, teacher.inputs) if getattr(each, "kind", "") == "images"}:
        why = sets().get(images.name, "the page takes digits, mnist and fashion-mnist")
        if why:
            return f"The images of {images.name} are not here: {why}."
        if not images.flat:
            return "The page attacks and prunes perceptrons, and this run is about convolutions."
    sizes = (law.dimension, *config.student_widths, _OUTPUTS)
    weights = sum(below * above for below, above in pairwise(sizes))
    times = 1 if config.regime is None else _DEARER
    work = config.training.steps(config.samples) * config.training.batch_size * config.training.epochs * weights * times
    if work > limits.learning:
        return (
            f"Training this student takes about {work:.1g} products of an example and a weight, and the page allows "
            f"{limits.learning:.1g}, because others wait meanwhile; practicum attack and practicum prune take it from "
            "the files that practicum train --networks writes."
        )
    return None
