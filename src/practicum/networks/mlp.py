"""Multilayer perceptrons side by side: every tensor has a leading seed axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.names import Activation, Normalisation
from practicum.values import whole


class Layers(NamedTuple):
    """What the hidden layers of a network do with a batch.

    Main arguments:
        pre: inputs of the activations, one tensor (S, B, n_l) a hidden layer.
        post: what the next layer sees, likewise.
        outputs: (S, B, C).
    """

    pre: list[Tensor]
    post: list[Tensor]
    outputs: Tensor


def activate(values: Tensor, activation: Activation, slope: float = 0.0) -> Tensor:
    """max(x, 0); max(x, 0) + slope min(x, 0); erf(x / sqrt 2), as in the theory; or x."""
    if activation == "relu":
        return torch.relu(values)
    if activation == "leaky-relu":
        return nn.functional.leaky_relu(values, slope)
    if activation == "erf":
        return torch.erf(values * 0.5**0.5)
    return values


class BatchNorm(nn.Module):
    """Batch normalisation of S networks, each over its own batch: (S, B, n) to (S, B, n).

    Variance over the batch is biased, the running one unbiased, as in ``torch.nn.BatchNorm1d``; `weight` and `bias`
    are (S, n).
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, seeds: int, width: int, *, momentum: float = 0.1, epsilon: float = 1e-5, **factory: object):
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.weight = nn.Parameter(torch.ones((seeds, width), **factory))  # pyright: ignore[reportCallIssue, reportArgumentType]
        self.bias = nn.Parameter(torch.zeros_like(self.weight))
        self.register_buffer("running_mean", torch.zeros_like(self.bias.data))
        self.register_buffer("running_variance", torch.ones_like(self.bias.data))

    def forward(self, values: Tensor) -> Tensor:
        if self.training:
            if values.shape[1] == 1:
                raise ParameterError(
                    "BatchNorm in training needs at least two examples, because one alone has no variance. Got 1; take "
                    "larger batches, or call eval()."
                )
            variance, mean = torch.var_mean(values, dim=1, correction=0)
            count = values.shape[1]
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_variance.lerp_(variance * (count / (count - 1)), self.momentum)
        else:
            mean, variance = self.running_mean, self.running_variance
        factor = self.weight * torch.rsqrt(variance + self.epsilon)
        return (values - mean.unsqueeze(1)) * factor.unsqueeze(1) + self.bias.unsqueeze(1)


