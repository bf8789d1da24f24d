"""Teachers that the user brings: arrays, or a module of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.networks._assembly import place, precision
from practicum.networks._described import check_slope
from practicum.networks._torch import need_torch
from practicum.networks.names import Activation

if TYPE_CHECKING:
    from torch import nn

    from practicum.networks.mlp import MLP


def from_arrays(
    weights: Sequence[Any],
    biases: Sequence[Any] | None = None,
    *,
    activation: Activation = "relu",
    slope: float = 0.0,
    dtype: Any = "float64",
    device: Any = "cpu",
) -> MLP:
    """A frozen teacher from weights and biases.

    Main arguments:
        weights: one array or tensor (n_out, n_in) a layer, the output layer last; or (S, n_out, n_in), one a seed.
        biases: one array (n_out,) or (S, n_out) a layer, None for a layer without; None for no biases at all.

    Other arguments:
        activation, slope: of the hidden layers.
        dtype: float64 or float32.
        device: of the tensors.

    Raises:
        ParameterError: shapes that do not follow each other, a number that is not finite, an unknown name.
    """
    need_torch()
    import torch

    from practicum.networks.mlp import MLP

    check_slope("from_arrays", activation, slope)
    kind, where = precision(dtype), place(device)

    def tensor(values: Any, name: str, dimensions: int) -> torch.Tensor:
        try:
            found = values.detach() if isinstance(values, torch.Tensor) else torch.as_tensor(np.asarray(values))
            if found.is_complex():
                raise TypeError
            found = found.to(device=where, dtype=kind)
        except (TypeError, ValueError, OverflowError):
            raise ParameterError(
                f"The {name} must be an array of real numbers. Got {type(values).__name__} instead."
            ) from None
        if found.ndim not in (dimensions, dimensions + 1):
            raise ParameterError(
                f"The {name} must have {dimensions} dimensions, or one more in front for the seeds. Got shape "
                f"{tuple(found.shape)} instead."
            )
        if not found.isfinite().all():
            raise ParameterError(
                f"The {name} hold a number that is not finite in {dtype}, so that the teacher has no outputs; repair "
                "the checkpoint they come from."
            )
        return found if found.ndim > dimensions else found.unsqueeze(0)

    for name, values in (("weights", weights), ("biases", biases)):
        if values is not None and (isinstance(values, (str, bytes)) or not hasattr(values, "__iter__")):
            raise ParameterError(
                f"The '{name}' parameter of from_arrays must be a list with one array a layer. Got "
                f"{values!r:.60} instead."
            )
    layers = [tensor(weight, f"weights of layer {k + 1}", 2) for k, weight in enumerate(weights)]
    offsets = [
        None if bias is None else tensor(bias, f"biases of layer {k + 1}", 1)
        for k, bias in enumerate([None] * len(layers) if biases is None else biases)
    ]
    return MLP(layers, offsets, activation=activation, slope=slope).eval().requires_grad_(False)


def from_module(module: nn.Module, *, dtype: Any = "float64", device: Any = "cpu") -> MLP:
    """A frozen teacher from ``nn.Sequential(Linear, ReLU, ..., Linear)``, with the same outputs.

    Between two Linear layers stands one ReLU or LeakyReLU, the same everywhere. Dropout and Identity are left out, as
    is a Flatten at the beginning, since inputs are vectors already. Networks with other modules need no conversion to
    be a teacher: `fit` takes any module.

    Main arguments:
        module: the Sequential; it is copied, not changed.

    Other arguments:
        dtype: float64 (exact, whatever the module computes in) or float32.
        device: of the tensors.

    Raises:
        ParameterError: a module of another kind, place or slope, or weights that are not finite.
    """
    need_torch()
    from torch import nn

    if not isinstance(module, nn.Sequential):
        raise ParameterError(
            f"from_module takes an nn.Sequential of Linear and activation layers, because only there is the order of "
            f"the layers known. Got {type(module).__name__}; give its weights to from_arrays, or the module itself to "
            "fit."
        )
    steps = [step for step in module if not isinstance(step, (nn.Identity, nn.Dropout))]
    if steps and isinstance(steps[0], nn.Flatten):
        steps = steps[1:]
    linear, between = steps[::2], steps[1::2]
    if len(steps) % 2 == 0 or not all(isinstance(step, nn.Linear) for step in linear) or len(linear) < 2:
        raise ParameterError(
            "from_module takes Linear and activation layers in turns, at least two Linear, the first and the last one "
            f"too. Got {', '.join(type(step).__name__ for step in module) or 'nothing'} instead."
        )
    kinds = {(type(step), getattr(step, "negative_slope", 0.0)) for step in between}
    if len(kinds) > 1 or next(iter(kinds))[0] not in (nn.ReLU, nn.LeakyReLU):
        raise ParameterError(
            "The activations of a teacher must all be nn.ReLU, or all nn.LeakyReLU of one slope. Got "
            f"{', '.join(str(step) for step in between)} instead; fit takes the module as it is."
        )
    (kind, slope) = next(iter(kinds))
    return from_arrays(
        [step.weight for step in linear],
        [step.bias for step in linear],
        activation="relu" if kind is nn.ReLU else "leaky-relu",
        slope=slope,
        dtype=dtype,
        device=device,
    )
