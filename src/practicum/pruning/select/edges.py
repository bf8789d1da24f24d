"""Which edges into the units of a layer stay."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks._torch import need_torch
from practicum.pruning import _needs
from practicum.pruning.select._sizes import arranged, sizes
from practicum.pruning.select.base import Items, Selector
from practicum.pruning.select.kernels import weighted
from practicum.pruning.select.nodes import checked, kept, need_inputs, stream
from practicum.values import threads, whole

if TYPE_CHECKING:
    from torch import nn

    from practicum.pruning.kept import Kept


def select_edges(
    network: nn.Module,
    layer: str,
    keep: int | float | Sequence[int | float],
    selector: Selector,
    inputs: Any = None,
    *,
    seed: int = 0,
    draws: int = 1,
    workers: int | None = 1,
) -> Kept | list[Kept] | list[list[Kept]]:
    """Choose which edges of a layer stay: of each unit, an output or an output channel, the same number of weights.

    The items of unit h are its weighted inputs ``w_hi x_i``. Their scalar products ``w_hi w_hj G_ij`` need only one
    table ``G = X^T X`` of the inputs of the layer, which streams over the data once for all units; of a convolution X
    are the patches that its kernel sees.

    Main arguments:
        network: any module with named layers, asked in evaluation mode, never changed. Of practicum's MLP take
            :func:`~practicum.pruning.as_module`.
        layer: its name, as in ``network.named_modules()``.
        keep: of each unit. A whole number is a count (1 keeps one edge), a number with a decimal point a fraction (1.0
            keeps all); or a list of such, for which each unit's kernel is decomposed once.
        selector: Random, Magnitude, SoftMagnitude, DPP, GreedyMAP, or one of your own.
        inputs: of the network, for selectors that look at signals: a tensor (samples, ...) or batches, such as a
            DataLoader. They stream through; the answer does not depend on the size of the batches.

    Other arguments:
        seed: of what is drawn. Units, and layers of different names, draw independently with one seed.
        draws: how many choices of each size; draw d is the same however many follow.
        workers: threads, each with its own units; None takes as many as processors. The answer does not depend on it.

    Returns:
        A :class:`~practicum.pruning.Kept`; a list of them, one a draw, if draws > 1; and a list of such, one a value of
        `keep`, if that is a list.

    Raises:
        ParameterError: a `keep` out of range, no such layer, one of another type or shared by two modules, no inputs
            where they are needed, inputs that do not fit, signals that are not finite, a selector of nodes, or more
            draws or edges than there is memory for.
    """
    need_torch()
    from practicum.pruning._layers import layer_of

    checked(selector)
    if selector.reads == "outgoing":
        raise ParameterError(
            f"{type(selector).__name__} chooses nodes, because an edge has no outgoing weights; take Magnitude() for "
            "edges."
        )
    module = layer_of(network, layer)
    seed, draws, name = whole("seed", seed, 0), whole("draws", draws, 1), f"edges into a unit of '{layer}'"
    weights = module.weight.detach().double().flatten(1).cpu().numpy()
    counts = sizes(keep, weights.shape[1], name)
    pool = threads(workers)
    estimate = partial(_needs.choices, signals=selector.reads == "signals", workers=pool)
    require("This selection", estimate, draws=draws, sizes=len(counts), items=weights.shape[1], units=len(weights))
    seen = seen_edges(network, layer, selector, inputs)
    masks = np.empty((len(counts), draws, *weights.shape), np.bool_)

    def choose(unit: int) -> None:
        masks[:, :, unit] = selector.choose(seen(unit), counts, draws, (seed, stream(layer), unit))

    for_each(choose, len(weights), pool)
    shape, device = module.weight.shape, module.weight.device

    def made(size: int, draw: int) -> Kept:
        return kept(layer, "edges", masks[size, draw].reshape(shape), device, selector, seed)

    return arranged(keep, draws, len(counts), made)


def seen_edges(network: nn.Module, layer: str, selector: Selector, inputs: Any) -> Any:
    """A function of the unit that gives its edges as this selector sees them.

    Raises:
        ParameterError: as :func:`select_edges`.
    """
    from practicum.pruning._layers import layer_of
    from practicum.pruning.select import _signals

    weights = layer_of(network, layer).weight.detach().double().flatten(1).cpu().numpy()
    products, samples = np.empty((0, 0)), 0
    if selector.reads == "signals":
        need_inputs(selector, inputs, "weighted inputs")
        products, samples = _signals.edge_products(network, layer, inputs)

    def seen(unit: int) -> Items:
        def ask(what: str) -> np.ndarray:
            return weighted(weights[unit], products) if what == "signals" else np.abs(weights[unit])

        return Items(f"edges into unit {unit} of '{layer}'", weights.shape[1], samples, ask)

    return seen


def for_each(call: Any, count: int, workers: int) -> None:
    """``call(0), ..., call(count - 1)``, on some threads; the first error of all ends it."""
    if workers == 1:
        for number in range(count):
            call(number)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(call, range(count)):
            pass
