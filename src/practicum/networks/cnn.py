"""Small convolutional networks, for teachers and students on images."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks._assembly import checked_seeds, place, precision
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import Layers
from practicum.networks.names import Normalisation
from practicum.networks.randomness import generator
from practicum.networks.students import Students
from practicum.values import whole


class CNN(nn.Module):
    """3 x 3 convolutions, each with a ReLU, then one linear layer: images (B, c, h, w) to outputs (B, C).

    A node of a hidden layer is a channel, and each position of each image is a sample of it. The modules are named
    ``conv1``, ``norm1``, ``relu1``, ``conv2``, ..., ``flatten``, ``output``, so that hooks and checkpoints find them.

    Main arguments:
        shape: (c, h, w) of one image.
        channels: the widths of the hidden layers, from the lowest.
        outputs: C.

    Other arguments:
        strides: of the convolutions, one a layer; None is 2 as long as the picture has at least 3 pixels a side, which
            quarters the positions from layer to layer and takes the place of pooling. Pictures are padded by a border
            of zeros, so that a stride of 1 keeps their size.
        normalisation: BatchNorm "before" or "after" each ReLU, or None.

    The weights are PyTorch's own, from its global generator, until :meth:`draw` draws them.

    Raises:
        ParameterError: a size that is not a whole number >= 1, no layer, not one stride a layer, an unknown name.

    Source: the image experiments of Tian, arXiv:1909.13458, have 64-64-64-64 channels; strides and padding are ours.
    """

    def __init__(
        self,
        shape: Sequence[int] = (1, 28, 28),
        channels: Sequence[int] = (32, 32, 32, 32),
        outputs: int = 10,
        *,
        strides: Sequence[int] | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        super().__init__()
        self.shape = _sizes("shape", shape)
        self.channels = _sizes("channels", channels)
        self.outputs = whole("outputs", outputs, 1)
        if len(self.shape) != 3:
            raise ParameterError(
                f"The 'shape' parameter of CNN must be (c, h, w) of one image. Got {self.shape} instead."
            )
        if normalisation not in (None, "before", "after"):
            raise ParameterError(
                f"The 'normalisation' parameter of CNN must be None, 'before' or 'after'. Got {normalisation!r:.60} "
                "instead."
            )
        self.normalisation: Normalisation | None = normalisation
        self.strides = _usual_strides(self.shape, len(self.channels)) if strides is None else _sizes("strides", strides)
        if len(self.strides) != len(self.channels):
            raise ParameterError(
                f"The 'strides' parameter of CNN must have one number a layer, {len(self.channels)} in all. Got "
                f"{self.strides} instead."
            )
        below, height, width = self.shape
        for number, (nodes, stride) in enumerate(zip(self.channels, self.strides), start=1):
            require("A convolution", partial(_filters, below), channels=nodes)
            steps = OrderedDict[str, nn.Module](conv=nn.Conv2d(below, nodes, 3, stride=stride, padding=1))
            if normalisation == "before":
                steps["norm"] = nn.BatchNorm2d(nodes)
            steps["relu"] = nn.ReLU()
            if normalisation == "after":
                steps["norm"] = nn.BatchNorm2d(nodes)
            for name, step in steps.items():
                self.add_module(f"{name}{number}", step)
            below, height, width = nodes, math.ceil(height / stride), math.ceil(width / stride)
        entries = below * height * width
        require(
            "An output layer", lambda channels, outputs: 8 * channels * height * width * outputs,
            channels=below, outputs=self.outputs,
        )  # fmt: skip
        self.add_module("flatten", nn.Flatten())
        self.add_module("output", nn.Linear(entries, self.outputs))

    @property
    def sizes(self) -> tuple[int, ...]:
        """(c, n_1, ..., C), in channels."""
        return (self.shape[0], *self.channels, self.outputs)

    @property
    def depth(self) -> int:
        """The number of hidden layers."""
        return len(self.channels)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (B, C) on images (B, c, h, w)."""
        for name, step in self.named_children():
            inputs = step(inputs)
            inputs = _channels_last(inputs) if name == "conv1" else inputs
        return inputs

    def layers(self, inputs: Tensor) -> Layers:
        """Outputs (1, B, C), and what each hidden layer does on the way, (1, samples, channels).

        The samples are the B images, each with its h_l w_l positions, row by row. As in an MLP, `pre` is what the ReLU
        sees and `post` what the next layer sees.
        """
        pre, post = [], []
        value = inputs
        for number in range(1, self.depth + 1):
            value = self.get_submodule(f"conv{number}")(value)
            value = _channels_last(value) if number == 1 else value
            if self.normalisation == "before":
                value = self.get_submodule(f"norm{number}")(value)
            pre.append(_samples(value))
            value = self.get_submodule(f"relu{number}")(value)
            if self.normalisation == "after":
                value = self.get_submodule(f"norm{number}")(value)
            post.append(_samples(value))
        return Layers(pre, post, self.get_submodule("output")(value.flatten(1)).unsqueeze(0))

    def draw(self, rng: np.random.Generator, *, scale: float | None = None, factor: float = 1.0) -> CNN:
        """Draw all weights and biases anew, and forget what BatchNorm has seen.

        Main arguments:
            rng: a generator of NumPy, whose numbers are the same for every device.

        Other arguments:
            scale: None draws uniformly on +-1 / sqrt(fan-in), the law of PyTorch's own defaults; a number draws
                weights from N(0, scale^2), and sets biases to 0.
            factor: on everything drawn.
        """
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    bound = module.weight[0].numel() ** -0.5
                    for name, values in module.named_parameters():
                        shape = tuple(values.shape)
                        if scale is None:
                            drawn = rng.uniform(-bound, bound, shape)
                        else:
                            drawn = scale * rng.standard_normal(shape) if name == "weight" else np.zeros(shape)
                        values.copy_(torch.from_numpy(factor * drawn))
                elif isinstance(module, nn.BatchNorm2d):
                    module.reset_parameters()
        return self

    def extra_repr(self) -> str:
        return f"shape={self.shape}, sizes={self.sizes}"


