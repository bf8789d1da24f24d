"""Diverse choices for ``torch.nn.utils.prune``: masks that hold while a network trains on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from practicum.errors import ParameterError
from practicum.pruning._layers import check_network
from practicum.pruning.select.base import Items, Selector
from practicum.pruning.select.diverse import DPP
from practicum.pruning.select.edges import seen_edges
from practicum.pruning.select.nodes import checked, seen_nodes, stream


def dpp_unstructured(
    module: nn.Module,
    name: str,
    amount: int | float,
    inputs: Any = None,
    *,
    network: nn.Module | None = None,
    selector: Selector | None = None,
    seed: int = 0,
) -> nn.Module:
    """Prune edges of a Linear or a convolution, as the functions of ``torch.nn.utils.prune`` do.

    Adds the buffer ``weight_mask`` and the parameter ``weight_orig``; ``prune.remove(module, "weight")`` makes the
    zeros permanent. Called again, it chooses among what is left.

    Main arguments:
        module: the layer.
        name: "weight".
        amount: how much to remove: a fraction 0.0 ... 1.0 of the weights that are left, or a count of them, in all.
            Units lose alike, up to one edge.
        inputs: of the network, or of the module if no network is given: a tensor (samples, ...) or batches. Only
            needed by selectors that look at signals.

    Other arguments:
        network: that the module is a layer of.
        selector: DPP() if None; any that chooses edges.
        seed: of what is drawn.

    Returns:
        The module.

    Raises:
        ParameterError: an amount out of range, another name, or what :func:`practicum.pruning.select_edges` raises.
    """
    DPPUnstructured.apply(module, name, amount, inputs, network=network, selector=selector, seed=seed)
    return module


def dpp_structured(
    module: nn.Module,
    name: str,
    amount: int | float,
    inputs: Any = None,
    *,
    network: nn.Module,
    selector: Selector | None = None,
    seed: int = 0,
    activation: str | None = None,
) -> nn.Module:
    """Prune nodes of a Linear or output channels of a convolution, as the functions of ``torch.nn.utils.prune`` do.

    As there, what is set to 0 is the parameter of that name, and nothing else: a node whose weights are 0 still emits
    what its activation function makes of its bias. ``prune.custom_from_mask(module, "bias", mask)`` with
    ``mask = module.weight_mask.flatten(1)[:, 0]`` takes the bias too, and :func:`practicum.pruning.masked` silences the
    node for good.

    Main arguments:
        module: the layer.
        name: "weight".
        amount: how much to remove: a fraction 0.0 ... 1.0 of the nodes that are left, or a count of them.
        inputs: of the network: a tensor (samples, ...) or batches. Only needed by selectors that look at signals.

    Other arguments:
        network: that the module is a layer of; what follows it there are its activations.
        selector: DPP() if None; any that chooses nodes.
        seed: of what is drawn.
        activation: as for :func:`practicum.pruning.select_nodes`.

    Returns:
        The module.

    Raises:
        ParameterError: an amount out of range, another name, or what :func:`practicum.pruning.select_nodes` raises.
    """
    options = {"network": network, "selector": selector, "seed": seed, "activation": activation}
    DPPStructured.apply(module, name, amount, inputs, **options)
    return module


class _Chosen(prune.BasePruningMethod):
    """A mask that was chosen before: what chooses needs the whole network, and may refuse."""

    # Chosen with the old mask in view, and for the whole tensor: there is nothing for PyTorch to cut out.
    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask * self.mask.to(default_mask)


class DPPUnstructured(_Chosen):
    """The method behind :func:`dpp_unstructured`."""

    @classmethod
    def apply(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        module: nn.Module,
        name: str,
        amount: int | float,
        inputs: Any = None,
        *,
        network: nn.Module | None = None,
        selector: Selector | None = None,
        seed: int = 0,
    ) -> prune.BasePruningMethod:
        network, selector = module if network is None else network, DPP() if selector is None else selector
        layer = _checked(module, name, network, selector)
        alive = _alive(module, name)
        lost = apportioned(_lost(amount, int(alive.sum()), "weights"), alive.sum(1))
        seen = seen_edges(network, layer, selector, inputs)
        for unit, loses in enumerate(lost):
            _thin(alive[unit], int(loses), seen(unit), selector, (seed, stream(layer), unit))
        return super().apply(module, name, torch.from_numpy(alive).view(getattr(module, name).shape))


class DPPStructured(_Chosen):
    """The method behind :func:`dpp_structured`."""

    @classmethod
    def apply(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        module: nn.Module,
        name: str,
        amount: int | float,
        inputs: Any = None,
        *,
        network: nn.Module,
        selector: Selector | None = None,
        seed: int = 0,
        activation: str | None = None,
    ) -> prune.BasePruningMethod:
        selector = DPP() if selector is None else selector
        layer = _checked(module, name, network, selector)
        shape = getattr(module, name).shape
        nodes = np.any(_alive(module, name), axis=1)
        loses = _lost(amount, int(nodes.sum()), "nodes")
        _thin(nodes, loses, seen_nodes(network, layer, selector, inputs, activation), selector, (seed, stream(layer)))
        return super().apply(module, name, torch.from_numpy(nodes).view(-1, *[1] * (len(shape) - 1)).expand(shape))


def apportioned(total: int, counts: np.ndarray) -> np.ndarray:
    """How many each unit loses of its count, so that all lose the same share, to one, and the total is lost."""
    exact = total * counts / max(1, counts.sum())
    lost = np.floor(exact).astype(np.int64)
    rest = np.argsort(lost - exact, kind="stable")[: total - lost.sum()]
    lost[rest] += 1
    return lost


def _thin(alive: Any, loses: int, items: Items, selector: Selector, seed: tuple[int, ...]) -> None:
    """Choose, among items that are alive, those that stay."""
    left = np.flatnonzero(alive)
    stay = len(left) - loses
    if loses and stay:
        alive[left] = selector.choose(items.only(left), [stay], 1, seed)[0, 0]
    elif loses:
        alive[:] = False


def _checked(module: nn.Module, name: str, network: nn.Module, selector: Any) -> str:
    """The name of the layer in its network."""
    checked(selector)
    check_network(network)
    if selector.reads == "outgoing":
        raise ParameterError(
            f"{type(selector).__name__} looks at weights out of nodes, which a module alone does not show; take "
            "select_nodes and prune.custom_from_mask."
        )
    if name != "weight":
        raise ParameterError(
            f"The 'name' parameter must be 'weight', because its rows are nodes and its entries edges. Got "
            f"{name!r:.60} instead; prune.custom_from_mask takes a mask for any other."
        )
    found = [key for key, part in network.named_modules() if part is module]
    if not found:
        raise ParameterError(
            f"The 'module' parameter must be a module of the network. Got a {type(module).__name__} that is none of "
            "its modules; take network.get_submodule(name)."
        )
    return found[0]


def _alive(module: nn.Module, name: str) -> np.ndarray:
    """What earlier pruning has left, (units, edges)."""
    mask = getattr(module, f"{name}_mask", None)
    values = torch.ones_like(getattr(module, name)) if mask is None else mask
    return values.detach().flatten(1).cpu().numpy() != 0


def _lost(amount: Any, size: int, what: str) -> int:
    """How many an amount is, as PyTorch means it."""
    number = isinstance(amount, (int, float, np.integer, np.floating)) and not isinstance(amount, bool)
    count = number and not isinstance(amount, (float, np.floating))
    if not number or not 0 <= amount <= (size if count else 1):
        raise ParameterError(
            f"The 'amount' parameter must be a fraction to remove, 0.0 ... 1.0, or a count, 0 ... {size}, of the "
            f"{size} {what} that are left. Got {amount!r:.60} instead."
        )
    return int(amount) if count else round(float(amount) * size)
