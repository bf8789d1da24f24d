"""Do teacher, students, data and training fit each other? One sentence each if they do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._evaluation import outputs
from practicum.networks.data import Data
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.networks.settings import Training
from practicum.networks.state import State
from practicum.values import whole


def of_seed(students: nn.Module, seed: int) -> list[Tensor]:
    """The weights and other floats of one student, views that can be written to; of an unknown module none."""
    if isinstance(students, Ensemble):
        tensors = list(students.networks[seed].state_dict().values())
    elif isinstance(students, MLP):
        tensors = [value[seed] for value in students.state_dict().values()]
    else:
        tensors = []
    return [t.detach() for t in tensors if t.is_floating_point()]


def check_epochs(observe_at: int | Sequence[int] | None, epochs: int) -> set[int]:
    """The epochs to observe at."""
    if observe_at is None:
        return set(range(epochs + 1))
    if not hasattr(observe_at, "__iter__"):
        return {*range(0, epochs + 1, whole("observe_at", observe_at, 1)), epochs}
    points = {whole("observe_at", epoch, 0) for epoch in observe_at}  # pyright: ignore[reportGeneralTypeIssues]
    if not points or max(points) > epochs:
        raise ParameterError(
            f"The 'observe_at' parameter must name epochs from 0 to {epochs}, at least one. Got {sorted(points)!r:.60} "
            "instead."
        )
    return points


def check_fit(teacher: nn.Module, students: nn.Module, data: Data, training: Training, seeds: tuple[int, ...]) -> None:
    """All that can be known before the first step.

    Raises:
        ParameterError: see :func:`practicum.networks.training.fit`.
    """
    parameters = list(students.parameters())
    if not any(p.requires_grad for p in parameters):
        raise ParameterError("The students have no weights that can be trained; call students.requires_grad_().")
    for name, network in (("students", students), ("teacher", teacher)):
        if not all(bool(torch.isfinite(p).all()) for p in network.parameters()):
            raise ParameterError(
                f"The weights of the {name} must be finite, because one NaN soon is everywhere; build them anew, or "
                "resume from an earlier state."
            )
    first = parameters[0]
    if (first.dtype, first.device) != (data.inputs.dtype, data.inputs.device):
        raise ParameterError(
            f"Students and inputs must be of one precision on one device. Got {first.dtype} on {first.device} and "
            f"{data.inputs.dtype} on {data.inputs.device} instead; pass both the same dtype and device."
        )
    for name, inputs in (("inputs", data.inputs), ("held_out", data.held_out)):
        if inputs.shape[0] not in (1, len(seeds)):
            raise ParameterError(
                f"The '{name}' of the data must be those of {len(seeds)} seeds, or of 1 for all. Got those of "
                f"{inputs.shape[0]} seeds instead."
            )
    if training.regenerate and data.law is None:
        raise ParameterError(
            "The 'regenerate' parameter of Training needs data that know the law of their inputs; make them with "
            "make_data(law, ...), or set regenerate=False."
        )
    smallest = training.batch_size
    if training.steps_per_epoch is None:
        smallest = data.samples % training.batch_size or min(smallest, data.samples)
    if isinstance(students, MLP) and students.norms and smallest == 1:
        raise ParameterError(
            "BatchNorm needs at least two examples in every batch, because one alone has no variance. Got a batch of 1 "
            f"of {data.samples} examples in batches of {training.batch_size}; change either."
        )
    theirs, ours = (
        _answers(name, network, data.inputs[:, :2]) for name, network in (("teacher", teacher), ("students", students))
    )
    if ours.ndim != 3 or ours.shape[0] != len(seeds):
        raise ParameterError(
            f"Students of {len(seeds)} seeds must have outputs ({len(seeds)}, B, C). Got {tuple(ours.shape)} instead; "
            "give one seed for each network."
        )
    if ours.shape[2] != theirs.shape[2] or theirs.shape[0] not in (1, len(seeds)):
        raise ParameterError(
            f"Teacher and students must have the same outputs, and the teacher 1 seed or {len(seeds)}. Got outputs "
            f"{tuple(theirs.shape)} of the teacher and {tuple(ours.shape)} of the students, both (seeds, examples, "
            "outputs)."
        )
    if training.loss != "mse" and ours.shape[2] < 2:
        raise ParameterError(
            f"The loss {training.loss!r} compares classes and needs at least 2 outputs. Got 1; use loss='mse'."
        )


def _answers(name: str, network: nn.Module, inputs: Tensor) -> Tensor:
    try:
        return outputs(network, inputs)
    except RuntimeError as error:  # PyTorch's word for shapes and precisions that do not fit
        why = str(error).partition("\n")[0].rstrip(".")
        raise ParameterError(
            f"The {name} cannot answer inputs of shape {tuple(inputs.shape)} and {inputs.dtype}: {why}."
        ) from error


def check_state(
    state: State, students: nn.Module, seeds: tuple[int, ...], training: Training, *, compiled: bool
) -> None:
    """Whether a training of these students can go on from a state.

    Main arguments:
        compiled: whether the students will be trained by the compiled kernel, which remembers under names of its own.

    Raises:
        ParameterError: it was another's.
    """
    if tuple(int(seed) for seed in state.seeds) != seeds:
        raise ParameterError(
            f"The state to resume from is that of seeds {[int(s) for s in state.seeds]!r:.60}. Got seeds "
            f"{list(seeds)!r:.60} instead."
        )
    per_seed = {np.shape(state.diverged_at), np.shape(state.training_loss)}
    if per_seed != {(len(seeds),)} or len({np.shape(values)[:1] for values in state.history.values()}) > 1:
        raise ParameterError(
            "The state to resume from is damaged: it must have one loss a seed, and one value a step of everything "
            "observed; train anew."
        )
    theirs = {name: np.shape(value) for name, value in state.weights.items()}
    ours = {name: tuple(value.shape) for name, value in students.state_dict().items()}
    if theirs != ours:
        name = next(n for n in {**ours, **theirs} if theirs.get(n) != ours.get(n))
        raise ParameterError(
            f"The state to resume from is that of other students: '{name}' has shape {theirs.get(name)} there and "
            f"{ours.get(name)} here."
        )
    remembered = [name.rpartition(".")[2] for name in state.optimizer]
    kind = "adam" if {"square", "exp_avg_sq"} & {*remembered} else "momentum"
    kind = kind if {"velocity", "exp_avg", "momentum_buffer"} & {*remembered} else "sgd"
    wanted = "adam" if training.optimizer == "adam" else "momentum" if training.momentum else "sgd"
    if kind != wanted:
        names = {"adam": "Adam", "momentum": "SGD with momentum", "sgd": "SGD without momentum"}
        raise ParameterError(
            f"The state to resume from is that of another optimizer: {names[kind]} there and {names[wanted]} here."
        )
    if ("updates" in state.optimizer) != compiled:
        here, there = ("with", "without") if compiled else ("without", "with")
        raise ParameterError(
            f"The state to resume from is that of a training {here} a regime, or on another device, whose "
            f"optimizer remembers other things. Got one {there} here; resume as it began, or train anew."
        )
    if state.epoch > training.epochs:
        raise ParameterError(
            f"The 'epochs' parameter of Training must be >= {state.epoch}, the epochs that the state to resume from "
            f"has done. Got {training.epochs} instead."
        )