def cnn_students(
    students: Students, teacher: Ensemble | CNN, seeds: Sequence[int], *, dtype: Any = "float32", device: Any = "cpu"
) -> Ensemble:
    """Convolutional students of a convolutional teacher, one a seed, ready to be trained.

    They have the teacher's depth, strides and pictures. What `students` says of an MLP holds for them too, channels
    being the nodes; their activation is the ReLU, and their outputs have biases.

    Main arguments:
        students: how wide they are and where they start.
        teacher: a CNN, or an Ensemble of CNNs.
        seeds: whole numbers >= 0, all different; a student depends on its seed and sizes alone.

    Other arguments:
        dtype: float32 or float64, rounded from the same float64 numbers.
        device: of the tensors.

    Raises:
        ParameterError: a teacher of another kind, `widths` of another depth, another activation than the ReLU, outputs
            without biases, bad seeds or dtype.
    """
    pattern = teacher.networks[0] if isinstance(teacher, Ensemble) else teacher
    if not isinstance(pattern, CNN):
        raise ParameterError(
            f"Convolutional students need a teacher that is a CNN. Got {type(pattern).__name__} instead; for another "
            "teacher build students of your own and put them into an Ensemble."
        )
    if students.activation not in (None, "relu") or students.output_bias is False:
        raise ParameterError(
            "Convolutional students have ReLUs and output biases. Got activation="
            f"{students.activation!r} and output_bias={students.output_bias!r} instead; leave both out."
        )
    channels = students.sizes(pattern.sizes)[1:-1]
    kind, where = precision(dtype), place(device)
    scale = students.scale if students.initial == "normal" else None
    networks = [
        CNN(pattern.shape, channels, pattern.outputs, strides=pattern.strides, normalisation=students.normalisation)
        .double()
        .draw(generator(seed, "student"), scale=scale, factor=students.initial_scale)
        for seed in checked_seeds(seeds)
    ]
    return Ensemble(networks).to(device=where, dtype=kind).train()


def _channels_last(values: Tensor) -> Tensor:
    """The same numbers in another order in memory, which the layers above keep: measured, 1.1 to 1.3 times faster."""
    return values.contiguous(memory_format=torch.channels_last)


def _filters(below: int, channels: int) -> int:
    """Bytes of the weights of channels above others."""
    return 8 * 9 * below * channels


def _samples(values: Tensor) -> Tensor:
    """(B, n, h, w) to (1, B h w, n)."""
    return values.movedim(1, -1).reshape(1, -1, values.shape[1])


def _sizes(name: str, values: Sequence[int]) -> tuple[int, ...]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ParameterError(
            f"The '{name}' parameter of CNN must be a list of whole numbers >= 1. Got {values!r:.60} instead."
        )
    sizes = tuple(whole(name, value, 1) for value in values)
    if not sizes:
        raise ParameterError(f"The '{name}' parameter of CNN must have at least one number, one a layer. Got none.")
    return sizes


def _usual_strides(shape: tuple[int, ...], layers: int) -> tuple[int, ...]:
    strides, side = [], min(shape[1:])
    for _ in range(layers):
        strides.append(2 if side >= 3 else 1)
        side = math.ceil(side / strides[-1])
    return tuple(strides)
