"""From float64 NumPy arrays to a network of any precision on any device: the one place where numbers are rounded."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.networks._torch import need_torch
from practicum.networks.names import Activation, Normalisation
from practicum.values import whole

if TYPE_CHECKING:
    import torch

    from practicum.networks.mlp import MLP


_MOST_SEEDS = 100_000


def precision(dtype: Any) -> torch.dtype:
    """``torch.float32`` or ``torch.float64``, from itself or from its name."""
    need_torch()
    import torch

    known = {"float32": torch.float32, "float64": torch.float64}
    name = getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
    if name not in known:
        raise ParameterError(
            f"The 'dtype' parameter must be float32 or float64, in which networks compute. Got {dtype!r:.60} instead."
        )
    return known[name]


def place(device: Any) -> torch.device:
    """A device that this PyTorch can compute on, from itself or from its name."""
    need_torch()
    import torch

    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError) as error:
        why = str(error).partition("\n")[0].rstrip(".")
        raise ParameterError(
            "The 'device' parameter must be one that PyTorch can compute on here, such as 'cpu'. Got "
            f"{device!r:.60} instead: {why}."
        ) from None


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Seeds as whole numbers >= 0, at least one and all different, or one sentence."""
    if isinstance(seeds, (str, bytes)) or not hasattr(seeds, "__iter__"):
        raise ParameterError(f"The 'seeds' parameter must be a list of whole numbers >= 0. Got {seeds!r:.60} instead.")
    if isinstance(seeds, Sized) and len(seeds) > _MOST_SEEDS:
        raise ParameterError(
            f"The 'seeds' parameter must name at most {_MOST_SEEDS}, because all compute side by side. Got "
            f"{len(seeds)} instead; train them in parts."
        )
    numbers = tuple(whole("seeds", seed, 0) for seed in seeds)
    if not numbers or len(set(numbers)) < len(numbers):
        raise ParameterError(
            "The 'seeds' parameter must name at least one seed and none twice, because equal seeds give equal "
            f"networks. Got {list(numbers)!r:.60} instead."
        )
    return numbers


def assembled(
    networks: Sequence[tuple[Sequence[np.ndarray], Sequence[np.ndarray | None]]],
    *,
    activation: Activation,
    slope: float,
    normalisation: Normalisation | None = None,
    dtype: Any,
    device: Any,
) -> MLP:
    """An MLP whose seeds are the networks given as (weights, biases), layer after layer, in float64."""
    kind, where = precision(dtype), place(device)
    import torch

    from practicum.networks.mlp import MLP

    def stacked(arrays: Sequence[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays)).to(device=where, dtype=kind)

    weights = [stacked(layer) for layer in zip(*(w for w, _ in networks))]
    biases = [
        None if any(b is None for b in layer) else stacked([b for b in layer if b is not None])
        for layer in zip(*(b for _, b in networks))
    ]
    return MLP(weights, biases, activation=activation, slope=slope, normalisation=normalisation).eval()
