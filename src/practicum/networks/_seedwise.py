"""Training of multilayer perceptrons on a CPU, one seed after the other, by the compiled kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from practicum.networks._blas import passed
from practicum.networks._kernel import ADAM, MOMENTUM, Room, Rule, Seed, Shape, train
from practicum.networks.mlp import MLP, BatchNorm
from practicum.networks.names import Activation, Normalisation
from practicum.networks.settings import Loss, Training

_LINE = 64
"""Bytes of a line of the cache, and of the widest register."""


class Seedwise:
    """Updates of an :class:`MLP`, in place.

    Between two calls of :meth:`run` the network holds the weights; meanwhile they lie seed by seed in flat arrays, and
    each seed in its turn in the same place.

    Main arguments:
        network: S perceptrons on a CPU, with or without BatchNorm.
        training: the loss and the rule of descent.
    """

    def __init__(self, network: MLP, training: Training) -> None:
        self.network, self.training = network, training
        self.dtype = np.dtype(str(network.dtype).removeprefix("torch."))
        self.shape, self.count = _shape(network, training)
        self.kind = ADAM if training.optimizer == "adam" else MOMENTUM if training.momentum else 0
        self.updates = 0
        nodes = sum(network.sizes[1:-1]) if network.norms else 0
        seeds, count = network.seeds, self.count
        self.all = Seed(
            parameters=np.zeros((seeds, count), self.dtype),
            moments=np.zeros((seeds, 2, nodes), self.dtype),
            velocity=np.zeros((seeds, count if self.kind else 0), self.dtype),
            square=np.zeros((seeds, count if self.kind == ADAM else 0), self.dtype),
        )
        self.one = Seed(*(_aligned(array.shape[1:], self.dtype) for array in self.all))
        self.rooms: dict[int, Room] = {}

    def run(self, inputs: Tensor, wanted: Tensor, rows: Tensor, rate: float) -> Tensor:
        """One update a batch; the losses (steps, S) before each, float64.

        Main arguments:
            inputs: (S or 1, N, d).
            wanted: what :func:`practicum.networks.losses.targets` made, (S or 1, N, C) or (S or 1, N).
            rows: of each seed's examples, (steps, S, B).
            rate: of learning.
        """
        examples, answers = inputs.numpy(), wanted.numpy()
        if answers.ndim == 2:
            answers = answers[..., None].astype(self.dtype)
        steps, seeds, size = rows.shape
        if size not in self.rooms:
            self.rooms[size] = self._room(size)
        training, room = self.training, self.rooms[size]
        rule = Rule(self.kind, float(rate), training.momentum, training.weight_decay, self.updates)
        order = np.ascontiguousarray(rows.numpy().transpose(1, 0, 2))
        losses = np.full((seeds, steps), np.nan)
        for array, part in self._parts():
            part[...] = array
        for index in range(seeds):
            if np.isnan(self.all.parameters[index]).all():  # it has diverged
                continue
            for here, there in zip(self.one, self.all):
                here[...] = there[index]
            x, t = examples[index % len(examples)], answers[index % len(answers)]
            train(self.shape, rule, self.one, room, x, t, order[index], losses[index])
            for here, there in zip(self.one, self.all):
                there[index] = here
        for array, part in self._parts():
            array[...] = part
        self.updates += steps
        return torch.from_numpy(losses.T)

    def state(self) -> dict[str, Tensor]:
        """What the next update depends on besides the network."""
        arrays = {"velocity": self.all.velocity, "square": self.all.square, "updates": np.array(self.updates)}
        return {name: torch.from_numpy(array) for name, array in arrays.items() if array.size}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`."""
        self.updates = int(state["updates"])
        for name in ("velocity", "square"):
            if name in state:
                getattr(self.all, name)[...] = state[name].numpy()

    def _parts(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each array of the network, and the part of the flat ones that belongs to it."""
        network, shape, flat = self.network, self.shape, self.all.parameters
        for layer, (weight, bias) in enumerate(zip(network.weights, network.biases)):
            _, n, width = weight.shape
            first, length = shape.weights[layer], width + (bias is not None)
            block = flat[:, first : first + n * length].reshape(-1, n, length)
            yield weight.detach().numpy(), block[:, :, :width]
            if bias is not None:
                yield bias.detach().numpy(), block[:, :, width]
        for layer, norm in enumerate(network.norms):
            assert isinstance(norm, BatchNorm)
            n, first, node = network.sizes[layer + 1], shape.norms[layer], shape.nodes[layer]
            yield norm.weight.detach().numpy(), flat[:, first : first + n]
            yield norm.bias.detach().numpy(), flat[:, first + n : first + 2 * n]
            yield norm.running_mean.numpy(), self.all.moments[:, 0, node : node + n]
            yield norm.running_variance.numpy(), self.all.moments[:, 1, node : node + n]

    def _room(self, size: int) -> Room:
        sizes = self.network.sizes
        entries = size * (int(self.shape.rows[-1]) + sizes[-1])
        counts = {
            "inputs": size * (sizes[0] + 1),
            "pre": entries,
            "hat": entries if self.network.norms else 0,
            "post": entries,
            "error": entries,
            "inverse": sum(sizes[1:-1]),
            "gradient": self.count if self.kind == ADAM else 0,
        }
        arrays = {name: _aligned((count,), self.dtype) for name, count in counts.items()}
        return Room(**arrays, passed=passed(self.dtype.type))


def _shape(network: MLP, training: Training) -> tuple[Shape, int]:
    """The shape of the networks, and how many parameters each has."""
    sizes, hidden = network.sizes, network.sizes[1:-1]
    biased = [int(bias is not None) for bias in network.biases]
    lengths = [n * (width + bias) for (width, n), bias in zip(pairwise(sizes), biased)]
    places = list(accumulate([*lengths, *(2 * n if network.norms else 0 for n in hidden)], initial=0))
    norms = [norm for norm in network.norms if isinstance(norm, BatchNorm)]
    shape = Shape(
        widths=_whole(sizes),
        biased=_whole(biased),
        weights=_whole(places[: len(lengths)]),
        norms=_whole(places[len(lengths) :]),
        nodes=_whole(accumulate(hidden, initial=0)),
        rows=_whole(accumulate((n + 1 for n in hidden), initial=0)),
        activation=get_args(Activation).index(network.activation),
        normalisation=(None, *get_args(Normalisation)).index(network.normalisation),
        loss=get_args(Loss).index(training.loss),
        slope=float(network.slope),
        temperature=float(training.temperature),
        running=np.array([norm.momentum for norm in norms], np.float64),
        epsilon=np.array([norm.epsilon for norm in norms], np.float64),
    )
    return shape, places[-1]


def _whole(numbers: Iterable[int]) -> np.ndarray:
    return np.array(list(numbers), np.int64)


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Zeros that begin at a line of the cache: where they begin must not change the order in which BLAS adds."""
    needed = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(needed + _LINE, np.uint8)
    first = -memory.ctypes.data % _LINE
    return memory[first : first + needed].view(dtype).reshape(shape)
