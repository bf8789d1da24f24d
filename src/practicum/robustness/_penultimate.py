"""What a layer of a network says of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from practicum.errors import ParameterError
from practicum.values import nearest

if TYPE_CHECKING:
    from torch import Tensor, nn


def features(model: nn.Module, inputs: Tensor, *, layer: str | None = None) -> Tensor:
    """What a layer of the model says of inputs, flat: (S, B, n), or (B, n) of a module without seeds.

    Main arguments:
        model: an MLP, an Ensemble, or any module from (B, ...) to (B, C).
        inputs: (B, ...) for all seeds, or (S, B, ...).

    Other arguments:
        layer: name of the module whose outputs they are, as in ``named_modules()`` of the module, or of those of an
            Ensemble; None is the penultimate layer: what the output layer of an MLP, or the last Linear of a module,
            sees.

    Raises:
        ParameterError: there is no such layer, or the model does not pass through it.
    """
    import torch

    from practicum.networks.ensemble import Ensemble
    from practicum.networks.mlp import MLP

    if isinstance(model, MLP):
        if layer is not None or model.depth == 0:
            raise ParameterError(
                "The features of an MLP are those of its last hidden layer. Got "
                + ("an MLP without one." if layer is None else f"layer={layer!r:.60}; leave it out.")
            )
        return model.layers(inputs).post[-1]
    if isinstance(model, Ensemble):
        return torch.stack([_seen(network, rows, layer) for network, rows in model.pairs(inputs)])
    return _seen(model, inputs, layer)


def _seen(network: nn.Module, rows: Tensor, layer: str | None) -> Tensor:
    """What a layer of a module does with (B, ...), flat; or what its last Linear sees."""
    from torch import nn

    modules = dict(network.named_modules())
    if layer is None:
        linear = [module for module in modules.values() if isinstance(module, nn.Linear)]
        if not linear:
            raise ParameterError(
                f"The penultimate layer of {type(network).__name__} is not known, because it has no Linear; name a "
                f"layer: {', '.join(name for name in modules if name)!s:.200}."
            )
        place = linear[-1]
    elif layer in modules:
        place = modules[layer]
    else:
        raise ParameterError(
            f"{type(network).__name__} has no layer {layer!r:.60}. It has "
            f"{', '.join(name for name in modules if name)!s:.200}.{nearest(layer, list(modules))}"
        )
    seen: list[Tensor] = []
    if layer is None:
        handle = place.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    else:
        handle = place.register_forward_hook(lambda *given: seen.append(given[-1]))
    try:
        network(rows)
    finally:
        handle.remove()
    if not seen or len(seen[-1]) != len(rows):
        raise ParameterError(
            f"The layer {layer!r} of {type(network).__name__} must be passed once, with one row an example; name "
            "another."
        )
    return seen[-1].flatten(1)
