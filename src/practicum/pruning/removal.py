"""Real removal: a smaller network instead of one with masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from practicum.errors import ParameterError
from practicum.networks._torch import need_torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.pruning._layers import Layer
    from practicum.pruning._reach import Reach
    from practicum.pruning.kept import Kept


def compact(network: nn.Module, kept: Kept, *, inputs: Tensor | None = None) -> nn.Module:
    """A smaller copy of a network, without the removed nodes of a layer.

    Smaller are the layer (weights and bias), BatchNorm and the like on the way (running moments too), and what the next
    layers see: one column a node, or all positions of a channel above a Flatten. As the next layers lose the columns of
    removed nodes, these send nothing, whatever their activation makes of 0; the answers are those of the network in
    which these columns are 0, up to roundings. Several layers are pruned one after the other:
    ``compact(compact(network, first), second)``.

    What follows the layer is read from a trace of forward (torch.fx), and it is tried whether it keeps nodes apart.
    Where it does not, as in residual networks, whose nodes are added to those of other layers, Torch-Pruning
    (pip install torch-pruning) can follow: give `inputs`. It removes a node everywhere: from the layer, and from all
    that it is added to. Then the copy is compared, on `inputs`, with the network in which nobody hears these nodes.

    Main arguments:
        network: any nn.Module; it stays as it is. Reweight it before, see :func:`practicum.pruning.reweight`.
        kept: of nodes. Edges leave holes, and no smaller matrix; :func:`practicum.pruning.count` counts them.

    Other arguments:
        inputs: a batch for Torch-Pruning; not looked at where it is not needed.

    Returns a copy of the same class and in the same mode, without the hooks and gradients of the original. Numbers that
    a class keeps of its own widths stay what they were, except in practicum's CNN.

    Raises:
        ParameterError: no such layer, nodes that are outputs, a mask that does not fit or keeps none, edges, a layer
            that computes in several places; nodes that do not stay apart, without `inputs` or Torch-Pruning.
    """
    need_torch()
    from practicum.pruning._choice import chosen
    from practicum.pruning._reach import NotAChain, reach
    from practicum.pruning._widths import tell_widths
    from practicum.pruning.masks import _copied

    copy = _copied(network)
    layer = chosen(copy, kept)
    if kept.kind == "edges":
        raise ParameterError(
            f"Only nodes can be removed, because without single edges a matrix is as large as before. Got edges of "
            f"'{kept.layer}'; count(network, input_shape) tells how many weights are not 0."
        )
    try:
        if getattr(layer, "groups", 1) != 1:
            raise NotAChain(f"The nodes of '{kept.layer}' belong to {layer.groups} groups, which must stay alike.")
        _cut(copy, layer, kept.mask, reach(copy, layer))
    except NotAChain as reason:
        from practicum.pruning._dependency import removed

        copy = removed(_copied(network), kept, inputs, str(reason))
    tell_widths(copy)
    return copy


def _cut(copy: nn.Module, layer: Layer, mask: Tensor, heard: Reach) -> None:
    """Make everything smaller that has entries of the nodes."""
    parts: list[tuple[Any, Tensor]] = [(layer, mask)]
    parts += [(copy.get_submodule(norm.name), norm.entries(mask)) for norm in heard.norms]
    for part, stays in parts:
        for name, values in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            if values.ndim:  # the number of batches that BatchNorm has seen stays
                _replace(part, name, values, stays, 0)
        if hasattr(part, "num_features"):  # of which some norms have no numbers
            part.num_features = int(stays.sum())
    for consumer in heard.consumers:
        part = copy.get_submodule(consumer.name)
        _replace(part, "weight", part.get_parameter("weight"), consumer.entries(mask), 1)


def _replace(part: nn.Module, name: str, values: Tensor, stays: Tensor, axis: int) -> None:
    from torch import nn

    places = stays.to(values.device).nonzero()[:, 0]
    smaller = values.detach().index_select(axis, places).contiguous()
    old = isinstance(values, nn.Parameter)
    setattr(part, name, nn.Parameter(smaller, requires_grad=values.requires_grad) if old else smaller)