class MLP(nn.Module):
    """S multilayer perceptrons of one shape, one a seed, that compute side by side and share nothing.

    Main arguments:
        weights: one tensor (S, n_out, n_in) a layer, the output layer last.
        biases: one tensor (S, n_out) a layer, or None for a layer without.

    Other arguments:
        activation: of the hidden layers: "relu", "leaky-relu", "erf" (x to erf(x / sqrt 2)) or "linear".
        slope: of the leaky ReLU on its negative side.
        normalisation: BatchNorm "before" or "after" the activation of every hidden layer, or None.

    Raises:
        ParameterError: shapes that do not follow each other, or an unknown name.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor | None],
        *,
        activation: Activation = "relu",
        slope: float = 0.0,
        normalisation: Normalisation | None = None,
    ) -> None:
        super().__init__()
        _check(weights, biases, activation, normalisation)
        self.activation: Activation = activation
        self.slope = float(slope)
        self.normalisation: Normalisation | None = normalisation
        self.weights = nn.ParameterList([nn.Parameter(w.detach().clone().contiguous()) for w in weights])
        self.biases = nn.ParameterList(
            [None if b is None else nn.Parameter(b.detach().clone().contiguous()) for b in biases]
        )
        first = weights[0]
        self.norms = nn.ModuleList(
            [BatchNorm(self.seeds, n, dtype=first.dtype, device=first.device) for n in self.sizes[1:-1]]
            if normalisation
            else []
        )

    @property
    def seeds(self) -> int:
        """S, the number of networks."""
        return self.weights[0].shape[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """(d, n_1, ..., C)."""
        return (self.weights[0].shape[2], *(w.shape[1] for w in self.weights))

    @property
    def depth(self) -> int:
        """The number of hidden layers."""
        return len(self.weights) - 1

    @property
    def dtype(self) -> torch.dtype:
        return self.weights[0].dtype

    @property
    def device(self) -> torch.device:
        return self.weights[0].device

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (S, B, C) on inputs (B, d), the same for all, or (S, B, d), or (1, B, d)."""
        return self.layers(inputs).outputs

    def layers(self, inputs: Tensor) -> Layers:
        """Outputs and what every hidden layer does on the way."""
        value = self._spread(inputs)
        pre, post = [], []
        last = self.depth
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            transposed = weight.transpose(1, 2)
            value = value @ transposed if bias is None else torch.baddbmm(bias.unsqueeze(1), value, transposed)
            if index == last:
                break
            if self.normalisation == "before":
                value = self.norms[index](value)
            pre.append(value)
            value = activate(value, self.activation, self.slope)
            if self.normalisation == "after":
                value = self.norms[index](value)
            post.append(value)
        return Layers(pre, post, value)

    def select(self, indices: Sequence[int]) -> MLP:
        """A copy with some of the networks only, or with one of them several times.

        Raises:
            ParameterError: no index, or one that is not among 0 ... S - 1.
        """
        places = [whole("indices", index, 0) for index in indices]
        if not places or max(places) >= self.seeds:
            raise ParameterError(
                f"The 'indices' parameter of select must name networks from 0 to {self.seeds - 1}, at least one. Got "
                f"{places!r:.60} instead."
            )
        chosen = torch.as_tensor(places, device=self.device)
        other = MLP(
            [w.detach()[chosen] for w in self.weights],
            [None if b is None else b.detach()[chosen] for b in self.biases],
            activation=self.activation,
            slope=self.slope,
            normalisation=self.normalisation,
        )
        other.norms.load_state_dict({name: value[chosen] for name, value in self.norms.state_dict().items()})
        for copy, norm in zip(other.norms, self.norms):
            copy.momentum, copy.epsilon = norm.momentum, norm.epsilon
        return other.train(self.training)

    def extra_repr(self) -> str:
        return f"seeds={self.seeds}, sizes={self.sizes}, activation={self.activation!r}"

    def _spread(self, inputs: Tensor) -> Tensor:
        if not isinstance(inputs, Tensor) or inputs.dtype != self.dtype:
            found = inputs.dtype if isinstance(inputs, Tensor) else type(inputs).__name__
            raise ParameterError(
                f"Inputs of this network must be a tensor of {self.dtype}. Got {found} instead; "
                "torch.as_tensor(inputs).to(network.dtype) converts them."
            )
        if inputs.ndim == 0 or inputs.shape[-1] != self.sizes[0]:
            raise ParameterError(
                f"Inputs of this network must have {self.sizes[0]} columns. Got an array of shape "
                f"{tuple(inputs.shape)} instead."
            )
        batched = inputs if inputs.ndim == 3 else inputs.unsqueeze(0)
        if batched.ndim != 3 or batched.shape[0] not in (1, self.seeds):
            raise ParameterError(
                f"Inputs must have shape (B, d), or (S, B, d) with S = {self.seeds} networks. Got "
                f"{tuple(inputs.shape)} instead."
            )
        return batched.expand(self.seeds, -1, -1)


def _check(
    weights: Sequence[Tensor], biases: Sequence[Tensor | None], activation: str, normalisation: str | None
) -> None:
    for name, value, known in (
        ("activation", activation, get_args(Activation)),
        ("normalisation", normalisation, (None, *get_args(Normalisation))),
    ):
        if value not in known:
            raise ParameterError(
                f"The '{name}' parameter of MLP must be one of {', '.join(map(repr, known))}. Got {value!r} instead."
            )
    if not weights or len(weights) != len(biases):
        raise ParameterError(
            f"An MLP needs one bias (or None) a weight, and at least one layer. Got {len(weights)} weight(s) and "
            f"{len(biases)} bias(es) instead."
        )
    for value in (v for v in (*weights, *biases) if v is not None):
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        if not isinstance(value, Tensor) or not kind.is_floating_point or value.dtype != weights[0].dtype:  # pyright: ignore[reportAttributeAccessIssue]
            raise ParameterError(
                f"The weights and biases of an MLP must be tensors of one floating-point precision. Got {kind} among "
                "them; practicum.networks.from_arrays takes arrays of any kind."
            )
        if value.numel() == 0:
            raise ParameterError(
                "An MLP needs at least one seed, one input and one node a layer. Got weights or biases of shape "
                f"{tuple(value.shape)} instead."
            )
    seeds, width = weights[0].shape[0], weights[0].shape[-1]
    for index, (weight, bias) in enumerate(zip(weights, biases)):
        if weight.ndim != 3 or weight.shape[0] != seeds or weight.shape[2] != width:
            raise ParameterError(
                f"The weights of layer {index + 1} must have shape (seeds, nodes, inputs) with {seeds} seeds and "
                f"{width} inputs. Got {tuple(weight.shape)} instead."
            )
        width = weight.shape[1]
        if bias is not None and bias.shape != (seeds, width):
            raise ParameterError(
                f"The biases of layer {index + 1} must have shape ({seeds}, {width}). Got {tuple(bias.shape)} instead."
            )
