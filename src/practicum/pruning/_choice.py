"""Whether a choice of nodes or edges fits the network that it is about."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.pruning._layers import Layer, layer_of
from practicum.pruning.kept import Kept


def chosen(network: nn.Module, kept: Kept) -> Layer:
    """The layer of a network that `kept` is about.

    Raises:
        ParameterError: as :func:`layer_of`; also if the mask does not fit the layer.
    """
    if not isinstance(kept, Kept) or kept.kind not in ("nodes", "edges"):
        got = f"Kept of {kept.kind!r:.60}" if isinstance(kept, Kept) else type(kept).__name__
        raise ParameterError(f"The 'kept' parameter must be a Kept of nodes or of edges. Got {got} instead.")
    layer = layer_of(network, kept.layer)
    fits = tuple(layer.weight.shape[:1] if kept.kind == "nodes" else layer.weight.shape)
    if _kind(kept.mask) != (torch.bool, fits):
        raise ParameterError(
            f"The mask of {kept.kind} of '{kept.layer}' must be a tensor of torch.bool of shape {fits}. Got "
            f"{' of shape '.join(map(str, _kind(kept.mask)))} instead."
        )
    if kept.kind == "nodes" and not bool(kept.mask.any()):
        raise ParameterError(
            f"At least one node of '{kept.layer}' must stay, because without any the network does not see its inputs. "
            "Got a mask without one."
        )
    return layer


def _kind(value: Any) -> tuple[Any, Any]:
    return (value.dtype, tuple(value.shape)) if isinstance(value, Tensor) else (type(value).__name__, "no tensor")
