"""(b, c) What training leaves outside the data, and what an attacker makes of it: theory beside the attack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig
from practicum.studies.robustness.looks import attack_of, problem_of
from practicum.studies.robustness.settings import Problem
from practicum.studies.robustness.students import Trained, train

if TYPE_CHECKING:
    from torch import Tensor

WAYS = ("outside", "inside", "anywhere")
"""Where perturbations may lie."""


def mechanism(config: StudyConfig) -> xr.Dataset:
    """Students of one output followed in training and attacked on either side of the subspace; parameters: problem,
    recipe.

    Returns over ``step`` (with ``epoch``) and ``seed``: ``inside`` and ``outside``, the mean best correlation on inputs
    of the subspace and of its complement, and ``off_subspace_weight_change``; over ``way``, ``epsilon`` and ``seed``
    the ``oracle_squared_error``; over ``epsilon`` and ``seed`` ``first_order``, what theory predicts for perturbations
    outside, ``one_direction`` and its exact value ``one_direction_predicted``, when every input takes the same step,
    and ``share_outside`` of the squared length of perturbations that may lie anywhere.
    """
    from practicum.robustness.observers import InsideOutside

    problem = problem_of(config)
    trained = train(
        problem,
        str(config.parameters["recipe"]),
        observe=lambda setting, students: InsideOutside(setting.subspace, students),
        dtype="float64",
    )
    history = trained.history
    found = history[["inside", "outside", "off_subspace_weight_change", "loss"]].drop_attrs()
    found = found.assign_coords(epsilon=list(problem.epsilons), way=list(WAYS))
    inputs = trained.setting.data.held_out[:, : problem.attacked]
    errors, shares = _attacked(problem, trained, inputs)
    found["oracle_squared_error"] = (("way", "epsilon", "seed"), errors)
    found["share_outside"] = (("epsilon", "seed"), shares)
    for name, values in _predicted(problem, trained).items():
        found[name] = (("epsilon", "seed"), values)
    return found.assign_attrs(cite="yang2021robustness,melamed2023adversarial", packages="torch")


def _attacked(problem: Problem, trained: Trained, inputs: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Errors (way, E, S), and the share of the squared length that lies outside (E, S)."""
    setting, errors, shares = trained.setting, [], np.empty(0)
    for way in WAYS:
        side = None if way == "anywhere" else way
        attack = attack_of(problem, loss="mse", oracle=True, side=side)
        found = attack(
            trained.students, inputs, problem.epsilons, teacher=setting.teacher,
            subspace=None if side is None else setting.subspace,
        )  # fmt: skip
        errors.append(found.loss.double().mean(-1).numpy())
        if way == "anywhere":
            moved = (found.inputs - inputs).double().numpy()
            within = np.square(moved @ setting.subspace).sum(-1)
            whole = np.square(moved).sum(-1)
            with np.errstate(invalid="ignore", divide="ignore"):
                shares = np.where(whole > 0, 1 - within / whole, np.nan).mean(-1)
    return np.stack(errors), shares


def _predicted(problem: Problem, trained: Trained) -> dict[str, np.ndarray]:
    """What theory says of each student, (E, S), and what one step for all inputs does."""
    from practicum import subspace as theory

    setting, epsilons = trained.setting, np.array(problem.epsilons)
    each: dict[str, list[Any]] = {"first_order": [], "one_direction": [], "one_direction_predicted": []}
    for seed in range(problem.seeds):
        W, v = _weights(trained.students, seed)
        V, v_star = _weights(setting.teacher, seed)
        blocks = theory.blocks_from_weights(W, V, setting.subspace, v, v_star)
        direction = theory.universal_direction(W, setting.subspace, v, "relu")
        exact = theory.universal_error(blocks, epsilons, W @ direction, V @ direction, "relu")
        each["first_order"].append(theory.first_order_error(blocks, epsilons, "relu"))
        each["one_direction_predicted"].append(exact)
        each["one_direction"].append(_step(trained, seed, direction, epsilons))
    return {name: np.stack(values, axis=-1) for name, values in each.items()}


def _weights(network: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """First weights and fan-outs of one network without biases."""
    first, second = (w[seed].detach().double().numpy() for w in network.weights)
    return first, second[0]


def _step(trained: Trained, seed: int, direction: np.ndarray, epsilons: np.ndarray) -> list[float]:
    """The error when every held-out input takes one step along a direction."""
    import torch

    student, teacher = trained.students.select([seed]), trained.setting.teacher.select([seed])
    inputs, along = trained.setting.data.held_out[seed], torch.from_numpy(direction)
    found = []
    for epsilon in epsilons:
        moved = inputs + float(epsilon) * along.to(inputs)
        found.append(0.5 * float((student(moved) - teacher(moved)).detach().square().sum(-1).mean()))
    return found
