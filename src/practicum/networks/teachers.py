"""Teachers: fixed networks that label the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks._assembly import assembled, checked_seeds
from practicum.networks._described import Described, by_kind, check_slope
from practicum.networks._given import from_arrays, from_module
from practicum.networks._grid import check_room, separated
from practicum.networks._law import draw
from practicum.networks._memory import check_weights
from practicum.networks._torch import need_torch
from practicum.networks.image_teachers import ImageTeacher
from practicum.networks.names import Activation
from practicum.networks.randomness import generator

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP


class SeparatedTeacher(Described):
    """Two layers whose nodes are told apart by construction, and differ in strength by a power law.

    The entries of the first weights are drawn from {-1, -3/4, ..., 3/4, 1}, each node is then scaled to |w| = 1, and no
    two nodes have the same weights. The fan-outs (the columns v*_j of the second weights) are drawn from the same nine
    values, with rows that differ and no column of zeros, and node j = 1 ... m is divided by ``j^decay``.

    Main arguments:
        inputs, hidden, outputs: d, m and C.
        decay: p >= 0; 0 makes all nodes equally strong, above 1 the last ones are hardly seen in the outputs.

    Other arguments:
        bias: of every hidden node.
        output_bias: of every output, None for none. The source's code gives outputs the bias of the nodes; it changes
            no coverage, but at decay 0 and twice the teacher's nodes the held-out loss ends 3 times smaller with it.
        activation, slope: of the hidden nodes; the slope is the leaky ReLU's.

    Raises:
        ParameterError: more nodes or outputs than the nine values can tell apart: 9^d - 5^d - 3^d + 1 directions,
            9^m - 1 rows.

    Source: section 5 of Tian, arXiv:1909.13458.
    """

    kind: Literal["separated"] = "separated"
    inputs: int = Field(default=100, ge=1, json_schema_extra={"remedy": "It is d, the number of inputs."})
    hidden: int = Field(default=20, ge=1, json_schema_extra={"remedy": "A teacher needs at least one hidden node."})
    outputs: int = Field(default=50, ge=1, json_schema_extra={"remedy": "A teacher needs at least one output."})
    decay: float = Field(default=1.0, ge=0, json_schema_extra={"remedy": "0 makes all nodes equally strong."})
    bias: float = -0.1
    output_bias: float | None = -0.1
    activation: Activation = "relu"
    slope: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> SeparatedTeacher:
        check_slope("SeparatedTeacher", self.activation, self.slope)
        check_room("hidden nodes", self.hidden, self.inputs, directions=True)
        check_room("outputs", self.outputs, self.hidden)
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """(d, m, C)."""
        return (self.inputs, self.hidden, self.outputs)

    def build(self, seeds: Sequence[int], *, law: Any = None, dtype: Any = "float64", device: Any = "cpu") -> MLP:
        """One teacher a seed, frozen.

        Main arguments:
            seeds: whole numbers >= 0, all different.

        Other arguments:
            law: not used, since nothing is tuned.
            dtype: float64 or float32, rounded from the same float64 numbers.
            device: of the tensors.

        Raises:
            ParameterError: bad seeds, dtype or device, or more weights than this machine has memory for.
        """
        numbers = checked_seeds(seeds)
        check_weights(self.sizes, len(numbers))
        networks = [self._drawn(generator(seed, "teacher")) for seed in numbers]
        network = assembled(networks, activation=self.activation, slope=self.slope, dtype=dtype, device=device)
        return network.requires_grad_(False)

    def _drawn(self, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
        first = separated(rng, self.hidden, self.inputs, directions=True)
        first /= np.linalg.norm(first, axis=1, keepdims=True)
        fan_out = separated(rng, self.outputs, self.hidden)
        for node in np.flatnonzero(~fan_out.any(axis=0)):  # it reaches no output, so that nobody could learn it
            while not fan_out[:, node].any():
                fan_out[:, node] = rng.integers(-4, 5, self.outputs) / 4
        fan_out /= np.arange(1, self.hidden + 1) ** self.decay
        top = None if self.output_bias is None else np.full(self.outputs, self.output_bias)
        return [first, fan_out], [np.full(self.hidden, self.bias), top]


class BalancedTeacher(Described):
    """Many layers whose nodes each fire on half of the inputs, with standardised outputs.

    The weights of every layer are drawn as the first ones of :class:`SeparatedTeacher`, each node scaled to |w| = 1.
    Then, layer after layer, biases are set to minus the median of ``w . f`` over N = `samples` tuning samples, and the
    last layer is rescaled and shifted. So what holds, in float64:

    * on the tuning samples each hidden node is positive on exactly N/2 of them, and each output has mean 0 and variance
      1 (divided by N). Where samples share the median, the node is positive on at most N/2 and negative on at most N/2:
      in narrow networks some samples silence all nodes below, and all give the same value;
    * on fresh samples of the same law the share of a node is 1/2 with a standard deviation of
      ``sqrt((1/N + 1/N') / 4)`` over N' of them, and means and variances are 0 and 1 up to the same order;
    * on another law nothing of this holds.

    The source draws biases uniform on (-1/2, 1/2) before it subtracts the median: they cancel, so none are drawn. It
    tunes on the held-out samples; here the tuning samples are drawn apart, and held-out samples stay unseen.

    Main arguments:
        inputs, hidden, outputs: d, widths of the hidden layers from the lowest, and C.

    Other arguments:
        decay: p >= 0; node j = 1 ... of each hidden layer has its fan-out divided by ``j^p`` before the nodes above it
            are scaled.
        samples: N, the number of tuning samples of each seed, even.
        activation, slope: of the hidden nodes; the slope is the leaky ReLU's.

    Raises:
        ParameterError: more nodes in a layer than the nine values can tell apart, or an odd number of samples.

    Source: section 5 of Tian, arXiv:1909.13458, where the small teacher has hidden = (10, 15, 20, 25).
    """

    kind: Literal["balanced"] = "balanced"
    inputs: int = Field(default=20, ge=1, json_schema_extra={"remedy": "It is d, the number of inputs."})
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(50, 75, 100, 125), min_length=1, json_schema_extra={"remedy": "It is one width a hidden layer."}
    )
    outputs: int = Field(default=100, ge=1, json_schema_extra={"remedy": "A teacher needs at least one output."})
    decay: float = Field(default=0.0, ge=0, json_schema_extra={"remedy": "0 makes all nodes equally strong."})
    samples: int = Field(
        default=10_000, ge=2, multiple_of=2, json_schema_extra={"remedy": "Half of an even number is a whole number."}
    )
    activation: Activation = "relu"
    slope: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> BalancedTeacher:
        check_slope("BalancedTeacher", self.activation, self.slope)
        for layer, (below, width) in enumerate(zip(self.sizes, self.sizes[1:-1]), start=1):
            check_room(f"nodes of hidden layer {layer}", width, below, directions=True)
        check_room("outputs", self.outputs, self.hidden[-1], directions=True)
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """(d, m_1, ..., C)."""
        return (self.inputs, *self.hidden, self.outputs)

    def build(self, seeds: Sequence[int], *, law: Any = None, dtype: Any = "float64", device: Any = "cpu") -> MLP:
        """One teacher a seed, frozen, tuned on samples of its own.

        Main arguments:
            seeds: whole numbers >= 0, all different.
            law: of the training inputs (a law, a function or an array, see :func:`practicum.networks.inputs.draw`). In
                place of a law that needs the teacher itself, that of its held-out inputs is taken.

        Other arguments:
            dtype: float64 or float32, rounded from the same float64 numbers.
            device: of the tensors.

        Raises:
            ParameterError: no law, or one under which an output is constant; bad seeds, dtype or device, or more
                numbers than this machine has memory for.
        """
        if law is None:
            raise ParameterError(
                "BalancedTeacher needs the law of the training inputs, because half of them is what a node fires on; "
                f"call build(seeds, law=GaussianInputs(dimension={self.inputs}, scale=10.0)), for example."
            )
        law = law.held_out if getattr(law, "around_teacher", False) else law
        numbers = checked_seeds(seeds)
        check_weights(self.sizes, len(numbers))
        require(
            "The tuning of a teacher", lambda samples, inputs, hidden: 8 * samples * (inputs + 2 * hidden),
            samples=self.samples, inputs=self.inputs, hidden=max(self.sizes[1:]),
        )  # fmt: skip
        networks = [
            self._tuned(generator(seed, "teacher"), draw(law, generator(seed, "tuning"), self.samples, self.inputs))
            for seed in numbers
        ]
        network = assembled(networks, activation=self.activation, slope=self.slope, dtype=dtype, device=device)
        return network.requires_grad_(False)

    def _tuned(self, rng: np.random.Generator, values: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        need_torch()
        import torch

        from practicum.networks.mlp import activate

        weights, biases = [], []
        values = values.astype(np.float64)
        for layer, (below, width) in enumerate(zip(self.sizes, self.sizes[1:])):
            weight = separated(rng, width, below, directions=True)
            if layer:
                weight /= np.arange(1, below + 1) ** self.decay
            weight /= np.linalg.norm(weight, axis=1, keepdims=True)
            values = values @ weight.T
            bias = -np.median(values, axis=0) if layer < len(self.hidden) else -values.mean(axis=0)
            values += bias
            if layer < len(self.hidden):
                values = activate(torch.from_numpy(values), self.activation, self.slope).numpy()
            else:
                deviation = values.std(axis=0)
                if not (deviation > 1e-12 * np.abs(bias)).all():
                    raise ParameterError(
                        f"Output {int(np.argmin(deviation))} of a BalancedTeacher is constant under this law, so that "
                        "it cannot be standardised; take a law whose inputs vary, or wider layers."
                    )
                weight, bias = weight / deviation[:, None], bias / deviation
            weights.append(weight)
            biases.append(bias)
        return weights, biases


TeacherValue = Annotated[
    SeparatedTeacher | BalancedTeacher | ImageTeacher,
    by_kind("A teacher", SeparatedTeacher, BalancedTeacher, ImageTeacher),
]
"""The type of a field that holds any teacher that can be stored."""

__all__ = ["BalancedTeacher", "ImageTeacher", "SeparatedTeacher", "TeacherValue", "from_arrays", "from_module"]
