"""Modules whose tensors are smaller than they were made for are told so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.cnn import CNN
from practicum.pruning._copies import SILENCED, bare_copy
from practicum.pruning._layers import LAYERS
from practicum.pruning.masks import _only_kept


def tell_widths(network: nn.Module) -> None:
    """Set the widths that layers, norms and CNNs keep, and take off what silences nobody any more."""
    for part in network.modules():
        layer: Any = part
        if isinstance(part, nn.Linear):
            part.out_features, part.in_features = part.weight.shape
        elif isinstance(part, LAYERS):
            layer.out_channels, layer.in_channels = len(layer.weight), layer.weight.shape[1] * layer.groups
        elif isinstance(part, nn.PReLU):
            part.num_parameters = part.weight.numel()
        elif isinstance(part, nn.modules.batchnorm._NormBase):
            numbers = part.weight if part.running_mean is None else part.running_mean
            part.num_features = part.num_features if numbers is None else len(numbers)
        elif isinstance(part, CNN):
            part.channels = tuple(len(part.get_parameter(f"conv{n}.weight")) for n in range(1, part.depth + 1))
        if SILENCED in part._buffers and bool(part.get_buffer(SILENCED).all()):
            del part._buffers[SILENCED]
            for key in [key for key, hook in part._forward_hooks.items() if hook is _only_kept]:
                del part._forward_hooks[key]


def shaped_like(network: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """A copy of a network with the numbers of a state dict, whose tensors may be smaller than its own.

    Main arguments:
        network: of the class and the depth of the one that the state dict comes from.
        state: its tensors are taken over as they are, not copied.

    Raises:
        ParameterError: the two have not the same names, or tensors of other axes.
    """
    copy = bare_copy(network)
    own = copy.state_dict()
    different = sorted(own.keys() ^ state.keys()) or [name for name in own if own[name].ndim != state[name].ndim]
    if different:
        raise ParameterError(
            f"The network must be of the class and the depth of the one that was pruned. Got a "
            f"{type(network).__name__} that does not fit in {', '.join(different[:3])}."
        )
    for name, values in state.items():
        address, _, key = name.rpartition(".")
        part = copy.get_submodule(address)
        old = part._parameters.get(key)
        setattr(part, key, values if old is None else nn.Parameter(values, requires_grad=old.requires_grad))
    tell_widths(copy)
    return copy
