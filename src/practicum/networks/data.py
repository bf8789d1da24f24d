"""The examples that students learn from and are tested on, with the teacher's answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks._assembly import checked_seeds, place, precision
from practicum.networks._law import as_rows, draw
from practicum.networks.randomness import generator
from practicum.values import whole

_BYTES = 16
"""Of a number: in a list of seeds and in an array of all, in float64."""


@dataclass(frozen=True)
class Data:
    """Inputs for training and held-out inputs.

    Main arguments:
        inputs: (S, N, d), each seed its own; or (1, N, d), the same for all. An example may have several axes.
        held_out: (S, N', d) or (1, N', d), never trained on.

    Other arguments:
        law, seeds: what the training inputs were drawn from and by whom, if they can be drawn anew every epoch.

    Raises:
        ParameterError: no examples, shapes that do not fit each other, or numbers that are not finite.
    """

    inputs: Tensor
    held_out: Tensor
    law: Any = None
    seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("inputs", self.inputs), ("held_out", self.held_out)):
            if not isinstance(value, Tensor) or not value.is_floating_point() or value.ndim < 3:
                found = tuple(value.shape) if isinstance(value, (Tensor, np.ndarray)) else type(value).__name__
                raise ParameterError(
                    f"The '{name}' parameter of Data must be a tensor (seeds, samples, inputs) of floats, with 1 seed "
                    f"if all share it. Got {found} instead."
                )
            if value.numel() == 0:
                raise ParameterError(
                    f"The '{name}' parameter of Data must hold at least one example. Got shape {tuple(value.shape)} "
                    "instead."
                )
            if not torch.isfinite(value).all():
                raise ParameterError(
                    f"The '{name}' parameter of Data must be finite, because one bad number spoils all weights."
                )
        if self.inputs.shape[2:] != self.held_out.shape[2:]:
            raise ParameterError(
                "Training and held-out inputs must have examples of one shape. Got "
                f"{tuple(self.inputs.shape[2:])} and {tuple(self.held_out.shape[2:])} instead."
            )

    @property
    def samples(self) -> int:
        """N, the training examples of a seed."""
        return self.inputs.shape[1]


def make_data(
    law: Any,
    teacher: nn.Module,
    seeds: Sequence[int],
    samples: int,
    held_out: int,
    *,
    shared: bool | None = None,
    dtype: Any = "float64",
    device: Any = "cpu",
) -> Data:
    """Training and held-out examples of a law, drawn for each seed.

    Main arguments:
        law: see :func:`practicum.networks.inputs.draw`. Held-out examples follow its `held_out`, if it has one; the
            rows of an array are either held out or trained on, also where training inputs are drawn anew.
        teacher: laws may place their examples around it.
        seeds: whole numbers >= 0; what a seed gets does not depend on the others.
        samples, held_out: N and N'.

    Other arguments:
        shared: True gives all seeds the examples of seed 0, False each seed its own; None shares images, patches and
            arrays, of which there is only one set.
        dtype, device: of the tensors; numbers are drawn in float64 on the CPU.

    Raises:
        ParameterError: bad seeds or counts, fewer rows of an array than examples, or examples of another shape than the
            law says.
    """
    numbers = checked_seeds(seeds)
    samples, held_out = whole("samples", samples, 1), whole("held_out", held_out, 1)
    is_array = not hasattr(law, "sample") and not callable(law)
    if shared is None:
        shared = getattr(law, "kind", None) in ("images", "patches") or is_array
    numbers = (0,) if shared else numbers
    law = _Rows(as_rows(law), numbers, samples, held_out) if is_array else law
    shape = example_shape(law, teacher)
    other = getattr(law, "held_out", law)
    each = shape if isinstance(shape, int) else math.prod(shape)
    require(
        "The data",
        lambda seeds, samples, held_out, inputs: _BYTES * seeds * (samples + held_out) * inputs,
        seeds=len(numbers), samples=samples, held_out=held_out, inputs=each,
    )  # fmt: skip
    kind, where = precision(dtype), place(device)

    def drawn(law: Any, purpose: str, count: int) -> Tensor:
        arrays = [draw(law, generator(s, purpose), count, shape, teacher, i) for i, s in enumerate(numbers)]  # pyright: ignore[reportArgumentType]
        return torch.from_numpy(np.stack(arrays)).to(device=where, dtype=kind)

    return Data(drawn(law, "inputs", samples), drawn(other, "held-out", held_out), law, numbers)


def example_shape(law: Any, teacher: nn.Module) -> int | tuple[int, ...]:
    """Of one example: what the law says, or the inputs of the teacher."""
    if hasattr(law, "shape"):
        return law.shape
    if hasattr(law, "dimension"):
        return law.dimension
    shape = getattr(teacher, "shape", None)
    return shape if shape is not None else teacher.sizes[0]  # pyright: ignore[reportReturnType, reportIndexIssue, reportCallIssue, reportArgumentType]


class _Rows:
    """The rows of an array as a law: some of each seed's are held out, and the others may be drawn."""

    def __init__(self, array: np.ndarray, seeds: Sequence[int], samples: int, held_out: int) -> None:
        if len(array) < samples + held_out:
            raise ParameterError(
                f"An array of inputs must have at least {samples + held_out} rows, {samples} to train on and "
                f"{held_out} to hold out. Got {len(array)} instead; ask for fewer of either."
            )
        orders = [generator(seed, "held-out").permutation(len(array)) for seed in seeds]
        self.array, self.shape = array, array.shape[1:]
        self.places = [order[held_out:] for order in orders]
        self._others = [order[:held_out] for order in orders]

    @property
    def held_out(self) -> _Rows:
        other = copy(self)
        other.places, other._others = self._others, self.places
        return other

    def sample(
        self, rng: np.random.Generator, count: int, teacher: nn.Module | None = None, seed_index: int = 0
    ) -> np.ndarray:
        return self.array[rng.permutation(self.places[seed_index])[:count]]


def redrawn(data: Data, teacher: nn.Module, epoch: int) -> Tensor:
    """The training inputs of a later epoch, of the shape, precision and device of the first."""
    shape = tuple(data.inputs.shape[2:])
    arrays = [
        draw(data.law, generator(s, "inputs", epoch), data.samples, shape, teacher, i)  # pyright: ignore[reportArgumentType]
        for i, s in enumerate(data.seeds)
    ]
    return torch.from_numpy(np.stack(arrays)).to(data.inputs)
