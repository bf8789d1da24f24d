"""What a network computes, as JSON: modules of PyTorch by name and arguments, and no code."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from practicum.networks.cnn import CNN
from practicum.pruning.sequential import Erf

_CONVOLUTION = "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode"
_NORM = "num_features eps momentum affine track_running_stats"
_MAXIMUM = "kernel_size stride padding dilation return_indices ceil_mode"
_ARGUMENTS: dict[type[nn.Module], str] = {
    nn.Linear: "in_features out_features bias",
    nn.Conv1d: _CONVOLUTION,
    nn.Conv2d: _CONVOLUTION,
    nn.Conv3d: _CONVOLUTION,
    nn.BatchNorm1d: _NORM,
    nn.BatchNorm2d: _NORM,
    nn.BatchNorm3d: _NORM,
    nn.ReLU: "",
    nn.ReLU6: "",
    nn.LeakyReLU: "negative_slope",
    nn.PReLU: "num_parameters",
    nn.ELU: "alpha",
    nn.SELU: "",
    nn.GELU: "approximate",
    nn.SiLU: "",
    nn.Mish: "",
    nn.Softplus: "beta threshold",
    nn.Sigmoid: "",
    nn.Tanh: "",
    nn.Hardtanh: "min_val max_val",
    Erf: "",
    nn.Identity: "",
    nn.Dropout: "p",
    nn.Dropout2d: "p",
    nn.Flatten: "start_dim end_dim",
    nn.MaxPool1d: _MAXIMUM,
    nn.MaxPool2d: _MAXIMUM,
    nn.AvgPool1d: "kernel_size stride padding ceil_mode count_include_pad",
    nn.AvgPool2d: "kernel_size stride padding ceil_mode count_include_pad divisor_override",
    nn.AdaptiveAvgPool1d: "output_size",
    nn.AdaptiveAvgPool2d: "output_size",
    nn.AdaptiveMaxPool2d: "output_size return_indices",
    nn.Softmax: "dim",
    nn.LogSoftmax: "dim",
    CNN: "shape channels outputs strides normalisation",
}
"""Modules that are made from arguments which they keep under the same names."""

_KINDS = {kind.__name__: kind for kind in _ARGUMENTS}


def described(network: nn.Module) -> dict[str, Any] | None:
    """The architecture of a network; None if it has a module of another kind, or one that was changed by hand."""
    found = _described(network)
    if found is None:
        return None
    return found if _looks(constructed(found)) == _looks(network) else None


def constructed(architecture: dict[str, Any]) -> nn.Module:
    """The network of an architecture, without numbers: its tensors are on the device "meta".

    Raises:
        KeyError, TypeError, ValueError: it is no architecture.
    """
    with torch.device("meta"):
        return _constructed(architecture)


def _looks(network: nn.Module) -> Any:
    """What must be the same in the network that will be built, whose parts a CNN, for one, makes by itself."""
    parts = [(name, type(part), _arguments(part)) for name, part in network.named_modules(remove_duplicate=False)]
    return parts, [(name, values.shape) for name, values in network.state_dict().items()]


def _described(network: nn.Module) -> dict[str, Any] | None:
    if type(network) is nn.Sequential:
        parts = [[name, _described(part)] for name, part in network.named_children()]
        return None if any(part is None for _, part in parts) else {"kind": "Sequential", "parts": parts}
    arguments = _arguments(network)
    return None if arguments is None else {"kind": type(network).__name__, **arguments}


def _arguments(module: nn.Module) -> dict[str, Any] | None:
    if type(module) not in _ARGUMENTS:
        return None
    found = {name: getattr(module, name) for name in _ARGUMENTS[type(module)].split()}
    if "bias" in found:
        found["bias"] = found["bias"] is not None
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _constructed(architecture: dict[str, Any]) -> nn.Module:
    kind = architecture["kind"]
    if kind != "Sequential":
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in architecture.items()}
        del given["kind"]
        return _KINDS[kind](**given)
    network = nn.Sequential()
    for name, part in architecture["parts"]:
        network.add_module(name, _constructed(part))
    return network
