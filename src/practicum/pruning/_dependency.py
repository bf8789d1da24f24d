"""Removal of nodes that are added to those of other layers, by Torch-Pruning (an optional package)."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._evaluation import evaluated, kept_modes
from practicum.pruning.kept import Kept


def removed(copy: nn.Module, kept: Kept, inputs: Any, reason: str) -> nn.Module:
    """The network without the removed nodes and without all that they are added to; `copy` is used up.

    Main arguments:
        copy: of the network, without hooks.
        inputs: a batch that goes through it.
        reason: why the nodes cannot be followed in another way, a sentence.

    Raises:
        ParameterError: no inputs or no Torch-Pruning, a network that it cannot follow either, or answers that are not
            those of the network in which nobody hears these nodes.
    """
    if not isinstance(inputs, Tensor) or not len(inputs):
        raise ParameterError(
            f"{reason} Torch-Pruning may follow them: install it (pip install torch-pruning), and give compact a batch "
            "as inputs=."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch_pruning  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ParameterError(
            f"{reason} Torch-Pruning may follow them, and it is not installed; run pip install torch-pruning."
        ) from None
    layer: Any = copy.get_submodule(kept.layer)
    trained = {name: parameter.requires_grad for name, parameter in copy.named_parameters()}
    batch = inputs.to(layer.weight) if inputs.is_floating_point() else inputs.to(layer.weight.device)
    with kept_modes(copy):
        copy.eval().requires_grad_(True)  # it follows gradients
        try:
            with torch.enable_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                graph: Any = torch_pruning.DependencyGraph()
                graph.build_dependency(copy, example_inputs=batch, verbose=False)
                outputs = graph.get_pruner_of_module(layer).prune_out_channels
                group = graph.get_pruning_group(layer, outputs, idxs=(~kept.mask).nonzero()[:, 0].tolist())
        except Exception as error:  # whatever a network does to a tracer
            why = str(error).strip().partition("\n")[0].rstrip(".")
            raise ParameterError(f"{reason} Torch-Pruning cannot follow them either ({why:.120}).") from None
        for parameter in copy.parameters():
            parameter.grad = None
        expected = _unheard(copy, group, batch)
        group.prune()
    for name, parameter in copy.named_parameters():
        parameter.requires_grad_(trained[name])
        parameter.grad = None
    with evaluated(copy):
        found = copy(batch)
    _compare(found, expected, kept)
    return copy


def _unheard(copy: nn.Module, group: Any, batch: Tensor) -> Tensor:
    """The answers where no layer hears the nodes of a group: its columns are 0 meanwhile."""
    before = {name: values.detach().clone() for name, values in copy.state_dict().items()}
    with evaluated(copy):
        for dependency, places in group:
            part: Any = dependency.target.module
            if dependency.handler.__name__ == "prune_in_channels" and isinstance(part, nn.Module):
                weight = getattr(part, "weight", None)
                if weight is not None and weight.ndim > 1:
                    weight[:, places] = 0
        answers = copy(batch)
        copy.load_state_dict(before)
    return answers


def _compare(found: Any, expected: Any, kept: Kept) -> None:
    """One sentence if two answers differ by more than roundings."""
    if isinstance(found, Tensor) and isinstance(expected, Tensor) and found.shape == expected.shape:
        bound = 1e4 * torch.finfo(found.dtype).eps * float(expected.abs().max())
        if float((found - expected).abs().max()) <= bound:
            return
    raise ParameterError(
        f"The network without the nodes of '{kept.layer}' does not answer like the one in which nobody hears them, as "
        "where a norm takes all nodes together; prune a layer whose nodes stay apart."
    )
