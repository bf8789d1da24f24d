"""Honest accounting: parameters and multiply-adds of the whole network, not of the layer that was pruned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.networks._torch import need_torch
from practicum.values import whole

if TYPE_CHECKING:
    import xarray as xr
    from torch import Tensor, nn

_LONG_NAMES = {
    "parameters": "weights and biases",
    "effective_parameters": "weights and biases that are not 0",
    "multiply_adds": "multiply-adds for one example",
    "effective_multiply_adds": "multiply-adds with weights that are not 0, for one example",
}


def count(network: nn.Module, input_shape: int | Sequence[int]) -> xr.Dataset:
    """Parameters and multiply-adds of each layer for one example; ``count(...).sum()`` is the whole network.

    Main arguments:
        network: any nn.Module; it stays as it is. Masks of ``torch.nn.utils.prune`` count as zeros.
        input_shape: of one example, without the batch: 784, or (1, 28, 28).

    Returns a Dataset over ``layer``, the modules that have parameters of their own:
        parameters: all entries, biases and the factors and shifts of BatchNorm included; what several modules share is
            counted where it comes first. Running moments are no parameters.
        effective_parameters: those that are not 0.
        multiply_adds: of a Linear or a convolution its weights times the positions where it computes; of a norm or a
            PReLU one a number. Adding a bias, activations and pooling cost none.
        effective_multiply_adds: the same with weights that are not 0. Only special kernels save those; a dense product
            takes as long with zeros.

    The attribute ``uncounted`` names modules of other kinds, whose parameters are counted, but not what they multiply.

    A node that nobody hears counts as long as its own weights are not 0; :func:`practicum.pruning.masked` and
    :func:`practicum.pruning.reweight` set them to 0, and :func:`practicum.pruning.compact` removes them. k nodes with N
    inputs and one output are then k(N + 1) parameters without biases; e edges for each of K units and all K outgoing
    weights are Ke + K.

    Raises:
        ParameterError: a shape that the network does not take, or weights that are computed from others.
    """
    need_torch()
    import torch
    import xarray as xr

    from practicum.networks._evaluation import evaluated
    from practicum.pruning._copies import bare_copy

    shape = _shape(input_shape)
    copy = bare_copy(network)
    parts = {
        name or "network": part for name, part in copy.named_modules() if next(part.parameters(False), None) is not None
    }
    positions = dict.fromkeys(parts, 0)

    def hook(name: str) -> Any:
        def hooked(_part: nn.Module, _given: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                positions[name] += output.numel()

        return hooked

    for name, part in parts.items():
        part.register_forward_hook(hook(name))
    like = next((p for p in copy.parameters() if p.is_floating_point()), torch.zeros(0))
    with evaluated(copy):
        try:
            copy(like.new_zeros(1, *shape))
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            why = str(error).strip().partition("\n")[0].rstrip(".")
            raise ParameterError(
                f"The 'input_shape' parameter must be the shape of one example that {type(network).__name__} can take. "
                f"Got {shape} instead, and the network says: {why:.120}."
            ) from None
    rows, uncounted, known = [], [], set()
    for name, part in parts.items():
        new = [p for p in part.parameters(False) if id(p) not in known]
        known.update(map(id, new))
        multiplied = _multiply_adds(part, positions[name])
        uncounted += [name] if multiplied is None else []
        rows.append((sum(p.numel() for p in new), sum(_nonzero(p) for p in new), *(multiplied or (0, 0))))
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return xr.Dataset(
        {name: ("layer", column, {"long_name": _LONG_NAMES[name]}) for name, column in zip(_LONG_NAMES, table.T)},
        coords={"layer": list(parts)},
        attrs={"kind": "accounting", "input_shape": list(shape), "uncounted": ", ".join(uncounted)},
    )


def compare_counts(before: nn.Module, after: nn.Module, input_shape: int | Sequence[int]) -> xr.Dataset:
    """Before and after pruning: what is left, of each layer and of the whole network.

    "20 % of the first layer" is a larger part of the whole; both stand here.

    Main arguments:
        before, after: two networks; layers with the same name are compared.
        input_shape: of one example, see :func:`count`.

    Returns the variables of :func:`count` over ``network`` ("before", "after") and ``layer``, 0 where a network has no
    such layer, and what is left, effective after over all before:
        parameters_left (layer), parameters_left_of_whole;
        multiply_adds_left (layer), multiply_adds_left_of_whole; NaN for a layer that had none.

    Raises:
        ParameterError: as :func:`count`.
    """
    need_torch()
    import xarray as xr

    counts = [count(network, input_shape) for network in (before, after)]
    names = list(dict.fromkeys(str(name) for found in counts for name in found.layer.values))
    both = xr.concat(
        [found.reindex(layer=names, fill_value=0) for found in counts], "network", combine_attrs="override"
    )
    both = both.assign_coords(network=["before", "after"])
    both.attrs["uncounted"] = ", ".join(
        dict.fromkeys(name for found in counts for name in found.uncounted.split(", ") if name)
    )
    for kind in ("parameters", "multiply_adds"):
        all_before = both[kind].sel(network="before", drop=True)
        left = both[f"effective_{kind}"].sel(network="after", drop=True)
        both[f"{kind}_left"] = left / all_before.where(all_before > 0)
        both[f"{kind}_left_of_whole"] = left.sum() / all_before.sum()
    return both


def _multiply_adds(part: nn.Module, outputs: int) -> tuple[int, int] | None:
    """Of a module that gives so many numbers for one example: all, and those with weights that are not 0."""
    from torch import nn

    if isinstance(part, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        positions = outputs // len(part.weight)
        return part.weight.numel() * positions, _nonzero(part.weight) * positions
    by_number = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.PReLU)
    return (outputs, outputs) if isinstance(part, by_number) else None


def _nonzero(values: Tensor) -> int:
    return int(values.count_nonzero())


def _shape(given: Any) -> tuple[int, ...]:
    numbers = given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    return tuple(whole("input_shape", number, 1) for number in numbers)
