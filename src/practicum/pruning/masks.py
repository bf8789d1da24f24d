"""A network without the nodes or edges that a choice leaves out, in its old shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._evaluation import evaluated
from practicum.pruning._choice import chosen
from practicum.pruning._copies import SILENCED, bare_copy
from practicum.pruning._layers import Layer, module_of
from practicum.pruning._paths import Step, likely_shape, steps_after
from practicum.pruning._reach import Part, reach
from practicum.pruning.kept import Kept


def masked(
    network: nn.Module, kept: Kept | Sequence[Kept], *, inplace: bool = False, activation: str | None = None
) -> nn.Module:
    """The network without what is not kept; all shapes stay.

    A removed edge is a weight of 0. A removed node emits nothing, whatever its bias and its activation function: its
    weights and its bias are 0, so are weight and bias of a BatchNorm right after it, and so are the weights out of it
    where ``forward`` tells which these are. Where the activation makes something else of 0, as a sigmoid does, a
    forward hook on its module sets that to 0 too. The hook is no part of a file of weights; the zeros are.

    To train on with the mask held fast use ``torch.nn.utils.prune.custom_from_mask(layer, "weight", kept.mask)``, or
    what :mod:`practicum.pruning.adapters` offers; zeros alone grow again. To be rid of the nodes for good use
    :func:`practicum.pruning.compact`.

    Main arguments:
        network: any module with named layers.
        kept: a choice, or several of them, in one layer or in many.

    Other arguments:
        inplace: False works on a copy, without hooks and gradients of the original, which stays as it is; True changes
            the network itself.
        activation: name of the module whose outputs are the activations of the layer, for one choice of nodes; only
            needed where ``forward`` cannot be traced.

    Raises:
        ParameterError: a mask that does not fit, no such layer, one of another type or shared by two modules, weights
            that are computed from others, or nodes of which nobody can tell where they emit something.
    """
    choices: Sequence[Kept] = kept if isinstance(kept, (list, tuple)) else [kept]  # pyright: ignore[reportAssignmentType]
    if activation is not None and len(choices) != 1:
        raise ParameterError(
            f"The 'activation' parameter of masked belongs to one choice. Got {len(choices)}; call masked for each."
        )
    for choice in choices:
        chosen(network, choice)
    result = network if inplace else _copied(network)
    # Whatever may be refused is, before anything is changed.
    places = [_places(result, choice, activation) for choice in choices]
    for choice, found in zip(choices, places):
        if found is None:
            _zero(chosen(result, choice).weight, ~choice.mask)
        else:
            _silence(result, choice, found)
    return result


class _Places(NamedTuple):
    """Where the nodes of a layer can be silenced: norms on the way, layers that hear them, a module for a hook."""

    norms: list[Any]
    consumers: tuple[Part, ...]
    hook: nn.Module | None


def _copied(network: nn.Module) -> nn.Module:
    """A copy with no other hooks than those that silence nodes."""
    copy = bare_copy(network)
    for module in copy.modules():
        if SILENCED in module._buffers:
            module.register_forward_hook(_only_kept)
    return copy


def _places(network: nn.Module, choice: Kept, activation: str | None) -> _Places | None:
    """Where to silence nodes, None for edges.

    Raises:
        ParameterError: as :func:`masked`.
    """
    layer = chosen(network, choice)
    for key in ("weight", "bias"):
        if key not in layer._parameters:
            raise ParameterError(
                f"The {key} of layer '{choice.layer}' must be a plain parameter, because zeros are written into it. "
                "Got one that is computed from others; torch.nn.utils.prune.remove makes it plain, or leave out "
                "inplace=True."
            )
    if choice.kind == "edges":
        return None
    if activation is not None:
        return _Places([], (), module_of(network, activation))
    steps = steps_after(network, choice.layer)
    norms = [step.module for step in steps if _is_norm(step)]
    loud, hook = _speaking(network, steps, layer)
    try:
        consumers = reach(network, layer).consumers
    except ParameterError:  # nobody knows them, or nobody hears the nodes
        consumers = ()
    if loud and hook is None and not consumers:
        raise ParameterError(
            f"The nodes of layer '{choice.layer}' cannot be kept from emitting something, because what makes something "
            "of 0 after it is a function, or a module in several places; give the layer an activation module of its "
            "own, such as nn.Sigmoid()."
        )
    return _Places(norms, consumers, hook)


def _is_norm(step: Step) -> bool:
    """Whether a step gives 0 for whatever, once its own weights are 0."""
    norms = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
    return isinstance(step.module, norms) and step.module.affine


def _speaking(network: nn.Module, steps: Sequence[Step], layer: Layer) -> tuple[bool, nn.Module | None]:
    """Whether something on the way makes of 0 something else, and the first module from there on, for a hook."""
    loud, hook = False, None
    values = torch.zeros(likely_shape(layer)).to(layer.weight)
    with evaluated(network):
        for step in steps:
            result = step.call(values)
            if _is_norm(step):
                loud, hook = False, None
            elif result.any():
                loud, hook = True, None
            if loud and hook is None:
                hook = step.module
            values = torch.zeros_like(result)
    return loud, hook


def _silence(network: nn.Module, choice: Kept, places: _Places) -> None:
    layer, gone = chosen(network, choice), ~choice.mask
    own = [layer.weight, layer.bias, *(value for norm in places.norms for value in (norm.weight, norm.bias))]
    for value in own:
        if value is not None:
            _zero(value, gone)
    for part in places.consumers:
        weight: Any = network.get_submodule(part.name).weight
        _zero(weight.transpose(0, 1), part.entries(gone))
    if places.hook is not None:
        _attach(places.hook, choice.mask, layer)


def _zero(values: Tensor, gone: Tensor) -> None:
    """Set entries to 0: single ones, or whole rows."""
    with torch.no_grad():
        values[gone.to(values.device)] = 0.0


def _attach(place: nn.Module, mask: Tensor, layer: Layer) -> None:
    """Let a module's outputs be 0 where nodes are not kept."""
    mask = mask.clone().view(-1, *[1] * (layer.weight.ndim - 2)).to(layer.weight.device)
    if SILENCED in place._buffers:
        getattr(place, SILENCED).logical_and_(mask)
        return
    # A buffer goes along to another device and into copies; a file of weights stays one of the plain network.
    place.register_buffer(SILENCED, mask, persistent=False)
    place.register_forward_hook(_only_kept)


def _only_kept(module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    return output.masked_fill(~getattr(module, SILENCED), 0.0)
