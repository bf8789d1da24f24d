"""Copies of networks to work on: nothing is shared with the original, and nobody who watches it is told."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, cast

import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from practicum.errors import ParameterError
from practicum.pruning._layers import check_network

SILENCED = "kept_nodes"
"""The buffer by which :func:`practicum.pruning.masked` silences nodes, in modules that make something of 0."""


def bare_copy(network: nn.Module) -> nn.Module:
    """A copy with the same parameters, buffers and modes, without gradients and without hooks.

    Masks of ``torch.nn.utils.prune``, which are hooks, become plain zeros in the weights.

    Raises:
        ParameterError: no module, one with a seed axis, or one that cannot be copied, such as one whose weights are
            computed from others.
    """
    check_network(network)
    # What deepcopy finds in the memo it takes from there: empty tables of hooks, and placeholders of masked weights.
    memo: dict[int, Any] = {}
    for name, part in network.named_modules():
        for key, value in vars(part).items():
            if key.startswith(("_forward_", "_backward_")) and isinstance(value, dict):
                memo[id(value)] = type(value)()
        for masked in _masked(part):
            memo[id(vars(part).get(masked))] = torch.empty(0)
        if parametrize.is_parametrized(part) or any(
            type(hook).__module__.startswith("torch.nn.utils") and not isinstance(hook, prune.BasePruningMethod)
            for hook in part._forward_pre_hooks.values()
        ):
            raise ParameterError(
                f"The weights of '{name}' are computed from other parameters, so that there is nothing to remove from; "
                "make them plain with torch.nn.utils.parametrize.remove_parametrizations or remove_weight_norm first."
            )
    try:
        copy = deepcopy(network, memo)
    except (RuntimeError, TypeError) as error:
        why = str(error).partition("\n")[0].rstrip(".")
        raise ParameterError(
            f"{type(network).__name__} cannot be copied, and the original must not change: {why:.200}."
        ) from None
    for part in copy.modules():
        for name in _masked(part):
            _bake(part, name)
    return copy


def _masked(part: nn.Module) -> list[str]:
    """Names of the parameters that ``torch.nn.utils.prune`` masks."""
    names = [name.removesuffix("_orig") for name in part._parameters if name.endswith("_orig")]
    return [name for name in names if f"{name}_mask" in part._buffers]


def _bake(part: nn.Module, name: str) -> None:
    vars(part).pop(name, None)
    original = cast(nn.Parameter, part._parameters.pop(f"{name}_orig"))
    mask = cast(torch.Tensor, part._buffers.pop(f"{name}_mask"))
    part.register_parameter(name, nn.Parameter(original.detach() * mask, original.requires_grad))
