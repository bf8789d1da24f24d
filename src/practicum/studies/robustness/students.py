"""Students of a problem, trained by a recipe: the networks that everything else looks at."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from practicum.studies.robustness.settings import RECIPES, Problem, Recipe

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from practicum.networks.data import Data
    from practicum.networks.mlp import MLP


class Setting(NamedTuple):
    """A problem with its numbers drawn.

    Main arguments:
        teacher: perceptrons, one a seed or one for all.
        law: of the training inputs.
        subspace: orthonormal columns (d, r) that span the inputs; of images their first principal components.
    """

    teacher: MLP
    law: Any
    data: Data
    subspace: np.ndarray
    seeds: tuple[int, ...]


Observe = Callable[[Setting, "MLP"], Any]


class Trained(NamedTuple):
    """Students and all that is needed to attack them.

    Main arguments:
        disagreement: the share of training inputs, (S,), that the oracle labels otherwise than those whose features
            they have; None where inputs are as drawn.
    """

    setting: Setting
    students: MLP
    history: xr.Dataset
    disagreement: np.ndarray | None


def train(problem: Problem, recipe: str, *, observe: Observe | None = None, dtype: str = "float32") -> Trained:
    """Students of every seed, each with a teacher and inputs of its own; of images all have the same.

    Other arguments:
        observe: makes an observer of the students as they start; it looks at nine epochs.
        dtype: in float64 what is conserved is so to 16 digits.
    """
    setting = drawn(problem, dtype)
    chosen, disagreement = RECIPES[recipe], None
    if chosen.features:
        source = RECIPES["adversarial, fixed" if chosen.features == "robust" else "standard"]
        setting, disagreement = _with_features(problem, setting, _fitted(problem, source, setting)[0])
    students, history = _fitted(problem, chosen, setting, observe)
    return Trained(setting, students, history, disagreement)


def drawn(problem: Problem, dtype: str = "float32") -> Setting:
    """Teachers and inputs of a problem."""
    return (_low_rank if problem.inputs == "low-rank" else _images)(problem, tuple(range(problem.seeds)), dtype)


def confined(teacher: MLP, subspace: np.ndarray) -> MLP:
    """The teacher with the same answers on a subspace (d, r) that sees nothing outside it."""
    import torch

    from practicum.networks import from_arrays

    basis = torch.as_tensor(subspace).to(teacher.dtype)
    first = teacher.weights[0].detach() @ basis @ basis.mT
    weights = [first, *(w.detach() for w in list(teacher.weights)[1:])]
    dtype = str(teacher.dtype).removeprefix("torch.")
    return from_arrays(weights, list(teacher.biases), activation=teacher.activation, slope=teacher.slope, dtype=dtype)


def _low_rank(problem: Problem, seeds: tuple[int, ...], dtype: str) -> Setting:
    from practicum.networks import BalancedTeacher, LowRankInputs, make_data

    law = LowRankInputs(dimension=problem.dimension, rank=problem.rank)
    if problem.loss == "mse":
        teacher = committee(problem.hidden, problem.dimension, seeds, dtype)
    else:  # nodes that fire on half of the inputs, and outputs of one variance, so that all classes occur
        value = BalancedTeacher(inputs=problem.dimension, hidden=problem.hidden, outputs=problem.outputs)
        teacher = value.build(seeds, law=law, dtype=dtype)
    subspace = law.subspace()
    teacher = teacher if problem.sees_all else confined(teacher, subspace)
    data = make_data(law, teacher, seeds, problem.samples, problem.held_out, dtype=dtype)
    return Setting(teacher, law, data, subspace, seeds)


def committee(hidden: tuple[int, ...], dimension: int, seeds: tuple[int, ...], dtype: str) -> MLP:
    """Two-layer teachers with one output, random directions and equally strong nodes."""
    import numpy as np

    from practicum.networks import from_arrays
    from practicum.networks.randomness import generator

    (nodes,) = hidden
    drawn = np.stack([generator(seed, "teacher").standard_normal((nodes, dimension)) for seed in seeds])
    drawn /= np.linalg.norm(drawn, axis=-1, keepdims=True)
    return from_arrays([drawn, np.ones((len(seeds), 1, nodes))], dtype=dtype)


def _images(problem: Problem, seeds: tuple[int, ...], dtype: str) -> Setting:
    import numpy as np

    from practicum.networks import MLP, ImageInputs, ImageTeacher, make_data

    law = ImageInputs(name=problem.inputs)  # pyright: ignore[reportArgumentType]
    teacher = ImageTeacher(
        inputs=law, widths=problem.hidden, normalisation=None, learning_rate=0.002, epochs=problem.teacher_epochs,
        images=problem.samples,
    ).build([0], dtype=dtype)  # fmt: skip
    assert isinstance(teacher, MLP)  # of flat images
    data = make_data(law, teacher, seeds, problem.samples, problem.held_out, dtype=dtype)
    pixels = data.inputs[0, :4000].double().numpy()
    _, _, directions = np.linalg.svd(pixels - pixels.mean(0), full_matrices=False)
    return Setting(teacher, law, data, np.ascontiguousarray(directions[: problem.rank].T), seeds)


def _fitted(
    problem: Problem, recipe: Recipe, setting: Setting, observe: Observe | None = None
) -> tuple[MLP, xr.Dataset]:
    from practicum.networks import MLP, Students, Training, fit

    dtype = str(setting.teacher.dtype).removeprefix("torch.")
    students = Students(multiple=problem.multiple, **(recipe.students or {})).build(
        setting.teacher, setting.seeds, dtype=dtype
    )
    if all(bias is None for bias in setting.teacher.biases):  # theory knows networks without any
        students = MLP(list(students.weights), [None] * len(students.weights), activation=students.activation).train()
    usual = {"learning_rate": problem.learning_rate, "momentum": problem.momentum}
    training = Training(
        loss=problem.loss, batch_size=problem.batch_size, epochs=problem.epochs,  # pyright: ignore[reportArgumentType]
        **{**usual, **(recipe.training or {})},
    )  # fmt: skip
    looks = sorted({0, *(math.ceil(problem.epochs * k / 8) for k in range(1, 9))}) if observe else [problem.epochs]
    observers = [observe(setting, students)] if observe else []
    history = fit(
        setting.teacher, students, setting.data, training, seeds=setting.seeds, observers=observers,
        observe_at=looks, regime=regime_of(problem, recipe),
    )  # fmt: skip
    return students.eval(), history


def regime_of(problem: Problem, recipe: Recipe) -> Any:
    """The regime with the radius of the problem; None for none."""
    if recipe.regime is None:
        return None
    from practicum.robustness.regimes import CCAT, TRADES, AdversarialTraining, NoiseAugmentation

    known = {"adversarial": AdversarialTraining, "trades": TRADES, "ccat": CCAT, "noise": NoiseAugmentation}
    given = dict(recipe.regime)
    kind = given["kind"]
    if kind == "noise":
        return NoiseAugmentation(scale=problem.noise, labels=given["labels"])
    box = None if problem.inputs == "low-rank" else (0.0, 1.0)
    given["attack"] = {**given["attack"], "norm": "l2", "box": box}
    return known[kind](epsilon=problem.epsilon, **given)


def _with_features(problem: Problem, setting: Setting, model: MLP) -> tuple[Setting, np.ndarray]:
    """The setting with inputs that have the features of the model, and how often the oracle is of another opinion."""
    from practicum.networks import Data
    from practicum.robustness.features import feature_dataset

    steps, length = problem.inversion
    found = feature_dataset(model, setting.data.inputs, setting.teacher, steps=steps, step_size=length)
    data = Data(found.inputs.contiguous(), setting.data.held_out, None, setting.seeds)
    return setting._replace(data=data), found.disagreement.numpy()
